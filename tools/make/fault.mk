# Tests with tests/lib/fault.h: the linker hands them the calls that its tables name.
FAULT_CALLS := free asprintf vasprintf __asprintf_chk __vasprintf_chk $(shell sed -nE 's/^\s*(ALLOC|CALL).[^,]+, ([a-z_]+),.*/\2/p; s/^VARIADIC.([a-z]+),.*/\1/p' \
	       tests/lib/fault.h)
$(foreach c,shm model config prometheus otlp statsd top runtime,$(eval WRAP_$(c)_fault_test := $(FAULT_CALLS)))
# snp_gzip is called here, and nowhere else in the tests of the model.
TSYS_model := -lz

# The same for whole programs (tests/faults). No sanitizer is in it: it is loaded before theirs.
FAULT_LIB := $(B)/tests/fault_preload.so
FAULT_OBJ := $(B)/obj/tests/lib/fault_preload.o
# Its functions have the names that fortified headers give to others.
$(FAULT_OBJ): CFLAGS := $(filter-out $(SAN_FLAGS) -D_FORTIFY_SOURCE=%,$(CFLAGS)) -U_FORTIFY_SOURCE
$(FAULT_LIB): $(FAULT_OBJ)
	@mkdir -p $(@D)
	@echo "  LD    $@"
	$(Q)$(CC) -shared -o $@ $< -ldl
unit-bins: $(FAULT_LIB)
