# Programs of tests/segment_chaos: each is one .c file linked with the scripted writer, its
# judge, and the segment library.
CHAOS := kill_steps sampler scripted stop_steps stress tear
CHAOS_OBJ := $(patsubst %,$(B)/obj/tests/segment_chaos/%.o,scripted_writer sane)

$(CHAOS:%=$(B)/tests/segment_chaos/%): $(B)/tests/segment_chaos/%: \
		$(B)/obj/tests/segment_chaos/%.o $(CHAOS_OBJ) $(B)/lib/libsnp-shm.a
	@mkdir -p $(@D)
	@echo "  LD    $@"
	$(Q)$(CC) $(LDFLAGS) -o $@ $^ -lm
$(CHAOS_OBJ) $(CHAOS:%=$(B)/obj/tests/segment_chaos/%.o): INC := \
	$(SHM_INC) -Itests/segment_chaos -Ishm/src

unit-bins: $(CHAOS:%=$(B)/tests/segment_chaos/%)

# Preloaded into a runtime to step its clocks. Not where a sanitizer wants to come first.
ifeq ($(SAN),)
$(B)/tests/chaos/clock_shift.so: $(B)/obj/tests/chaos/clock_shift.o
	@mkdir -p $(@D)
	@echo "  LD    $@"
	$(Q)$(CC) -shared -o $@ $^
unit-bins: $(B)/tests/chaos/clock_shift.so
endif

.PHONY: chaos
chaos: deps ## the long versions: 10,000 restarts, 200 kills, each fault as long as in production
	$(Q)+$(BUILD) bins unit-bins
	$(Q)SNP_CHAOS=full SNP_BUILD=$(abspath $(B)) .venv/bin/pytest -s -q tests/segment_chaos
	$(Q)SNP_CHAOS=full SNP_BUILD=$(abspath $(B)) PYTHONPATH=priv/python .venv/bin/pytest -s -q \
		tests/integration/test_segment_chaos.py tests/integration/test_liveness.py \
		tests/integration/test_orphans.py
	$(Q)tests/chaos/report.py --clear
	$(Q)SNP_CHAOS=full SNP_BUILD=$(abspath $(B)) PYTHONPATH=priv/python .venv/bin/pytest -q \
		tests/chaos
