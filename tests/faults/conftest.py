"""Not with sanitizers, whose runtimes have to be loaded before anything else."""

from __future__ import annotations

import pytest
from fixtures import skip_where_sanitized


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    skip_where_sanitized(items)
