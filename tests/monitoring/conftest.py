"""A stack that runs for all tests of a file; a world for those that start their own."""

from __future__ import annotations

import contextlib
import shutil
from collections.abc import Iterator

import pytest
from cli_tools import private_dir
from harness import World
from stack_kit import Stack


@contextlib.contextmanager
def own_world() -> Iterator[World]:
    """Make a world in which even temporary files are; fail when any is left."""
    if not shutil.which("prometheus"):
        pytest.skip("prometheus is not installed")
    with private_dir() as directory:
        world = World(directory)
        world.env["TMPDIR"] = str(directory)
        yield world
        world.assert_empty()


@pytest.fixture
def world() -> Iterator[World]:
    with own_world() as world:
        yield world


@pytest.fixture(scope="module")
def stack() -> Iterator[Stack]:
    with own_world() as world:
        stack = Stack(world)
        yield stack
        assert stack.end() == 0, stack.said
        assert not list(world.directory.iterdir())
