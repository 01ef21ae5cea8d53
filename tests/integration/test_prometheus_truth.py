"""What Prometheus has stored is what the segment says, whoever was restarted meanwhile.

A real runtime with Python workers, Debian's Prometheus, and three restarts: of workers,
of the runtime, of the exporter. At each stop the runtime is frozen by SIGSTOP, so that
nothing changes while the two are compared.
"""

from __future__ import annotations

import contextlib
import os
import signal
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from client import Client
from harness import Daemon, World, wait_until
from runtime_kit import INSTANCE, RunDaemon, config, worker_pids

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "lib"))
from peers import SCRAPED_S, Prometheus
from readers import Exporter, Labels, Samples, series_of, states_of

WORKERS = 3
# Families that are about the exporter or its look at the segment.
OWN = (
    "snakepit_up",
    "snakepit_build_info",
    "snakepit_shm_",
    "snakepit_metric_overflows_total",
    "snakepit_exporter_",
    "snakepit_scrape_",
)
ALL = '{__name__=~"snakepit_.+"}'
COUNTS = '{__name__=~"snakepit_.+(_total|_bucket|_count|_sum)"}'


class Watched:
    """One exporter on a port that stays, scraped by a Prometheus."""

    def __init__(self, world: World, folder: Path) -> None:
        self.world, self.folder = world, folder
        self.port, self.runs = 0, 0
        self.start_exporter()
        try:
            self.server = Prometheus(folder, self.port)
        except pytest.skip.Exception:
            self.exporter.stop()
            raise

    def start_exporter(self) -> None:
        path = self.world.directory / f"{INSTANCE}.seg"
        self.runs += 1
        self.exporter = Exporter(
            self.folder / f"exporter{self.runs}.log",
            *("-n", str(path), "--collector.diag"),
            address=f"127.0.0.1:{self.port}",
        )
        self.port = self.exporter.port

    def restart_exporter(self) -> None:
        assert self.exporter.stop() == 0
        self.start_exporter()

    def close(self) -> None:
        self.server.stop()
        self.exporter.stop()


@pytest.fixture
def watched(world: World, tmp_path: Path) -> Iterator[Watched]:
    watched = Watched(world, tmp_path)
    yield watched
    watched.close()


# ---- what the segment says -----------------------------------------------------------


def without(labels: Labels, *names: str) -> Labels:
    return tuple(pair for pair in labels if pair[0] not in names)


def plain(samples: Samples) -> Samples:
    """Leave out the exporter's own, and empty labels, which no server knows."""
    return {
        (name, tuple(pair for pair in labels if pair[1])): number
        for (name, labels), number in samples.items()
        if not name.startswith(OWN)
    }


def histograms_of(report: dict[str, Any], stored: Samples) -> Samples:
    """Return the samples of all histograms, at the bounds that are stored."""
    samples: Samples = {}
    for metric in report["metrics"]:
        name = metric["prometheus_name"]
        for series in metric["series"] if metric["kind"] == "histogram" else []:
            labels = tuple(sorted(series["labels"].items()))
            samples[name + "_count", labels] = series["count"]
            samples[name + "_sum", labels] = series["sum_ns"] / 1e9
            for found, pairs in stored:
                if found != name + "_bucket" or without(pairs, "le") != labels:
                    continue
                bound = dict(pairs)["le"]
                samples[found, pairs] = sum(
                    bucket["count"]
                    for bucket in series["buckets"]
                    if bound == "+Inf"
                    or (bucket["le_ns"] or float("inf")) <= float(bound) * 1e9
                )
    return samples


def expected(report: dict[str, Any], stored: Samples) -> Samples:
    """All that must be stored; a state is one series for each value it can have."""
    samples = plain(series_of(report) | histograms_of(report, stored))
    for (name, labels), state in states_of(report).items():
        lines = [
            (key, without(key[1], *dict(labels)))
            for key in stored
            if key[0] == name and set(labels) <= set(key[1])
        ]
        assert len(lines) >= 2, f"{name} has not all its states"
        for key, ((_, text),) in lines:
            samples[key] = float(text == state)
    return samples


# ---- the comparison ------------------------------------------------------------------


def assert_stored_is_true(daemon: Daemon, watched: Watched) -> None:
    """Hold the runtime still, and compare every series there is on either side."""
    os.kill(daemon.pid, signal.SIGSTOP)
    try:
        report = watched.world.inspect(INSTANCE)
        found: list[Samples] = [{}, {}]

        def agreed() -> bool:
            stored = plain(watched.server.stored(ALL))
            found[:] = [stored, expected(report, stored)] if stored else [{}, {}]
            return bool(stored) and stored == found[1]

        with contextlib.suppress(AssertionError):  # the asserts below say more
            wait_until(agreed, SCRAPED_S, "Prometheus to have scraped all of it")
        stored, want = found
        assert {k: stored.get(k) for k in want} == want
        assert stored.keys() == want.keys()
        assert len(stored) > 300
        assert {dict(key[1]).get("worker") for key in stored} == {None, "0", "1", "2"}
    finally:
        os.kill(daemon.pid, signal.SIGCONT)


def lose_workers(world: World, times: int) -> None:
    """Kill one worker after the other, each once its slot has a successor."""
    for i in range(times):
        slot = i % WORKERS
        pid = worker_pids(world)[slot]
        os.kill(pid, signal.SIGKILL)

        def replaced(slot: int = slot, pid: int = pid) -> bool:
            return worker_pids(world).get(slot, pid) != pid

        wait_until(replaced, 30, f"another worker in slot {slot}")


def falls(server: Prometheus) -> dict[Any, list[float]]:
    """Find the times at which a count was less than before, by series."""
    found: dict[Any, list[float]] = {}
    for series in server.query(COUNTS + "[1h]"):
        name = series["metric"].pop("__name__")
        key = (name, tuple(sorted(series["metric"].items())))
        values = [(float(at), float(number)) for at, number in series["values"]]
        for (_, before), (at, after) in zip(values, values[1:]):
            if after < before and not name.startswith(OWN):
                found.setdefault(key, []).append(at)
    return found


def test_stored_is_what_the_segment_says(
    run_daemon: RunDaemon, client: Client, world: World, watched: Watched
) -> None:
    call: Callable[..., Any] = client.call
    settings = config(workers=WORKERS, restart={"backoff_min_ms": 10})
    daemon = run_daemon(settings)
    daemon.wait_ready(WORKERS)
    for _ in range(20):
        call("default", "echo")
    lose_workers(world, 4)
    assert_stored_is_true(daemon, watched)
    assert falls(watched.server) == {}

    stopped = time.time()
    daemon.stop()
    daemon = run_daemon(settings)
    daemon.wait_ready(WORKERS)
    for _ in range(5):
        call("default", "echo")
    lose_workers(world, 1)
    assert_stored_is_true(daemon, watched)
    compared = time.time()

    watched.restart_exporter()
    call("default", "echo")
    lose_workers(world, 1)
    assert_stored_is_true(daemon, watched)
    # Counts begin anew with a runtime, and with nothing else.
    fallen = falls(watched.server)
    assert any(name == "snakepit_requests_total" for name, _ in fallen)
    for key, times in fallen.items():
        assert len(times) == 1, key
        assert stopped < times[0] < compared, key
