#!/usr/bin/env python3
"""Measure the runtime itself: many workers, their starts and deaths.

    runtime_scale.py BUILD

Prints rows for tests/bench/run, which says where to import from. A thousand workers are
stand-ins (tests/lib/standin.py); a hundred are real Python.
"""

from __future__ import annotations

import contextlib
import os
import select
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from harness import ROOT, World, metric, wait_until
from runtime_bench import quiet, row, running
from runtime_kit import ADAPTERS, INSTANCE, config, rss_kib
from standin import Hub
from trials import read_events

DEATHS = 30
CPU_S = 10.0


def cpu_s(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def elapse(seconds: float) -> float:
    """Let that much time pass, and say how much it was."""
    began = time.monotonic()
    wait_until(lambda: time.monotonic() - began >= seconds, seconds + 5, "the time")
    return time.monotonic() - began


def heartbeats(build: Path, workers: int) -> None:
    """Measure the CPU of a runtime with a heartbeat a second for each worker."""
    with contextlib.ExitStack() as stack:
        folder = tempfile.TemporaryDirectory(prefix="snp-hub-", dir="/dev/shm")
        hub = stack.enter_context(Hub(build, Path(stack.enter_context(folder))))
        settings = quiet(
            hub.pool(workers),
            segment={"max_worker_slots": workers},
            heartbeat={"enabled": True, "ping_interval_ms": 1000},
        )
        world, daemon = stack.enter_context(running(build, settings, workers))
        pongs = "snakepit.heartbeat.pongs"
        wait_until(
            lambda: metric(world.inspect(INSTANCE), pongs) >= workers,
            60,
            "a heartbeat of each",
        )
        shares = []
        for _ in range(3):
            used = cpu_s(daemon.pid)
            passed = elapse(CPU_S)
            shares.append(100 * (cpu_s(daemon.pid) - used) / passed)
    row(
        f"runtime, {workers} workers, a heartbeat a second", "% of a core", shares,
        "value<=", 4,
    )  # fmt: skip


def starts(build: Path, workers: int) -> None:
    """Start Python workers all at once: how long, against the slowest of them."""
    settings = quiet(config(workers=workers)["pools"][0], segment={})
    settings["pools"][0]["startup"] = {
        "batch_size": workers,
        "boot_timeout_ms": 600000,
        "answer_timeout_ms": 600000,
    }
    with running(build, settings, workers) as (world, daemon):
        memory = rss_kib(daemon.pid) / 1024
        moves = [e for e in read_events(world) if e["kind"] == "worker_moved"]
    born = {e["slot"]: e["mono_ns"] for e in moves if e["to"] == "spawning"}
    ready = {e["slot"]: e["mono_ns"] for e in moves if e["to"] == "ready"}
    slowest = max(ready[slot] - born[slot] for slot in ready) / 1e6
    everything = (max(ready.values()) - min(born.values())) / 1e6
    bare = interpreters(workers)
    row(
        f"{workers} Python workers ready", "ms", [everything], "ratio<=", 1.1,
        against=(everything / slowest, "the slowest"),
    )  # fmt: skip
    row(
        f"{workers} interpreters with the same imports", "ms", [bare],
        against=(everything / bare, "is what the workers took"),
    )  # fmt: skip
    row(f"runtime, RSS with {workers} workers", "MiB", [memory], "value<=", 64)


def interpreters(count: int) -> float:
    """Start what workers are made of, without a runtime, all at once; ms until the end.

    They compete for the same processors, so this is what parallel starts can reach.
    """
    paths = (str(ROOT / "priv" / "python"), ADAPTERS)
    began = time.monotonic()
    started = [
        subprocess.Popen(
            [sys.executable, "-c", "import snakepit_bridge._server, fault_adapter"],
            env=os.environ | {"PYTHONPATH": os.pathsep.join(paths)},
        )
        for _ in range(count)
    ]
    assert all(process.wait() == 0 for process in started)
    return (time.monotonic() - began) * 1e3


def deaths(build: Path) -> None:
    """Kill workers: how long until they have ended, and from then to the event."""
    settings = config(workers=2, restart={"backoff_min_ms": 1, "backoff_max_ms": 1})
    settings["pools"][0]["restart"]["breaker_deaths"] = 1000
    gone, seen = [], []
    with running(build, settings, 2) as (world, _daemon):
        for _ in range(DEATHS):
            victim = wait_ready_worker(world)
            began = time.monotonic_ns()
            ended = end(victim)

            def event(since: int = began) -> list[int]:
                return [
                    e["mono_ns"]
                    for e in read_events(world)
                    if e["kind"] == "worker_moved"
                    and e["to"] == "exited"
                    and e["mono_ns"] >= since
                ]

            told = wait_until(event, 5, "its end")[0]
            gone.append((ended - began) / 1e6)
            seen.append(max(0, told - ended) / 1e6)
    row("SIGKILL of a worker to its end, the kernel's part", "ms", gone)
    row("runtime, a worker's end to its event", "ms", seen, "value<=", 5)


def end(pid: int) -> int:
    """Kill a process; when it has ended, as its pidfd says, the monotonic time."""
    pidfd = os.pidfd_open(pid)
    try:
        os.kill(pid, signal.SIGKILL)
        select.select([pidfd], [], [])
        return time.monotonic_ns()
    finally:
        os.close(pidfd)


def wait_ready_worker(world: World) -> int:
    def idle() -> list[int]:
        workers = world.inspect(INSTANCE)["workers"]
        return [w["pid"] for w in workers if w["status"] == "idle"]

    return wait_until(lambda: idle() if len(idle()) == 2 else [], 20, "two workers")[0]


def main() -> int:
    build = Path(sys.argv[1]).resolve()
    deaths(build)
    starts(build, 100)
    heartbeats(build, 1000)
    return 0


if __name__ == "__main__":
    sys.exit(main())
