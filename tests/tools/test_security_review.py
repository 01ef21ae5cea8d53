"""Each line of docs/security-review.md names tests, and those are there."""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
REVIEW = ROOT / "docs" / "security-review.md"
TEST = re.compile(r"`((?:priv/python/)?tests/[\w/.]+)(?:::(\w+))?`")


def lines_of_inputs() -> list[str]:
    """Give the table's lines, less its head."""
    section = REVIEW.read_text().split("## Inputs")[1].split("\n## ")[0]
    return [line for line in section.splitlines() if line.startswith("| ")][1:]


def is_there(path: str, name: str | None) -> bool:
    """Tell whether a file defines such a test, and runs it."""
    file = ROOT / path
    text = file.read_text() if file.is_file() else ""
    if not name:
        return bool(text)
    if path.endswith(".py"):
        return bool(re.search(rf"^ *(?:async )?def {name}\(", text, re.MULTILINE))
    uses = len(re.findall(rf"\b{name}\b", text))
    return uses >= 2  # its definition, and its place in the list of those that run


def test_every_line_names_tests_that_are_there() -> None:
    lines = lines_of_inputs()
    assert len(lines) > 20
    for line in lines:
        tests = TEST.findall(line)
        assert tests, f"no test: {line}"
        missing = [test for test in tests if not is_there(*test)]
        assert not missing, f"not there: {missing}"


def test_every_fuzz_target_is_named() -> None:
    text = REVIEW.read_text()
    targets = {p.stem.removesuffix("_fuzz") for p in ROOT.glob("tests/fuzz/*_fuzz.c")}
    assert {target for target in targets if f"`{target}`" not in text} == set()
