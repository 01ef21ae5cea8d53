"""The Elixir reader: its own tests, a living writer, what the document shows of it."""

from __future__ import annotations

from pathlib import Path

import pytest
from language import available, example, run
from living import living_segment
from readers import LANG, ROOT, Reader
from segments import Segment

TREE = ROOT / "reader" / "lang" / "elixir"
# Apart from the program's, which is compiled in another way.
TEST_BUILD = LANG / "elixir-test"


@pytest.fixture
def elixir() -> Reader:
    return available("elixir")


def test_format(elixir: Reader) -> None:
    run(elixir, ["mix", "format", "--check-formatted"], TREE)


def test_unit(elixir: Reader) -> None:
    run(elixir, ["mix", "test"], TREE, MIX_BUILD_PATH=TEST_BUILD)


def test_tear(elixir: Reader) -> None:
    """Nothing torn is seen in a segment that is written as fast as possible."""
    with living_segment(hasty=True) as segment:
        output = run(
            elixir,
            ["mix", "test", "test/living_test.exs"],
            TREE,
            MIX_BUILD_PATH=TEST_BUILD,
            SNAKEPIT_TEST_SEGMENT=segment.path,
        )
    assert "2 tests, 0 failures" in output, output


def test_example(elixir: Reader, tmp_path: Path) -> None:
    script = tmp_path / "example.exs"
    script.write_text(example("Elixir"), "utf-8")
    segment = Segment(tmp_path)
    code = LANG / "elixir" / "lib" / "snakepit_segment" / "ebin"
    output = run(elixir, ["elixir", "-pa", code, script, segment.path], tmp_path)
    segment.close()
    lines = output.splitlines()
    assert lines[0] == "test alive"
    assert any("default" in line and "word_stats" in line for line in lines)
    assert any(line.endswith(" ns") for line in lines)
    assert any(line.endswith(" worker_moved ready") for line in lines)
