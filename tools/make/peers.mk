# Receivers that tests send to where they are there, and that no Debian package has. They
# need a Go of 1.25 or later; tests say what they leave out without them.
PEERS     := build/peers
STATSD_EXPORTER := github.com/prometheus/statsd_exporter@v0.30.0
TELEGRAF        := github.com/influxdata/telegraf/cmd/telegraf@v1.39.3

# What go install leaves is as old as the cache it comes from.
$(PEERS)/statsd_exporter $(PEERS)/telegraf: tools/make/peers.mk
	@mkdir -p $(@D)
	@echo "  GO    $@"
	$(Q)GOBIN=$(abspath $(@D)) go install $(PEER_SOURCE) && touch $@
$(PEERS)/statsd_exporter: PEER_SOURCE := $(STATSD_EXPORTER)
$(PEERS)/telegraf: PEER_SOURCE := \
    -tags 'custom,inputs.statsd,outputs.file,serializers.json' $(TELEGRAF)

# The Collector comes as modules and a builder, which writes a program that has those in
# its manifest, and compiles it.
OTELCOL_BUILDER := go.opentelemetry.io/collector/cmd/builder@v0.159.0
$(PEERS)/otelcol: tests/receivers/otelcol/builder.yaml
$(PEERS)/otelcol-vendors: tests/receivers/otelcol/vendors.yaml
$(PEERS)/otelcol $(PEERS)/otelcol-vendors: tools/make/peers.mk
	@mkdir -p $(@D)
	@echo "  GO    $@"
	$(Q)GOBIN=$(abspath $(@D)) go install $(OTELCOL_BUILDER)
	$(Q)$(@D)/builder --config=$(filter %.yaml,$^) >$@.log 2>&1 || { cat $@.log; exit 1; }
	$(Q)mv $(@D)/$(@F)-source/$(@F) $@

.PHONY: vendor-collector
vendor-collector: $(PEERS)/otelcol-vendors ## a Collector that checks examples for clouds (minutes)

# The client of examples/clients that is compiled, for its test. Flags are those by which
# the Collector is built, so that most of it is compiled already.
CLIENT_GO     := $(PEERS)/client-go
CLIENT_GO_DIR := examples/clients/go

$(CLIENT_GO): GO := GOBIN=$(abspath $(PEERS)) CGO_ENABLED=0 go
$(CLIENT_GO): $(wildcard $(CLIENT_GO_DIR)/*.go $(CLIENT_GO_DIR)/go.*) proto/pool.proto tools/make/peers.mk
	@mkdir -p $(@D)
	@echo "  GO    $@"
	$(Q)cd $(CLIENT_GO_DIR) && $(GO) install -trimpath -ldflags='-s -w' tool && \
	    PATH="$(abspath $(PEERS)):$$PATH" go generate && \
	    $(GO) build -trimpath -ldflags='-s -w' -o $(abspath $@) .

.PHONY: peers
peers: $(PEERS)/statsd_exporter $(PEERS)/telegraf $(PEERS)/otelcol $(CLIENT_GO) ## build receivers no package has, and the client in Go
