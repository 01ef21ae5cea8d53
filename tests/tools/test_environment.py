"""One table names every variable and switch of telemetry, and the sources agree."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
TABLE = ROOT / "tools/cli/include/cli/environment.def"
KEYS = ROOT / "runtime/config/keys.def"
SOURCES = ("runtime", "reader", "shm", "tools", "priv/python")
# A name at the beginning of a string: that is where code reads, sets or looks for it.
NAME = re.compile(r'"((?:SNAKEPIT|OTEL)_[A-Z0-9_]+)')
# What settings.c puts together of two strings, for all signals and for each.
PREFIX = "OTEL_EXPORTER_OTLP_"
SIGNAL = re.compile(rf"{PREFIX}(METRICS|TRACES|LOGS)_")


def rows(macro: str) -> list[list[str]]:
    calls = re.findall(rf"^{macro}\((.*)\)$", TABLE.read_text(), re.MULTILINE)
    return [[word.strip(' "') for word in call.split(",")] for call in calls]


TABLED = {name: group for group, name, *_ in rows("SNP_ENV")}


def sources() -> Iterator[Path]:
    for folder in SOURCES:
        for path in (ROOT / folder).rglob("*"):
            inside = path.relative_to(ROOT).parts
            if path.suffix in {".c", ".h", ".py"} and not {
                "tests",
                "_generated",
                "lang",
            } & set(inside):
                yield path


def in_sources() -> dict[str, Path]:
    found = {
        name: path for path in sources() for name in NAME.findall(path.read_text())
    }
    settings = (ROOT / "reader/otlp/settings.c").read_text()
    each = settings.partition("each[] = {")[2].partition("};")[0]
    assert found.pop(PREFIX).name == "settings.c"
    for suffix in re.findall(r'\{"([A-Z_]+)",', each):
        found[PREFIX + suffix] = ROOT / "reader/otlp/settings.c"
    return found


def base_of(name: str) -> str:
    """Return the form for all signals of one for a single signal, where that is one."""
    base = SIGNAL.sub(PREFIX, name)
    return base if TABLED.get(base) == "ENDPOINT" else name


def test_every_variable_of_the_sources_is_in_the_table() -> None:
    found = {base_of(name): path for name, path in in_sources().items()}
    missing = {name: str(path) for name, path in found.items() if name not in TABLED}
    assert not missing, f"add them to {TABLE.relative_to(ROOT)}"


def test_every_variable_of_the_table_is_in_the_sources() -> None:
    assert sorted(set(TABLED) - {base_of(name) for name in in_sources()}) == []


def test_every_switch_of_the_configuration_is_in_the_table() -> None:
    switches = re.findall(
        r"^BOOL\((\w+), (enabled|otel),", KEYS.read_text(), re.MULTILINE
    )
    assert sorted(switches) == sorted(
        (section, member) for section, member, *_ in rows("SNP_SWITCH")
    )


@pytest.mark.parametrize("key", [row[2] for row in rows("SNP_SWITCH")])
def test_every_switch_is_off_and_a_key_that_exists(key: str) -> None:
    page = (ROOT / "docs/environment.md").read_text()
    assert f"| `{key}` | `false` |" in page
    words = key.split(".")
    default = subprocess.run(
        [ROOT / "build/bin/snakepit-config", "default"],
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    # The last part below each of the others, deeper and deeper.
    at = 0
    for depth, word in enumerate(words):
        match = re.compile(rf"^{'  ' * depth}{word}:", re.MULTILINE).search(default, at)
        assert match, f"{key}: no {word} in snakepit config default"
        at = match.end()
    assert default[at:].startswith(" false\n")
