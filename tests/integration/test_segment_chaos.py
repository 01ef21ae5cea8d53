"""The segment of a real runtime, when workers die by the thousand and it is killed."""

from __future__ import annotations

import json
import os
import random
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import grpc
import pytest
from client import Client
from harness import Daemon, World, metric, wait_until
from runtime_kit import INSTANCE, RunDaemon, config, worker_pids
from sampler import Sampler

FULL = os.environ.get("SNP_CHAOS") == "full"
RESTARTS = 10_000 if FULL else 1_000
KILLS = 200 if FULL else 8
SAMPLES_A_SECOND = 100
WORKERS = 8


def size_of(report: dict[str, Any]) -> dict[str, Any]:
    """Count what must not grow: bytes, rows, series."""
    return {
        "bytes": report["segment"]["size_bytes"],
        "rows": {key: len(report[key]) for key in ("pools", "workers", "tools")},
        "series": {
            entry["name"]: len(entry["series"])
            for entry in report["metrics"]
            if entry["kind"] != "info"  # is there while there is a process
        },
    }


def segment_of(world: World) -> Path:
    return world.directory / f"{INSTANCE}.seg"


def wait_replaced(world: World, slot: int, pid: int) -> None:
    wait_until(
        lambda: worker_pids(world).get(slot, pid) != pid,
        20,
        f"another worker in {slot}",
    )


def assert_nothing_fell(sampler: Sampler) -> None:
    """In all its looks, whose number is up to the machine; a few will do."""
    samples, seconds = sampler.end()
    print(f"{samples} samples in {seconds:.1f} s, no counter fell")
    assert samples >= 5


@pytest.mark.heavy
def test_restarts_leave_size_rows_and_series_as_they_were(
    run_daemon: RunDaemon, world: World
) -> None:
    """Workers that end at once, so that each restart costs a few milliseconds.

    The breaker opens late, and from then on there is a probe each millisecond.
    """
    world.env["SNAKEPIT_PYTHON"] = "/bin/false"
    restart = {
        "backoff_min_ms": 1,
        "backoff_max_ms": 1,
        "breaker_deaths": 1000,
        "breaker_window_s": 1,
        "breaker_probe_ms": 1,
    }
    run_daemon(config(workers=WORKERS, restart=restart))
    starts = "snakepit.worker.starts"
    wait_until(lambda: metric(world.inspect(INSTANCE), starts) > WORKERS, 20, "starts")
    first = world.inspect(INSTANCE)
    with Sampler(segment_of(world), SAMPLES_A_SECOND) as sampler:
        wait_until(
            lambda: metric(world.inspect(INSTANCE), starts) >= RESTARTS,
            900,
            f"{RESTARTS} starts",
        )
        assert_nothing_fell(sampler)
    last = world.inspect(INSTANCE)
    assert size_of(last) == size_of(first)
    print(f"{metric(last, starts)} starts")


@pytest.mark.heavy
def test_restarts_of_real_workers_keep_every_counter(
    run_daemon: RunDaemon, client: Client, world: World
) -> None:
    daemon = run_daemon(
        config(workers=2, restart={"backoff_min_ms": 1, "backoff_max_ms": 10})
    )
    daemon.wait_ready(2)
    client.call("default", "echo")
    first = world.inspect(INSTANCE)
    with Sampler(segment_of(world), SAMPLES_A_SECOND) as sampler:
        for n in range(1, 100 if FULL else 6):
            slot, pid = next(iter(worker_pids(world).items()))
            os.kill(pid, 9)
            wait_replaced(world, slot, pid)
            client.call("default", "echo")
            restarts = metric(world.inspect(INSTANCE), "snakepit.worker.restarts")
            assert restarts == n
        assert_nothing_fell(sampler)
    assert size_of(world.inspect(INSTANCE)) == size_of(first)


# ---- kill -9 of the runtime ------------------------------------------------------


@pytest.fixture
def load(client: Client) -> Iterator[None]:
    """Callers that go on calling, whatever becomes of it."""
    over = threading.Event()

    def call() -> None:
        while not over.is_set():
            try:
                client.call("default", "echo", timeout_s=2, text="x" * 100)
            except grpc.RpcError:
                time.sleep(0.01)  # nobody there now

    threads = [threading.Thread(target=call) for _ in range(4)]
    for thread in threads:
        thread.start()
    yield
    over.set()
    for thread in threads:
        thread.join()


def events_of(world: World, path: str) -> list[dict[str, Any]]:
    done = world.run("snakepit-inspect", "-n", path, "--json", "--events")
    assert done.returncode == 0, done.stderr
    found: list[dict[str, Any]] = json.loads(done.stdout)["events"]
    return found


@pytest.mark.heavy
@pytest.mark.usefixtures("load")
def test_kill_9_of_the_runtime_leaves_a_segment_that_verifies(world: World) -> None:
    """At random moments of its life, from the start on, under load."""
    choose = random.Random(KILLS)
    path = str(segment_of(world))
    with_worker_events = 0
    for n in range(KILLS):
        daemon = Daemon.start(world, config(workers=2))
        wait_until(
            lambda: world.inspect(INSTANCE)["segment"]["incarnation"] == n + 1,  # noqa: B023
            20,
            "the segment of the new runtime",
        )
        time.sleep(choose.uniform(0, 1.5))
        daemon.kill()
        wait_until(lambda: not daemon.processes(), 5, "the end of its workers")  # noqa: B023
        verified = world.run("snakepit-inspect", "-n", path, "--verify")
        assert verified.returncode == 0, verified.stdout + verified.stderr
        events = events_of(world, path)
        assert events, "the last events are gone"
        assert events[0]["kind"] == "runtime_started"
        with_worker_events += any(e["kind"] == "worker_moved" for e in events)
        assert world.inspect(INSTANCE)["writer"]["verdict"] == "dead"
    assert with_worker_events > KILLS // 2
    print(f"{KILLS} kills, {with_worker_events} after workers had moved, all verified")
