"""The fixtures of the integration tests, and a row in the table of chaos."""

from __future__ import annotations

from collections.abc import Generator

import case_report
import pytest
from fixtures import run_daemon, skip_where_sanitized, snp_dir, world
from harness import BUILD
from soak_record import SoakRecord

__all__ = ["run_daemon", "snp_dir", "world"]

RECORD = pytest.StashKey[SoakRecord]()


@pytest.fixture
def record(request: pytest.FixtureRequest) -> SoakRecord:
    """Give what is kept of the run."""
    kept: SoakRecord = request.node.stash.setdefault(RECORD, SoakRecord(BUILD / "soak"))
    return kept


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    skip_where_sanitized(items)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    result = yield
    record = item.stash.get(RECORD, None)
    if result.when == "call" or result.outcome != "passed":
        long = record is not None and record.is_long
        case_report.keep(item, "31", result, full=long)
    if record:
        record.phase_ended(result.when, call.excinfo and call.excinfo.value)
    return result
