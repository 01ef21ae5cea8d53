"""The fixtures are in fixtures.py. A test too slow under a sanitizer is `heavy`."""

from __future__ import annotations

import pytest
from fixtures import (
    cli,
    client,
    inspect,
    run_daemon,
    skip_where_sanitized,
    snp_dir,
    world,
)

__all__ = ["cli", "client", "inspect", "run_daemon", "snp_dir", "world"]


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "heavy: too slow under a sanitizer")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    skip_where_sanitized(item for item in items if "heavy" in item.keywords)
