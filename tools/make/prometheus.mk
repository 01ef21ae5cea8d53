# The messages snakepit-prometheus writes: an archive of their own, which needs nothing of
# the messages of the runtime.
PROMETHEUS_PB_SRC := $(GEN)/prometheus/metrics.pb-c.c $(GEN)/google/protobuf/timestamp.pb-c.c
$(B)/lib/libsnp-prometheus-pb.a: $(PROMETHEUS_PB_SRC:$(GEN)/%.c=$(B)/obj/gen/%.o)
	@mkdir -p $(@D)
	$(Q)rm -f $@ && ar rcs $@ $^
$(B)/obj/reader/prometheus/proto.o: | $(PROMETHEUS_PB_SRC)

# What a scrape costs: pages in one process, and over HTTP.
BENCH_SCRAPE_OBJ := $(B)/obj/tests/bench/bench_scrape.o \
	$(patsubst %,$(B)/obj/tests/bench/%.o,bench segment work) \
	$(patsubst %.c,$(B)/obj/%.o,$(TOBJ_prometheus))
$(B)/obj/tests/bench/bench_scrape.o: INC := $(INC_snakepit-prometheus) $(BENCH_ALIGN)
$(B)/bench/bench_scrape: $(BENCH_SCRAPE_OBJ) $(ARCH_snakepit-prometheus:%=$(B)/lib/libsnp-%.a)
	@mkdir -p $(@D)
	@echo "  LD    $@"
	$(Q)$(CC) $(LDFLAGS) -o $@ $^ $(SYS_snakepit-prometheus) -lm
# Compiled with everything, lest it rots.
ifeq ($(SAN),)
unit-bins: $(B)/bench/bench_scrape $(B)/bench/scrape_writer
endif

.PHONY: bench-scrape
bench-scrape: deps ## the same for a scrape of 100,000 series, and over HTTP
	$(Q)+$(BUILD) -s $(B)/bench/bench_scrape $(B)/bench/scrape_writer bins \
	    $(B)/tests/segment_writer
	$(Q)tests/bench/run --build $(B) --flags '$(CFLAGS)' $(BENCH_ARGS) bench_scrape scrape_http.py \
	    scrape_effect.py
