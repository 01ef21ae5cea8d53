"""Fixtures of the suites that run the real programs; see harness.py."""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import harness
import pytest
from client import Client
from trials import Trial

__all__ = ["cli", "client", "inspect", "run_daemon", "snp_dir", "trial", "world"]

RunDaemon = Callable[..., harness.Daemon]


def skip_where_sanitized(items: Iterable[pytest.Item]) -> None:
    """Skip tests where a sanitizer slows programs down: the limits are not for that."""
    if harness.is_sanitized():
        skip = pytest.mark.skip(reason=f"heavy, and the build is {harness.BUILD.name}")
        for item in items:
            item.add_marker(skip)


@pytest.fixture
def snp_dir() -> Iterator[Path]:
    """Give a private directory, on tmpfs where there is one; short, for sockets."""
    base = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None
    path = Path(tempfile.mkdtemp(prefix="snp-it-", dir=base))
    yield path
    shutil.rmtree(path, ignore_errors=True)


@pytest.fixture
def world(snp_dir: Path) -> Iterator[harness.World]:
    """Give a world with no process in it, and see that none is left."""
    world = harness.World(snp_dir)
    yield world
    world.assert_empty()


@pytest.fixture
def run_daemon(world: harness.World) -> Iterator[RunDaemon]:
    """Give a function that starts snakepitd; each one it started ends with the test."""
    started: list[harness.Daemon] = []

    def start(config: Mapping[str, Any] | str, *arguments: str) -> harness.Daemon:
        started.append(harness.Daemon.start(world, config, *arguments))
        return started[-1]

    yield start
    problems = []
    for daemon in reversed(started):
        # All must be stopped, whatever one of them says.
        try:
            daemon.stop()
        except AssertionError as error:
            problems.append(str(error))
    assert not problems, "\n".join(problems)


@pytest.fixture
def cli(world: harness.World) -> Callable[..., subprocess.CompletedProcess[str]]:
    """Give a function that runs `snakepit` with arguments to its end."""

    def run(*arguments: str, **more: Any) -> subprocess.CompletedProcess[str]:
        return world.run("snakepit", *arguments, **more)

    return run


@pytest.fixture
def inspect(world: harness.World) -> Callable[..., dict[str, Any]]:
    """Give a function that reads a segment through snakepit-inspect."""
    return world.inspect


@pytest.fixture
def client(world: harness.World) -> Iterator[Client]:
    """Give a gRPC client of the instance the runtime's tests start."""
    with contextlib.closing(Client(world.directory, "it")) as client:
        yield client


@pytest.fixture
def trial(world: harness.World, run_daemon: RunDaemon) -> Iterator[Trial]:
    """Give a trial in a world of its own."""
    with contextlib.closing(Trial(world, run_daemon)) as trial:
        yield trial
