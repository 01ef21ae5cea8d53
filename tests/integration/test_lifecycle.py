"""How workers come and go: replaced, restarted, scaled, rolled over, stopped."""

from __future__ import annotations

import contextlib
import itertools
import json
import os
import signal
import threading
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any, ClassVar, Self

import grpc
import pytest
from client import Client
from harness import Daemon, World, metric, wait_until
from readers import Exporter
from runtime_kit import (
    ADAPTERS,
    RunDaemon,
    at_least,
    config,
    events,
    wait_books,
    wait_metric,
    worker_pids,
)

Cli = Callable[..., Any]
RECYCLES = "snakepit.worker.recycles"
STARTS = "snakepit.worker.starts"
EXITS = "snakepit.worker.exits"


def pool(**more: Any) -> dict[str, Any]:
    """Give the configuration of a pool that does what the tests here ask for."""
    more.setdefault("adapter", "lifecycle_adapter.LifecycleAdapter")
    return config(**more)


def lives(report: dict[str, Any]) -> int:
    """Count the workers that have a process, by the books: spawns = exits + live."""
    return int(metric(report, STARTS) - metric(report, EXITS))


def settled(world: World, workers: int) -> dict[str, Any] | None:
    """Give the report once so many workers live and each recycling is through."""
    report = world.inspect("it")
    done = metric(report, EXITS, reason="recycled") == metric(report, RECYCLES)
    return report if done and lives(report) == workers else None


def live_rows(world: World) -> list[dict[str, Any]]:
    return [row for row in world.inspect("it")["workers"] if not row["retired"]]


def moves(world: World, to: str) -> list[dict[str, Any]]:
    return [event for event in events(world, "worker_moved") if event["to"] == to]


class Load:
    """Calls from some threads until it is told to stop; all of them must succeed."""

    def __init__(self, client: Client, threads: int = 3) -> None:
        self.pids: set[int] = set()
        self.done = 0
        self.errors: list[str] = []
        self._client = client
        self._stop = threading.Event()
        self._threads = [threading.Thread(target=self._call) for _ in range(threads)]

    def _call(self) -> None:
        while not self._stop.is_set():
            try:
                self.pids.add(self._client.call("default", "sleep", seconds=0.01))
                self.done += 1
            except grpc.RpcError as error:
                self.errors.append(f"{error.code()}: {error.details()}")

    def __enter__(self) -> Self:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join()


@contextlib.contextmanager
def no_more_than(world: World, most: int) -> Iterator[None]:
    """Look all the while: never more processes than that by the books.

    The two counters are read one after the other, so one look alone can be wrong.
    """
    stop = threading.Event()
    looks: list[int] = []

    def look() -> None:
        while not stop.is_set():
            looks.append(lives(world.inspect("it")))

    watcher = threading.Thread(target=look)
    watcher.start()
    try:
        yield
    finally:
        stop.set()
        watcher.join()
    twice = [min(pair) for pair in itertools.pairwise(looks)]
    assert twice
    assert max(twice) <= most, looks


class TestRecycling:
    def test_by_requests_nothing_is_lost_and_the_count_never_creeps_up(
        self, run_daemon: RunDaemon, client: Client, world: World
    ) -> None:
        limit = {"worker_max_requests": 20}
        run_daemon(pool(workers=2, lifecycle=limit)).wait_ready(2)
        with no_more_than(world, 3), Load(client) as load:
            wait_metric(world, RECYCLES, at_least(4), 20, reason="requests")
        assert load.errors == []
        assert len(load.pids) >= 4
        report = wait_until(lambda: settled(world, 2), 10, "two workers")
        assert report
        recycles = metric(report, RECYCLES)
        assert metric(report, EXITS) == recycles, events(world, "worker_moved")
        assert metric(report, STARTS) == 2 + recycles
        assert metric(report, STARTS, reason="recycle") == recycles
        assert metric(report, "snakepit.worker.restarts") == 0
        reasons = {move["reason"] for move in moves(world, "draining")}
        assert reasons == {"max_requests"}
        wait_until(lambda: len(live_rows(world)) == 2, 10, "rows of two workers")

    def test_by_age_one_after_the_other_and_the_others_wait(
        self, run_daemon: RunDaemon, client: Client, world: World
    ) -> None:
        limit = {"worker_ttl_s": 2, "jitter": 0}
        run_daemon(pool(workers=3, lifecycle=limit)).wait_ready(3)
        first = set(worker_pids(world).values())
        with no_more_than(world, 4), Load(client) as load:
            wait_until(
                lambda: not first & set(worker_pids(world).values()), 15, "new workers"
            )
        assert load.errors == []
        report = world.inspect("it")
        assert metric(report, RECYCLES, reason="ttl") >= 3
        assert metric(report, "snakepit.worker.recycles.deferred") >= 1
        assert events(world, "recycle_deferred")[0]["reason"] == "ttl"

    def test_a_request_that_runs_is_finished_first(
        self, run_daemon: RunDaemon, client: Client, world: World, cli: Cli
    ) -> None:
        run_daemon(pool(workers=1)).wait_ready(1)
        old = worker_pids(world)[0]
        running = client.future("default", "sleep", seconds=2.0)
        wait_books(world, active=1)
        assert cli("recycle", "default/0").returncode == 0
        new = wait_until(
            lambda: set(worker_pids(world).values()) - {old}, 10, "the substitute"
        )
        assert client.call("default", "echo")["pid"] in new
        assert json.loads(running.result().result_json) == old
        wait_metric(world, EXITS, lambda n: n == 1, reason="recycled")
        assert metric(world.inspect("it"), RECYCLES, reason="manual") == 1
        drained = moves(world, "draining")[0]
        assert (drained["reason"], drained["initiator"]) == ("operator", "operator")
        assert moves(world, "stopping")[0]["reason"] == "drained"

    def test_a_drain_has_its_time(
        self, run_daemon: RunDaemon, client: Client, world: World, cli: Cli
    ) -> None:
        short = {"drain_timeout_ms": 300, "stop_timeout_ms": 300}
        run_daemon({**pool(workers=1), "shutdown": short}).wait_ready(1)
        stuck = client.future("default", "hold_gil", seconds=20, timeout_s=20)
        wait_books(world, active=1)
        assert cli("recycle", "default").returncode == 0
        with pytest.raises(grpc.RpcError) as caught:
            stuck.result()
        assert caught.value.code() == grpc.StatusCode.UNAVAILABLE
        assert moves(world, "stopping")[0]["reason"] == "drain_timeout"
        assert moves(world, "killing")[0]["reason"] == "stop_timeout"
        wait_metric(world, EXITS, lambda n: n == 1, reason="recycled")

    def test_by_force_it_is_killed_and_starts_anew_in_its_slot(
        self, run_daemon: RunDaemon, world: World, cli: Cli
    ) -> None:
        run_daemon(pool(workers=2)).wait_ready(2)
        old = worker_pids(world)
        assert cli("recycle", "default/1", "--force").returncode == 0
        wait_until(lambda: worker_pids(world).get(1, old[1]) != old[1], 10, "a new one")
        assert worker_pids(world)[0] == old[0]
        report = world.inspect("it")
        assert metric(report, EXITS, reason="recycled") == 1
        assert metric(report, RECYCLES, reason="manual") == 1
        assert metric(report, "snakepit.worker.restarts") == 0

    def test_a_worker_that_dies_while_its_substitute_starts_is_replaced_once(
        self, run_daemon: RunDaemon, world: World, cli: Cli
    ) -> None:
        gate = world.directory / "gate"
        held = "lifecycle_adapter.HeldAdapter"
        run_daemon(pool(workers=1, adapter=held, env=[f"GATE={gate}"])).wait_ready(1)
        old = worker_pids(world)[0]
        gate.touch()
        assert cli("recycle", "default/0").returncode == 0
        wait_metric(world, STARTS, lambda n: n == 1, reason="recycle")
        os.kill(old, signal.SIGKILL)
        wait_metric(world, EXITS, at_least(1))
        gate.unlink()
        wait_until(
            lambda: set(worker_pids(world).values()) - {old}, 10, "the substitute"
        )
        report = world.inspect("it")
        assert metric(report, STARTS) == 2
        assert metric(report, RECYCLES) == 0
        assert lives(report) == 1

    def test_a_worker_may_ask_for_it(
        self, run_daemon: RunDaemon, client: Client, world: World
    ) -> None:
        young = {"min_lifetime_ms": 100}
        run_daemon(pool(workers=1, lifecycle=young)).wait_ready(1)
        old = client.call("default", "wish")
        wait_until(
            lambda: set(worker_pids(world).values()) - {old}, 10, "a replacement"
        )
        wait_metric(world, RECYCLES, lambda n: n == 1, reason="worker")
        assert moves(world, "draining")[0]["initiator"] == "worker"


class TestMemory:
    FAST: ClassVar[dict[str, Any]] = {"memory_sample_ms": 100, "min_lifetime_ms": 500}

    def test_over_the_soft_limit_it_is_replaced(
        self, run_daemon: RunDaemon, client: Client, world: World
    ) -> None:
        limits = {"memory_sample_ms": 100, "min_lifetime_ms": 1, "memory_soft_mb": 120}
        run_daemon(pool(workers=1, lifecycle=limits)).wait_ready(1)
        old = client.call("default", "grow", mib=128)
        wait_until(
            lambda: set(worker_pids(world).values()) - {old}, 10, "a replacement"
        )
        wait_metric(world, RECYCLES, lambda n: n == 1, reason="memory")
        assert moves(world, "draining")[0]["reason"] == "rss_soft"

    def test_over_the_hard_limit_it_is_killed(
        self, run_daemon: RunDaemon, client: Client, world: World
    ) -> None:
        limits = {**self.FAST, "memory_hard_mb": 120}
        fast = {"backoff_min_ms": 1, "backoff_max_ms": 1}
        run_daemon(pool(workers=1, lifecycle=limits, restart=fast)).wait_ready(1)
        old = client.call("default", "grow", mib=128)
        wait_until(lambda: worker_pids(world).get(0, old) != old, 10, "a replacement")
        report = world.inspect("it")
        assert metric(report, RECYCLES, reason="memory") == 1
        assert metric(report, EXITS, reason="recycled") == 1
        assert moves(world, "killing")[0]["reason"] == "rss_hard"

    def test_a_worker_that_needs_it_from_the_start_is_reported_not_replaced(
        self, run_daemon: RunDaemon, world: World
    ) -> None:
        limits = {**self.FAST, "memory_soft_mb": 60, "min_lifetime_ms": 5000}
        greedy = "lifecycle_adapter.GreedyAdapter"
        daemon = run_daemon(pool(workers=1, adapter=greedy, lifecycle=limits))
        daemon.wait_ready(1)
        wait_until(lambda: events(world, "recycle_deferred"), 10, "the report")
        assert events(world, "recycle_deferred")[0]["reason"] == "rss_baseline"
        assert daemon.log_lines(reason="rss_baseline")
        assert metric(world.inspect("it"), RECYCLES) == 0


class TestBreaker:
    FAST: ClassVar[dict[str, Any]] = {
        "backoff_min_ms": 10,
        "backoff_max_ms": 20,
        "breaker_deaths": 3,
        "breaker_probe_ms": 400,
    }
    GATED = "lifecycle_adapter.GatedAdapter"

    def test_it_opens_fails_fast_with_the_cause_and_closes_by_a_probe(
        self, run_daemon: RunDaemon, client: Client, world: World
    ) -> None:
        gate = world.directory / "gate"
        gate.touch()
        daemon = run_daemon(
            pool(workers=2, adapter=self.GATED, env=[f"GATE={gate}"], restart=self.FAST)
        )
        wait_metric(world, "snakepit.pool.breaker.opens", at_least(1), 20)
        began = time.monotonic()
        with pytest.raises(grpc.RpcError) as caught:
            client.call("default", "echo")
        assert time.monotonic() - began < 8  # in the queue it would be 10 s
        assert caught.value.code() == grpc.StatusCode.UNAVAILABLE
        assert "workers keep dying, the last one was" in str(caught.value.details())
        assert "the gate is shut" in str(caught.value.details())
        wait_until(lambda: events(world, "breaker_probing"), 5, "a probe")
        gate.unlink()
        daemon.wait_ready(2)
        assert client.call("default", "echo", a=1)["a"] == 1
        report = world.inspect("it")
        assert metric(report, "snakepit.pool.breaker.opens") == 1
        assert len(events(world, "breaker_opened")) == 1
        assert len(events(world, "breaker_closed")) == 1
        assert "crash_loop" in {move["reason"] for move in moves(world, "quarantined")}

    def test_one_slot_that_cannot_start_does_not_stop_the_others(
        self, run_daemon: RunDaemon, client: Client, world: World
    ) -> None:
        gate = world.directory / "gate"
        gate.touch()
        env = [f"GATE={gate}", "GATE_SLOT=0"]
        run_daemon(pool(workers=2, adapter=self.GATED, env=env, restart=self.FAST))
        wait_metric(world, "snakepit.pool.breaker.opens", at_least(1), 20)
        victim = client.call("default", "echo")["pid"]
        os.kill(victim, signal.SIGKILL)
        wait_until(
            lambda: worker_pids(world).get(1, victim) != victim, 10, "slot 1 again"
        )
        wait_until(lambda: client.serving("pool/default"), 5, "a pool that is open")
        assert client.call("default", "echo", a=1)["a"] == 1
        gate.unlink()


class TestOperators:
    def test_a_pool_grows_and_shrinks(
        self, run_daemon: RunDaemon, client: Client, world: World, cli: Cli
    ) -> None:
        run_daemon(pool(workers=2, max_workers=4)).wait_ready(2)
        old = set(worker_pids(world).values())
        with Load(client) as load:
            assert cli("scale", "default", "4").returncode == 0
            wait_until(lambda: len(worker_pids(world)) == 4, 15, "four workers")
            assert cli("scale", "default", "1").returncode == 0
            wait_until(lambda: len(worker_pids(world)) == 1, 15, "one worker")
        assert load.errors == []
        wait_until(lambda: len(live_rows(world)) == 1, 10, "one row")
        report = world.inspect("it")
        assert set(worker_pids(world).values()) <= old
        assert lives(report) == 1
        assert metric(report, STARTS, reason="scale") == 2
        assert metric(report, EXITS, reason="shutdown") == 3
        assert metric(report, "snakepit.worker.limit") == 1
        assert [event["kind"] for event in events(world, "pool_scaled")] == [
            "pool_scaled"
        ] * 2
        refused = cli("scale", "default", "5")
        assert refused.returncode == 1
        assert "pool 'default' can have 1 to 4 workers, not 5" in refused.stderr

    def test_a_drained_pool_finishes_and_takes_nothing_new(
        self, run_daemon: RunDaemon, client: Client, world: World, cli: Cli
    ) -> None:
        run_daemon(pool(workers=1)).wait_ready(1)
        gate = world.directory / "gate"
        running = client.future("default", "wait_for", 60, path=str(gate))
        wait_books(world, active=1)
        waiting = client.future("default", "echo", a=1)
        wait_books(world, queued=1)
        assert cli("drain", "default").returncode == 0
        wait_until(
            lambda: not client.serving("pool/default"), 5, "a pool that is closed"
        )
        with pytest.raises(grpc.RpcError) as caught:
            client.call("default", "echo")
        assert caught.value.code() == grpc.StatusCode.UNAVAILABLE
        gate.touch()
        assert running.result()
        assert waiting.result()
        pids = worker_pids(world)
        assert cli("resume", "default").returncode == 0
        wait_until(lambda: client.serving("pool/default"), 5, "a pool that is open")
        assert client.call("default", "echo", a=1)["a"] == 1
        assert worker_pids(world) == pids


class TestRolling:
    QUICK: ClassVar[dict[str, Any]] = {"min_ready_ms": 200}

    def reload(self, daemon: Daemon, text: dict[str, Any], cli: Cli) -> None:
        daemon.config.write_text(json.dumps(text))
        result = cli("reload")
        assert result.returncode == 0, result.stderr

    def test_workers_are_replaced_one_by_one_and_nothing_is_lost(
        self, run_daemon: RunDaemon, client: Client, world: World, cli: Cli
    ) -> None:
        old = pool(workers=2, env=["COLOUR=red"], lifecycle=self.QUICK)
        new = pool(workers=2, env=["COLOUR=blue"], lifecycle=self.QUICK)
        daemon = run_daemon(old)
        daemon.wait_ready(2)
        first = set(worker_pids(world).values())
        with no_more_than(world, 3), Load(client) as load:
            self.reload(daemon, new, cli)
            wait_until(
                lambda: events(world, "roll_finished"), 15, "the end of the roll"
            )
        assert load.errors == []
        assert not first & set(worker_pids(world).values())
        for _ in range(4):
            assert client.call("default", "env", name="COLOUR") == "blue"
        report = world.inspect("it")
        assert metric(report, RECYCLES, reason="generation") == 2
        assert metric(report, "snakepit.pool.generation") == 2
        again = cli("reload")
        assert "nothing has changed" in again.stdout

    def test_two_failures_halt_it_and_the_old_ones_stay(
        self, run_daemon: RunDaemon, client: Client, world: World, cli: Cli
    ) -> None:
        fast = {"backoff_min_ms": 10, "backoff_max_ms": 20}
        gate = world.directory / "gate"
        gate.touch()
        base = {
            "workers": 2,
            "adapter": "lifecycle_adapter.GatedAdapter",
            "lifecycle": self.QUICK,
            "restart": fast,
        }
        good = pool(**base, env=[f"GATE={gate}.none"])
        daemon = run_daemon(good)
        daemon.wait_ready(2)
        first = worker_pids(world)
        self.reload(daemon, pool(**base, env=[f"GATE={gate}"]), cli)
        wait_until(lambda: events(world, "roll_halted"), 15, "the halt")
        assert worker_pids(world) == first
        # What dies now comes back as it was, not as what failed.
        os.kill(first[0], signal.SIGKILL)
        wait_until(
            lambda: worker_pids(world).get(0, first[0]) != first[0], 10, "a restart"
        )
        assert client.call("default", "env", name="GATE") == f"{gate}.none"
        assert metric(world.inspect("it"), "snakepit.pool.generation") == 1
        wait_until(lambda: lives(world.inspect("it")) == 2, 5, "two workers")

    def test_a_halted_roll_goes_back(
        self, run_daemon: RunDaemon, client: Client, world: World, cli: Cli
    ) -> None:
        base = {
            "workers": 3,
            "adapter": "lifecycle_adapter.OnceAdapter",
            "lifecycle": self.QUICK,
            "restart": {"backoff_min_ms": 10, "backoff_max_ms": 20},
        }
        daemon = run_daemon(pool(**base))
        daemon.wait_ready(3)
        first = set(worker_pids(world).values())
        once = world.directory / "once"
        with Load(client) as load:
            self.reload(daemon, pool(**base, env=[f"ONCE={once}"]), cli)
            wait_until(lambda: events(world, "roll_halted"), 15, "the halt")
            wait_metric(world, RECYCLES, at_least(2), reason="generation")
            wait_until(lambda: lives(world.inspect("it")) == 3, 10, "three workers")
        assert load.errors == []
        assert len(first & set(worker_pids(world).values())) == 2
        report = world.inspect("it")
        assert metric(report, "snakepit.pool.generation") == 1
        assert {
            metric(report, "snakepit.worker.generation", worker=str(slot))
            for slot in worker_pids(world)
        } == {1}

    def test_what_does_not_concern_workers_holds_at_once(
        self, run_daemon: RunDaemon, world: World, cli: Cli
    ) -> None:
        daemon = run_daemon(pool(workers=1, max_workers=3))
        daemon.wait_ready(1)
        old = worker_pids(world)
        beats = {"enabled": True, "ping_interval_ms": 50, "jitter_ms": 0}
        new = pool(workers=2, max_workers=3, heartbeat=beats)
        self.reload(daemon, new, cli)
        wait_until(lambda: len(worker_pids(world)) == 2, 10, "the second worker")
        assert worker_pids(world)[0] == old[0]
        wait_metric(world, "snakepit.heartbeat.pongs", at_least(2), worker="0")
        assert metric(world.inspect("it"), STARTS, reason="scale") == 1
        self.reload(daemon, pool(workers=1, max_workers=3), cli)
        wait_until(lambda: len(live_rows(world)) == 1, 10, "one worker")

    def test_a_reload_mends_a_pool_that_cannot_start(
        self, run_daemon: RunDaemon, client: Client, world: World, cli: Cli
    ) -> None:
        slow = {**TestBreaker.FAST, "breaker_probe_ms": 60000}
        gate = world.directory / "gate"
        gate.touch()
        base = {"workers": 2, "adapter": "lifecycle_adapter.GatedAdapter"}
        daemon = run_daemon(pool(**base, env=[f"GATE={gate}"], restart=slow))
        wait_metric(world, "snakepit.pool.breaker.opens", at_least(1), 20)
        self.reload(daemon, pool(**base, env=["GATE=/none"], restart=slow), cli)
        daemon.wait_ready(2)
        assert client.call("default", "env", name="GATE") == "/none"
        (closed,) = events(world, "breaker_closed")
        assert closed["reason"] == "generation"


class TestStarts:
    def test_progress_extends_the_time_a_start_has(
        self, run_daemon: RunDaemon, world: World
    ) -> None:
        daemon = run_daemon(
            pool(
                workers=1,
                adapter="lifecycle_adapter.SlowAdapter",
                startup={"boot_timeout_ms": 6000},  # time for Python to begin
                env=["SLOW_S=6.5"],
            )
        )
        daemon.wait_ready(1)
        assert daemon.log_lines(msg="worker is slow to start, but gets on")
        assert metric(world.inspect("it"), EXITS) == 0

    @pytest.mark.parametrize(
        ("hello", "reason", "words"),
        [
            ("", "handshake_failed", "closed its ready pipe without a hello"),
            ("not a hello\n", "handshake_failed", "is not JSON"),
            (
                '{"ready":true,"pid":PID,"python":"3","protocol":9,"capacity":1}\n',
                "protocol_mismatch",
                "speaks protocol 9",
            ),
            (
                '{"ready":true,"pid":1,"python":"3","protocol":1,"capacity":1}\n',
                "protocol_mismatch",
                "is of process 1",
            ),
            (
                '{"ready":true,"pid":PID,"python":"3","protocol":1,"capacity":7}\n',
                "protocol_mismatch",
                "takes 7 calls",
            ),
        ],
    )
    def test_a_bad_hello_ends_the_start(
        self,
        run_daemon: RunDaemon,
        world: World,
        hello: str,
        reason: str,
        words: str,
    ) -> None:
        script = str(Path(ADAPTERS) / "hello_script.py")
        run_daemon(pool(workers=1, script=script, env=[f"HELLO={hello}"]))
        failures = "snakepit.worker.start_failures"
        report = wait_metric(world, failures, at_least(1), reason="handshake_failed")
        assert words in report["workers"][0]["last_error"]
        assert moves(world, "killing")[0]["reason"] == reason


class TestReaders:
    def test_a_slot_that_comes_back_keeps_its_row_and_its_counters(
        self, run_daemon: RunDaemon, client: Client, world: World, cli: Cli
    ) -> None:
        run_daemon(pool(workers=1)).wait_ready(1)
        path = str(world.directory / "it.seg")
        exporter = Exporter(world.directory / "exporter.log", "-n", path)
        for _ in range(4):
            old = set(worker_pids(world).values())
            assert client.call("default", "echo", a=1)["a"] == 1
            assert cli("recycle", "default").returncode == 0
            wait_until(partial(replaced, world, old), 10, "a replacement")
        names = [
            line.rsplit(" ", 1)[0]
            for line in exporter.page().splitlines()
            if not line.startswith("#")
        ]
        exporter.stop()
        assert len(names) == len(set(names))
        report = world.inspect("it")
        assert len(report["workers"]) == 2
        assert metric(report, "snakepit.worker.requests") == 4
        assert world.run("snakepit-inspect", "-n", "it", "--verify").returncode == 0


def replaced(world: World, old: set[int]) -> bool:
    """Tell whether none of these workers serves any more, and the books are quiet."""
    now = set(worker_pids(world).values())
    return bool(now) and not now & old and settled(world, len(now)) is not None


class TestStopping:
    def test_the_last_line_says_how_workers_ended_and_what_was_lost(
        self, run_daemon: RunDaemon, client: Client, world: World
    ) -> None:
        daemon = run_daemon(pool(workers=2))
        daemon.wait_ready(2)
        with pytest.raises(grpc.RpcError):
            client.call("default", "die", status=7)
        wait_metric(world, STARTS, lambda n: n == 1, reason="restart")
        daemon.wait_ready(2)
        daemon.process.send_signal(signal.SIGTERM)
        assert daemon.process.wait(10) == 0
        line = daemon.log_lines(msg="workers ended")[0]
        assert line["reasons"] == "exit_code 1, shutdown 2"
        assert (line["requests_lost"], line["unkillable"]) == (1, 0)
