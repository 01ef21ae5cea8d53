# Beyond the common rules: what the tests of runtime/rpc need.

# The allocation-failure test fails the Nth of these in our code; gRPC keeps its own.
WRAP_rpc_oom_test := malloc calloc realloc

FUZZ_SECONDS ?= 60
FUZZ_RPC_SRC  = tests/fuzz/rpc_wire_fuzz.c shm/src/err.c $(wildcard runtime/rpc/messages_*.c) \
	$(addprefix runtime/rpc/,arena.c buf.c pairs.c tool_error.c utf8.c wire.c)

.PHONY: fuzz-rpc
fuzz-rpc: proto ## fuzz the message decoders for FUZZ_SECONDS (needs clang-14)
	@mkdir -p build/fuzz/rpc_wire_corpus
	clang-14 -std=c11 -D_GNU_SOURCE -g -O1 -w -fsanitize=fuzzer,address,undefined \
		-Ishm/include -Iruntime/rpc/include -isystem $(GEN) $(FUZZ_RPC_SRC) $(PB_SRC) \
		$(GRPC_LIBS) -o build/fuzz/rpc_wire_fuzz
	build/fuzz/rpc_wire_fuzz -max_len=4096 -max_total_time=$(FUZZ_SECONDS) \
		build/fuzz/rpc_wire_corpus
