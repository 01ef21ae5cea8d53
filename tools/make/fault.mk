# Tests with tests/lib/fault.h: the linker hands them the calls that its tables name.
FAULT_CALLS := free asprintf vasprintf __asprintf_chk __vasprintf_chk $(shell sed -nE 's/^\s*(ALLOC|CALL).[^,]+, ([a-z_]+),.*/\2/p; s/^VARIADIC.([a-z]+),.*/\1/p' \
	       tests/lib/fault.h)
$(foreach c,shm model config prometheus otlp statsd top runtime,$(eval WRAP_$(c)_fault_test := $(FAULT_CALLS)))
# snp_gzip is called here, and nowhere else in the tests of the model.
TSYS_model := -lz
