# Man pages: man/NAME.SECTION.scd.in, filled in with what the programs say of themselves,
# pages as they are, and other names of pages. What shells complete is there as it is: it
# asks the programs.
MAN_FILLED := $(patsubst man/%.scd.in,$(B)/man/%,$(wildcard man/*.scd.in))
MAN_ALIAS  := $(addprefix $(B)/man/snakepit-,dump.1 events.1 help.1 run.1 version.1)
MAN        := $(MAN_FILLED) $(MAN_ALIAS) $(wildcard man/*.[158])

COMPLETE_BASH := $(wildcard completions/bash/*)
COMPLETE_ZSH  := $(wildcard completions/zsh/*)
COMPLETE_FISH := $(wildcard completions/fish/*)

.PHONY: man
man: $(MAN) ## build the man pages into build/man

$(B)/man/%: man/%.scd.in tools/gen-man tools/cli/include/cli/environment.def | bins
	@mkdir -p $(@D)
	$(Q)tools/gen-man $(BIN) $< >$@
$(MAN_FILLED): $(wildcard $(BIN)/snakepit*)

$(B)/man/snakepit-dump.1 $(B)/man/snakepit-events.1: $(B)/man/snakepit-inspect.1
$(B)/man/snakepit-help.1 $(B)/man/snakepit-version.1: $(B)/man/snakepit.1
$(B)/man/snakepit-run.1: $(B)/man/snakepitd.8
$(MAN_ALIAS):
	$(Q)ln -sf $(<F) $@

install-man: $(MAN)
