# A program that writes a segment without a runtime, for the readers' integration tests.
SEGMENT_WRITER := $(B)/tests/segment_writer
SEGMENT_WRITER_OBJ := $(B)/obj/tests/lib/segment_writer.o

$(SEGMENT_WRITER): $(SEGMENT_WRITER_OBJ) $(B)/lib/libsnp-shm.a
	@mkdir -p $(@D)
	@echo "  LD    $@"
	$(Q)$(CC) $(LDFLAGS) -o $@ $^
$(SEGMENT_WRITER_OBJ): INC := $(SHM_INC)

unit-bins: $(SEGMENT_WRITER)
