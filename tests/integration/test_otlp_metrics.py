"""Metrics as OTLP: every request read with the official messages and held to the model.

The names of tests begin with the number of what they check (O01, O04, O22 ...).
"""

from __future__ import annotations

import random
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "lib"))
from otlp import (
    GONE,
    Collector,
    Receiver,
    attributes_of,
    count_of,
    metrics_of,
    points_of,
)
from readers import Segment

Start = Callable[..., Any]
MODES = [
    (),
    ("delta",),
    ("lowmemory",),
    ("exponential",),
    ("delta", "exponential", "fresh"),
]


@pytest.fixture
def start() -> Iterator[Start]:
    running: list[Any] = []

    def run(kind: type, *args: Any) -> Any:
        running.append(kind(*args))
        return running[-1]

    yield run
    for each in reversed(running):
        each.close()


def metric_of(request: Any, name: str) -> Any:
    return next(metric for metric in metrics_of(request) if metric.name == name)


# ---- O01 -----------------------------------------------------------------------------


@pytest.mark.parametrize("mode", MODES, ids=lambda mode: "-".join(mode) or "default")
def test_o01_requests_hold(start: Start, tmp_path: Path, mode: tuple[str, ...]) -> None:
    segment = start(Segment, tmp_path, "test", "2", "3", "2", "hostile")
    collector = start(Collector, segment.path, "diag", *mode)
    receiver = Receiver()
    for _ in range(3):
        segment.tell("step")
        receiver.accept(collector.collect())
        collector.acknowledge()
    kinds = {kind[0] for kind in receiver.kinds.values()}
    histogram = "exponential_histogram" if "exponential" in mode else "histogram"
    assert kinds == {"sum", "gauge", histogram}
    assert receiver.points > 300


@pytest.mark.parametrize("seed", range(6))
def test_o01_requests_hold_whatever_happens(
    start: Start, tmp_path: Path, seed: int
) -> None:
    rng = random.Random(seed)
    shape = [str(rng.randint(1, most)) for most in (3, 4, 3)]
    segment = start(Segment, tmp_path, "test", *shape, "quarantine=1")
    limit = rng.choice((2000, 6))
    options = [*rng.choice(MODES), f"limit={limit}", "diag", "stale"]
    collector = start(Collector, segment.path, *options)
    receiver = Receiver(limit=limit)
    pools, workers, tools = (int(number) for number in shape)
    rows = [("worker", i) for i in range(pools * workers)]
    rows += [("tool", i) for i in range(pools * tools)]
    rng.shuffle(rows)
    loaded = churning = False
    for _ in range(25):
        action = rng.randrange(5)
        if action == 0:
            loaded = not loaded
            segment.tell(f"load {'on' if loaded else 'off'}")
        elif action == 1:
            churning = not churning
            segment.tell(f"churn {'on' if churning else 'off'}")
        elif action == 2 and len(rows) > 2:
            segment.tell("retire {} {}".format(*rows.pop()))
        else:
            segment.tell("step")
        request = collector.collect()
        if rng.randrange(3):
            receiver.accept(request)
            collector.acknowledge()
        else:
            receiver.check(request)
    assert receiver.points > 0


# ---- O21, O04: delta against cumulative --------------------------------------------


def totals_of(request: Any) -> dict[Any, float]:
    return {
        (metric.name, attributes_of(point)): count_of(point)
        for metric in metrics_of(request)
        if metric.WhichOneof("data") != "gauge"
        for point in points_of(metric)
    }


@pytest.mark.parametrize("limit", [2000, 5])
def test_o04_deltas_add_up_to_the_totals(
    start: Start, tmp_path: Path, limit: int
) -> None:
    segment = start(Segment, tmp_path, "test", "2", "2", "2")
    options = (segment.path, "fresh", f"limit={limit}")
    cumulative = start(Collector, *options)
    delta = start(Collector, *options, "delta")
    receiver = Receiver(limit=limit)
    for i in range(9):
        segment.tell("step")
        request = delta.collect()
        if i % 3 == 2:  # what is not acknowledged is part of the next
            receiver.accept(request)
            delta.acknowledge()
        if i == 4:
            delta.attach_again()
    totals = totals_of(cumulative.collect())
    deltas = {key: s.total for key, s in receiver.streams.items() if s.total}
    assert len(deltas) > 10
    assert deltas == pytest.approx({key: totals[key] for key in deltas})


def test_o04_another_exporter_begins_where_it_begins(
    start: Start, tmp_path: Path
) -> None:
    segment = start(Segment, tmp_path, "test", "1", "1", "1")
    collector = start(Collector, segment.path, "delta")
    names = {metric.name for metric in metrics_of(collector.collect())}
    assert "snakepit.requests" not in names
    segment.tell("step")
    (point,) = points_of(metric_of(collector.collect(), "snakepit.requests"))
    assert point.as_int == 10


# ---- O22 -----------------------------------------------------------------------------


def slots_of(request: Any, name: str) -> dict[str, Any]:
    return {
        dict(attributes_of(point))["snakepit.worker.slot"]: point
        for point in points_of(metric_of(request, name))
    }


@pytest.mark.parametrize("options", [("stale",), ()])
def test_o22_retired_workers_say_so_once(
    start: Start, tmp_path: Path, options: tuple[str, ...]
) -> None:
    segment = start(Segment, tmp_path, "test", "1", "2", "1")
    collector = start(Collector, segment.path, *options)
    missed, pings = "snakepit.heartbeat.missed", "snakepit.heartbeat.pings"
    assert set(slots_of(collector.collect(), missed)) == {"0", "1"}
    collector.acknowledge()
    segment.tell("retire worker 1")
    for _ in range(2):  # until it was received
        request = collector.collect()
        slots = slots_of(request, missed)
        assert set(slots) == ({"0", "1"} if options else {"0"})
        if options:
            assert slots["1"].flags == GONE
            assert slots["1"].WhichOneof("value") is None
        assert set(slots_of(request, pings)) == {"0", "1"}, "counts stay"
    collector.acknowledge()
    assert set(slots_of(collector.collect(), missed)) == {"0"}


def test_o22_nothing_is_present_of_a_runtime_that_ended(
    start: Start, tmp_path: Path
) -> None:
    segment = start(Segment, tmp_path)
    collector = start(Collector, segment.path)
    alive = {metric.name for metric in metrics_of(collector.collect())}
    dead = {metric.name for metric in metrics_of(collector.collect("ended"))}
    assert dead < alive
    assert {"snakepit.requests", "snakepit.request.duration"} <= dead
    assert "snakepit.heartbeat.missed" in alive - dead


# ---- O23 -----------------------------------------------------------------------------

OVERFLOW = (("otel.metric.overflow", True),)


@pytest.mark.parametrize("mode", ["fresh", "delta"])
def test_o23_series_beyond_the_limit_share_a_point(
    start: Start, tmp_path: Path, mode: str
) -> None:
    segment = start(Segment, tmp_path, "test", "1", "1", "6")
    collector = start(Collector, segment.path, mode, "limit=4")
    receiver = Receiver(limit=4)
    for _ in range(3):
        segment.tell("step")
        request = collector.collect()
        receiver.accept(request)
        collector.acknowledge()
    own = 40 if mode == "fresh" else 10  # the writer counts a round at its start
    for name in ("snakepit.requests", "snakepit.request.duration"):
        points = {attributes_of(p): p for p in points_of(metric_of(request, name))}
        assert len(points) == 4
        assert count_of(points.pop(OVERFLOW)) == 3 * own
        assert {count_of(point) for point in points.values()} == {own}


def test_o23_the_shared_point_outlives_its_series(start: Start, tmp_path: Path) -> None:
    segment = start(Segment, tmp_path, "test", "1", "1", "4", "quarantine=1")
    collector = start(Collector, segment.path, "fresh", "limit=3")
    receiver = Receiver(limit=3)
    segment.tell("step")
    receiver.accept(collector.collect())
    collector.acknowledge()
    for index in (2, 3):
        segment.tell(f"retire tool {index}")
    segment.tell("churn on")  # their rows are somebody else's now
    segment.tell("step")
    receiver.accept(collector.collect())
    key = ("snakepit.requests", OVERFLOW)
    assert receiver.streams[key].count >= 2 * 20


# ---- O25 -----------------------------------------------------------------------------


def test_o25_both_histograms_agree(start: Start, tmp_path: Path) -> None:
    segment = start(Segment, tmp_path, "test", "2", "2", "2")
    for _ in range(5):
        segment.tell("step")
    explicit = start(Collector, segment.path).collect()
    exponential = start(Collector, segment.path, "exponential").collect()
    seen = 0
    for metric in metrics_of(explicit):
        if metric.WhichOneof("data") != "histogram":
            continue
        other = points_of(metric_of(exponential, metric.name))
        for a, b in zip(points_of(metric), other):
            assert attributes_of(a) == attributes_of(b)
            assert (a.count, a.sum) == (b.count, b.sum)
            check_rebinned(a, b)
            seen += a.count > 0
    assert seen > 4


def check_rebinned(explicit: Any, exponential: Any) -> None:
    """Check that buckets below a bound are as many, but for the one it divides."""
    base = 2.0 ** (2.0**-exponential.scale)
    below = 0
    for bound, count in zip(explicit.explicit_bounds, explicit.bucket_counts):
        below += count
        uppers = [
            (base ** (exponential.positive.offset + i + 1), n)
            for i, n in enumerate(exponential.positive.bucket_counts)
        ]
        whole = sum(n for upper, n in uppers if upper <= bound * (1 + 1e-12))
        assert below == whole + exponential.zero_count
