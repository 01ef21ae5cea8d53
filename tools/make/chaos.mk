# Programs of tests/chaos: each is one .c file linked with the scripted writer, its judge,
# and the segment library.
CHAOS := kill_steps sampler scripted stop_steps stress tear
CHAOS_OBJ := $(patsubst %,$(B)/obj/tests/chaos/%.o,scripted_writer sane)

$(CHAOS:%=$(B)/tests/chaos/%): $(B)/tests/chaos/%: $(B)/obj/tests/chaos/%.o $(CHAOS_OBJ) \
		$(B)/lib/libsnp-shm.a
	@mkdir -p $(@D)
	@echo "  LD    $@"
	$(Q)$(CC) $(LDFLAGS) -o $@ $^ -lm
$(CHAOS_OBJ) $(CHAOS:%=$(B)/obj/tests/chaos/%.o): INC := $(SHM_INC) -Itests/chaos -Ishm/src

unit-bins: $(CHAOS:%=$(B)/tests/chaos/%)

.PHONY: chaos
chaos: deps ## the long versions: 10,000 restarts, 200 kills, a reader stopped for a minute
	$(Q)+$(BUILD) bins unit-bins
	$(Q)SNP_CHAOS=full SNP_BUILD=$(abspath $(B)) .venv/bin/pytest -s -q tests/chaos
	$(Q)SNP_CHAOS=full SNP_BUILD=$(abspath $(B)) PYTHONPATH=priv/python .venv/bin/pytest -s -q \
		tests/integration/test_segment_chaos.py tests/integration/test_liveness.py
