# Fuzz targets: tests/fuzz/<target>_fuzz.c with all of the component it names, built by clang
# with libFuzzer, ASan and UBSan. Inputs that found something new stay in build/fuzz/<target>/;
# an input that crashes is left beside them as crash-*, and `build/fuzz/<target>_fuzz FILE`
# runs it again.

TARGET ?= segment_attach
TIME   ?= 60
FUZZ_CC := clang-14
FUZZ_FLAGS := -std=c11 -g -O1 -fsanitize=fuzzer,address,undefined \
	      -fno-sanitize-recover=undefined -fno-omit-frame-pointer -pthread

#   sources of the component, include paths, system libraries, program that makes seeds
FUZZ_SRC_segment_attach = $(wildcard shm/src/*.c)
FUZZ_INC_segment_attach = $(INC_shm) -Itests/unit/shm
FUZZ_SEEDS_segment_attach = python3 tests/fuzz/segment_seeds.py
FUZZ_SRC_segment_snapshot = $(FUZZ_SRC_segment_attach)
FUZZ_INC_segment_snapshot = $(FUZZ_INC_segment_attach)
FUZZ_SEEDS_segment_snapshot = $(FUZZ_SEEDS_segment_attach)
FUZZ_SRC_rpc_wire = shm/src/err.c $(wildcard runtime/rpc/messages_*.c) \
	$(addprefix runtime/rpc/,arena.c buf.c pairs.c tool_error.c tool_spec.c utf8.c wire.c) $(PB_SRC)
FUZZ_INC_rpc_wire = $(INC_rpc)
FUZZ_SYS_rpc_wire = $(GRPC_LIBS)
FUZZ_SRC_prometheus_negotiate = shm/src/err.c \
	$(addprefix reader/prometheus/,negotiate.c query.c filter.c)
FUZZ_INC_prometheus_negotiate = $(INC_snakepit-prometheus)
FUZZ_SRC_prometheus_webconfig = shm/src/err.c tools/cli/nearest.c \
	reader/prometheus/webconfig.c reader/prometheus/webconfig_check.c
FUZZ_INC_prometheus_webconfig = $(INC_snakepit-prometheus)
FUZZ_SYS_prometheus_webconfig = -lyaml
FUZZ_SRC_trace_context = shm/src/err.c $(addprefix runtime/trace/,baggage.c context.c sampler.c state.c)
FUZZ_INC_trace_context = $(INC_trace)
FUZZ_SEEDS_trace_context = python3 tests/fuzz/trace_seeds.py
FUZZ_SRC_model_query = shm/src/err.c reader/model/buf.c reader/model/number.c reader/model/query.c \
	reader/model/query_answer.c
FUZZ_INC_model_query = $(INC_model)
FUZZ_SRC_top_record = $(wildcard shm/src/*.c) \
	$(addprefix reader/model/,buf.c event.c json_out.c number.c pools.c pools_hist.c utf8.c) \
	$(addprefix reader/top/,eventlog.c frame.c history.c record_codec.c record_delta.c record_read.c)
FUZZ_INC_top_record = $(INC_snakepit-top)
FUZZ_SRC_config = shm/src/err.c $(wildcard runtime/config/*.c)
FUZZ_INC_config = $(INC_config)
FUZZ_SYS_config = -lcyaml -lyaml
FUZZ_SEEDS_config = python3 tests/fuzz/config_seeds.py
FUZZ_SRC_otlp_answer = shm/src/err.c $(addprefix reader/model/,buf.c gzip.c number.c utf8.c) \
	$(addprefix reader/otlp/,answer.c answer_grpc.c endpoint.c pairs.c signals.c) $(OTLP_PB_SRC)
FUZZ_INC_otlp_answer = $(INC_snakepit-otlp)
FUZZ_SYS_otlp_answer = -lprotobuf-c -ljansson -lz
FUZZ_SEEDS_otlp_answer = python3 tests/fuzz/otlp_seeds.py

.PHONY: fuzz
fuzz: proto ## fuzz TARGET=segment_attach for TIME=60 seconds (0 = until stopped)
	@mkdir -p build/fuzz/$(TARGET) build/fuzz/$(TARGET)_seeds
	$(if $(FUZZ_SEEDS_$(TARGET)),$(Q)$(FUZZ_SEEDS_$(TARGET)) build/fuzz/$(TARGET)_seeds)
	$(Q)$(FUZZ_CC) $(filter-out -MMD -MP,$(CPPFLAGS)) $(FUZZ_INC_$(TARGET)) $(FUZZ_FLAGS) \
	    -o build/fuzz/$(TARGET)_fuzz tests/fuzz/$(TARGET)_fuzz.c $(FUZZ_SRC_$(TARGET)) \
	    $(FUZZ_SYS_$(TARGET)) -lm
	$(Q)cd build/fuzz/$(TARGET) && ../$(TARGET)_fuzz -max_total_time=$(TIME) -max_len=4096 -len_control=0 \
	    -timeout=10 -print_final_stats=1 $(FUZZ_ARGS) . ../$(TARGET)_seeds

.PHONY: fuzz-all
fuzz-all: deps ## every fuzz target at once, for TIME=60 seconds
	$(Q)tests/fuzz/run $(TIME)
