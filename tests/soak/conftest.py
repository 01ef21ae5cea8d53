"""The fixtures of the integration tests, and a row in the table of chaos."""

from __future__ import annotations

from collections.abc import Generator

import case_report
import pytest
from fixtures import run_daemon, skip_where_sanitized, snp_dir, world

__all__ = ["run_daemon", "snp_dir", "world"]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    skip_where_sanitized(items)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item,
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    result = yield
    if result.when == "call" or result.outcome != "passed":
        case_report.keep(item, "31", result)
    return result
