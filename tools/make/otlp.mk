# snakepit-otlp: its messages are an archive of their own, as snakepit-prometheus' are.
OTLP_PB := common resource metrics trace logs metrics_service trace_service logs_service rpc
OTLP_PB_SRC := $(OTLP_PB:%=$(GEN)/otlp/%.pb-c.c) \
	       $(GEN)/google/protobuf/any.pb-c.c $(GEN)/google/protobuf/duration.pb-c.c
$(B)/lib/libsnp-otlp-pb.a: $(OTLP_PB_SRC:$(GEN)/%.c=$(B)/obj/gen/%.o)
	@mkdir -p $(@D)
	$(Q)rm -f $@ && ar rcs $@ $^
# A message includes those it is made of.
$(OTLP_PB_SRC:$(GEN)/%.c=$(B)/obj/gen/%.o): | $(OTLP_PB_SRC)
proto: $(OTLP_PB_SRC)

OTLP_SRC := $(wildcard reader/otlp/*.c)
$(OTLP_SRC:%.c=$(B)/obj/%.o): | $(OTLP_PB_SRC)
PROGS += snakepit-otlp
# Without a main file there are but the modules and their tests.
SRC_snakepit-otlp  := $(if $(wildcard reader/otlp/main.c),$(OTLP_SRC))
INC_snakepit-otlp  := $(INC_model) $(CLI_INC) -Ireader/otlp -isystem $(GEN)
ARCH_snakepit-otlp := otlp-pb cli model shm
SYS_snakepit-otlp  := -lcurl -lprotobuf-c -lz -ljansson
$(OTLP_SRC:%.c=$(B)/obj/%.o): INC := $(INC_snakepit-otlp)

TINC_otlp  := $(INC_snakepit-otlp)
TARCH_otlp := $(ARCH_snakepit-otlp)
TSYS_otlp  := $(SYS_snakepit-otlp)
TOBJ_otlp  := $(filter-out reader/otlp/main.c,$(OTLP_SRC))
$(patsubst %.c,$(B)/obj/%.o,$(wildcard tests/unit/otlp/*.c)): | $(OTLP_PB_SRC)

# Requests of metrics without a receiver, for tests that read them with the official
# messages.
OTLP_COLLECT := $(B)/tests/otlp_collect
OTLP_COLLECT_OBJ := $(B)/obj/tests/lib/otlp_collect.o \
	$(patsubst %,$(B)/obj/reader/otlp/%.o,drawing instrument ledger message metrics points)
$(OTLP_COLLECT): $(OTLP_COLLECT_OBJ) $(ARCH_snakepit-otlp:%=$(B)/lib/libsnp-%.a)
	@mkdir -p $(@D)
	@echo "  LD    $@"
	$(Q)$(CC) $(LDFLAGS) -o $@ $^ -lprotobuf-c -lm
$(B)/obj/tests/lib/otlp_collect.o: INC := $(INC_snakepit-otlp)
$(B)/obj/tests/lib/otlp_collect.o: | $(OTLP_PB_SRC)

unit-bins: $(OTLP_COLLECT)

# Its sender alone, for tests of what goes over the wire.
OTLP_SEND := $(B)/tests/otlp_send
OTLP_SEND_OBJ := $(B)/obj/tests/lib/otlp_send.o $(patsubst %.c,$(B)/obj/%.o,$(TOBJ_otlp))
$(OTLP_SEND): $(OTLP_SEND_OBJ) $(ARCH_snakepit-otlp:%=$(B)/lib/libsnp-%.a)
	@mkdir -p $(@D)
	@echo "  LD    $@"
	$(Q)$(CC) $(LDFLAGS) -o $@ $^ $(SYS_snakepit-otlp) -lm
$(B)/obj/tests/lib/otlp_send.o: INC := $(INC_snakepit-otlp)
$(B)/obj/tests/lib/otlp_send.o: | $(OTLP_PB_SRC)
unit-bins: $(OTLP_SEND)

# What metrics cost.
BENCH_OTLP_OBJ := $(filter-out %/otlp_collect.o,$(OTLP_COLLECT_OBJ)) \
	$(patsubst %,$(B)/obj/tests/bench/%.o,bench_otlp bench segment steps work)
$(B)/obj/tests/bench/bench_otlp.o: INC := $(INC_snakepit-otlp) $(BENCH_ALIGN)
$(B)/obj/tests/bench/bench_otlp.o: | $(OTLP_PB_SRC)
$(B)/bench/bench_otlp: $(BENCH_OTLP_OBJ) $(ARCH_snakepit-otlp:%=$(B)/lib/libsnp-%.a)
	@mkdir -p $(@D)
	@echo "  LD    $@"
	$(Q)$(CC) $(LDFLAGS) -o $@ $^ -lprotobuf-c -lm
ifeq ($(SAN),)
unit-bins: $(B)/bench/bench_otlp
endif

.PHONY: bench-otlp
bench-otlp: deps ## the same for the metrics that snakepit-otlp sends
	$(Q)+$(BUILD) -s $(B)/bench/bench_otlp
	$(Q)tests/bench/run --build $(B) --flags '$(CFLAGS)' $(BENCH_ARGS) bench_otlp
