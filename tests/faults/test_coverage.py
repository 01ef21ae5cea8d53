"""Each function that a program calls is one that a test has fail, or has its reason."""

from __future__ import annotations

import pytest
from fault_runs import failing, imports
from harmless import HARMLESS

PROGRAMS = (
    "snakepit",
    "snakepit-config",
    "snakepit-inspect",
    "snakepit-otlp",
    "snakepit-prometheus",
    "snakepit-statsd",
    "snakepit-top",
)


@pytest.mark.parametrize("program", PROGRAMS)
def test_a_new_call_is_made_to_fail_or_has_a_reason(program: str) -> None:
    unknown = {name for name in imports(program) if not name.startswith("__asan")}
    unknown -= failing() | HARMLESS
    assert not unknown, "into tests/lib/fault_table.h, or tests/faults/harmless.py"


def test_nothing_is_both() -> None:
    assert not failing() & HARMLESS
