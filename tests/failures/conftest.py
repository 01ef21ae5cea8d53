"""Fixtures of the failures; the trials are those of tests/chaos."""

from __future__ import annotations

import harness
import pytest
from fixtures import cli, run_daemon, snp_dir, trial, world

__all__ = ["cli", "run_daemon", "snp_dir", "trial", "world"]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Skip builds that a sanitizer slows down: the limits here are not for them."""
    if harness.is_sanitized():
        skip = pytest.mark.skip(reason=f"heavy, and the build is {harness.BUILD.name}")
        for item in items:
            item.add_marker(skip)
