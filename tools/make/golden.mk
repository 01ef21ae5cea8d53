# Segments that every reader is held to: tests/golden/segments, made by the writer under a
# clock of its own. The files are committed; the format is frozen, so they change only
# where metrics.def grows.
GOLDEN := $(B)/tests/golden
GOLDEN_OBJ := $(B)/obj/tests/conformance/golden.o

$(GOLDEN): $(GOLDEN_OBJ) $(B)/lib/libsnp-shm.a
	@mkdir -p $(@D)
	@echo "  LD    $@"
	$(Q)$(CC) $(LDFLAGS) -Wl,--wrap=clock_gettime -o $@ $^ -lm
$(GOLDEN_OBJ): INC := $(INC_shm)

unit-bins: $(GOLDEN)

.PHONY: golden
golden: $(GOLDEN) $(BIN)/snakepit-inspect ## write tests/golden/segments anew
	$(Q)PYTHONPATH=priv/python .venv/bin/python tests/conformance/golden.py

# The views of snakepit-top in its page and in the README, from golden frames of the tests.
.PHONY: docs-top
docs-top: $(B)/tests/unit/top/view_test $(BIN)/snakepit-top ## docs/top.md's views, as the program draws them
	$(Q)SNP_GOLDEN_UPDATE=1 $< >$(B)/docs-top.log 2>&1 || { cat $(B)/docs-top.log; exit 1; }
	$(Q)SNP_GOLDEN_UPDATE=1 .venv/bin/pytest -q -c tests/pytest.ini tests/integration/test_top_recorded.py
	$(Q)tools/gen-top-doc

.PHONY: picture
picture: bins ## docs/images/top.svg, as a terminal shows the running demo after four minutes
	$(Q)tools/top-picture
