"""What a service manager and an impatient operator see of snakepitd."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import time
from collections.abc import Iterator
from pathlib import Path

import grpc
import pytest
from client import Client
from harness import World, wait_until
from runtime_kit import RunDaemon, config, wait_books


class Manager:
    """Holds the socket that a service manager would."""

    def __init__(self, name: str) -> None:
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.socket.bind(name.replace("@", "\0", 1))
        self.socket.settimeout(0)
        self.heard: list[str] = []

    def listen(self) -> list[str]:
        with contextlib.suppress(BlockingIOError):
            while True:
                self.heard += self.socket.recv(4096).decode().splitlines()
        return self.heard

    def wait_for(self, line: str) -> None:
        wait_until(lambda: line in self.listen(), 15, line)


@pytest.fixture(params=["path", "abstract"])
def manager(request: pytest.FixtureRequest, world: World) -> Iterator[Manager]:
    path = f"{world.directory}/notify"
    name = path if request.param == "path" else f"@{path}"
    world.env.update(NOTIFY_SOCKET=name, WATCHDOG_USEC="200000")
    manager = Manager(name)
    yield manager
    manager.socket.close()


def test_a_service_manager_hears_how_it_goes(
    manager: Manager, run_daemon: RunDaemon, client: Client
) -> None:
    daemon = run_daemon(config())
    manager.wait_for("READY=1")
    assert client.serving()
    assert f"MAINPID={daemon.pid}" in manager.heard
    manager.wait_for("STATUS=2 of 2 workers ready")
    # Nobody below it is asked.
    assert client.call("default", "environment", name="NOTIFY_SOCKET") is None
    manager.heard.clear()
    manager.wait_for("WATCHDOG=1")
    before_us = time.monotonic_ns() // 1000
    os.kill(daemon.pid, signal.SIGHUP)
    manager.wait_for("RELOADING=1")
    (stamp,) = (line for line in manager.heard if line.startswith("MONOTONIC_USEC="))
    assert before_us <= int(stamp.partition("=")[2]) <= time.monotonic_ns() // 1000
    manager.wait_for("READY=1")
    os.kill(daemon.pid, signal.SIGTERM)
    manager.wait_for("STOPPING=1")
    assert "EXTEND_TIMEOUT_USEC=26000000" in manager.listen()


def test_a_runtime_that_hangs_gives_no_sign_of_life(
    world: World, run_daemon: RunDaemon
) -> None:
    world.env.update(NOTIFY_SOCKET=f"{world.directory}/n", WATCHDOG_USEC="100000")
    manager = Manager(f"{world.directory}/n")
    daemon = run_daemon(config())
    manager.wait_for("READY=1")
    os.kill(daemon.pid, signal.SIGSTOP)
    status = Path(f"/proc/{daemon.pid}/stat")
    wait_until(lambda: ") T " in status.read_text(), 5, "a stopped process")
    manager.listen()
    manager.socket.settimeout(0.3)
    with pytest.raises(TimeoutError):
        manager.socket.recv(4096)
    manager.socket.settimeout(0)
    manager.heard.clear()
    os.kill(daemon.pid, signal.SIGCONT)
    manager.wait_for("WATCHDOG=1")
    manager.socket.close()


def test_a_second_sigterm_cuts_the_drain_a_third_the_stop(
    run_daemon: RunDaemon, client: Client, world: World
) -> None:
    timeouts = {"drain_timeout_ms": 60000, "stop_timeout_ms": 60000}
    daemon = run_daemon({**config(workers=1), "shutdown": timeouts})
    daemon.wait_ready(1)
    running = client.future("default", "hold_gil", seconds=30)
    wait_books(world, active=1)
    os.kill(daemon.pid, signal.SIGTERM)
    daemon.wait_log(msg="stopping")
    os.kill(daemon.pid, signal.SIGTERM)
    daemon.wait_log(msg="stopping faster")
    assert daemon.process.poll() is None  # the worker holds the GIL, and has a minute
    os.kill(daemon.pid, signal.SIGTERM)
    assert daemon.process.wait(10) == 0
    assert running.code() is grpc.StatusCode.UNAVAILABLE
