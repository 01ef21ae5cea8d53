"""Cases 1 to 8, 18, 19, 24: workers that end, and workers that do not."""

from __future__ import annotations

import os
import signal
from pathlib import Path
from typing import Any

import pytest
from harness import wait_until
from trials import Trial, by_size, config, wait_for_s

DEATH_S = 5.0  # the promise is 5 ms (make bench); a loaded machine may not run us
REPLACED_S = 10.0

case = pytest.mark.case


@case(1)
def test_kill_idle(trial: Trial) -> None:
    """SIGKILL an idle worker."""
    trial.start()
    calls = trial.calls()
    trial.inject()
    pid = trial.pids()[0]
    trial.now()
    os.kill(pid, signal.SIGKILL)
    event = trial.detect(DEATH_S, to="exited")
    assert (event["reason"], event["initiator"]) == ("killed_external", "unknown")
    trial.recover(REPLACED_S, incarnation=2)
    trial.exited("signal")
    trial.grew("snakepit.worker.restarts", 1)
    trial.grew("snakepit.worker.starts", 1, reason="restart")
    assert calls.call("echo", a=1)["a"] == 1
    calls.settle(ok=1)


@case(2)
def test_kill_mid_unary(trial: Trial) -> None:
    """SIGKILL a worker while it runs a call; others wait."""
    trial.start()
    calls = trial.calls()
    calls.start("sleep", seconds=60)
    calls.waiting(active=1)
    for _ in range(5):
        calls.start("echo")
    calls.waiting(active=1, queued=5)
    trial.inject()
    os.kill(trial.pids()[0], signal.SIGKILL)
    event = trial.detect(DEATH_S, to="exited")
    assert event["reason"] == "killed_external"
    trial.recover(REPLACED_S)
    trial.exited("signal")
    calls.settle(ok=5, UNAVAILABLE=1)
    assert "died while it ran the request" in calls.futures[0].details()


@case(3)
def test_kill_mid_stream(trial: Trial) -> None:
    """SIGKILL a worker in the middle of a stream."""
    trial.start()
    calls = trial.calls()
    stream = calls.stream("count", to=100_000, delay_s=0.01)
    next(stream)
    trial.inject()
    os.kill(trial.pids()[0], signal.SIGKILL)
    trial.detect(DEATH_S, to="exited", reason="killed_external")
    assert calls.read(stream) < 1000
    trial.recover(REPLACED_S)
    trial.exited("signal")
    calls.settle(UNAVAILABLE=1)


@case(4)
def test_segfault(trial: Trial) -> None:
    """SIGSEGV in C code that a tool called."""
    trial.start()
    calls = trial.calls()
    trial.inject()
    calls.call("crash")
    event = trial.detect(DEATH_S * 3, to="exited")
    assert (event["reason"], event["initiator"]) == ("signal", "kernel")
    trial.recover(REPLACED_S)
    trial.exited("signal")
    calls.settle(UNAVAILABLE=1)


@case(5)
@pytest.mark.parametrize(
    ("status", "reason", "exit_reason"),
    [
        (0, "exit_zero", "clean"),
        (1, "exit_code", "exit_code"),
        (155, "exit_code", "exit_code"),
    ],
)
def test_exit(trial: Trial, status: int, reason: str, exit_reason: str) -> None:
    """os._exit() in a tool; also status 0 is replaced."""
    trial.start()
    calls = trial.calls()
    trial.inject()
    calls.call("die", status=status)
    trial.detect(DEATH_S * 3, to="exited", reason=reason)
    trial.recover(REPLACED_S)
    trial.exited(exit_reason)
    trial.grew("snakepit.worker.restarts", 1)
    calls.settle(UNAVAILABLE=1)


@case(6)
def test_exit_in_init(trial: Trial, cli: Any) -> None:
    """Exit while the adapter is made: its last words are in the status."""
    restart = {"backoff_min_ms": 50, "backoff_max_ms": 100, "breaker_deaths": 1000}
    trial.start(
        config(adapter="chaos_adapter.ExitingAdapter", restart=restart), ready=0
    )
    trial.inject_from_start()
    event = trial.detect(REPLACED_S, to="exited")
    assert event["reason"] == "exit_code"
    wait_until(
        lambda: trial.grown("snakepit.worker.start_failures", reason="exited") >= 2,
        20,
        "a second try",
    )
    assert trial.moves(to="backoff")
    assert "no licence for this host" in cli("status").stdout


@case(7)
def test_hang_in_import(trial: Trial) -> None:
    """A module that is never done with its import."""
    limit_ms = int(by_size(1500, 10_000))
    boot = {"boot_timeout_ms": limit_ms}
    trial.start(config(adapter="hangs_on_import.HangingAdapter", startup=boot), ready=0)
    trial.inject_from_start()
    trial.detect(limit_ms / 1000 + 3, to="killing", reason="boot_timeout")
    wait_until(
        lambda: trial.grown("snakepit.worker.start_failures", reason="boot_timeout"),
        5,
        "the start that failed",
    )
    assert trial.moves(to="exited")


@case(8)
def test_slow_init(trial: Trial) -> None:
    """A start longer than its limit that reports progress is let be."""
    boot = {"boot_timeout_ms": 6000}  # time for Python to begin
    seconds = by_size(6.5, 12)
    settings = config(
        adapter="chaos_adapter.SlowAdapter", startup=boot, env=[f"SLOW_S={seconds}"]
    )
    trial.start(settings, ready=0)
    trial.inject_from_start()
    trial.recover(seconds + 5)
    trial.nobody_died()
    calls = trial.calls()
    assert calls.call("echo")
    calls.settle(ok=1)


@case(18)
def test_ignores_sigterm(trial: Trial, cli: Any) -> None:
    """A worker that ignores SIGTERM is killed when its time to stop is over."""
    short = {"drain_timeout_ms": 500, "stop_timeout_ms": int(by_size(700, 6000))}
    trial.start({**config(), "shutdown": short})
    calls = trial.calls()
    assert calls.call("ignore_sigterm")
    trial.inject()
    assert cli("recycle", "default/0").returncode == 0
    trial.recover(REPLACED_S)
    trial.detect(REPLACED_S, to="killing", reason="stop_timeout")
    trial.exited("recycled")
    assert calls.call("echo")
    calls.settle(ok=2)


def started(trial: Trial) -> set[int]:
    """Give the processes that the worker's tool started."""
    return {
        pid for pid, line in trial.world.processes().items() if line.startswith("sleep")
    }


@case(19)
@pytest.mark.parametrize("how", ["killed", "recycled", "stopped"])
def test_descendants(trial: Trial, cli: Any, how: str) -> None:
    """Children, orphaned grandchildren and new sessions end with their worker."""
    daemon = trial.start()
    calls = trial.calls()
    worker = calls.call("fork_away")
    wait_until(lambda: len(started(trial)) == 4, 5, "four processes")
    calls.settle(ok=1)
    trial.hold()
    trial.inject()
    if how == "killed":
        os.kill(worker, signal.SIGKILL)
        trial.detect(DEATH_S, to="exited", reason="killed_external")
        trial.recover(REPLACED_S)
        trial.exited("signal")
    elif how == "recycled":
        assert cli("recycle", "default/0").returncode == 0
        trial.recover(REPLACED_S)
        trial.detect(REPLACED_S, to="exited")
        trial.exited("recycled")
    if how != "stopped":
        wait_until(lambda: not started(trial), 3, "the end of all that it started")
        trial.take_stock()
    os.kill(daemon.pid, signal.SIGTERM)
    assert daemon.process.wait(15) == 0
    wait_until(lambda: not started(trial), 3, "the end of all that it started")
    if how == "stopped":
        trial.detected_now("shutdown")


@case(24)
@pytest.mark.parametrize("limit", ["soft", "hard", "baseline"])
def test_memory(trial: Trial, limit: str) -> None:
    """Memory over a limit: replaced, killed, or only reported where it began so."""
    looks = {"memory_sample_ms": 100, "min_lifetime_ms": 300, "min_ready_ms": 0}
    limits = {
        "soft": {**looks, "memory_soft_mb": 160},
        "hard": {**looks, "memory_hard_mb": 160},
        "baseline": {**looks, "memory_soft_mb": 1, "min_lifetime_ms": 60_000},
    }
    trial.start(lifecycle=limits[limit])
    calls = trial.calls()
    if limit == "soft":
        wait_for_s(0.5)  # younger, it would count as too big from the start
    if limit == "baseline":
        trial.inject_from_start()
        trial.detect(5, "recycle_deferred", reason="rss_baseline")
        trial.nobody_died()
        calls.settle()
        return
    trial.inject()
    # Where memory is slow to come it may be over the limit before it has all.
    if limit == "soft":
        calls.start("leak", mib=192)
        trial.detect(15, to="draining", reason="rss_soft")
    else:
        calls.start("leak", mib=192, seconds=60)  # killed in the middle of it
        trial.detect(15, to="killing", reason="rss_hard")
    wait_until(lambda: trial.moves(to="ready"), REPLACED_S, "another worker")
    trial.recovered_now()
    trial.exited("recycled")
    trial.grew("snakepit.worker.recycles", 1, reason="memory")
    if limit == "soft":
        calls.settle(ok=1)
    else:
        calls.settle(UNAVAILABLE=1)


def test_folder_of_cases_is_complete() -> None:
    """Every case of the list has a test that is marked with its number (31: a soak)."""
    wanted = {*range(1, 17), *range(18, 23), 24, *range(27, 31), *range(32, 53)}
    text = "\n".join(
        path.read_text() for path in Path(__file__).parent.glob("test_*.py")
    )
    missing = {number for number in wanted if f"case({number})" not in text}
    assert not missing
