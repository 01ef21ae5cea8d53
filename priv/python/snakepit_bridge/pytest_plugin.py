"""A fixture of pytest that starts runtimes; see snakepit_bridge.testing.

In conftest.py::

    pytest_plugins = ["snakepit_bridge.pytest_plugin"]

In a test::

    def test_greet(snakepit_runtime):
        runtime = snakepit_runtime(CONFIG)
        assert runtime.call("greet", "greet", name="Ada") == "Hello, Ada!"
"""

from __future__ import annotations

import contextlib
import sys
from typing import TYPE_CHECKING, Any, Callable

import pytest

from . import testing

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["snakepit_runtime"]


def _show_log(runtime: testing.Runtime) -> None:
    with contextlib.suppress(FileNotFoundError):  # the test ended it itself
        print(runtime.log.text(), file=sys.stderr)  # noqa: T201


@pytest.fixture
def snakepit_runtime() -> Iterator[Callable[..., testing.Runtime]]:
    """Give testing.start(); what it started ends with the test.

    The log is printed then, so that pytest shows it with a test that failed.
    """
    with contextlib.ExitStack() as stack:

        def start(*args: Any, **kwargs: Any) -> testing.Runtime:
            runtime = stack.enter_context(testing.start(*args, **kwargs))
            stack.callback(_show_log, runtime)
            return runtime

        yield start
