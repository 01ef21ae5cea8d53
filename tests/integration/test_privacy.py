"""What another user of the same machine learns from a runtime: nothing."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from client import Client
from harness import Daemon, World
from runtime_kit import RunDaemon, config

GIVEN = "hush-4b1d"
# Tries each path in each way; tells those that worked.
PROBE = """
import os, socket, sys

os.setgroups([])
os.setgid(65534)
os.setuid(65534)

def connect(path):
    with socket.socket(socket.AF_UNIX) as peer:
        peer.connect(path)

WAYS = {
    "read": lambda path: os.open(path, os.O_RDONLY | os.O_NONBLOCK),
    "written": lambda path: os.open(path, os.O_WRONLY | os.O_NONBLOCK),
    "called": connect,
    "added to": lambda path: os.mkdir(path + "/x"),
}
for path in sys.argv[1:]:
    for way, attempt in WAYS.items():
        try:
            attempt(path)
            print(path, way)
        except OSError:
            pass
"""


@contextlib.contextmanager
def careless_umask() -> Iterator[None]:
    before = os.umask(0)
    try:
        yield
    finally:
        os.umask(before)


def open_to_others(paths: list[Path]) -> list[str]:
    """Name what a user with no rights can do with each path."""
    done = subprocess.run(
        [sys.executable, "-c", PROBE, *map(str, paths)],
        check=True,
        capture_output=True,
        text=True,
    )
    return done.stdout.splitlines()


def made_by(daemon: Daemon) -> list[Path]:
    """All that a runtime put into its directory, which the tests share with it."""
    ours = {daemon.log, daemon.config}
    return [p for p in daemon.world.directory.rglob("*") if p not in ours]


@pytest.fixture
def runtime(world: World, run_daemon: RunDaemon) -> Daemon:
    """Start one that was given a secret, in a directory that everybody may enter."""
    world.directory.chmod(0o755)
    with careless_umask():
        daemon = run_daemon(config(env=[f"TOKEN={GIVEN}"]))
        daemon.wait_ready(2)
    return daemon


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can be another user")
def test_another_user_can_do_nothing_with_what_a_runtime_makes(
    runtime: Daemon, world: World
) -> None:
    paths = made_by(runtime)
    assert {"it.seg", "it.sock", "it.lock", "it.census"} <= {p.name for p in paths}
    assert open_to_others(paths) == []

    careless = world.directory / "careless"
    careless.touch(0o644)
    assert open_to_others([careless]) == [f"{careless} read"]


def test_a_secret_for_workers_is_in_no_file_log_or_command_line(
    runtime: Daemon, client: Client
) -> None:
    told = client.call("default", "environment", name="TOKEN")
    assert told == GIVEN
    for path in made_by(runtime):
        if path.is_file():
            assert GIVEN.encode() not in path.read_bytes(), path
    assert GIVEN not in runtime.log_text()
    for line in runtime.processes().values():
        assert GIVEN not in line
