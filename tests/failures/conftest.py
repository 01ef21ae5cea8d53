"""Fixtures of the failures; the trials are those of tests/chaos."""

from __future__ import annotations

import pytest
from fixtures import cli, run_daemon, skip_where_sanitized, snp_dir, trial, world

__all__ = ["cli", "run_daemon", "snp_dir", "trial", "world"]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    skip_where_sanitized(items)
