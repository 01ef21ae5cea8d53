"""Cases 30 and 32 to 39: what happens to a whole pool."""

from __future__ import annotations

import json
import os
import signal
import threading
import time
from collections import Counter
from pathlib import Path
from typing import Any

import grpc
import pytest
from client import Client, request
from harness import Daemon, wait_until
from runtime_kit import INSTANCE
from trials import FULL, SOON, Calls, Trial, by_size, config, wait_for_s
from typing_extensions import Self

REPLACED_S = 10.0
GATED = "chaos_adapter.GatedAdapter"
STARTS = "snakepit.worker.starts"
EXITS = "snakepit.worker.exits"
OPENS = "snakepit.pool.breaker.opens"

case = pytest.mark.case


class Load:
    """Calls from some threads until the end of a `with` block; each has an outcome."""

    def __init__(self, trial: Trial, threads: int = 3, seconds: float = 0.01) -> None:
        self.outcomes: Counter[str] = Counter()
        self._seconds = seconds
        self._client = Client(trial.world.directory, INSTANCE)
        self._stop = threading.Event()
        self._threads = [threading.Thread(target=self._call) for _ in range(threads)]

    def _call(self) -> None:
        message = request("default", "sleep", seconds=self._seconds)
        while not self._stop.is_set():
            try:
                self._client.pool.Execute(message, timeout=30)
                self.outcomes["ok"] += 1
            except grpc.RpcError as error:
                self.outcomes[f"{error.code().name}: {error.details()}"] += 1

    def __enter__(self) -> Self:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join()
        self._client.close()

    def lost_nothing(self) -> None:
        assert set(self.outcomes) == {"ok"}, self.outcomes


@case(30)
def test_kill_all(trial: Trial) -> None:
    """SIGKILL all workers at once, under load."""
    workers = int(by_size(4, 16))
    trial.start(
        workers=workers,
        ready=workers,
        restart={**SOON, "breaker_deaths": 100},
        queue={"timeout_ms": 60_000},  # as long as a crowd of starts may take
    )
    calls = trial.calls()
    for _ in range(workers):
        calls.start("sleep", seconds=50)
    calls.waiting(active=workers)
    for _ in range(workers):
        calls.start("echo")
    calls.waiting(active=workers, queued=workers)
    pids = trial.pids()
    trial.inject()
    for pid in pids.values():
        os.kill(pid, signal.SIGKILL)
    trial.detect(2, to="exited", reason="killed_external")
    wait_until(
        lambda: len(trial.pids()) == workers and not set(trial.pids().values())
        & set(pids.values()), 30, "as many new ones",
    )  # fmt: skip
    trial.recovered_now()
    trial.exited("signal", workers)
    trial.grew(STARTS, workers, reason="restart")
    calls.settle(ok=workers, UNAVAILABLE=workers)


@case(32)
@pytest.mark.parametrize("slots", ["all", "one"])
def test_crash_loop(trial: Trial, slots: str) -> None:
    """No worker, or one slot, can start: the breaker opens, says why, and closes."""
    gate = trial.world.directory / "gate"
    gate.touch()
    env = [f"GATE={gate}", *(["GATE_SLOT=0"] if slots == "one" else [])]
    restart = {**SOON, "breaker_deaths": 3, "breaker_probe_ms": int(by_size(300, 5000))}
    trial.start(
        config(workers=2, adapter=GATED, env=env, restart=restart),
        ready=0 if slots == "all" else 1,
    )
    trial.inject_from_start()
    event = trial.detect(20, "breaker_opened")
    trial.label = "breaker_opened"
    trial.injected_ns = event["mono_ns"]
    trial.detected_ms = None
    calls = trial.calls()
    if slots == "all":
        failed = calls.start("echo")
        began = time.monotonic()
        assert calls.outcome(failed) == "UNAVAILABLE"
        assert time.monotonic() - began < 8  # in the queue it would be 10 s
        assert "the gate is shut" in failed.details()
    else:
        assert calls.call("echo", a=1)["a"] == 1
    trial.now()
    gate.unlink()
    trial.recover(by_size(10, 40))
    wait_until(lambda: len(trial.pids()) == 2, by_size(10, 40), "two workers")
    assert calls.call("echo")
    outcomes = calls.settle()
    assert outcomes["ok"] == (1 if slots == "all" else 2)


@case(33)
@pytest.mark.parametrize("declared", ["as it is", "idempotent"])
def test_poison(trial: Trial, declared: str) -> None:
    """A request that kills its worker: one death, or two where it may be retried."""
    again = declared == "idempotent"
    tools = ["crash"] if again else None
    trial.start(config(workers=2, idempotent_tools=tools), ready=2)
    calls = trial.calls()
    trial.inject()
    assert calls.outcome(calls.start("crash")) == "UNAVAILABLE"
    trial.detect(2, to="exited", reason="signal")
    wait_until(lambda: len(trial.pids()) == 2, 15, "two workers")
    trial.recovered_now()
    assert calls.call("echo")
    trial.exited("signal", 2 if again else 1)
    calls.settle(ok=1, UNAVAILABLE=1)


@case(34)
@pytest.mark.parametrize("new", ["good", "bad"])
def test_reload(trial: Trial, cli: Any, new: str) -> None:
    """A new generation under load: rolled out one by one, or halted if it fails."""
    gate = trial.world.directory / "gate"
    gate.touch()
    base: dict[str, Any] = {
        "workers": 2,
        "adapter": GATED,
        "lifecycle": {"min_ready_ms": int(by_size(100, 10_000))},
    }
    daemon = trial.start(config(**base, env=[f"GATE={gate}.1"]), ready=2)
    before = set(trial.pids().values())
    with Load(trial) as load:
        trial.inject()
        env = f"GATE={gate}.2" if new == "good" else f"GATE={gate}"
        daemon.config.write_text(json.dumps(config(**base, env=[env])))
        assert cli("reload").returncode == 0
        kind = "roll_finished" if new == "good" else "roll_halted"
        trial.detect(by_size(20, 90), kind)
        trial.label = kind
    load.lost_nothing()
    assert (set(trial.pids().values()) == before) == (new == "bad")
    if new == "good":
        trial.grew("snakepit.worker.recycles", 2, reason="generation")
    else:
        assert trial.grown(EXITS, reason="start_failed") == trial.grown(EXITS)


@case(35)
def test_ttl_of_all(trial: Trial) -> None:
    """All workers reach their age at once: replaced within the budget, none missing."""
    workers, age_s = 4, int(by_size(2, 20))
    limits = {"worker_ttl_s": age_s, "jitter": 0, "max_unavailable": 0.25}
    trial.start(config(workers=workers, lifecycle=limits), ready=workers)
    before = set(trial.pids().values())
    trial.inject()
    fewest = workers
    with Load(trial) as load:
        end = time.monotonic() + age_s + 30
        while before & set(trial.pids().values()) and time.monotonic() < end:
            fewest = min(fewest, len(trial.pids()))
    trial.recovered_now()
    trial.detect(1, to="draining", reason="ttl")
    load.lost_nothing()
    assert not before & set(trial.pids().values())
    assert fewest >= workers - 1
    assert trial.grown("snakepit.worker.recycles.deferred") >= 1
    assert trial.grown(EXITS) == trial.grown(EXITS, reason="recycled")


@case(36)
@pytest.mark.parametrize("affinity", ["hint", "strict_queue", "strict_fail_fast"])
def test_affinity_owner_dies(trial: Trial, affinity: str) -> None:
    """The worker of a session dies: bound anew, or the session is over."""
    trial.start(config(workers=2, affinity=affinity), ready=2)
    calls = trial.calls()
    owner = json.loads(calls.start("echo", session="s").result().result_json)["pid"]
    trial.inject()
    os.kill(owner, signal.SIGKILL)
    trial.detect(2, to="exited")
    trial.recover(REPLACED_S)
    outcome = calls.outcome(calls.start("echo", session="s"))
    if affinity == "hint":
        assert outcome == "ok"
        trial.grew("snakepit.session.affinity", 1, result="rebound")
        calls.settle(ok=2)
    else:
        assert outcome == "ABORTED"
        trial.grew("snakepit.session.affinity", 1, result="lost")
        calls.settle(ok=1, ABORTED=1)


REJECTIONS = "snakepit.pool.queue.rejections"


@case(37)
def test_queue_full(trial: Trial) -> None:
    """More requests than places: refused at once, and what waits is served."""
    trial.start(config(queue={"limit": 10}))
    calls = trial.calls()
    gate = trial.world.directory / "gate"
    calls.start("wait_for", path=str(gate))
    calls.waiting(active=1)
    trial.inject()
    for _ in range(100):
        calls.start("echo")
    trial.grew(REJECTIONS, 90, reason="full")
    gate.touch()
    calls.settle(ok=11, RESOURCE_EXHAUSTED=90)
    trial.nobody_died()


@case(37)
def test_queue_expires(trial: Trial) -> None:
    """Deadlines that pass in the queue: those requests never reach a worker."""
    trial.start()
    calls = trial.calls()
    gate = trial.world.directory / "gate"
    calls.start("wait_for", path=str(gate))
    calls.waiting(active=1)
    trial.inject()
    late = [calls.start("echo", timeout_s=0.5) for _ in range(50)]
    assert {calls.outcome(call) for call in late} == {"DEADLINE_EXCEEDED"}
    gate.touch()
    calls.settle(ok=1, DEADLINE_EXCEEDED=50)
    assert trial.grown("snakepit.worker.requests") == 0
    trial.nobody_died()


@case(37)
def test_cancel_storm(trial: Trial) -> None:
    """Clients that cancel what waits and what runs, by the hundred."""
    threads = {"profile": "thread", "threads_per_worker": 4}
    trial.start(config(workers=2, queue={"limit": 10_000}, **threads), ready=2)
    calls = trial.calls()
    trial.inject()
    for _ in range(int(by_size(300, 5000))):
        calls.start("sleep", seconds=0.02)
    for future in calls.futures[::2]:
        future.cancel()
    outcomes = calls.settle(seen=False)
    assert set(outcomes) <= {"ok", "CANCELLED"}
    assert outcomes["ok"] >= len(calls.futures) / 2
    trial.nobody_died()
    assert calls.call("echo")


def goodput(trial: Trial, seconds: float, rate: float) -> tuple[float, Calls]:
    """Offer calls of 50 ms at that rate; give the good answers in a second."""
    calls = trial.calls()
    began = time.monotonic()
    sent = 0
    while (now := time.monotonic() - began) < seconds:
        while sent < now * rate:
            calls.start("sleep", timeout_s=1.0, seconds=0.05)
            sent += 1
        time.sleep(0.005)
    done = sum(f.done() and calls.outcome(f) == "ok" for f in calls.futures)
    elapsed = time.monotonic() - began
    return done / elapsed, calls


@case(37)
def test_overload(trial: Trial) -> None:
    """Ten times as much as can be done: at least 70 % of the peak is still done."""
    trial.start(config(workers=2, queue={"limit": 20}), ready=2)
    seconds = by_size(2.5, 20)
    trial.inject()
    seen = []
    for _ in range(4):  # the machine may have had no time for one of the two
        peak, first = goodput(trial, seconds, 30)
        first.settle()
        overload, second = goodput(trial, seconds, 400)
        outcomes = second.settle()
        assert outcomes["RESOURCE_EXHAUSTED"] > outcomes["ok"]
        seen.append((peak, overload, outcomes))
        if overload >= 0.7 * peak:
            break
    else:
        pytest.fail(f"not once: {seen}")
    trial.nobody_died()


@case(38)
def test_scale_in_drain(trial: Trial, cli: Any) -> None:
    """1 to N and back while workers are still draining."""
    most = int(by_size(4, 12))
    trial.start(config(workers=1, max_workers=most), ready=1)
    with Load(trial, threads=6, seconds=0.1) as load:
        trial.inject()
        for workers in (most, 1, most, 2, most, 1):
            assert cli("scale", "default", str(workers)).returncode == 0
            wait_for_s(by_size(0.3, 2))
        wait_until(lambda: len(trial.pids()) == 1, 30, "one worker")
        trial.recovered_now()
    load.lost_nothing()
    wait_until(
        lambda: trial.grown(STARTS) == trial.grown(EXITS), 15, "as many ends as starts"
    )
    assert trial.grown(EXITS, reason="shutdown") == trial.grown(EXITS)
    rows = trial.world.inspect(INSTANCE)["workers"]
    assert sum(not row["retired"] for row in rows) == 1


SHORT = {"drain_timeout_ms": 900, "stop_timeout_ms": 900, "kill_timeout_ms": 2000}
STATES = ("starting", "ready", "busy", "draining", "stopping", "backoff", "quarantined")
TWICE = STATES if FULL else ("starting", "busy")
SHUTDOWNS = [*((state, 1) for state in STATES), *((state, 2) for state in TWICE)]


def into(trial: Trial, state: str, cli: Any) -> Any:
    """Start a runtime and bring its worker into a state."""
    settings: dict[str, Any] = {}
    if state == "starting":
        settings = {"adapter": "chaos_adapter.SlowAdapter", "env": ["SLOW_S=60"]}
    elif state in ("backoff", "quarantined"):
        deaths = 1000 if state == "backoff" else 2
        settings = {
            "adapter": "chaos_adapter.ExitingAdapter",
            "restart": {"backoff_min_ms": 60_000 if state == "backoff" else 1,
                        "backoff_max_ms": 60_000, "breaker_deaths": deaths},
        }  # fmt: skip
        if state == "quarantined":
            settings["restart"]["backoff_max_ms"] = 10
    here = state in ("ready", "busy", "draining", "stopping")
    daemon = trial.start({**config(**settings), "shutdown": SHORT}, ready=int(here))
    if state in ("busy", "draining", "stopping"):
        calls = trial.calls()
        if state == "stopping":
            calls.call("ignore_sigterm")
        calls.start("sleep", seconds=60)
        calls.waiting(active=1)
    if state in ("draining", "stopping"):
        assert cli("recycle", "default/0").returncode == 0
    wanted = "ready" if state == "busy" else state
    wait_until(
        lambda: wanted in trial.states("snakepit.worker.state").values(),
        15,
        f"a worker that is {state}",
    )
    return daemon


def terminate(daemon: Daemon) -> None:
    """Send SIGTERM and wait until it has been heard."""
    before = len(daemon.log_lines(component="runtime"))
    os.kill(daemon.pid, signal.SIGTERM)
    wait_until(
        lambda: daemon.process.poll() is not None
        or len(daemon.log_lines(component="runtime")) > before, 5, "its answer",
    )  # fmt: skip


@case(39)
@pytest.mark.parametrize(("state", "signals"), SHUTDOWNS)
def test_shutdown(trial: Trial, cli: Any, state: str, signals: int) -> None:
    """SIGTERM, once or twice, whatever the worker does: it ends in time, with 0."""
    daemon = into(trial, state, cli)
    trial.hold()
    trial.now()
    for _ in range(signals):
        terminate(daemon)
    assert daemon.process.wait(10) == 0
    trial.recovered_now()
    trial.label = "shutdown"
    assert trial.recovered_ms is not None
    budget_ms = sum(SHORT.values())
    assert trial.recovered_ms < budget_ms + 2000
    assert not Path(trial.world.directory / f"{INSTANCE}.sock").exists()
