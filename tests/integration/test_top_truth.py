"""What snakepit-top shows is what the exporter serves and snakepit-inspect prints.

The writer is stopped meanwhile, so that all three look at the same instant.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from readers import BUILD, DEADLINE_S, Exporter, Samples, Segment, inspect_json
from readers import series_of as inspected

TOP = BUILD / "bin/snakepit-top"

# Columns of pools and what they are made of: a metric, and which of its series count.
POOLS = {
    "requests": ("snakepit_pool_requests_total", {}),
    "ok": ("snakepit_pool_request_outcomes_total", {"outcome": "ok"}),
    "errors": ("snakepit_pool_request_outcomes_total", {"outcome": "error"}),
    "active": ("snakepit_request_active", {}),
    "queue_depth": ("snakepit_pool_queue_depth", {}),
    "queue_limit": ("snakepit_pool_queue_limit", {}),
    "refused": ("snakepit_pool_queue_rejections_total", {}),
    "timeouts": ("snakepit_request_failures_total", {"code": "DEADLINE_EXCEEDED"}),
    "workers_idle": ("snakepit_workers", {"state": "idle"}),
    "workers_busy": ("snakepit_workers", {"state": "busy"}),
}
WORKERS = {
    "requests": "snakepit_worker_requests_total",
    "errors": "snakepit_worker_request_failures_total",
    "active": "snakepit_worker_request_active",
    "restarts": "snakepit_worker_restarts_total",
    "heartbeat_missed": "snakepit_heartbeat_missed",
    "rss_bytes": "snakepit_worker_memory_usage_bytes",
}


@pytest.fixture
def frozen(snp_dir: Path) -> Iterator[Segment]:
    segment = Segment(snp_dir, "demo", "3", "4", "2")
    for _ in range(5):
        segment.tell("step")
    segment.process.send_signal(signal.SIGSTOP)
    yield segment
    segment.process.send_signal(signal.SIGCONT)
    segment.close()


def top(segment: Segment, *words: str) -> str:
    return subprocess.check_output(
        [str(TOP), "-n", str(segment.path), *words],
        text=True,
        timeout=DEADLINE_S,
        env={**os.environ, "LC_ALL": "C.UTF-8"},
    )


def total(samples: Samples, metric: str, **labels: str) -> float:
    """Return the sum of the series of a metric that have these labels."""
    found = [
        value
        for (name, has), value in samples.items()
        if name == metric and set(labels.items()) <= set(has)
    ]
    assert found, f"no series of {metric} with {labels}"
    return sum(found)


def screen(segment: Segment, *columns: str) -> dict[str, list[str]]:
    """Return the words of each line of the tables, by the first of them."""
    text = top(segment, "--dump-frame", "250x60", "-o", ",".join(columns))
    lines = [line.replace(">", " ").split() for line in text.splitlines()]
    return {words[0]: words for words in lines if words}


def test_top_says_what_the_others_say(frozen: Segment, tmp_path: Path) -> None:
    exporter = Exporter(tmp_path / "log", "-n", str(frozen.path), "--collector.diag")
    try:
        served = exporter.samples()
    finally:
        exporter.stop()
    data: dict[str, Any] = json.loads(top(frozen, "--json"))
    printed = inspected(inspect_json(frozen.path))
    for source in (served, printed):
        for pool in data["pools"]:
            for column, (metric, labels) in POOLS.items():
                said = total(source, metric, pool=pool["pool"], **labels)
                assert pool[column] == said, (pool["pool"], column)
        for worker in data["workers"]:
            name = {"pool": worker["pool"], "worker": str(worker["slot"])}
            for column, metric in WORKERS.items():
                said = total(source, metric, **name)
                assert worker[column] == said, (worker["worker"], column)


def test_the_screen_shows_what_json_has(frozen: Segment) -> None:
    data: dict[str, Any] = json.loads(top(frozen, "--json"))
    of_pools = ("requests", "ok", "errors", "queue_depth", "refused", "restarts")
    shown = screen(frozen, "pool.pool", *(f"pool.{name}" for name in of_pools))
    for pool in data["pools"]:
        words = shown[pool["pool"]][1 : len(of_pools) + 1]
        assert words == [str(pool[name]) for name in of_pools]
    of_workers = ("pid", "requests", "errors", "active", "restarts")
    shown = screen(frozen, "worker", *of_workers)
    for worker in data["workers"]:
        words = shown[worker["worker"]][1 : len(of_workers) + 1]
        assert words == [str(worker[name]) for name in of_workers]
