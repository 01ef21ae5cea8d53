# Benchmarks: each tests/bench/bench_*.c, and icount.c, is a program on the real library,
# built with the release flags. Loops start on a line of their own, so that what is compared
# is the work and not where the linker put it.

BENCH_ALIGN := -falign-loops=64
BENCHES     := cell mt hist bundle reader_effect snapshot oneshot size
BENCH_BINS  := $(BENCHES:%=$(B)/bench/bench_%) $(B)/bench/icount
BENCH_LIB   := $(patsubst %,$(B)/obj/tests/bench/%.o,bench segment steps work)

$(B)/obj/tests/bench/%.o: INC := $(SHM_INC) $(BENCH_ALIGN)
$(B)/bench/%: $(B)/obj/tests/bench/%.o $(BENCH_LIB) $(B)/lib/libsnp-shm.a
	@mkdir -p $(@D)
	@echo "  LD    $@"
	$(Q)$(CC) $(LDFLAGS) -o $@ $^ -lm

# What bench-runtime calls with, and what it compares with: programs on gRPC itself.
CALL_BINS := $(B)/bench/call_load $(B)/bench/call_floor
CALL_OBJ  := $(CALL_BINS:$(B)/bench/%=$(B)/obj/tests/bench/%.o)

$(CALL_OBJ): INC := $(INC_rpc)
$(CALL_BINS): $(B)/bench/%: $(B)/obj/tests/bench/%.o $(TARCH_rpc:%=$(B)/lib/libsnp-%.a)
	@mkdir -p $(@D)
	@echo "  LD    $@"
	$(Q)$(CC) $(LDFLAGS) -o $@ $^ $(TSYS_rpc)

# What a request's spans cost, with the metadata of a call that is none.
TRACE_BIN := $(B)/bench/bench_trace
$(B)/obj/tests/bench/bench_trace.o: INC := $(INC_runtime) -Iruntime/rpc $(BENCH_ALIGN)
$(TRACE_BIN): $(B)/obj/tests/bench/bench_trace.o $(BENCH_LIB) $(TARCH_runtime:%=$(B)/lib/libsnp-%.a)
	@mkdir -p $(@D)
	@echo "  LD    $@"
	$(Q)$(CC) $(LDFLAGS) -Wl,--wrap=rpc_server_call_metadata -o $@ $^ \
	    $(TSYS_runtime) -lm

# Every build compiles them, lest they rot; icount is a test as well.
ifeq ($(SAN),)
unit-bins: $(BENCH_BINS) $(CALL_BINS) $(TRACE_BIN)
endif

# Our histogram is compared with HdrHistogram_c. Debian 12 has no package of it; one of npm
# has its sources in it. Only `make bench` fetches it: without it the table says what is
# missing.
HDR_VERSION := 1.0.0
HDR_SHA512  := 9baad263c142b09a4ceb043af2570aca65c43d69153ec0a5ccd7311c4e67010b032b980bc9c590d5e1e1056d8cf47bb5c814ae25372a1f5274f52af8e38e3ba9
HDR_DIR     := build/bench/hdr
HDR_C       := $(HDR_DIR)/package/HdrHistogram_c/src/hdr_histogram.c

$(HDR_C):
	@mkdir -p $(HDR_DIR)
	@echo "  NPM   native-hdr-histogram@$(HDR_VERSION)"
	$(Q)cd $(HDR_DIR) && npm pack --silent native-hdr-histogram@$(HDR_VERSION) >/dev/null
	$(Q)cd $(HDR_DIR) && echo "$(HDR_SHA512)  native-hdr-histogram-$(HDR_VERSION).tgz" | \
	    sha512sum --check --quiet
	$(Q)tar -xmzf $(HDR_DIR)/native-hdr-histogram-$(HDR_VERSION).tgz -C $(HDR_DIR)

ifneq ($(wildcard $(HDR_C)),)
$(B)/obj/tests/bench/bench_hist.o: $(HDR_C)
$(B)/obj/tests/bench/bench_hist.o: INC := $(SHM_INC) $(BENCH_ALIGN) -DBENCH_HDR \
	-isystem $(dir $(HDR_C))
$(B)/bench/bench_hist: $(HDR_DIR)/hdr_histogram.o
$(HDR_DIR)/hdr_histogram.o: $(HDR_C)
	$(Q)$(CC) -std=gnu11 -O2 -fPIC -w -c -o $@ $<
endif

.PHONY: bench bench-hdr
bench-hdr: $(HDR_C)
bench: deps ## measure the segment, print the table (BENCH_GATE=1: fail where a target is not met)
	-$(Q)+$(BUILD) -s bench-hdr
	$(Q)+$(BUILD) -s $(BENCH_BINS) $(TRACE_BIN) bins lib
	$(Q)tests/bench/run --build $(B) --flags '$(CFLAGS) $(BENCH_ALIGN)' $(BENCH_ARGS)
	$(Q)+$(BUILD) -s bench-top

BENCH_RUNTIME := runtime_calls.py runtime_scale.py python_tracing.py

.PHONY: bench-runtime
bench-runtime: deps ## the same for the runtime: 1,000 workers, starts, deaths, the price of a call
	$(Q)+$(BUILD) -s bins lib $(CALL_BINS) $(B)/tests/standin_hub $(B)/tests/standin_worker
	$(Q)tests/bench/run --build $(B) --flags '$(CFLAGS)' $(BENCH_ARGS) $(BENCH_RUNTIME)

.PHONY: bench-top
bench-top: deps ## the same for snakepit-top, beside htop and varnishstat where they are
	$(Q)+$(BUILD) -s bins $(B)/tests/segment_writer
	$(Q)tests/bench/run --build $(B) --flags '$(CFLAGS)' $(BENCH_ARGS) top_cost.py
