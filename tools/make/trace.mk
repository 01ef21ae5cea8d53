# A sampler that tests of other languages can ask.
TRACE_SAMPLER := $(B)/tests/trace_sampler
TRACE_SAMPLER_OBJ := $(B)/obj/tests/lib/trace_sampler.o

$(TRACE_SAMPLER): $(TRACE_SAMPLER_OBJ) $(B)/lib/libsnp-trace.a
	@mkdir -p $(@D)
	@echo "  LD    $@"
	$(Q)$(CC) $(LDFLAGS) -o $@ $^ -lm
$(TRACE_SAMPLER_OBJ): INC := $(INC_trace)

unit-bins: $(TRACE_SAMPLER)
