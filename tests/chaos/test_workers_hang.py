"""Cases 9 to 16 and 27: workers that live, and do not answer."""

from __future__ import annotations

import contextlib
import os
import signal
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from harness import wait_until
from tampering import traced
from trials import BY_VERDICT, JUDGED, Trial, by_size, config, wait_for_s

SUSPICIONS = "snakepit.worker.suspicions"
SUPPRESSED = "snakepit.worker.kills.suppressed"
REPLACED_S = 10.0

case = pytest.mark.case


def well_again(trial: Trial, slot: int = 0) -> None:
    wait_until(lambda: trial.has_health("ok", slot), 15, "health ok")


@case(9)
def test_gil_held(trial: Trial) -> None:
    """A C call that computes and holds the GIL: suspected, fenced, not killed."""
    trial.start(heartbeat=JUDGED)
    calls = trial.calls()
    trial.inject()

    def suspected() -> bool:
        """Hold it; where others have the processor it is not busy but starved."""
        trial.now()
        busy = calls.start("hog", seconds=by_size(5, 60), timeout_s=180)
        assert calls.outcome(busy, 180) == "ok"
        return bool(trial.events("worker_suspected", reason="busy_gil"))

    wait_until(suspected, 30, "a suspicion")
    trial.detect(1, "worker_suspected", reason="busy_gil")
    well_again(trial)
    trial.recovered_now()
    trial.nobody_died()
    assert trial.grown(SUSPICIONS, health="busy_gil") >= 1
    # One that turns from busy to starved is suspected twice and well again once.
    wait_until(
        lambda: trial.grown("snakepit.worker.suspicions.cleared"), 5, "a clearance"
    )
    assert trial.grown(SUPPRESSED, reason="busy") >= 1
    assert set(calls.settle()) == {"ok"}


@case(9)
def test_gil_held_too_long(trial: Trial) -> None:
    """The same with gil_stall_kill_ms set: killed when that has passed."""
    limit_ms = int(by_size(1500, 30_000))
    trial.start(heartbeat={**JUDGED, "gil_stall_kill_ms": limit_ms})
    calls = trial.calls()
    trial.inject()
    calls.start("hog", seconds=600, timeout_s=120)
    event = trial.detect(limit_ms / 1000 + 30, to="killing", reason="busy_gil")
    assert event["evidence_kind"] == "stacks"
    assert "in hog" in event["evidence_text"]
    trial.recover(limit_ms / 1000 + 30)
    trial.exited("heartbeat")
    calls.settle(UNAVAILABLE=1)


@case(10)
def test_gil_deadlock(trial: Trial) -> None:
    """A lock in C, waited for with the GIL held: killed, with its stack on record."""
    trial.start(heartbeat=JUDGED)
    calls = trial.calls()
    trial.inject()
    calls.start("deadlock", timeout_s=120)
    event = trial.detect(30, to="killing", reason="heartbeat")
    assert "in deadlock" in event["evidence_text"]
    trial.recover(40)
    trial.exited("heartbeat")
    trial.grew(SUSPICIONS, 1, health="wedged")
    trial.grew("snakepit.worker.stack_captures", 1, result="taken")
    calls.settle(UNAVAILABLE=1)


@case(11)
def test_python_loop(trial: Trial) -> None:
    """An endless loop in pure Python: it beats, so only the call's deadline ends it."""
    trial.start(heartbeat=JUDGED, workers=2, ready=2)
    calls = trial.calls()
    trial.inject()
    spinning = calls.start("spin", seconds=by_size(4, 40), timeout_s=by_size(2, 20))
    assert calls.outcome(spinning) == "DEADLINE_EXCEEDED"
    trial.detected_now("deadline")
    assert calls.call("echo", a=1)["a"] == 1
    trial.recovered_now()
    trial.nobody_died()
    assert trial.grown(SUSPICIONS, health="busy_gil") == 0
    calls.settle(ok=1, DEADLINE_EXCEEDED=1)


@case(12)
def test_blocked_loop(trial: Trial) -> None:
    """The worker's event loop is held up: wedged, though the interpreter beats."""
    trial.start(heartbeat=JUDGED, profile="thread", threads_per_worker=4)
    calls = trial.calls()
    trial.inject()
    calls.start("block_loop", seconds=600, timeout_s=90)
    event = trial.detect(30, to="killing")
    assert event["reason"] in ("heartbeat", "wedged")
    assert "health wedged" in event["evidence_text"]
    trial.recover(40)
    trial.exited("heartbeat")
    assert trial.grown(SUSPICIONS, health="wedged") >= 1
    assert calls.call("echo")
    calls.settle(ok=1, UNAVAILABLE=1)


@case(12)
def test_blocked_loop_of_a_full_worker(trial: Trial) -> None:
    """The same with every place taken: wedged at once, replaced at its deadline."""
    trial.start(heartbeat=JUDGED)
    calls = trial.calls()
    trial.inject()
    blocked = calls.start("block_loop", seconds=600, timeout_s=by_size(12, 30))
    trial.detect(30, "worker_suspected", reason="wedged")
    calls.waiting(active=1)
    trial.nobody_died()
    assert calls.outcome(blocked) == "DEADLINE_EXCEEDED"
    trial.recover(40)
    trial.exited("heartbeat")
    assert calls.call("echo")
    calls.settle(ok=1, DEADLINE_EXCEEDED=1)


@case(13)
def test_all_threads_wait(trial: Trial) -> None:
    """Every thread of a worker waits for I/O: saturated is not sick."""
    threads = {"profile": "thread", "threads_per_worker": 4}
    patient = {"queue": {"timeout_ms": 120_000}}
    trial.start(config(heartbeat=JUDGED, **threads, **patient))
    calls = trial.calls()
    trial.inject()
    seconds = by_size(4, 60)
    for _ in range(4):
        calls.start("sleep", seconds=seconds, timeout_s=180)
    calls.waiting(active=4)
    calls.start("echo", timeout_s=180)
    assert calls.settle(ok=5)
    trial.nobody_died()
    assert trial.grown(SUSPICIONS) == 0


@case(14)
def test_stopped_short(trial: Trial) -> None:
    """SIGSTOP for two seconds: nothing is done about it."""
    trial.start(heartbeat={**JUDGED, "max_missed_heartbeats": 10, "suspect_ms": 3000})
    calls = trial.calls()
    pid = trial.pids()[0]
    trial.inject()
    os.kill(pid, signal.SIGSTOP)
    wait_for_s(2)
    trial.now()
    os.kill(pid, signal.SIGCONT)
    assert calls.call("echo")["pid"] == pid
    trial.recovered_now()
    trial.nobody_died()
    calls.settle(ok=1)


@case(14)
def test_stopped_long(trial: Trial) -> None:
    """SIGSTOP for good: fenced at once when suspected, killed after stopped_kill_ms."""
    limit_ms = int(by_size(3000, 60_000))
    trial.start(
        heartbeat={**BY_VERDICT, "stopped_kill_ms": limit_ms}, workers=2, ready=2
    )
    calls = trial.calls()
    trial.inject()
    pid = trial.pids()[1]
    trial.now()
    os.kill(pid, signal.SIGSTOP)
    trial.detect(10, "worker_suspected", reason="stopped", slot=1)
    for _ in range(4):
        assert calls.call("echo")["pid"] == trial.pids()[0]
    wait_until(
        lambda: trial.moves(to="killing", reason="stopped"),
        limit_ms / 1000 + 15,
        "its kill",
    )
    trial.recover(limit_ms / 1000 + 15, slot=1)
    trial.exited("heartbeat")
    calls.settle(ok=4)


@case(15)
def test_traced(trial: Trial) -> None:
    """A debugger holds the worker: never killed."""
    trial.start(heartbeat={**JUDGED, "stopped_kill_ms": int(by_size(1000, 10_000))})
    calls = trial.calls()
    pid = trial.pids()[0]
    trial.inject()
    with traced(pid):
        trial.detect(15, "worker_suspected", reason="stopped")
        wait_until(
            lambda: trial.grown(SUPPRESSED, reason="traced") >= 1, 30, "a kill not done"
        )
    trial.now()
    well_again(trial)
    trial.recovered_now()
    trial.detected_ms = None
    assert calls.call("echo")["pid"] == pid
    trial.nobody_died()
    calls.settle(ok=1)


@contextlib.contextmanager
def frozen(pid: int) -> Iterator[None]:
    """Freeze a process in a cgroup of its own, where that may be made."""
    places = [Path("/sys/fs/cgroup"), Path("/sys/fs/cgroup/unified")]
    unified = next((p for p in places if (p / "cgroup.controllers").exists()), None)
    if not unified:
        pytest.skip("no cgroup v2")
    group = Path(unified, f"snakepit-test-{pid}")
    try:
        group.mkdir()
        (group / "cgroup.procs").write_text(f"{pid}\n")
    except OSError as error:
        with contextlib.suppress(OSError):
            group.rmdir()
        pytest.skip(f"no cgroup of our own: {error}")
    try:
        (group / "cgroup.freeze").write_text("1\n")
        yield
    finally:
        (group / "cgroup.freeze").write_text("0\n")
        with contextlib.suppress(OSError):
            Path(unified, "cgroup.procs").write_text(f"{pid}\n")
        wait_until(lambda: _removed(group), 5, "the end of the cgroup")


def _removed(group: Path) -> bool:
    group.rmdir()
    return True


@case(16)
def test_cgroup_frozen(trial: Trial) -> None:
    """Frozen by its cgroup, as a container that is paused: suspended, never killed."""
    trial.start(heartbeat={**JUDGED, "unresponsive_kill_ms": 1000})
    calls = trial.calls()
    pid = trial.pids()[0]
    trial.inject()
    with frozen(pid):
        trial.now()
        event = trial.detect(15, "worker_suspected")
        assert event["reason"] == "suspended"
        wait_for_s(by_size(2, 60))
        assert trial.grown("snakepit.worker.exits") == 0
    began = time.monotonic()
    well_again(trial)
    trial.recovered_ms = (time.monotonic() - began) * 1000
    assert calls.call("echo")["pid"] == pid
    trial.nobody_died()
    calls.settle(ok=1)


@case(27)
def test_gc_pause(trial: Trial) -> None:
    """A garbage collection of a second or more."""
    trial.start(heartbeat=JUDGED)
    calls = trial.calls()
    trial.inject()
    calls.start("collect", count=int(by_size(2_000_000, 8_000_000)), timeout_s=180)
    calls.settle(ok=1)
    well_again(trial)
    trial.nobody_died()
    wait_until(lambda: trial.grown("snakepit.worker.gc.time") > 0, 10, "time of the gc")
