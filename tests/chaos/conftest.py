"""One fixture for all cases, and the table of what they measured.

Each test is marked `case(number)`. What it measured goes to BUILD/chaos, one
file each, whichever of the test processes ran it; report.py makes a table of them.
"""

from __future__ import annotations

from collections.abc import Generator

import case_report
import pytest
from fixtures import cli, run_daemon, skip_where_sanitized, snp_dir, trial, world

__all__ = ["cli", "run_daemon", "snp_dir", "trial", "world"]


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "case(number): a row of the table of cases")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    skip_where_sanitized(items)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item,
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    result = yield
    mark = item.get_closest_marker("case")
    if mark and (result.when == "call" or result.outcome != "passed"):
        case_report.keep(item, mark.args[0], result)
    if result.failed and "trial" in getattr(item, "funcargs", {}):
        result.sections.append(("Events", item.funcargs["trial"].story()))  # type: ignore[attr-defined]
    return result
