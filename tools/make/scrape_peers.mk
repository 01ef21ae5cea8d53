# A page of 100,000 series by client libraries people use, against ours: in turns, in one
# run. prometheus-cpp is Debian's, client_golang comes from the Go module proxy.
PEER_BENCH := tests/bench/peers
PEER_OURS  := $(B)/bench/peer_ours
$(B)/obj/$(PEER_BENCH)/ours.o: INC := $(INC_snakepit-prometheus) $(BENCH_ALIGN)
$(PEER_OURS): $(B)/obj/$(PEER_BENCH)/ours.o \
		$(filter-out %/bench_scrape.o,$(BENCH_SCRAPE_OBJ)) \
		$(ARCH_snakepit-prometheus:%=$(B)/lib/libsnp-%.a)
	@mkdir -p $(@D)
	@echo "  LD    $@"
	$(Q)$(CC) $(LDFLAGS) -o $@ $^ $(SYS_snakepit-prometheus) -lm
$(PEERS)/prometheus_cpp: $(PEER_BENCH)/prometheus_cpp.cc
	@mkdir -p $(@D)
	$(Q)$(CXX) -std=c++14 -O2 -o $@ $< -lprometheus-cpp-core
$(PEERS)/client_golang: $(PEER_BENCH)/go/main.go $(PEER_BENCH)/go/go.mod
	@mkdir -p $(@D)
	$(Q)cd $(<D) && go build -o $(abspath $@) .

# Compiled with everything, lest it rots.
ifeq ($(SAN),)
unit-bins: $(PEER_OURS)
endif

# Pools that people run Python functions in otherwise; Celery wants a redis-server besides.
$(PEERS)/pools/bin/python: $(PEER_BENCH)/pools/requirements.txt priv/python/requirements.txt
	@echo "  PIP   $(@D)"
	$(Q).venv/bin/python -m venv $(PEERS)/pools
	$(Q)$@ -m pip install -q $(^:%=-r %) && touch -h $@

.PHONY: bench-peers
BENCH_PEERS ?= scrape_peers.py pool_peers.py
bench-peers: deps ## a page of 100,000 series, and calls of a function in a pool: ours and others'
	$(Q)+$(BUILD) -s $(PEER_OURS) bins
	-$(Q)+$(BUILD) -s -k $(PEERS)/prometheus_cpp $(PEERS)/client_golang $(PEERS)/pools/bin/python
	$(Q)tests/bench/run --build $(B) --flags '$(CFLAGS)' $(BENCH_ARGS) $(BENCH_PEERS)
