# libsnakepit-beat.so, which workers load: libc only, and never with a sanitizer, whose
# runtime would have to be in the interpreter already.
BEAT_LIB := $(B)/lib/libsnakepit-beat.so
BEAT_OBJ := $(B)/obj/runtime/beat/beat.o

bins lib: $(BEAT_LIB)
$(BEAT_LIB): runtime/beat/beat.c $(wildcard runtime/beat/*.h)
	@mkdir -p $(@D)
	@echo "  LD    $@"
	$(Q)$(CC) -D_GNU_SOURCE -Iruntime $(filter-out $(SAN_FLAGS),$(CFLAGS)) \
	    -fvisibility=hidden -shared -Wl,-soname,libsnakepit-beat.so \
	    -Wl,-z,relro,-z,now -Wl,-z,defs -o $@ $<

# Its test has the thread in its own process, sanitizers included.
$(B)/tests/unit/runtime/beat_thread_test: $(BEAT_OBJ)
$(BEAT_OBJ): INC := -Iruntime
