# Installation: DESTDIR for packages, PREFIX where it will live. Distributions that keep
# libraries by architecture, or units elsewhere, say so with LIBDIR and UNITDIR.
PREFIX  ?= /usr/local
LIBDIR  ?= $(PREFIX)/lib
UNITDIR ?= $(PREFIX)/lib/systemd/system
DESTDIR ?=
SHM_HEADERS := $(addprefix shm/include/snakepit/,cells.h err.h format.h read.h testing.h time.h write.h) \
	       shm/enums.def shm/metrics.def
RUNTIME_HEADERS := runtime/embed/include/snakepit/runtime.h
AT      := $(DESTDIR)$(PREFIX)
AT_LIB  := $(DESTDIR)$(LIBDIR)
AT_UNIT := $(DESTDIR)$(UNITDIR)
SHARE   := $(AT)/share/snakepit
AT_DOC  := $(AT)/share/doc/snakepit
# What the files that are installed are told of where they will be.
PLACED  := sed -e 's|@PREFIX@|$(PREFIX)|;s|@LIBDIR@|$(LIBDIR)|;s|@BIN@|$(PREFIX)/bin|' \
	   -e 's|@DOC@|$(PREFIX)/share/doc/snakepit|'

.PHONY: install uninstall
.PHONY: $(addprefix install-,bin lib man completions python share units)
install: $(addprefix install-,bin lib man completions python share units) ## install under DESTDIR/PREFIX (/usr/local): all there is

install-bin: bins
	$(Q)install -d $(AT)/bin $(AT)/lib/snakepit
	$(Q)install -m 755 $(foreach p,$(PROGS),$(if $(SRC_$(p)),$(BIN)/$(p))) $(AT)/bin
	$(Q)install -m 644 $(BEAT_LIB) $(AT)/lib/snakepit

# $(1) name of a library, $(2) file, $(3) soname, $(4) pkg-config template, $(5) version
define INSTALL_SHARED
	$(Q)install -m 644 $(B)/lib/$(2) $(AT_LIB)
	$(Q)ln -sf $(2) $(AT_LIB)/$(3)
	$(Q)ln -sf $(3) $(AT_LIB)/$(1).so
	$(Q)$(PLACED) -e 's|@VERSION@|$(5)|' $(4) >$(AT_LIB)/pkgconfig/$(patsubst lib%,%,$(1)).pc
endef

install-lib: lib
	$(Q)install -d $(AT_LIB)/pkgconfig $(AT)/include/snakepit
	$(call INSTALL_SHARED,libsnakepit-shm,$(SHM_REAL),$(SHM_SONAME),shm/snakepit-shm.pc.in,$(SHM_VERSION))
	$(call INSTALL_SHARED,libsnakepit,$(RUNTIME_REAL),$(RUNTIME_SONAME),runtime/snakepit.pc.in,$(RUNTIME_VERSION))
	$(Q)install -m 644 $(B)/lib/libsnakepit-shm.a $(AT_LIB)
	$(Q)install -m 644 $(SHM_HEADERS) $(RUNTIME_HEADERS) $(AT)/include/snakepit

# Pages are named by their section: snakepitd.8. Which there are, man.mk says, and has them
# made before.
install-man:
	$(Q)for page in $(MAN); do \
	    install -D -m 644 "$$page" "$(AT)/share/man/man$${page##*.}/$${page##*/}"; done

install-completions:
	$(Q)install -d $(AT)/share/bash-completion/completions $(AT)/share/zsh/site-functions \
	    $(AT)/share/fish/vendor_completions.d
	$(Q)install -m 644 $(COMPLETE_BASH) $(AT)/share/bash-completion/completions
	$(Q)install -m 644 $(COMPLETE_ZSH) $(AT)/share/zsh/site-functions
	$(Q)install -m 644 $(COMPLETE_FISH) $(AT)/share/fish/vendor_completions.d

# $(1) folder, $(2) where to, $(3) which files of it
COPY_TREE = mkdir -p $(2) && (cd $(1) && find . -type f $(3) -print0 | sort -z | \
	tar -c --null -T - --mode=644) | tar -x --no-same-owner -C $(2)

install-python: proto-python
	$(Q)$(call COPY_TREE,priv/python,$(SHARE)/python, \
	    \( -name '*.py' -o -name py.typed \) ! -path './tests/*' ! -path './build/*')

# Clients generate their code from these; the rest is what docs/ speaks of. Of monitoring,
# what works only in the sources is left there.
install-share:
	$(Q)install -d $(SHARE)/proto $(AT_DOC)
	$(Q)install -m 644 proto/*.proto $(SHARE)/proto
	$(Q)$(call COPY_TREE,examples,$(SHARE)/examples, \
	    ! -path '*/__pycache__/*' ! -path '*/node_modules/*')
	$(Q)$(call COPY_TREE,tools/monitoring,$(SHARE)/monitoring, \
	    ! -name '*.py' ! -name dashboards.yml ! -name local.yaml \
	    ! -name docker-compose.yml)
	$(Q)install -m 644 README.md CHANGELOG.md LICENSE $(AT_DOC)
	$(Q)$(call COPY_TREE,docs,$(AT_DOC),)

UNITS := $(wildcard packaging/systemd/*.in)
install-units:
	$(Q)install -d $(AT_UNIT) $(AT)/lib/sysusers.d $(AT)/lib/tmpfiles.d
	$(Q)for unit in $(UNITS); do name=$${unit##*/}; \
	    $(PLACED) "$$unit" >"$(AT_UNIT)/$${name%.in}"; done
	$(Q)install -m 644 packaging/sysusers.d/snakepit.conf $(AT)/lib/sysusers.d
	$(Q)install -m 644 packaging/tmpfiles.d/snakepit.conf $(AT)/lib/tmpfiles.d

# What an installation of today would put there, and the folders that are then empty.
STAGE := $(B)/uninstall
uninstall: ## take away what `make install` with the same variables has put there
	$(Q)rm -rf $(STAGE)
	$(Q)+$(MAKE) --no-print-directory install DESTDIR=$(abspath $(STAGE)) \
	    PREFIX=$(PREFIX) LIBDIR=$(LIBDIR) UNITDIR=$(UNITDIR)
	$(Q)cd $(STAGE) && find . ! -type d -exec sh -c \
	    'for file; do rm -f -- "$(abspath $(DESTDIR)/)/$$file"; done' - {} +
	$(Q)cd $(STAGE) && find . -depth -type d -path '*snakepit*' -exec sh -c \
	    'for dir; do rmdir -- "$(abspath $(DESTDIR)/)/$$dir" 2>/dev/null; done; :' - {} +
	$(Q)rm -rf $(STAGE)

# ---- Packages --------------------------------------------------------------------------
# Bytes depend on the commit alone.
DIST := build/dist/snakepit-$(VERSION)

.PHONY: dist deb deb-check image-check
dist: ## build/dist/snakepit-VERSION.tar.gz from the commit that is checked out
	@mkdir -p build/dist
	$(Q)git archive --format=tar --prefix=snakepit-$(VERSION)/ HEAD | gzip -9n >$(DIST).tar.gz
	@echo $(DIST).tar.gz

deb: dist ## Debian packages in build/deb, from the commit that is checked out
	$(Q)packaging/deb $(VERSION) $(DIST).tar.gz build/deb

deb-check: ## as root: install them in a fresh Debian, start what they have, purge them
	$(Q)packaging/deb-check build/deb

image-check: ## as root: build the Dockerfile without a registry, run what is in the image
	$(Q)packaging/image-check build/image
