# The demo with Prometheus and a Collector on this machine, see docs/observability.md.
# Ports: one that is taken is replaced by a free one.
PROMETHEUS_PORT     ?= 9090
OTLP_PORT           ?= 4318
COLLECTOR_PAGE_PORT ?= 8889

.PHONY: monitoring
monitoring: deps ## the demo with Prometheus, alerts and a Collector on 127.0.0.1, until Ctrl-C
	$(Q)+$(BUILD) -s all
	-$(Q)+$(BUILD) -s $(PEERS)/otelcol
	$(Q)tools/monitoring/run.py --prometheus-port=$(PROMETHEUS_PORT) \
	    --otlp-port=$(OTLP_PORT) --collector-page-port=$(COLLECTOR_PAGE_PORT)

.PHONY: dashboards
dashboards: deps ## the dashboards of Grafana, from tools/monitoring/grafana/dashboards.yml
	$(Q).venv/bin/python3 tools/monitoring/grafana/dashboards.py
