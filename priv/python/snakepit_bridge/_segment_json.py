"""Print segments as `snakepit-inspect --json --events` does, a line each.

::

    python -m snakepit_bridge.segment [--tier snap] PATH...

Exit codes: 0 ok, 1 failure, 2 wrong usage, 3 no such file or not ready yet, 4 damaged
or of another version; of several paths that of the last one that failed.
"""

from __future__ import annotations

import argparse
import decimal
import json
import sys
import time
from typing import TYPE_CHECKING, Any

from .segment import (
    Event,
    EventCursor,
    Histogram,
    Metric,
    Row,
    Segment,
    SegmentError,
    Series,
    Snapshot,
    Verdict,
    WorkerRow,
)

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

__all__ = ["main"]

_SCHEMA = 1
_EXIT_FAILURE = 1
_EXIT_CODES = {"missing": 3, "not_ready": 3, "damaged": 4, "version": 4}
_QUANTILES = {"p50": 0.5, "p90": 0.9, "p99": 0.99}
_NS_PER_MS = 1_000_000


def _dump(value: Any) -> Iterator[str]:
    """Yield JSON text; json.dumps knows no decimal numbers."""
    if isinstance(value, dict):
        for i, (key, item) in enumerate(value.items()):
            yield f"{',' if i else '{'}{json.dumps(key)}:"
            yield from _dump(item)
        yield "}" if value else "{}"
    elif isinstance(value, list):
        for i, item in enumerate(value):
            yield "," if i else "["
            yield from _dump(item)
        yield "]" if value else "[]"
    elif isinstance(value, decimal.Decimal):
        yield format(value.normalize(), "f") if value.is_finite() else "null"
    else:
        yield json.dumps(value, ensure_ascii=False)


def _seconds(ns: int) -> decimal.Decimal:
    return decimal.Decimal(ns).scaleb(-9)


# ---- header, rows --------------------------------------------------------------------


def _heartbeat_age_ms(snapshot: Snapshot, verdict: Verdict) -> int:
    """Return the age on the clock that both sides share."""
    if verdict in (Verdict.CLOSED, Verdict.OLD):
        age_ns = time.time_ns() - snapshot.heartbeat.real_ns
    else:
        now = time.clock_gettime_ns(time.CLOCK_MONOTONIC)
        age_ns = now - snapshot.heartbeat.mono_ns
    return max(age_ns, 0) // _NS_PER_MS


def _facts(segment: Segment, snapshot: Snapshot) -> dict[str, Any]:
    info, stats, heartbeat = segment.info, snapshot.stats, snapshot.heartbeat
    verdict = segment.verdict()
    return {
        "segment": {
            "path": info.path,
            "instance": info.instance,
            "uuid": info.uuid,
            "version": f"{info.version[0]}.{info.version[1]}",
            "incarnation": info.incarnation,
            "pid": info.pid,
            "size_bytes": info.size_bytes,
            "start_time": _seconds(info.start_time_ns),
            "heartbeat_interval_ms": info.heartbeat_interval_ms,
            "stale_after_ms": info.stale_after_ms,
            "scrape_hint_ms": info.scrape_hint_ms,
        },
        "writer": {
            "verdict": verdict.value,
            "state": snapshot.state,
            "heartbeat_age_ms": _heartbeat_age_ms(snapshot, verdict),
            "heartbeat_seq": heartbeat.seq,
            "heartbeat_time": _seconds(heartbeat.real_ns),
            "stop_reason": snapshot.stop_reason,
        },
        "stats": {
            "snapshot_ns": max(stats.end_mono_ns - stats.begin_mono_ns, 0),
            "retries": stats.retries,
            "rows_skipped": stats.rows_skipped,
            "rows_dropped": stats.rows_dropped,
            "banks_exhausted": stats.banks_exhausted,
            "text_truncated": stats.text_truncated,
        },
    }


def _row(row: Row, specific: dict[str, Any]) -> dict[str, Any]:
    return {
        "row": row.index,
        "uid": row.uid,
        "retired": row.retired,
        "retire_reason": row.retire_reason,
        "born_time": _seconds(row.born_time_ns),
        "retired_time": _seconds(row.retired_time_ns),
        **specific,
    }


def _worker(row: WorkerRow) -> dict[str, Any]:
    return {
        "pool": row.pool,
        "slot": row.slot,
        "status": row.status,
        "worker_id": row.worker_id,
        "incarnation": row.incarnation,
        "pid": row.pid,
        "python": row.python,
        "start_time": _seconds(row.start_time_ns),
        "ready_time": _seconds(row.ready_time_ns),
        "last_exit_reason": row.last_exit_reason,
        "last_exit_status": row.last_exit_status,
        "last_error": row.last_error,
    }


# ---- metrics, events -----------------------------------------------------------------


def _histogram(histogram: Histogram) -> dict[str, Any]:
    return {
        "count": histogram.count,
        "sum_ns": histogram.sum_ns,
        "buckets": [
            {"le_ns": bound, "count": count} for bound, count in histogram.buckets()
        ],
        "quantiles": {name: histogram.quantile_ns(q) for name, q in _QUANTILES.items()},
    }


def _series(series: Series) -> dict[str, Any]:
    data: dict[str, Any] = {"labels": series.labels}
    if series.histogram:
        return {**data, **_histogram(series.histogram)}
    data["value"] = series.decimal
    if series.state is not None:
        data["state"] = series.state
    return data


def _metric(snapshot: Snapshot, metric: Metric) -> dict[str, Any]:
    return {
        "name": metric.name,
        "prometheus_name": metric.prometheus_name,
        "kind": metric.kind,
        "unit": metric.unit,
        "level": metric.level,
        "help": metric.help,
        "series": [_series(series) for series in snapshot.series(metric)],
    }


def _event(snapshot: Snapshot, event: Event) -> dict[str, Any]:
    return {
        "time": _seconds(snapshot.time_ns(event.mono_ns)),
        "mono_ns": event.mono_ns,
        "ring": event.ring,
        "seq": event.seq,
        "kind": event.kind,
        "initiator": event.initiator,
        "from": event.from_state,
        "to": event.to_state,
        "reason": event.reason,
        "pool": snapshot.pool_name(event),
        "slot": event.slot,
        "incarnation": event.incarnation,
        "pid": event.pid,
        "values": list(event.values),
        "pool_uid": event.pool_uid,
        "trace_id": event.trace_id,
        "evidence": event.evidence,
    }


def _report(path: str) -> dict[str, Any]:
    cursor = EventCursor()
    with Segment(path) as segment:
        # Before the snapshot, which then has the pools they name.
        events = segment.events(cursor)
        snapshot = segment.snapshot()
        facts = _facts(segment, snapshot)
    return {
        "schema": _SCHEMA,
        **facts,
        "pools": [
            _row(row, {"name": row.name, "adapter": row.adapter})
            for row in snapshot.pools
        ],
        "workers": [_row(row, _worker(row)) for row in snapshot.workers],
        "tools": [
            _row(row, {"pool": row.pool, "name": row.name}) for row in snapshot.tools
        ],
        "metrics": [_metric(snapshot, metric) for metric in snapshot.metrics],
        "events_lost": cursor.lost,
        "events": [_event(snapshot, event) for event in events],
    }


# ---- the program ---------------------------------------------------------------------


def _print_one(path: str) -> int:
    status = 0
    try:
        line = "".join(_dump(_report(path)))
    except (SegmentError, OSError) as exc:
        kind = getattr(exc, "kind", "failed")
        sys.stderr.write(f"segment: {exc}\n")
        error = {
            "kind": kind,
            "field": getattr(exc, "field", None),
            "message": str(exc),
        }
        line = "".join(_dump({"schema": _SCHEMA, "error": error}))
        status = _EXIT_CODES.get(kind, _EXIT_FAILURE)
    text = line + "\n"
    sys.stdout.buffer.write(text.encode("utf-8", "replace"))
    return status


def main(arguments: Sequence[str]) -> int:
    """Print each segment named in the arguments; return the exit code."""
    parser = argparse.ArgumentParser(
        prog="python -m snakepit_bridge.segment",
        description="Print what segments hold, as JSON, a line each.",
    )
    parser.add_argument(
        "--tier",
        choices=["snap"],
        default="snap",
        help="where the values come from; this reader has one way",
    )
    parser.add_argument("paths", nargs="+", metavar="PATH")
    status = 0
    for path in parser.parse_args(arguments).paths:
        status = _print_one(path) or status
    return status
