"""What pyproject.toml repeats, because pip reads nothing else."""

from __future__ import annotations

import re
from pathlib import Path

FOLDER = Path(__file__).resolve().parents[1]
PROJECT = (FOLDER / "pyproject.toml").read_text()


def _strings(key: str) -> list[str]:
    found = re.search(rf"^{key} = \[(.*?)\]", PROJECT, re.MULTILINE | re.DOTALL)
    assert found is not None
    return re.findall(r'"(.*?)"', found[1])


def test_requirements_are_those_that_are_tested() -> None:
    tested = (FOLDER / "requirements.txt").read_text().splitlines()
    needed = [*_strings("dependencies"), *_strings("otel")]
    assert {"grpcio>=1.51,<2", "opentelemetry-sdk>=1.37,<1.46"} <= {*needed}
    # What comes along with grpcio, in whatever version it has.
    assert {*needed} - {*tested} == {"typing_extensions>=4.0"}


def test_the_version_is_the_programs() -> None:
    makefile = (FOLDER.parents[1] / "Makefile").read_text()
    found = re.search(r"^VERSION := (.*)$", makefile, re.MULTILINE)
    assert found is not None
    assert f'version = "{found[1]}"' in PROJECT
