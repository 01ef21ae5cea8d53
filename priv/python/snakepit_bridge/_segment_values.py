"""What snapshots and rings are made of, as their users see it."""

from __future__ import annotations

import dataclasses
import decimal
import math
import struct
from typing import TYPE_CHECKING, NamedTuple

from ._segment_schema import Metric, ValueType

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = [
    "Event",
    "EventCursor",
    "Heartbeat",
    "Histogram",
    "Row",
    "Series",
    "Stats",
    "WorkerRow",
]

_U64 = 0xFFFFFFFFFFFFFFFF


class Heartbeat(NamedTuple):
    """A sign of life, and the same moment on two clocks."""

    seq: int
    mono_ns: int
    real_ns: int

    def time_ns(self, mono_ns: int) -> int:
        """Convert a monotonic time of the writer; 0, which means never, stays 0."""
        return self.real_ns + mono_ns - self.mono_ns & _U64 if mono_ns else 0


class Stats(NamedTuple):
    """About a snapshot: when and how it came about, and what found no place."""

    begin_mono_ns: int
    end_mono_ns: int
    retries: int
    rows_skipped: int
    rows_dropped: int
    banks_exhausted: int
    text_truncated: int


@dataclasses.dataclass(frozen=True)
class Row:
    """A pool, a tool of a pool or a worker slot. A retired one has its final values."""

    index: int
    uid: int
    retired: bool
    retire_reason: str
    born_time_ns: int
    retired_time_ns: int
    name: str
    pool: str
    pool_index: int
    adapter: str


@dataclasses.dataclass(frozen=True)
class WorkerRow(Row):
    """A worker slot and the process in it; `pid` 0 = none, `incarnation` 0 = never."""

    slot: int
    status: str
    incarnation: int
    pid: int
    python: str
    start_time_ns: int
    ready_time_ns: int
    last_exit_reason: str
    last_exit_status: int
    last_error: str

    @property
    def worker_id(self) -> str:
        """The name that the process has in logs and requests."""
        return f"{self.pool}/{self.slot}#{self.incarnation}"


# ---- values --------------------------------------------------------------------------


@dataclasses.dataclass(frozen=True)
class Histogram:
    """Durations by size.

    Bucket i counts what is at most `upper_ns[i]`, but more than the bound before; the
    last bucket counts the rest.
    """

    upper_ns: tuple[int, ...]
    counts: tuple[int, ...]
    sum_ns: int
    zero_threshold_ns: int

    @property
    def count(self) -> int:
        """Observations in all buckets."""
        return sum(self.counts) & _U64

    def buckets(self) -> Iterator[tuple[int | None, int]]:
        """Yield (inclusive upper bound or None, count) of each bucket in use."""
        for bound, count in zip((*self.upper_ns, None), self.counts):
            if count:
                yield bound, count

    def quantile_ns(self, q: float) -> int:
        """Return the middle of the bucket with the observation of rank `q`.

        It is at most half a bucket away from the truth; 0 without observations, the
        edge of the range where the bucket has only one bound.
        """
        count, below = self.count, 0
        if count == 0:
            return 0
        for i, n in enumerate(self.counts[:-1]):
            below = below + n & _U64
            if n and below >= q * count:
                return self._middle_ns(i) if i else self.zero_threshold_ns
        return self.upper_ns[-1]

    def _middle_ns(self, i: int) -> int:
        # In these steps, and not otherwise: all readers are to round alike.
        middle = math.sqrt(self.upper_ns[i - 1]) * math.sqrt(self.upper_ns[i])
        return min(int(middle), _U64)


@dataclasses.dataclass(frozen=True)
class Series:
    """A metric at one row and, where it has several cells, one of them.

    `raw` is the stored word (times: as wall time); a histogram has `histogram` instead.
    """

    metric: Metric
    labels: dict[str, str]
    row: int
    raw: int
    histogram: Histogram | None

    @property
    def value(self) -> int | float:
        """The value in the metric's unit: bytes, seconds, seconds since 1970.

        An integer where it is one; otherwise the nearest number to `decimal`.
        """
        if self.metric.desc.vtype == ValueType.F64:
            return _float_of(self.raw, self.metric.desc.unit_exp)
        exact = self.decimal
        return int(exact) if exact == exact.to_integral_value() else float(exact)

    @property
    def decimal(self) -> decimal.Decimal:
        """The value in the metric's unit, exactly as it is stored."""
        desc = self.metric.desc
        if desc.vtype == ValueType.F64:
            return decimal.Decimal(repr(self.value))
        if desc.vtype in (ValueType.MONO_NS, ValueType.REAL_NS):
            return decimal.Decimal(self.raw).scaleb(-9)
        if desc.vtype == ValueType.I64 and self.raw >> 63:
            return decimal.Decimal(self.raw - _U64 - 1).scaleb(desc.unit_exp)
        return decimal.Decimal(self.raw).scaleb(desc.unit_exp)

    @property
    def state(self) -> str | None:
        """The name of the value, where the metric is a state that has one."""
        if self.metric.kind != "state" or not self.metric.enum:
            return None
        values = self.metric.enum.values
        return values[self.raw] if self.raw < len(values) else None


def _float_of(word: int, exponent: int) -> float:
    """Return a stored floating point number times a power of ten."""
    number: float = struct.unpack("<d", word.to_bytes(8, "little"))[0]
    # In these steps, and not otherwise: all readers are to round alike.
    for e in range(exponent, 0, 9):
        number /= 10.0 ** min(9, -e)
    for _ in range(exponent):
        number *= 10.0
    return number


# ---- events --------------------------------------------------------------------------


class Event(NamedTuple):
    """Something that happened. `Snapshot.pool_name()` says to which pool."""

    ring: int
    seq: int
    mono_ns: int
    kind: str
    initiator: str
    from_state: str
    to_state: str
    reason: str
    pool_index: int
    pool_uid: int
    slot: int
    incarnation: int
    pid: int
    values: tuple[int, int]
    trace_id: str
    evidence: int


class EventCursor:
    """Where a reader is in the rings of events, and what it came too late for."""

    def __init__(self) -> None:
        """Start with the oldest event that is still there."""
        self.next: dict[int, int] = {}
        self.lost = 0
