# Snakepit. `make demo` and `make test` are all a fresh machine needs; `make help` lists the rest.
# One non-recursive file. Variants live side by side: build/ (release), build/asan/, build/tsan/.

VERSION := 0.1.0
SHM_VERSION := 1.0.0
RUNTIME_VERSION := 0.1.0
SAN     ?=
V       ?= 0

B   := build$(if $(SAN),/$(SAN))
GEN := build/gen
BIN := $(B)/bin

CC      ?= gcc

ifeq ($(SAN),)
SAN_FLAGS :=
OPT       := -O2 -D_FORTIFY_SOURCE=3 -fstack-clash-protection \
	     $(if $(filter x86_64%,$(shell $(CC) -dumpmachine)),-fcf-protection=full)
else ifeq ($(SAN),asan)
SAN_FLAGS := -fsanitize=address,undefined -fno-sanitize-recover=undefined
OPT       := -O1
else ifeq ($(SAN),tsan)
# Our fences order relaxed atomics only, which the sanitizer needs no model of.
SAN_FLAGS := -fsanitize=thread -Wno-tsan
OPT       := -O1
else
$(error SAN is asan, tsan or empty, not '$(SAN)')
endif

WARN    := -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Wstrict-prototypes \
	   -Wmissing-prototypes -Wvla -Wundef $(if $(CI),-Werror)
CFLAGS  := -std=c11 -g $(OPT) $(SAN_FLAGS) -fPIC -fno-omit-frame-pointer \
	   -fstack-protector-strong -pthread $(WARN) $(EXTRA_CFLAGS)
CPPFLAGS := -D_GNU_SOURCE -DSNP_VERSION='"$(VERSION)"' -MMD -MP
LDFLAGS := -pthread -pie -Wl,-z,relro,-z,now $(SAN_FLAGS)
Q       := $(if $(filter 1,$(V)),,@)
comma   := ,

# ---- Components -----------------------------------------------------------------------
# A component is a folder of .c files that become one archive, and the only include
# paths it may use: what is not listed here cannot be included.
#   lib      directories                    include paths beyond its own
SHM_INC    := -Ishm/include -Ishm
RPC_INC    := -Iruntime/rpc/include
LOG_INC    := -Iruntime/log/include
CONF_INC   := -Iruntime/config/include
TRACE_INC  := -Iruntime/trace/include
MODEL_INC  := -Ireader/model/include
CLI_INC    := -Itools/cli/include
CLIENT_INC := -Itools/client/include

LIBS := shm log config rpc trace runtime model cli client
DIRS_shm     := shm/src
INC_shm      := $(SHM_INC) -Ishm/src
DIRS_log     := runtime/log
INC_log      := $(SHM_INC) $(LOG_INC)
DIRS_config  := runtime/config
INC_config   := $(SHM_INC) $(LOG_INC) $(CONF_INC)
DIRS_rpc     := runtime/rpc
INC_rpc      := $(SHM_INC) $(RPC_INC) -isystem $(GEN)
DIRS_trace   := runtime/trace
INC_trace    := $(SHM_INC) $(RPC_INC) $(LOG_INC) $(CONF_INC) $(TRACE_INC)
DIRS_runtime := runtime/pool runtime/worker runtime/core runtime/embed
INC_runtime  := $(SHM_INC) $(RPC_INC) $(LOG_INC) $(CONF_INC) $(TRACE_INC) -Iruntime -Iruntime/embed/include
DIRS_model   := reader/model
INC_model    := $(SHM_INC) $(MODEL_INC)
DIRS_cli     := tools/cli
INC_cli      := $(SHM_INC) $(MODEL_INC) $(CLI_INC)
DIRS_client  := tools/client
INC_client   := $(SHM_INC) $(RPC_INC) $(MODEL_INC) $(CLIENT_INC)

# ---- Programs: sources, include paths, archives in link order, system libraries --------
# tools/snakepit/ makes `snakepit`; a program never links a component not named here.
GRPC_LIBS := -lgrpc -lgpr -lcrypto -lprotobuf-c -ljansson
# What calls unix sockets only needs no TLS, and starts faster without the libraries.
GRPC_UNSECURE_LIBS := -lgrpc_unsecure -lgpr -lprotobuf-c -ljansson
PROGS := snakepitd snakepit-launch snakepit-guard snakepit snakepit-exec snakepit-control \
	 snakepit-config snakepit-inspect snakepit-prometheus snakepit-statsd \
	 snakepit-top
SRC_snakepitd  := $(wildcard runtime/main.c)
INC_snakepitd  := $(INC_runtime) $(MODEL_INC) $(CLI_INC)
ARCH_snakepitd := runtime trace rpc config log cli model shm
SYS_snakepitd  := $(GRPC_LIBS) -lcyaml -lyaml -lurcu-qsbr -lurcu-common -ldl
SRC_snakepit-launch := $(wildcard runtime/launch/launch.c)
SRC_snakepit-guard  := $(wildcard runtime/launch/guard.c)
INC_snakepit-guard  := $(INC_runtime)
ARCH_snakepit-guard := runtime
SRC_snakepit   := $(wildcard tools/snakepit/*.c)
INC_snakepit   := $(SHM_INC) $(MODEL_INC) $(CLI_INC) -Itools/snakepit
ARCH_snakepit  := cli model shm
SRC_snakepit-exec  := $(wildcard tools/snakepit-exec/*.c)
INC_snakepit-exec  := $(INC_client) $(CLI_INC) $(TRACE_INC) -Itools/snakepit-exec
ARCH_snakepit-exec := client trace rpc cli model shm
SYS_snakepit-exec  := $(GRPC_LIBS) -ldl
SRC_snakepit-control  := $(wildcard tools/snakepit-control/*.c)
INC_snakepit-control  := $(INC_client) $(CLI_INC) -Itools/snakepit-control
ARCH_snakepit-control := client rpc cli model shm
SYS_snakepit-control  := $(GRPC_UNSECURE_LIBS) -ldl
SRC_snakepit-config   := $(wildcard tools/snakepit-config/*.c)
INC_snakepit-config   := $(SHM_INC) $(LOG_INC) $(CONF_INC) $(MODEL_INC) $(CLI_INC)
ARCH_snakepit-config  := config cli model shm
SYS_snakepit-config   := -lcyaml -lyaml
SRC_snakepit-inspect  := $(wildcard reader/inspect/*.c)
INC_snakepit-inspect  := $(INC_model) $(CLI_INC)
ARCH_snakepit-inspect := cli model shm
SRC_snakepit-prometheus  := $(wildcard reader/prometheus/*.c)
INC_snakepit-prometheus  := $(INC_model) $(CLI_INC) -Ireader/prometheus -isystem $(GEN)
ARCH_snakepit-prometheus := prometheus-pb cli model shm
SYS_snakepit-prometheus  := -lmicrohttpd -lgnutls -lcrypt -lyaml -lprotobuf-c -lz
SRC_snakepit-statsd  := $(wildcard reader/statsd/*.c)
INC_snakepit-statsd  := $(INC_model) $(CLI_INC) -Ireader/statsd
ARCH_snakepit-statsd := cli model shm
SRC_snakepit-top  := $(wildcard reader/top/*.c)
INC_snakepit-top  := $(INC_model) $(CLI_INC) -Ireader/top -Ishm/src
ARCH_snakepit-top := cli model shm
SYS_snakepit-top  := -lncursesw -ltinfo -lyaml

# ---- Unit tests: tests/unit/<component>/<module>_test.c, linked with what follows -------
# Long ones of a single thread, in which ThreadSanitizer has nothing to find.
ONE_THREAD := config/hostile_test model/number_test shm/damage_test shm/histogram_test
UNIT := $(filter-out $(if $(filter tsan,$(SAN)),$(ONE_THREAD)), \
	$(patsubst tests/unit/%.c,%,$(wildcard tests/unit/*/*_test.c)))
TINC_shm        := $(INC_shm)
TARCH_shm       := shm
TINC_log        := $(INC_log)
TARCH_log       := log shm
TINC_config     := $(INC_config)
TARCH_config    := config shm
TSYS_config     := -lcyaml -lyaml
TINC_rpc        := $(INC_rpc) -Iruntime/rpc
TARCH_rpc       := rpc shm
TSYS_rpc        := $(GRPC_LIBS) -ldl
TINC_trace      := $(INC_trace) -Iruntime/rpc
TARCH_trace     := trace rpc config shm
TSYS_trace      := $(GRPC_LIBS) -lcyaml -lyaml -ldl
TINC_runtime    := $(INC_runtime)
TARCH_runtime   := runtime trace rpc config log shm
TSYS_runtime    := $(SYS_snakepitd)
TINC_embed      := $(INC_runtime)
TARCH_embed     := $(TARCH_runtime)
TSYS_embed      := $(SYS_snakepitd)
TINC_model      := $(INC_model)
TARCH_model     := model shm
TINC_cli        := $(INC_cli)
TARCH_cli       := cli model shm
TINC_prometheus := $(INC_snakepit-prometheus)
TARCH_prometheus := $(ARCH_snakepit-prometheus)
TSYS_prometheus := $(SYS_snakepit-prometheus)
TINC_statsd     := $(INC_snakepit-statsd)
TARCH_statsd    := $(ARCH_snakepit-statsd)
TINC_top        := $(INC_snakepit-top)
TARCH_top       := $(ARCH_snakepit-top)
TSYS_top        := $(SYS_snakepit-top) -lvterm
# Objects of a program (all but its main.c) that a component's tests link directly.
TOBJ_prometheus := $(filter-out reader/prometheus/main.c,$(SRC_snakepit-prometheus))
TOBJ_statsd     := $(filter-out reader/statsd/main.c,$(SRC_snakepit-statsd))
TOBJ_top        := $(filter-out reader/top/main.c,$(SRC_snakepit-top))

# ---- Rules ----------------------------------------------------------------------------
.PHONY: all help deps lib bins unit-bins test check demo lint format clean proto
.DEFAULT_GOAL := all
.SECONDARY:
.DELETE_ON_ERROR:

all: bins lib proto-python ## build the programs into build/bin, the library into build/lib

help: ## list the targets
	@awk -F':.*## ' '/^[a-z-]+:.*## /{printf "  %-14s %s\n",$$1,$$2}' Makefile tools/make/*.mk

-include $(wildcard tools/make/*.mk)

obj = $(patsubst %.c,$(B)/obj/%.o,$(1))

define LIB_RULES
$(B)/lib/libsnp-$(1).a: $(call obj,$(foreach d,$(DIRS_$(1)),$(wildcard $(d)/*.c))) $(EXTRA_OBJ_$(1))
	@mkdir -p $$(@D)
	$$(Q)rm -f $$@ && ar rcs $$@ $$^
$(call obj,$(foreach d,$(DIRS_$(1)),$(wildcard $(d)/*.c))): INC := $(INC_$(1))
endef

define PROG_RULES
$(BIN)/$(1): $(call obj,$(SRC_$(1))) $(ARCH_$(1):%=$(B)/lib/libsnp-%.a)
	@mkdir -p $$(@D)
	@echo "  LD    $$@"
	$$(Q)$$(CC) $$(LDFLAGS) -o $$@ $(call obj,$(SRC_$(1))) $(ARCH_$(1):%=$(B)/lib/libsnp-%.a) $(SYS_$(1)) -lm
$(call obj,$(SRC_$(1))): INC := $(INC_$(1))
endef

# $(1) component, $(2) component/module_test
define UNIT_RULES
$(B)/tests/unit/$(2): $(B)/obj/tests/unit/$(2).o $(call obj,$(TOBJ_$(1))) $(TARCH_$(1):%=$(B)/lib/libsnp-%.a)
	@mkdir -p $$(@D)
	$$(Q)$$(CC) $$(LDFLAGS) $$(foreach s,$$(WRAP_$(subst /,_,$(2))),-Wl,--wrap=$$(s)) -o $$@ $$^ $(TSYS_$(1)) -lcmocka -lm
$(B)/obj/tests/unit/$(2).o: INC := $(TINC_$(1)) -Itests/lib
endef

$(foreach l,$(LIBS),$(eval $(call LIB_RULES,$(l))))
$(foreach p,$(PROGS),$(if $(SRC_$(p)),$(eval $(call PROG_RULES,$(p)))))
$(foreach t,$(UNIT),$(eval $(call UNIT_RULES,$(word 1,$(subst /, ,$(t))),$(t))))

$(B)/obj/%.o: %.c
	@mkdir -p $(@D)
	@echo "  CC    $<"
	$(Q)$(CC) $(CPPFLAGS) $(INC) $(CFLAGS) -c -o $@ $<

bins: $(foreach p,$(PROGS),$(if $(SRC_$(p)),$(BIN)/$(p)))
unit-bins: $(UNIT:%=$(B)/tests/unit/%)

# ---- libsnakepit-shm: what programs of others link to read (or write) a segment ---------
# The map says what is exported; the shared library is named by the version of its ABI.
SHM_MAP    := shm/libsnakepit-shm.map
SHM_SONAME := libsnakepit-shm.so.$(firstword $(subst ., ,$(SHM_VERSION)))
SHM_REAL   := libsnakepit-shm.so.$(SHM_VERSION)
SHM_LIBS   := $(B)/lib/libsnakepit-shm.a $(B)/lib/$(SHM_REAL) $(B)/lib/$(SHM_SONAME) \
	      $(B)/lib/libsnakepit-shm.so
SHM_OBJ    := $(call obj,$(wildcard $(DIRS_shm)/*.c))

lib: $(SHM_LIBS) ## build libsnakepit-shm, static and shared
$(B)/lib/libsnakepit-shm.a: $(SHM_OBJ)
	@mkdir -p $(@D)
	$(Q)rm -f $@ && ar rcs $@ $^
$(B)/lib/$(SHM_REAL): $(SHM_OBJ) $(SHM_MAP)
	@mkdir -p $(@D)
	@echo "  LD    $@"
	$(Q)$(CC) -shared -pthread -Wl,-soname,$(SHM_SONAME) -Wl,--version-script=$(SHM_MAP) \
	    -Wl,-z,relro,-z,now $(if $(SAN),,-Wl$(comma)-z$(comma)defs) $(SAN_FLAGS) \
	    -o $@ $(SHM_OBJ) -lm
$(B)/lib/$(SHM_SONAME): $(B)/lib/$(SHM_REAL)
	$(Q)ln -sf $(SHM_REAL) $@
$(B)/lib/libsnakepit-shm.so: $(B)/lib/$(SHM_SONAME)
	$(Q)ln -sf $(SHM_SONAME) $@

# ---- Protocol buffers: generated C lives under build/gen, Python under _generated/ ------
PROTO_C := bridge pool health control
PROTO_WELL_KNOWN := any timestamp
$(GEN)/%.pb-c.c: proto/%.proto
	@mkdir -p $(@D)
	$(Q)protoc-c --proto_path=proto --proto_path=/usr/include --c_out=$(GEN) $<
$(GEN)/google/protobuf/%.pb-c.c: /usr/include/google/protobuf/%.proto
	@mkdir -p $(@D)
	$(Q)protoc-c --proto_path=/usr/include --c_out=$(GEN) $<
PB_SRC := $(PROTO_WELL_KNOWN:%=$(GEN)/google/protobuf/%.pb-c.c) $(PROTO_C:%=$(GEN)/%.pb-c.c)
PB_OBJ := $(PB_SRC:$(GEN)/%.c=$(B)/obj/gen/%.o)
$(B)/obj/gen/%.o: $(GEN)/%.c
	@mkdir -p $(@D)
	$(Q)$(CC) -std=c11 -g $(OPT) -fPIC -fstack-protector-strong $(SAN_FLAGS) -w -I$(GEN) -c -o $@ $<
$(B)/lib/libsnp-rpc.a: $(PB_OBJ)
$(call obj,$(wildcard runtime/rpc/*.c)): | $(PB_SRC)
proto: $(PB_SRC) ## generate the C protocol code

PYGEN := priv/python/snakepit_bridge/_generated/.stamp
.PHONY: proto-python
proto-python: $(PYGEN)
$(PYGEN): proto/bridge.proto proto/pool.proto proto/health.proto proto/control.proto tools/gen-python-proto | deps
	$(Q)tools/gen-python-proto
	@touch $@

# ---- What a user types -----------------------------------------------------------------
# A build of many files uses all processors, unless the caller said how many.
BUILD = $(MAKE) --no-print-directory \
	$(if $(filter -j%,$(MAKEFLAGS)),,-j$(shell nproc))

# DEPS=: is for builds whose packages somebody else has seen to, such as Debian's.
DEPS ?= tools/install-deps
deps: ## install packages and make .venv (idempotent)
	@$(DEPS)

test: deps ## install, build, pass every test (SAN=asan|tsan for sanitizer builds)
	$(Q)+$(BUILD) bins unit-bins proto-python
	-$(Q)+$(BUILD) -s -k peers
	$(Q)tests/run --build $(B)

check: ## C unit tests only, no installation
	$(Q)+$(BUILD) unit-bins
	$(Q)tests/run --build $(B) --only unit

demo: deps ## install, build, run the demo and look at it
	$(Q)+$(BUILD) all
	$(Q)$(BIN)/snakepit demo

lint: deps ## formatting, static analysis, layers, symbols, Python and shell checks
	$(Q)tools/lint

format: ## clang-format and ruff format in place
	$(Q)$$(tools/toolchain clang-format) -i $$(git ls-files '*.c' '*.h')
	$(Q).venv/bin/ruff format priv/python tests tools examples

clean: ## remove build/
	$(Q)rm -rf build priv/python/snakepit_bridge/_generated

-include $(shell find $(B)/obj -name '*.d' 2>/dev/null)
