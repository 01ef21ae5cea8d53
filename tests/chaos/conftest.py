"""One fixture for all cases, and the table of what they measured.

Each test is marked `case(number)`. What it measured goes to BUILD/chaos, one file each,
whichever of the test processes ran it; case_report.py makes a table of them. In a full
run each case is tried again and again, for percentiles of what it takes.
"""

from __future__ import annotations

import time
from collections.abc import Generator, Iterator
from typing import Any

import case_report
import pytest
from _pytest.runner import runtestprotocol
from fixtures import cli, run_daemon, skip_where_sanitized, snp_dir, trial, world
from harness import is_sanitized
from trials import FULL

__all__ = ["cli", "run_daemon", "snp_dir", "trial", "world"]

AGAIN_S = 8.0  # no more runs of a case after that
MOST_RUNS = 20
RUNS = pytest.StashKey[list[dict[str, Any]]]()


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "case(number): a row of the table of cases")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    skip_where_sanitized(items)


def _reports(
    item: pytest.Item, nextitem: pytest.Item | None
) -> Iterator[list[pytest.TestReport]]:
    """Run a test, each time with fixtures of its own, until it has been long enough."""
    end = time.monotonic() + AGAIN_S
    for _ in range(MOST_RUNS):
        yield runtestprotocol(item, nextitem=nextitem, log=False)
        if time.monotonic() >= end:
            return


def pytest_runtest_protocol(
    item: pytest.Item, nextitem: pytest.Item | None
) -> bool | None:
    if not FULL or is_sanitized() or not item.get_closest_marker("case"):
        return None  # once, as ever
    item.ihook.pytest_runtest_logstart(nodeid=item.nodeid, location=item.location)
    for reports in _reports(item, nextitem):
        if any(report.outcome != "passed" for report in reports):
            break
    # It counts as one test: the last run of it, or the one that failed.
    for report in reports:
        item.ihook.pytest_runtest_logreport(report=report)
    item.ihook.pytest_runtest_logfinish(nodeid=item.nodeid, location=item.location)
    return True


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item: pytest.Item) -> Generator[None, None, None]:
    """Take down what a run came to while its runtime is still there."""
    yield
    if item.get_closest_marker("case"):
        trial = item.funcargs["trial"]  # type: ignore[attr-defined]
        item.stash.setdefault(RUNS, []).append(trial.record())


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item,
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    result = yield
    mark = item.get_closest_marker("case")
    if mark and (result.when == "call" or result.outcome != "passed"):
        runs = item.stash.setdefault(RUNS, [])
        case_report.keep(item, mark.args[0], result, runs)
    if result.failed and "trial" in (getattr(item, "funcargs", None) or {}):
        result.sections.append(("Events", item.funcargs["trial"].story()))  # type: ignore[attr-defined]
    return result
