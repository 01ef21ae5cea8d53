# A worker that costs next to nothing, and the one server behind a thousand of them.
STANDIN := $(B)/tests/standin_worker $(B)/tests/standin_hub
STANDIN_OBJ := $(patsubst $(B)/tests/%,$(B)/obj/tests/lib/%.o,$(STANDIN))

$(B)/tests/standin_worker: $(B)/obj/tests/lib/standin_worker.o
	@mkdir -p $(@D)
	@echo "  LD    $@"
	$(Q)$(CC) $(LDFLAGS) -o $@ $^
$(B)/tests/standin_hub: $(B)/obj/tests/lib/standin_hub.o $(TARCH_rpc:%=$(B)/lib/libsnp-%.a)
	@mkdir -p $(@D)
	@echo "  LD    $@"
	$(Q)$(CC) $(LDFLAGS) -o $@ $^ $(TSYS_rpc)
$(STANDIN_OBJ): INC := $(INC_rpc) -Iruntime

unit-bins: $(STANDIN)
