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

# The same with the pages of snakepit-prometheus.
PAGES_OBJ := $(B)/obj/tests/segment_chaos/pages.o $(CHAOS_OBJ) \
	$(patsubst %.c,$(B)/obj/%.o,$(TOBJ_prometheus))
$(B)/obj/tests/segment_chaos/pages.o: INC := $(INC_snakepit-prometheus) -Itests/segment_chaos
$(B)/tests/segment_chaos/pages: $(PAGES_OBJ) $(ARCH_snakepit-prometheus:%=$(B)/lib/libsnp-%.a)
	@mkdir -p $(@D)
	@echo "  LD    $@"
	$(Q)$(CC) $(LDFLAGS) -o $@ $^ $(SYS_snakepit-prometheus) -lm
unit-bins: $(B)/tests/segment_chaos/pages

# Preloaded into a runtime to step its clocks. Not where a sanitizer wants to come first.
ifeq ($(SAN),)
$(B)/tests/chaos/clock_shift.so: $(B)/obj/tests/chaos/clock_shift.o
	@mkdir -p $(@D)
	@echo "  LD    $@"
	$(Q)$(CC) -shared -o $@ $^
unit-bins: $(B)/tests/chaos/clock_shift.so
endif

# In three lanes, because most of it is waiting; what they print is in build/test-logs.
CHAOS_SUITES := soak chaos segment_chaos monitoring \
	$(addprefix integration/test_,segment_chaos liveness orphans otel_collector otel_collector_load)

.PHONY: chaos
chaos: deps ## the long versions: 10,000 restarts, 200 kills, each fault as long as in production
	$(Q)+$(BUILD) bins unit-bins
	$(Q)tests/lib/case_report.py --clear
	$(Q)SNP_CHAOS=full SNP_SOAK_SECONDS=600 PYTEST_ADDOPTS=-s tests/run --build $(B) --lanes 3 \
		$(CHAOS_SUITES:%=--only %); status=$$?; \
		SNP_BUILD=$(abspath $(B)) tests/lib/case_report.py && exit $$status

# Runs are kept, each under its seed, for docs/reliability.md.
DURATION ?= 600
SEED     ?=
.PHONY: soak
soak: deps ## everything that can go wrong, at random: DURATION=600 seconds, SEED= of an earlier run
	$(Q)+$(BUILD) bins
	$(Q)SNP_SOAK_SECONDS=$(DURATION) SNP_SEED=$(SEED) PYTEST_ADDOPTS=-s \
		tests/run --build $(B) --only soak
	$(Q)grep -h -E "SNP_SEED|samples" $(B)/test-logs/soak.log

.PHONY: faults race reliability
faults: deps ## each allocation and system call of programs and units fails once
	$(Q)+$(BUILD) bins unit-bins
	$(Q)rm -rf $(B)/faults
	$(Q)SNP_CHAOS=full tests/run --build $(B) --only unit --only faults

race: deps ## unit tests and the segment's stress under ThreadSanitizer, models of its protocols
	$(Q)+$(BUILD) SAN=tsan unit-bins
	$(Q)tests/run --build build/tsan --only unit --only segment_chaos
	$(Q)tests/run --build build --only models

reliability: ## docs/reliability.md, from what chaos, soak, fuzz-all, race and faults left in build/
	$(Q)SNP_BUILD=$(abspath $(B)) tests/lib/reliability.py
