# libsnakepit: the runtime for programs that embed it, and the example of one.
RUNTIME_MAP    := runtime/libsnakepit.map
RUNTIME_SONAME := libsnakepit.so.$(firstword $(subst ., ,$(RUNTIME_VERSION)))
RUNTIME_REAL   := libsnakepit.so.$(RUNTIME_VERSION)
RUNTIME_ARCH   := $(ARCH_snakepitd:%=$(B)/lib/libsnp-%.a)
RUNTIME_LIBS   := $(B)/lib/$(RUNTIME_REAL) $(B)/lib/$(RUNTIME_SONAME) $(B)/lib/libsnakepit.so
EMBED_EXAMPLE  := $(B)/examples/embed

lib: $(RUNTIME_LIBS)
$(B)/lib/$(RUNTIME_REAL): $(RUNTIME_ARCH) $(RUNTIME_MAP)
	@mkdir -p $(@D)
	@echo "  LD    $@"
	$(Q)$(CC) -shared -pthread -Wl,-soname,$(RUNTIME_SONAME) -Wl,--version-script=$(RUNTIME_MAP) \
	    -Wl,-z,relro,-z,now $(if $(SAN),,-Wl$(comma)-z$(comma)defs) $(SAN_FLAGS) \
	    -o $@ -Wl,--whole-archive $(B)/lib/libsnp-runtime.a -Wl,--no-whole-archive \
	    $(filter-out $(B)/lib/libsnp-runtime.a,$(RUNTIME_ARCH)) $(SYS_snakepitd) -lm
$(B)/lib/$(RUNTIME_SONAME): $(B)/lib/$(RUNTIME_REAL)
	$(Q)ln -sf $(RUNTIME_REAL) $@
$(B)/lib/libsnakepit.so: $(B)/lib/$(RUNTIME_SONAME)
	$(Q)ln -sf $(RUNTIME_SONAME) $@

# Built as its user would: with the public headers alone, against the shared library.
bins: $(EMBED_EXAMPLE)
$(EMBED_EXAMPLE): $(B)/obj/examples/embed/embed.o $(RUNTIME_LIBS)
	@mkdir -p $(@D)
	@echo "  LD    $@"
	$(Q)$(CC) $(LDFLAGS) -o $@ $< -L$(B)/lib -Wl,-rpath,'$$ORIGIN/../lib' -lsnakepit
$(B)/obj/examples/embed/embed.o: INC := -Iruntime/embed/include -Ishm/include
