"""Case 31: everything that can happen to a runtime, at random, for a while.

At every sample the books balance: starts = exits + live processes, and requests =
outcomes + active + queued. What a runtime holds (descriptors, memory, rows, series,
files) does not grow.
"""

from __future__ import annotations

import contextlib
import json
import os
import random
import signal
import threading
import time
from collections import Counter
from collections.abc import Callable
from typing import Any

import grpc
import pytest
from client import Client, request
from harness import Daemon, wait_until
from runtime_kit import INSTANCE, assert_books_balance, rss_kib
from trials import SOON, Trial, by_size, cells, config, total
from typing_extensions import Self

SECONDS = by_size(15, 600)
WORKERS = 4
NO_PROCESS = {"empty", "exited", "backoff", "quarantined"}
REFUSED = {"UNAVAILABLE", "RESOURCE_EXHAUSTED", "DEADLINE_EXCEEDED", "CANCELLED"}

case = pytest.mark.case


class Traffic:
    """Clients of all kinds, each in a thread; what each call came to is counted."""

    def __init__(self, trial: Trial, seed: int) -> None:
        self.outcomes: Counter[str] = Counter()
        self._lock = threading.Lock()
        self._stop = threading.Event()
        self._clients = [Client(trial.world.directory, INSTANCE) for _ in range(2)]
        kinds = [self._plain] * 3 + [self._session, self._hasty, self._stream] * 2
        kinds += [self._slow_stream]
        self._threads = [
            threading.Thread(target=self._run, args=(kind, random.Random(seed + n)))
            for n, kind in enumerate(kinds)
        ]

    def _run(
        self, kind: Callable[[Client, random.Random], str], chance: random.Random
    ) -> None:
        while not self._stop.is_set():
            try:
                outcome = kind(chance.choice(self._clients), chance)
            except grpc.FutureCancelledError:
                outcome = "CANCELLED"
            except grpc.RpcError as error:
                outcome = error.code().name
            with self._lock:
                self.outcomes[outcome] += 1

    @staticmethod
    def _plain(client: Client, chance: random.Random) -> str:
        tool = chance.choice(["echo", "echo", "fail", "sleep"])
        arguments = {"seconds": chance.random() / 20} if tool == "sleep" else {}
        message = request("default", tool, **arguments)
        response = client.pool.Execute(message, timeout=20)
        return "ok" if response.WhichOneof("outcome") == "result_json" else "error"

    @staticmethod
    def _session(client: Client, chance: random.Random) -> str:
        message = request("default", "echo")
        message.session_id = f"s{chance.randrange(20)}"
        client.pool.Execute(message, timeout=20)
        return "ok"

    @staticmethod
    def _hasty(client: Client, chance: random.Random) -> str:
        """Give up early, by a deadline or by cancelling."""
        message = request("default", "sleep", seconds=0.05)
        if chance.random() < 0.5:
            client.pool.Execute(message, timeout=0.02)
            return "ok"
        future = client.pool.Execute.future(message, timeout=20)
        end = time.monotonic() + chance.random() / 20
        while time.monotonic() < end:
            time.sleep(0.005)
        future.cancel()
        future.result()
        return "ok"

    @staticmethod
    def _stream(client: Client, chance: random.Random) -> str:
        """Read a stream, or leave it."""
        stream = client.stream("default", "count", to=50, delay_s=0.002)
        leave = chance.randrange(100)
        for n, _ in enumerate(stream):
            if n == leave:
                stream.cancel()
        return "ok"

    @staticmethod
    def _slow_stream(client: Client, chance: random.Random) -> str:
        """Take time over chunks that are big."""
        stream = client.stream("default", "count", to=40, size=1 << 16)
        for _ in stream:
            time.sleep(chance.random() / 50)
        return "ok"

    def __enter__(self) -> Self:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join()
        for client in self._clients:
            client.close()


class Trouble:
    """One thing that goes wrong or that an operator does, at random."""

    def __init__(self, trial: Trial, daemon: Daemon, cli: Any, seed: int) -> None:
        self.done: Counter[str] = Counter()
        self._trial, self._daemon, self._cli = trial, daemon, cli
        self._chance = random.Random(seed)
        self._generation = 0
        self._stopped: list[int] = []

    def _victim(self) -> int | None:
        pids = list(self._trial.pids().values())
        return self._chance.choice(pids) if pids else None

    def make(self) -> None:
        what = self._chance.choice(
            (self.kill, self.kill, self.stop, self.terminate, self.recycle, self.reload)
            if self._chance.random() < 0.75
            else (self.scale, self.drain)
        )
        with contextlib.suppress(ProcessLookupError):
            what()
            self.done[what.__name__] += 1

    def kill(self) -> None:
        if victim := self._victim():
            os.kill(victim, signal.SIGKILL)

    def terminate(self) -> None:
        if victim := self._victim():
            os.kill(victim, signal.SIGTERM)

    def stop(self) -> None:
        """Stop one, and let go on the one that was stopped before."""
        for pid in self._stopped:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGCONT)
        self._stopped.clear()
        if victim := self._victim():
            os.kill(victim, signal.SIGSTOP)
            self._stopped.append(victim)

    def recycle(self) -> None:
        self._cli("recycle", f"default/{self._chance.randrange(WORKERS)}")

    def scale(self) -> None:
        self._cli("scale", "default", str(self._chance.randint(2, WORKERS + 2)))

    def drain(self) -> None:
        self._cli("drain", "default")
        self._cli("resume", "default")

    def reload(self) -> None:
        self._generation += 1
        self._daemon.config.write_text(json.dumps(settings(self._generation)))
        self._cli("reload")

    def end(self) -> None:
        for pid in self._stopped:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGCONT)
        self._cli("scale", "default", str(WORKERS))


def settings(generation: int = 0) -> dict[str, Any]:
    pool = config(
        workers=WORKERS,
        max_workers=WORKERS + 2,
        env=[f"GENERATION={generation}"],
        queue={"limit": 100},
        lifecycle={"worker_max_requests": 500, "min_ready_ms": 100},
        restart={**SOON, "breaker_deaths": 1000},
        heartbeat={"enabled": True, "ping_interval_ms": 500, "jitter_ms": 50},
    )
    quick = {"drain_timeout_ms": 2000, "stop_timeout_ms": 1000}
    return {**pool, "log": {"level": "warning"}, "shutdown": quick}


def assert_processes_balance(report: dict[str, Any]) -> None:
    """Check that starts are exits and processes that live."""
    found = cells(report)
    born = total(found, "snakepit.worker.starts")
    died = total(found, "snakepit.worker.exits")
    live = total(found, "snakepit.worker.processes")
    assert born == died + live, (born, died, live)


def with_a_process(report: dict[str, Any]) -> int:
    """Count the slots whose state says that they have one."""
    return sum(
        series["state"] not in NO_PROCESS
        for entry in report["metrics"]
        if entry["name"] == "snakepit.worker.state"
        for series in entry["series"]
    )


def held_by(trial: Trial, daemon: Daemon) -> dict[str, int]:
    """Count what must not grow."""
    report = trial.world.inspect(INSTANCE)
    return {
        "fds": len(os.listdir(f"/proc/{daemon.pid}/fd")),
        "threads": len(os.listdir(f"/proc/{daemon.pid}/task")),
        "rss": rss_kib(daemon.pid),
        "rows": len(report["workers"]) + len(report["tools"]) + len(report["pools"]),
        "bytes": report["segment"]["size_bytes"],
        "files": len(list(trial.world.directory.rglob("*"))),
    }


def calm(trial: Trial) -> None:
    """Wait until as many workers as are wanted stand by, and nothing moves."""

    def quiet() -> bool:
        report = trial.world.inspect(INSTANCE)
        rows = [row for row in report["workers"] if not row["retired"]]
        idle = [row for row in rows if row["status"] == "idle"]
        return len(rows) == len(idle) == WORKERS

    wait_until(quiet, 40, "a pool at rest")


@case(31)
def test_soak(trial: Trial, cli: Any) -> None:
    """Random kills, stops, reloads, scaling, slow clients, cancels and streams.

    At every sample starts = exits + live and requests = outcomes + active + queued;
    each call has one outcome; at the end nothing has grown.
    """
    seed = int(os.environ.get("SNP_SEED", random.randrange(1 << 30)))
    print(f"SNP_SEED={seed}")
    daemon = trial.start(settings(), ready=WORKERS)
    with Traffic(trial, seed) as warm:
        wait_until(lambda: warm.outcomes["ok"] > 200, 30, "a warm runtime")
    calm(trial)
    before = held_by(trial, daemon)
    first = cells(trial.world.inspect(INSTANCE))
    trial.inject()
    trouble = Trouble(trial, daemon, cli, seed)
    samples, end = 0, time.monotonic() + SECONDS
    pause = by_size(0.7, 3)
    with Traffic(trial, seed) as traffic:
        next_trouble = time.monotonic() + pause
        while time.monotonic() < end:
            report = trial.world.inspect(INSTANCE)
            assert_books_balance(report)
            assert_processes_balance(report)
            samples += 1
            if time.monotonic() >= next_trouble:
                next_trouble = time.monotonic() + pause
                trouble.make()
    trouble.end()
    calm(trial)
    print(f"{samples} samples, {dict(trouble.done)}, {dict(traffic.outcomes)}")
    assert samples > SECONDS
    assert set(traffic.outcomes) <= {"ok", "error", "ABORTED", *REFUSED}
    check_totals(trial, first, traffic.outcomes)
    report = trial.world.inspect(INSTANCE)
    live = total(cells(report), "snakepit.worker.processes")
    assert live == with_a_process(report) == len(trial.pids()) == WORKERS
    after = held_by(trial, daemon)
    assert after["fds"] <= before["fds"] + 2
    assert after["threads"] <= before["threads"] + 8  # gRPC makes them as it needs
    assert after["bytes"] == before["bytes"]
    assert after["rows"] <= before["rows"] + 2 + WORKERS  # spare slots keep their rows
    assert after["files"] <= before["files"] + 4
    assert after["rss"] < before["rss"] * 1.5 + 16_384


def check_totals(trial: Trial, first: dict[Any, float], outcomes: Counter[str]) -> None:
    """Compare what clients were told with the books, but for what never arrived."""
    now = cells(trial.world.inspect(INSTANCE))
    name = "snakepit.pool.request.outcomes"
    ok = total(now, name, outcome="ok") - total(first, name, outcome="ok")
    told = sum(outcomes.values())
    requests = "snakepit.pool.requests"
    received = total(now, requests) - total(first, requests)
    # A client that leaves may not know that its answer was on the way, and the one
    # whose deadline passes first may never have sent its call.
    left = outcomes["CANCELLED"] + outcomes["DEADLINE_EXCEEDED"]
    assert outcomes["ok"] <= ok <= outcomes["ok"] + left
    assert told - left <= received <= told
