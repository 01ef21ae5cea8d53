"""The Python reader: a living writer, and what the document shows.

Its own tests are in priv/python/tests.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

from language import example, run
from living import living_segment
from readers import ROOT, by_name
from snakepit_bridge.segment import (
    EventCursor,
    Row,
    Segment,
    SegmentError,
    Snapshot,
    Verdict,
)

TEAR_SECONDS = 2.0
LEAST_LOOKS = 10  # on a busy machine they take longer
DEADLINE_S = 60.0


def sum_of(snapshot: Snapshot, name: str, pool: str) -> int:
    return sum(s.raw for s in snapshot.series(name) if s.labels["pool"] == pool)


def check_ledgers(snapshot: Snapshot) -> None:
    """Each request is in one place."""
    parts = ("pool.request.outcomes", "request.active", "pool.queue.depth")
    for pool in snapshot.pools:
        total = sum_of(snapshot, "snakepit.pool.requests", pool.name)
        assert total == sum(
            sum_of(snapshot, f"snakepit.{part}", pool.name) for part in parts
        )


def check_moment(snapshot: Snapshot) -> None:
    """All rows are of one moment: the writer counts ten requests and a ping a round."""
    requests = snapshot.series("snakepit.pool.requests")
    pings = snapshot.series("snakepit.heartbeat.pings")
    assert len({s.raw for s in requests} | {10 * s.raw for s in pings}) == 1


def growing(snapshot: Snapshot) -> Iterator[tuple[tuple[object, ...], int]]:
    """Yield what only grows, by the life of the row that it is of."""
    rows: list[Sequence[Row]] = [
        [],
        snapshot.pools,
        snapshot.workers,
        snapshot.tools,
    ]
    lives = [{row.index: row.uid for row in kind} for kind in rows]
    for metric in snapshot.metrics:
        for series in snapshot.series(metric):
            life = lives[metric.desc.row_kind].get(series.row)
            key = (metric.name, life, *series.labels.values())
            if metric.kind == "counter":
                yield key, series.raw
            if series.histogram:
                histogram = series.histogram
                yield key, histogram.count
                if not histogram.counts[-1]:  # nobody knows how large those are
                    most = sum(
                        bound * count
                        for bound, count in zip(histogram.upper_ns, histogram.counts)
                    )
                    assert histogram.sum_ns <= most


def test_tear() -> None:
    """Nothing torn is seen in a segment that is written as fast as possible."""
    looks = events = 0
    before: dict[tuple[object, ...], int] = {}
    cursor = EventCursor()
    begin = time.monotonic()

    def enough() -> bool:
        past_s = time.monotonic() - begin
        least_s = TEAR_SECONDS if looks >= LEAST_LOOKS else DEADLINE_S
        return past_s > least_s

    with living_segment(hasty=True) as writer, Segment(writer.path) as segment:
        while not enough():
            try:
                snapshot = segment.snapshot()
            except SegmentError as error:
                if error.field != "snap":
                    raise
                continue  # the writer was faster, four times
            check_ledgers(snapshot)
            check_moment(snapshot)
            now = dict(growing(snapshot))
            for key in now.keys() & before.keys():
                assert now[key] >= before[key], key
            before = now
            events += len(segment.events(cursor))
            assert events + cursor.lost == sum(cursor.next.values())
            looks += 1
        assert segment.verdict() is Verdict.ALIVE
    assert looks >= LEAST_LOOKS
    assert events > 0


def test_example(golden_dir: Path) -> None:
    python = by_name("python")
    program = [sys.executable, "-c", example("Python")]
    lines = run(python, [*program, golden_dir / "full.seg"], ROOT).splitlines()
    assert lines[0] == "full old"
    assert "{'pool': 'default', 'method': 'café'} 22" in lines
    assert any(line.endswith("worker_moved lost") for line in lines)
