#!/usr/bin/env python3
"""Measure what a call costs: of a worker, through bare gRPC, through the runtime.

    runtime_calls.py BUILD

Prints rows for tests/bench/run, which says where to import from. All three paths end
at the same Python worker and are taken in turns (call_load.c), so the machine treats
them alike. The floor is a proxy of gRPC's own library and nothing else (call_floor.c):
what the runtime's figures exceed it by is the runtime's. A wait is a context switch
of a thread that had nothing to do.
"""

from __future__ import annotations

import contextlib
import statistics
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from client import request
from runtime_bench import quiet, row, running
from runtime_kit import INSTANCE, config
from snakepit_bridge._generated import bridge_pb2

WORKERS_METHOD = "/snakepit.bridge.BridgeService/ExecuteTool"
POOLS_METHOD = "/snakepit.pool.v1.Pool/Execute"
ROUNDS = 5
CALLS = {1: 1000, 16: 2000, 64: 4800}  # a round and path, by calls in flight
LEAST_OF_DIRECT = 0.9


class Cost(NamedTuple):
    """What one path's calls cost in one round."""

    p50_us: float
    p99_us: float
    calls_s: float
    cpu_us: float
    switches: float


class Route(NamedTuple):
    """One way to the worker."""

    name: str
    pid: int
    target: str
    method: str
    request: Path


@contextlib.contextmanager
def floor(build: Path, listen: str, upstream: str) -> Iterator[int]:
    """Run the bare proxy; give its pid."""
    with subprocess.Popen(
        [build / "bench" / "call_floor", listen, upstream, WORKERS_METHOD],
        stdout=subprocess.PIPE,
    ) as process:
        try:
            assert process.stdout
            assert process.stdout.readline() == b"ready\n"
            yield process.pid
        finally:
            process.kill()


def load(
    build: Path, in_flight: int, calls: int, routes: list[Route]
) -> dict[str, Cost]:
    words = [str(word) for route in routes for word in route]
    out = subprocess.run(
        [build / "bench" / "call_load", str(calls), str(in_flight), *words],
        check=True,
        stdout=subprocess.PIPE,
        text=True,
    ).stdout
    rows = (line.split("\t") for line in out.splitlines())
    return {name: Cost(*map(float, numbers)) for name, *numbers in rows}


def calls(build: Path, in_flight: int) -> list[dict[str, Cost]]:
    """Take the three paths in turns; the costs of each round."""
    pool = config(workers=1)["pools"][0]
    if in_flight > 1:
        pool |= {"profile": "thread", "threads_per_worker": in_flight}
    with running(build, quiet(pool), 1) as (world, daemon):
        worker = f"unix:{world.directory}/{INSTANCE}.d/0.1.sock"
        listen = f"unix:{world.directory}/floor.sock"
        plain, pooled = world.directory / "plain", world.directory / "pooled"
        plain.write_bytes(
            bridge_pb2.ExecuteToolRequest(
                session_id="bench", tool_name="echo"
            ).SerializeToString()
        )
        pooled.write_bytes(request("default", "echo").SerializeToString())
        with floor(build, listen, worker) as proxy:
            front = f"unix:{world.directory}/{INSTANCE}.sock"
            routes = [
                Route("direct", 0, worker, WORKERS_METHOD, plain),
                Route("floor", proxy, listen, WORKERS_METHOD, plain),
                Route("runtime", daemon.pid, front, POOLS_METHOD, pooled),
            ]
            return [
                load(build, in_flight, CALLS[in_flight], routes) for _ in range(ROUNDS)
            ]


def ratio(runtime: list[float], other: list[float], whose: str) -> tuple[float, str]:
    """Give the median of the ratios within the rounds."""
    ratios = [ours / theirs for ours, theirs in zip(runtime, other)]
    return statistics.median(ratios), whose


def report(in_flight: int, rounds: list[dict[str, Cost]]) -> None:
    """Print what the rounds say, for so many calls in flight."""

    def of(path: str, field: str) -> list[float]:
        return [getattr(costs[path], field) for costs in rounds]

    def added(path: str) -> list[float]:
        return [costs[path].p50_us - costs["direct"].p50_us for costs in rounds]

    head = f"call, {in_flight} in flight"
    if in_flight == 1:  # with more it is mostly a queue that would be measured
        row(f"{head}, of a worker directly, p50", "us", of("direct", "p50_us"))
        row(f"{head}, the floor adds, p50", "us", added("floor"))
        row(f"{head}, the runtime adds, p50", "us", added("runtime"), "value<=", 100)
    else:  # with one it is the same as the time
        bare, ours = of("direct", "calls_s"), of("runtime", "calls_s")
        row(f"{head}, of a worker directly", "calls/s", bare)
        row(
            f"{head}, of the floor", "calls/s", of("floor", "calls_s"),
            against=ratio(of("floor", "calls_s"), bare, "direct"),
        )  # fmt: skip
        row(
            f"{head}, of the runtime", "calls/s", ours, "ratio>=", LEAST_OF_DIRECT,
            against=ratio(ours, bare, "direct"),
        )  # fmt: skip
    bare, ours = of("floor", "cpu_us"), of("runtime", "cpu_us")
    row(f"{head}, CPU of the floor", "us", bare)
    row(
        f"{head}, CPU of the runtime", "us", ours, "value<=", 15,
        against=ratio(ours, bare, "the floor"),
    )  # fmt: skip
    bare, ours = of("floor", "switches"), of("runtime", "switches")
    row(f"{head}, waits of the floor", "", bare)
    row(
        f"{head}, waits of the runtime", "", ours,
        against=ratio(ours, bare, "the floor"),
    )  # fmt: skip


def main() -> int:
    build = Path(sys.argv[1]).resolve()
    for in_flight in CALLS:
        report(in_flight, calls(build, in_flight))
    return 0


if __name__ == "__main__":
    sys.exit(main())
