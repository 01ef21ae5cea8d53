"""Hung, busy, starved, stopped: what the runtime makes of real workers.

Limits are seconds here, so that a run is short; with SNP_CHAOS=full the pauses are as
long as docs/heartbeats.md gives them.
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from client import Client
from harness import World, metric, wait_until
from runtime_kit import RunDaemon, at_least, config, wait_metric, worker_pids
from standin import Hub
from tampering import traced

FULL = os.environ.get("SNP_CHAOS") == "full"
# Misses that are out within 4 s, so that then only the verdict holds a kill back.
JUDGED: dict[str, Any] = {
    "enabled": True,
    "ping_interval_ms": 200,
    "timeout_ms": 1000,
    "max_missed_heartbeats": 3,
    "jitter_ms": 0,
    "beat_interval_ms": 100,
    "suspect_ms": 2500,
}
# No kill by misses: each verdict's own time decides.
BY_VERDICT = {**JUDGED, "max_missed_heartbeats": 1000}
SUSPICIONS = "snakepit.worker.suspicions"
SUPPRESSED = "snakepit.worker.kills.suppressed"

pytestmark = pytest.mark.heavy


def events(world: World, kind: str, **fields: Any) -> list[dict[str, Any]]:
    """Events of a kind that have these fields, with their texts."""
    found = world.run("snakepit-inspect", "-n", "it", "--json", "--evidence")
    assert found.returncode == 0, found.stderr
    report = json.loads(found.stdout)
    wanted = {"kind": kind, **fields}
    return [e for e in report["events"] if wanted.items() <= e.items()]


def killing(world: World) -> dict[str, Any]:
    """Return the one event by which a worker went to its kill."""
    (event,) = events(world, "worker_moved", to="killing")
    return event


def health(world: World, slot: int = 0) -> str:
    for entry in world.inspect("it")["metrics"]:
        if entry["name"] == "snakepit.worker.health":
            for series in entry["series"]:
                if series["labels"]["worker"] == str(slot):
                    return str(series["state"])
    return "unknown"


def wait_health(
    world: World, wanted: str, slot: int = 0, timeout_s: float = 15
) -> None:
    wait_until(
        lambda: health(world, slot) == wanted, timeout_s, f"worker {slot} {wanted}"
    )


def assert_nobody_died(world: World, workers: int) -> None:
    report = world.inspect("it")
    assert metric(report, "snakepit.worker.restarts") == 0
    assert metric(report, "snakepit.worker.exits") == 0
    assert len(worker_pids(world)) == workers


class TestBusy:
    """The table of GIL holders: none of them is ever killed."""

    def test_work_that_holds_the_gil_is_never_a_reason_to_kill(
        self, run_daemon: RunDaemon, client: Client, world: World
    ) -> None:
        run_daemon(
            config(workers=2, heartbeat=JUDGED, request_timeout_ms=600_000)
        ).wait_ready(2)
        pids = worker_pids(world)

        def start(tool: str, **arguments: Any) -> Any:
            return client.future("default", tool, timeout_s=600, **arguments)

        def suspected() -> bool:
            """Work on; where others have the processor it is not busy but starved."""
            # Two at a time: there may be no more processors.
            work = [
                start("hog_gil", seconds=60 if FULL else 5),
                start("collect", count=8_000_000 if FULL else 2_000_000),
            ]
            if FULL:
                work.append(start("sort", count=12_000_000))
            ends = {future.result(600).WhichOneof("outcome") for future in work}
            report = world.inspect("it")
            return (
                ends == {"result_json"}
                and metric(report, SUSPICIONS, health="busy_gil") >= 1
                and metric(report, SUPPRESSED, reason="busy") >= 1
            )

        wait_until(suspected, 30, "work that is taken for what it is")

        wait_until(
            lambda: {health(world, 0), health(world, 1)} == {"ok"}, 10, "both well"
        )
        # One that turns from busy to starved is suspected twice and well again once.
        report = wait_metric(world, "snakepit.worker.suspicions.cleared", at_least(1))
        assert worker_pids(world) == pids
        assert_nobody_died(world, 2)
        assert metric(report, SUSPICIONS, health="wedged") == 0
        assert metric(report, "snakepit.worker.gc.time") > 0
        assert metric(report, "snakepit.worker.gil.wait.duration") > 0

    def test_a_deadlocked_worker_is_replaced_and_its_stack_is_on_record(
        self, run_daemon: RunDaemon, client: Client, world: World
    ) -> None:
        run_daemon(config(workers=1, heartbeat=JUDGED)).wait_ready(1)
        victim = worker_pids(world)[0]
        lost = client.future("default", "deadlock")
        wait_until(
            lambda: worker_pids(world).get(0, victim) != victim, 20, "a replacement"
        )
        assert lost.exception(5) is not None
        report = world.inspect("it")
        assert metric(report, SUSPICIONS, health="wedged") >= 1
        assert metric(report, SUSPICIONS, health="busy_gil") == 0
        assert metric(report, "snakepit.worker.exits", reason="heartbeat") == 1
        assert metric(report, "snakepit.worker.stack_captures", result="taken") == 1
        event = killing(world)
        assert (event["reason"], event["initiator"]) == ("heartbeat", "supervisor")
        assert event["evidence_kind"] == "stacks"
        text = event["evidence_text"]
        assert "health wedged for" in text
        assert "in flight: " in text
        assert "fault_adapter.py" in text
        assert "in deadlock" in text

    def test_shadow_mode_replaces_nobody_and_says_what_it_would_have_done(
        self, run_daemon: RunDaemon, client: Client, world: World
    ) -> None:
        shadow = {**JUDGED, "enforce": False}
        run_daemon(config(workers=1, heartbeat=shadow)).wait_ready(1)
        pid = worker_pids(world)[0]
        fifo = world.directory / "fifo"
        os.mkfifo(fifo)
        waiting = client.future(
            "default", "hold_gil_for", timeout_s=180, fifo=str(fifo)
        )
        wait_metric(world, SUPPRESSED, at_least(1), 20, reason="shadow")
        assert events(world, "kill_suppressed", reason="wedged")
        assert not events(world, "worker_fenced")
        with fifo.open("wb"):
            pass
        assert waiting.result(30).WhichOneof("outcome") == "result_json"
        wait_health(world, "ok")
        assert worker_pids(world)[0] == pid


class TestStopped:
    def test_a_short_stop_is_nothing(
        self, run_daemon: RunDaemon, client: Client, world: World
    ) -> None:
        """With the defaults' proportions: a stop of less than suspect_ms."""
        patient = {**JUDGED, "max_missed_heartbeats": 10}
        run_daemon(config(workers=1, heartbeat=patient)).wait_ready(1)
        pid = worker_pids(world)[0]
        os.kill(pid, signal.SIGSTOP)
        stopped_at = time.monotonic()
        wait_metric(world, "snakepit.heartbeat.missed", at_least(2))
        wait_until(lambda: time.monotonic() - stopped_at >= 2, 5, "two seconds")
        os.kill(pid, signal.SIGCONT)
        wait_metric(world, "snakepit.heartbeat.missed", lambda n: n == 0)
        assert client.call("default", "echo")["pid"] == pid
        assert_nobody_died(world, 1)

    def test_a_long_stop_ends_the_worker(
        self, run_daemon: RunDaemon, world: World
    ) -> None:
        limit_ms = 60_000 if FULL else 4_000
        limits = {**BY_VERDICT, "stopped_kill_ms": limit_ms}
        run_daemon(config(workers=1, heartbeat=limits)).wait_ready(1)
        victim = worker_pids(world)[0]
        os.kill(victim, signal.SIGSTOP)
        wait_metric(world, SUSPICIONS, at_least(1), health="stopped")
        wait_until(
            lambda: worker_pids(world).get(0, victim) != victim,
            limit_ms / 1000 + 15,
            "a replacement",
        )
        assert killing(world)["reason"] == "stopped"
        assert "process: state T" in killing(world)["evidence_text"]

    def test_a_traced_worker_is_left_to_its_debugger(
        self, run_daemon: RunDaemon, client: Client, world: World
    ) -> None:
        run_daemon(
            config(workers=1, heartbeat={**JUDGED, "stopped_kill_ms": 3000})
        ).wait_ready(1)
        pid = worker_pids(world)[0]
        with traced(pid):
            wait_health(world, "stopped")
            wait_metric(world, SUPPRESSED, at_least(1), reason="traced")
            for _ in range(2):  # by misses, and by time
                assert worker_pids(world).get(0, pid) == pid
        wait_health(world, "ok")
        assert client.call("default", "echo")["pid"] == pid
        assert_nobody_died(world, 1)


class TestHost:
    def test_a_starved_worker_is_not_killed(
        self, run_daemon: RunDaemon, client: Client, world: World
    ) -> None:
        """One processor, many who want it, and the worker comes last."""
        run_daemon(config(workers=1, heartbeat=JUDGED)).wait_ready(1)
        pid = worker_pids(world)[0]
        cpu = {max(os.sched_getaffinity(0))}
        with spinners(cpu, 8):
            for tid in os.listdir(f"/proc/{pid}/task"):
                os.sched_setaffinity(int(tid), cpu)
                os.setpriority(os.PRIO_PROCESS, int(tid), 19)
            # It gets 0.2 % of the processor: a call of 20 ms takes it 10 s.
            busy = client.future("default", "hog_gil", seconds=0.01)
            seen = time.monotonic()
            wait_until(
                lambda: time.monotonic() - seen > (60 if FULL else 6),
                70,
                "a while under load",
            )
            assert worker_pids(world)[0] == pid
        assert busy.result(60).WhichOneof("outcome") == "result_json"
        assert_nobody_died(world, 1)

    def test_a_stopped_runtime_kills_nobody_when_it_goes_on(
        self, run_daemon: RunDaemon, client: Client, world: World
    ) -> None:
        daemon = run_daemon(config(workers=2, heartbeat=JUDGED))
        daemon.wait_ready(2)
        pids = worker_pids(world)
        wait_metric(world, "snakepit.heartbeat.pongs", at_least(4))
        os.kill(daemon.pid, signal.SIGSTOP)
        stopped_at = time.monotonic()
        wait_until(
            lambda: time.monotonic() - stopped_at >= (30 if FULL else 5), 60, "a while"
        )
        os.kill(daemon.pid, signal.SIGCONT)
        pauses = "snakepit.runtime.pauses"
        report = wait_metric(world, pauses, at_least(1), kind="stall")
        before = metric(report, "snakepit.heartbeat.pongs")
        wait_metric(world, "snakepit.heartbeat.pongs", at_least(before + 20))
        assert worker_pids(world) == pids
        assert_nobody_died(world, 2)
        assert metric(world.inspect("it"), SUSPICIONS) == 0
        # A busy machine may have stalled it before.
        stalls = [event["values"][0] for event in events(world, "runtime_stalled")]
        assert max(stalls) >= 4000
        assert client.call("default", "echo")


class TestScale:
    def test_heartbeats_of_many_workers_are_cheap(
        self, run_daemon: RunDaemon, world: World
    ) -> None:
        """A thousand workers and a heartbeat a second: at most 4 % of a core."""
        workers, seconds = (1000, 20) if FULL else (200, 4)
        with Hub(world.build, world.directory) as hub:
            daemon = run_daemon(
                {
                    "instance": "it",
                    "pools": [hub.pool(workers)],
                    "segment": {"max_worker_slots": workers},
                    "heartbeat": {"enabled": True, "ping_interval_ms": 1000},
                }
            )
            daemon.wait_ready(workers, 60)
            pongs = "snakepit.heartbeat.pongs"
            report = wait_metric(world, pongs, at_least(workers), 30)
            began, used_s = time.monotonic(), cpu_s(daemon.pid)
            before = metric(report, pongs)
            wait_until(
                lambda: time.monotonic() - began >= seconds, 60, "the time to measure"
            )
            share = (cpu_s(daemon.pid) - used_s) / (time.monotonic() - began)
            report = world.inspect("it")
            # A page that shows that the loop turns stands for four of five.
            assert metric(report, pongs) - before >= workers * seconds / 10
            assert metric(report, "snakepit.heartbeat.failures") == 0
            assert metric(report, SUSPICIONS) == 0
            print(f"{workers} workers: {100 * share:.1f} % of a core")
            assert share <= 0.04, share
            daemon.stop()


def cpu_s(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


@contextlib.contextmanager
def spinners(cpu: set[int], count: int) -> Iterator[None]:
    """Run processes that want nothing but this processor."""
    spin = [sys.executable, "-c", "while True: pass"]
    started = [subprocess.Popen(spin) for _ in range(count)]
    try:
        for process in started:
            os.sched_setaffinity(process.pid, cpu)
        yield
    finally:
        for process in started:
            process.kill()
            process.wait()
