# Programs of tests/chaos: each is one .c file linked with the scripted writer, its judge,
# and the segment library.
CHAOS := kill_steps scripted stop_steps stress tear
CHAOS_OBJ := $(patsubst %,$(B)/obj/tests/chaos/%.o,scripted_writer sane)

$(CHAOS:%=$(B)/tests/chaos/%): $(B)/tests/chaos/%: $(B)/obj/tests/chaos/%.o $(CHAOS_OBJ) \
		$(B)/lib/libsnp-shm.a
	@mkdir -p $(@D)
	@echo "  LD    $@"
	$(Q)$(CC) $(LDFLAGS) -o $@ $^ -lm
$(CHAOS_OBJ) $(CHAOS:%=$(B)/obj/tests/chaos/%.o): INC := $(SHM_INC) -Itests/chaos -Ishm/src

unit-bins: $(CHAOS:%=$(B)/tests/chaos/%)
