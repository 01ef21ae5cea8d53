"""Segments that are broken, or that only look odd, and what every reader says of them.

The expected outcomes are those of section 7 of shm/format/segment.md.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path

from broken_directory import directory_cases
from broken_header import header_cases, truncated_cases, word_cases
from broken_schema import descriptor_cases, schema_cases
from broken_values import random_cases, snap_cases, value_cases
from cases import FINE, Case, Error, Outcome, damaged
from lab import Lab


def cases_by_group() -> dict[str, list[Case]]:
    """Return all cases that are changes of bytes."""
    groups: dict[str, Callable[[], Iterator[Case]]] = {
        "header": header_cases,
        "words": word_cases,
        "truncated": truncated_cases,
        "directory": directory_cases,
        "schema": schema_cases,
        "descriptors": descriptor_cases,
        "snap": snap_cases,
        "values": value_cases,
        "random": random_cases,
    }
    return {name: list(cases()) for name, cases in groups.items()}


def special_files(directory: Path, full: Lab) -> dict[Path, Outcome]:
    """Make what a path may lead to besides a segment."""
    expected: dict[Path, Outcome] = {}

    def at(name: str, outcome: Outcome) -> Path:
        path = directory / name
        expected[path] = outcome
        return path

    good = at("good", FINE)
    full.write(good)
    at("nothing", Error("missing", "path"))
    expected[good / "below"] = Error("missing", "path")
    at("directory", Error("denied", "path")).mkdir()
    os.mkfifo(at("fifo", Error("denied", "path")))
    at("link", Error("denied", "path")).symlink_to(good)
    everybody = at("everybody", Error("denied", "mode"))
    full.write(everybody)
    everybody.chmod(0o666)
    with at("huge", damaged("file")).open("wb") as file:
        file.truncate(5 << 30)
    expected[Path("/dev/null")] = Error("denied", "path")
    return expected
