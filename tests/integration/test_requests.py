"""How requests wait, fail, run again and stream, with real workers."""

from __future__ import annotations

import contextlib
import os
import signal
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import grpc
import pytest
from client import CORRELATION_KEY, Client, request
from harness import World, metric, wait_until
from runtime_kit import (
    RunDaemon,
    at_least,
    books,
    config,
    rss_kib,
    wait_books,
    wait_metric,
    worker_pids,
)

WORKER_KEY = "x-snakepit-worker-id"
KIND_KEY = "snakepit-error-kind"
RETRY_KEY = "retry-after-ms"
IDEMPOTENT = ("x-snakepit-idempotent", "true")
MIB = 1 << 20


def pairs(metadata: Any) -> dict[str, str]:
    return {pair.key: pair.value for pair in metadata}


@contextlib.contextmanager
def failing(kind: str, code: grpc.StatusCode) -> Iterator[dict[str, str]]:
    """Expect the block to fail in this way; what came with the failure is filled in."""
    trailing: dict[str, str] = {}
    with pytest.raises(grpc.RpcError) as caught:
        yield trailing
    trailing.update(pairs(caught.value.trailing_metadata()))
    found = (trailing.get(KIND_KEY), caught.value.code())
    assert found == (kind, code), caught.value.details()


class TestAdmission:
    def test_a_deadline_that_cannot_be_met_is_refused_at_once(
        self, run_daemon: RunDaemon, client: Client, world: World
    ) -> None:
        run_daemon(config(workers=1)).wait_ready(1)
        client.call("default", "sleep", seconds=2)
        gate = world.directory / "gate"
        running = client.future("default", "wait_for", 60, path=str(gate))
        wait_books(world, active=1)
        waiting = client.future("default", "echo", 60)
        wait_books(world, queued=1)
        # One that was let in would wait, and end with the code of a deadline.
        unmeetable = failing("deadline_unmeetable", grpc.StatusCode.RESOURCE_EXHAUSTED)
        with unmeetable as trailing:
            client.call("default", "echo", timeout_s=1.5)
        assert 100 < int(trailing[RETRY_KEY]) < 10_000
        gate.touch()
        assert running.result()
        assert waiting.result()

    def test_a_deadline_ends_the_work_and_counts_as_one(
        self, run_daemon: RunDaemon, client: Client, world: World
    ) -> None:
        run_daemon(config(workers=1)).wait_ready(1)
        for _ in range(3):
            with pytest.raises(grpc.RpcError) as caught:
                client.call("default", "async_sleep", timeout_s=0.5, seconds=20)
            assert caught.value.code() == grpc.StatusCode.DEADLINE_EXCEEDED
        report = wait_books(world, active=0)
        # A client that is kept from running may give up before it has sent the call.
        arrived = books(report)["requests"]
        assert 1 <= arrived <= 3
        assert books(report)["error"] == arrived
        failures = "snakepit.request.failures"
        assert metric(report, failures, code="DEADLINE_EXCEEDED") == arrived
        assert client.call("default", "echo", a=1, timeout_s=5)["a"] == 1


class TestRunningTwice:
    def test_only_what_is_declared_idempotent_runs_again_after_a_death(
        self, run_daemon: RunDaemon, client: Client, world: World, tmp_path: Path
    ) -> None:
        pool = {"idempotent_tools": ["die_once"]}
        run_daemon(config(workers=2, **pool)).wait_ready(2)
        assert client.call("default", "die_once", mark=str(tmp_path / "1")) > 0
        retries = "snakepit.request.retries"
        assert metric(world.inspect("it"), retries, method="die_once") >= 1
        with failing("worker_died", grpc.StatusCode.UNAVAILABLE):
            client.pool.Execute(request("default", "die"), timeout=10)
        with failing("worker_died", grpc.StatusCode.UNAVAILABLE):
            client.pool.Execute(
                request("default", "die"), timeout=10, metadata=[IDEMPOTENT]
            )
        # One that found a dying worker's door closed ran once all the same.
        assert metric(world.inspect("it"), retries, method="die") >= 1
        exits = "snakepit.worker.exits"
        report = wait_metric(world, exits, at_least(4), reason="exit_code")
        assert metric(report, exits, reason="exit_code") == 4


class TestMetadata:
    """What comes with every outcome: the correlation id, and who worked on it."""

    def test_every_outcome_names_its_worker_and_its_correlation(
        self, run_daemon: RunDaemon, client: Client
    ) -> None:
        run_daemon(config(workers=1)).wait_ready(1)
        given = (CORRELATION_KEY, "meta-1")
        message = request("default", "echo")
        _, call = client.pool.Execute.with_call(message, metadata=(given,), timeout=20)
        assert pairs(call.trailing_metadata()) == {
            CORRELATION_KEY: "meta-1",
            WORKER_KEY: "default/0#1",
        }
        stream = client.stream("default", "count", to=1)
        assert list(stream)
        assert pairs(stream.trailing_metadata())[WORKER_KEY] == "default/0#1"
        with failing("worker_died", grpc.StatusCode.UNAVAILABLE) as trailing:
            client.call("default", "die")
        assert trailing[WORKER_KEY] == "default/0#1"
        assert trailing[CORRELATION_KEY].startswith("sp-")

    def test_a_stream_begins_before_its_first_chunk(
        self, run_daemon: RunDaemon, client: Client, world: World
    ) -> None:
        run_daemon(config(workers=1)).wait_ready(1)
        stream = client.stream("default", "count", to=1, delay_s=600)
        initial = pairs(stream.initial_metadata())
        assert initial[WORKER_KEY] == "default/0#1"
        assert initial[CORRELATION_KEY].startswith("sp-")
        assert books(world.inspect("it"))["active"] == 1
        stream.cancel()

    def test_a_request_that_no_worker_had_names_none(
        self, run_daemon: RunDaemon, client: Client
    ) -> None:
        run_daemon(config(workers=1)).wait_ready(1)
        with failing("pool_not_found", grpc.StatusCode.NOT_FOUND) as trailing:
            client.call("nowhere", "echo")
        assert WORKER_KEY not in trailing
        assert trailing[CORRELATION_KEY].startswith("sp-")


def faults(pid: int) -> int:
    """Say how many pages a process had to ask the kernel for."""
    after_name = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2]
    return int(after_name.split()[7])


@pytest.mark.heavy
class TestLargeMessages:
    def test_they_do_not_cost_new_memory_each_time(
        self, run_daemon: RunDaemon, client: Client
    ) -> None:
        daemon = run_daemon(config(workers=1))
        daemon.wait_ready(1)
        text = "x" * MIB

        def call(times: int) -> None:
            for _ in range(times):
                reply = client.call("default", "echo", value=text)
                assert reply["value"] == text

        call(5)
        before = faults(daemon.pid)
        call(20)
        pages = (faults(daemon.pid) - before) / 20
        assert pages < 300  # of 256 in each copy, of which there are several


class TestStreams:
    def test_a_client_that_stops_reading_costs_no_memory(
        self, run_daemon: RunDaemon, client: Client, world: World
    ) -> None:
        chunks = 1024 if os.environ.get("SNP_CHAOS") == "full" else 160
        daemon = run_daemon(config(workers=1))
        daemon.wait_ready(1)
        assert len(list(client.stream("default", "count", to=3, size=MIB))) >= 3
        before = rss_kib(daemon.pid)
        stream = client.stream("default", "count", 60, to=chunks, size=MIB)
        assert next(stream)
        passed_on = _settled(world, "snakepit.stream.chunks")
        assert passed_on < 40
        assert rss_kib(daemon.pid) - before < 32 * 1024
        taken = 1 + sum(1 for chunk in stream if len(chunk.data) > MIB)
        assert taken == chunks
        assert rss_kib(daemon.pid) - before < 32 * 1024
        stall = "snakepit.stream.stall.time"
        assert metric(world.inspect("it"), stall) > 0.2

    def test_a_cancelled_stream_frees_its_worker(
        self, run_daemon: RunDaemon, client: Client, world: World
    ) -> None:
        run_daemon(config(workers=1)).wait_ready(1)
        stream = client.stream("default", "count", to=10**9, delay_s=0.01)
        next(stream)
        stream.cancel()
        assert client.call("default", "echo", a=1, timeout_s=5)["a"] == 1
        wait_books(world, ok=1, error=1, active=0)

    def test_a_worker_that_dies_in_a_stream_is_one_error(
        self, run_daemon: RunDaemon, client: Client, world: World
    ) -> None:
        daemon = run_daemon(config(workers=1))
        daemon.wait_ready(1)
        stream = client.stream("default", "count", to=10**9, delay_s=0.01)
        next(stream)
        os.kill(worker_pids(world)[0], signal.SIGKILL)
        with failing("worker_died", grpc.StatusCode.UNAVAILABLE):
            for _ in stream:
                pass
        wait_books(world, error=1, active=0)
        assert metric(world.inspect("it"), "snakepit.request.retries") == 0
        wait_metric(world, "snakepit.worker.starts", at_least(2))


def _settled(world: World, name: str) -> float:
    """Wait until a counter has not moved for half a second."""
    seen: list[tuple[float, float]] = []

    def rests() -> float | None:
        value = metric(world.inspect("it"), name)
        now = time.monotonic()
        if not seen or seen[0][1] != value:
            seen[:] = [(now, value)]
        return value if now - seen[0][0] > 0.5 else None

    found = wait_until(rests, 20, f"{name} to stand still")
    assert found is not None
    return found
