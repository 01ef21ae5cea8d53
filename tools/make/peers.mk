# Receivers that tests send to where they are there, and that no Debian package has. They
# need a Go of 1.25 or later; tests say what they leave out without them.
PEERS     := build/peers
STATSD_EXPORTER := github.com/prometheus/statsd_exporter@v0.30.0
TELEGRAF        := github.com/influxdata/telegraf/cmd/telegraf@v1.39.3

.PHONY: peers
peers: ## build statsd_exporter and telegraf for the tests (Go, some minutes)
	$(Q)mkdir -p $(PEERS)
	$(Q)GOBIN=$(abspath $(PEERS)) go install $(STATSD_EXPORTER)
	$(Q)GOBIN=$(abspath $(PEERS)) go install -tags \
	    'custom,inputs.statsd,outputs.file,serializers.json' $(TELEGRAF)
