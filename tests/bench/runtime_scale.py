#!/usr/bin/env python3
"""Measure the runtime itself: many workers, their starts and deaths, what a call costs.

    runtime_scale.py BUILD

Prints rows for tests/bench/run, which says where to import from. A thousand workers are
stand-ins (tests/lib/standin.py); a hundred, and all calls, are real Python.
"""

from __future__ import annotations

import contextlib
import os
import signal
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import grpc
from client import Client, request
from harness import Daemon, World, metric, wait_until
from runtime_kit import INSTANCE, config, rss_kib
from snakepit_bridge._generated import bridge_pb2, bridge_pb2_grpc
from standin import Hub
from trials import read_events

DEATHS = 30
CALLS = 2000
ROUNDS = 5
CPU_S = 10.0


def row(
    name: str, unit: str, values: list[float], target: str = "", limit: float = 0
) -> None:
    """Print a row whose target, if any, is for the median."""
    middle, least, most = statistics.median(values), min(values), max(values)
    fields = (name, unit, middle, least, most, "", "", target, limit)
    print("row", *fields, sep="\t", flush=True)


def ratio(
    name: str, unit: str, values: list[float], of: float, against: str, limit: float
) -> None:
    """Print a row whose target is for the ratio, at most `limit`."""
    middle = statistics.median(values)
    fields = (name, unit, middle, min(values), max(values), of, against, "ratio<=")
    print("row", *fields, limit, sep="\t", flush=True)


@contextlib.contextmanager
def running(
    build: Path, settings: dict[str, Any], workers: int
) -> Iterator[tuple[World, Daemon]]:
    """Run a runtime whose workers are ready."""
    with tempfile.TemporaryDirectory(prefix="snp-bench-", dir="/dev/shm") as folder:
        world = World(Path(folder), build)
        daemon = Daemon.start(world, settings)
        try:
            daemon.wait_ready(workers, 180)
            yield world, daemon
        finally:
            daemon.stop()


def cpu_s(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def elapse(seconds: float) -> float:
    """Let that much time pass, and say how much it was."""
    began = time.monotonic()
    wait_until(lambda: time.monotonic() - began >= seconds, seconds + 5, "the time")
    return time.monotonic() - began


def quiet(pool: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {"instance": INSTANCE, "pools": [pool], "log": {"level": "warning"}, **more}


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
        "boot_timeout_ms": 180000,
        "answer_timeout_ms": 180000,
    }
    with running(build, settings, workers) as (world, daemon):
        memory = rss_kib(daemon.pid) / 1024
        moves = [e for e in read_events(world) if e["kind"] == "worker_moved"]
    born = {e["slot"]: e["mono_ns"] for e in moves if e["to"] == "spawning"}
    ready = {e["slot"]: e["mono_ns"] for e in moves if e["to"] == "ready"}
    took = [(ready[slot] - born[slot]) / 1e6 for slot in ready]
    everything = (max(ready.values()) - min(born.values())) / 1e6
    name = f"{workers} Python workers ready"
    ratio(name, "ms", [everything], everything / max(took), "the slowest", 1.1)
    row(f"runtime, RSS with {workers} workers", "MiB", [memory], "value<=", 64)


def deaths(build: Path) -> None:
    """Kill workers: from SIGKILL to the event in the segment."""
    settings = config(workers=2, restart={"backoff_min_ms": 1, "backoff_max_ms": 1})
    settings["pools"][0]["restart"]["breaker_deaths"] = 1000
    seen = []
    with running(build, settings, 2) as (world, _daemon):
        for _ in range(DEATHS):
            victim = wait_ready_worker(world)
            began = time.monotonic_ns()
            os.kill(victim, signal.SIGKILL)

            def event(since: int = began) -> list[int]:
                return [
                    e["mono_ns"]
                    for e in read_events(world)
                    if e["kind"] == "worker_moved"
                    and e["to"] == "exited"
                    and e["mono_ns"] >= since
                ]

            seen.append((wait_until(event, 5, "its end")[0] - began) / 1e6)
    row("runtime, SIGKILL of a worker to its event", "ms", seen, "value<=", 5)


def wait_ready_worker(world: World) -> int:
    def idle() -> list[int]:
        workers = world.inspect(INSTANCE)["workers"]
        return [w["pid"] for w in workers if w["status"] == "idle"]

    return wait_until(lambda: idle() if len(idle()) == 2 else [], 20, "two workers")[0]


def median_us(call: Callable[[], Any]) -> float:
    times = []
    for _ in range(CALLS // ROUNDS):
        began = time.perf_counter_ns()
        call()
        times.append((time.perf_counter_ns() - began) / 1e3)
    return statistics.median(times)


def calls(build: Path) -> None:
    """Call one worker through the runtime and directly, in turns."""
    settings = quiet(config(workers=1)["pools"][0])
    with running(build, settings, 1) as (world, daemon):
        client = Client(world.directory, INSTANCE)
        message = request("default", "echo")
        direct = grpc.insecure_channel(
            f"unix:{world.directory}/{INSTANCE}.d/0.1.sock",
            options=[("grpc.use_local_subchannel_pool", 1)],
        )
        stub = bridge_pb2_grpc.BridgeServiceStub(direct)
        plain = bridge_pb2.ExecuteToolRequest(session_id="bench", tool_name="echo")
        through_us, direct_us, added_us, used_us = [], [], [], []
        for n in range(ROUNDS + 1):
            used = cpu_s(daemon.pid)
            through = median_us(lambda: client.pool.Execute(message))
            used = (cpu_s(daemon.pid) - used) / (CALLS // ROUNDS) * 1e6
            alone = median_us(lambda: stub.ExecuteTool(plain))
            if n:  # the first round warms up
                through_us.append(through)
                direct_us.append(alone)
                added_us.append(through - alone)
                used_us.append(used)
        direct.close()
        client.close()
    row("call of a worker, direct, p50", "us", direct_us)
    row("call of a worker, through the runtime, p50", "us", through_us)
    row("call, what the runtime adds, p50", "us", added_us, "value<=", 100)
    row("call, CPU of the runtime", "us", used_us, "value<=", 15)


def main() -> int:
    build = Path(sys.argv[1]).resolve()
    calls(build)
    deaths(build)
    starts(build, 100)
    heartbeats(build, 1000)
    return 0


if __name__ == "__main__":
    sys.exit(main())
