"""Snapshots: the half of SNAP that is whole, and what its bytes mean."""

from __future__ import annotations

import collections
import dataclasses
import struct
from typing import TYPE_CHECKING, NamedTuple

from ._crc32c import crc32c
from ._segment_file import (
    LATCH_BYTES,
    METERS,
    POOL,
    PROC,
    RECORD_BYTES,
    ROW_KINDS,
    TOOL,
    WORKER,
    File,
    Region,
    Regions,
    RegionType,
    text_of,
    u64,
)
from ._segment_schema import Metric, Schema, Storage, ValueType
from ._segment_values import Event, Heartbeat, Histogram, Row, Series, Stats, WorkerRow

if TYPE_CHECKING:
    from collections import Counter
    from collections.abc import Iterator

__all__ = ["HB_SEQ_OFF", "STATE_OFF", "Snapshot", "Source"]

STATE_OFF, _STOP_REASON_OFF = 0x100, 0x108
HB_SEQ_OFF, _HB_OFF, _HB_BYTES, _HB_CHECKED_BYTES = 0x1C0, 0x200, 128, 56
_SNAP_SEQ_OFF = 0x340
_HEADER_BYTES = 0x100
_TRIES = 4
_U32 = 0xFFFFFFFF
_STATES = ("init", "live", "draining", "closed", "superseded")
# Numbers of tables in ENUM.
_EXIT_REASON, _WORKER_STATUS, _STOP_REASON, _RETIRE_REASON = 4, 10, 14, 15


class Source(NamedTuple):
    """What snapshots are taken from."""

    file: File
    regions: Regions
    schema: Schema


@dataclasses.dataclass(frozen=True)
class _Table:
    """Where the rows of a kind are in a half of SNAP, and the parts of a row."""

    off: int
    count: int
    stride: int
    record: int
    text: int
    cells: int
    sums: int
    ledger: int


_SNAP = struct.Struct("<16Q")
_SNAP_BYTES, _ROW_BYTES, _TEXT_BYTES = 512, 384, 504
_TABLE = struct.Struct("<8Q")
_NAME_BYTES = 128
_ABSENT = 0xFFFFFFFFFFFFFFFF
_OF_ROWS = (RegionType.ROWD, RegionType.ROWC, RegionType.BANK, RegionType.LEDG)
_FREE, _LIVE, _TOMBSTONE, _RECYCLING = range(4)
# Words of a process record.
_INCARNATION, _PID, _START_REAL, _READY_MONO = 0, 1, 3, 4
_EXIT_REASON_WORD, _EXIT_STATUS_WORD, _PYTHON_WORD = 5, 6, 7
# Labels, by the source of a key.
_KEY_OF_WORKER = {1: "slot", 3: "worker_id", 4: "pid", 6: "python"}

# WORKER_STATE to WORKER_STATUS.
_STARTING, _IDLE, _BUSY, _DRAINING, _DOWN = range(5)
_READY = 4
_STATUS = {1: _STARTING, 2: _STARTING, 3: _STARTING, _READY: _IDLE, 5: _DRAINING}


# ---- the half of SNAP that is whole --------------------------------------------------


def read_heartbeat(file: File) -> Heartbeat:
    """Read the current heartbeat."""
    for _ in range(_TRIES):
        data = file.read(HB_SEQ_OFF, _HB_OFF + 2 * _HB_BYTES - HB_SEQ_OFF)
        at = _HB_OFF - HB_SEQ_OFF + (u64(data) & 1) * _HB_BYTES
        copy = data[at : at + _HB_BYTES]
        if u64(copy, _HB_CHECKED_BYTES) == crc32c(copy[:_HB_CHECKED_BYTES]):
            return Heartbeat(u64(copy), u64(copy, 8), u64(copy, 16))
    return file.damaged("heartbeat")


def read_half(source: Source) -> tuple[bytes, int]:
    """Read the current half; also return how often that had to be tried again."""
    region = source.regions.get((RegionType.SNAP, 0))
    if not region and _is_worker_feed(source.regions):
        return _feed_half(source), 0
    for attempt in range(_TRIES):
        seq = source.file.word(_SNAP_SEQ_OFF)
        if not region or seq == 0:
            source.file.refuse("not_ready", "snap", "has no SNAP copy yet")
        half = _read_half(source, region, seq)
        if half:
            return half, attempt
    return source.file.damaged("snap")


def _is_worker_feed(regions: Regions) -> bool:
    """Whether there is the process alone, as in what a worker counts in."""
    kinds = {region.kind for region in regions.values() if region.type in _OF_ROWS}
    return kinds == {PROC} and regions[RegionType.BANK, PROC].outer_count == 1


def _feed_half(source: Source) -> bytes:
    """Make a half of the cells: one bank, and no row that could come or go."""
    bank = source.regions[RegionType.BANK, PROC]
    entry = _LIVE.to_bytes(_ROW_BYTES, "little") + source.file.read(
        bank.off, bank.stride
    )
    table = _TABLE.pack(_SNAP_BYTES, 1, len(entry), 0, 0, 0, _ROW_BYTES, 0)
    return bytes(128) + table.ljust(_SNAP_BYTES - 128, b"\0") + entry


def _read_half(source: Source, region: Region, seq: int) -> bytes:
    """Read the half with that number; b"" where it is not whole."""
    start = region.block(seq & 1)
    length = u64(source.file.read(start, _SNAP_BYTES), 16)
    if not _SNAP_BYTES <= length <= region.len:
        return b""
    half = source.file.read(start, length)
    if u64(half, 16) != length or u64(half, 8) != seq:
        return b""
    if u64(half) != crc32c(half[8:]):
        return b""
    tables = enumerate(_tables_of(half))
    fits = all(_table_fits(source.regions, *table, length) for table in tables)
    return half if fits else b""


def _tables_of(half: bytes) -> list[_Table]:
    return [_Table(*_TABLE.unpack_from(half, 128 + 64 * k)) for k in range(ROW_KINDS)]


def _table_fits(regions: Regions, kind: int, table: _Table, length: int) -> bool:
    rowd = regions.get((RegionType.ROWD, kind))
    rows = rowd.count if rowd else 0
    if table.count != 1 if kind == PROC else table.count > rows:
        return False
    if table.count == 0:
        return True
    if table.stride < _ROW_BYTES or table.stride % 8 or table.off % 8:
        return False
    if not _SNAP_BYTES <= table.off <= length:
        return False
    if table.count * table.stride > length - table.off:
        return False
    cells = regions.get((RegionType.ROWC, kind))
    banks = regions.get((RegionType.BANK, kind))
    text = (RegionType.TEXT, kind) in regions
    ledger = (RegionType.LEDG, kind) in regions
    parts = (
        (table.record, RECORD_BYTES if cells else 0),
        (table.text, _TEXT_BYTES if text else 0),
        (table.cells, cells.stride - LATCH_BYTES if cells else 0),
        (table.sums, banks.stride if banks else 0),
        (table.ledger, RECORD_BYTES if ledger else 0),
    )
    return all(_part_fits(off, size, table.stride) for off, size in parts)


def _part_fits(off: int, size: int, stride: int) -> bool:
    """Whether a part is inside its entry; one that has no bytes is at 0."""
    if size == 0 or off == 0:
        return size == off
    return off % 8 == 0 and off >= _ROW_BYTES and off + size <= stride


# ---- snapshots -----------------------------------------------------------------------


class Snapshot:
    """All rows and values at one moment."""

    def __init__(self, source: Source) -> None:
        """Take it; `Segment.snapshot()` is what to call."""
        self.heartbeat = read_heartbeat(source.file)
        half, retries = read_half(source)
        head = _SNAP.unpack_from(half)
        self._source = source
        self._half = half
        self._header = source.file.read(0, _HEADER_BYTES)
        self._tables = _tables_of(half)
        self._skipped = head[7]
        state = source.file.word(STATE_OFF)
        self.state = _STATES[state] if state < len(_STATES) else "?"
        self.stop_reason = source.schema.enum_text(
            _STOP_REASON, source.file.word(_STOP_REASON_OFF)
        )
        self._counted: dict[Metric, Counter[tuple[int, int]]] = {}
        self._rows: list[list[Row | None]] = [[], [], [], []]
        for kind in (POOL, WORKER, TOOL):
            count = self._tables[kind].count
            self._rows[kind] = [self._row(kind, i) for i in range(count)]
        self.stats = Stats(head[3], head[4], retries, self._skipped, *head[8:11])

    @property
    def metrics(self) -> tuple[Metric, ...]:
        """All metrics; those of one Prometheus name stand together."""
        return self._source.schema.metrics

    @property
    def pools(self) -> list[Row]:
        """All pools, in order of their index."""
        return [row for row in self._rows[POOL] if row]

    @property
    def workers(self) -> list[WorkerRow]:
        """All worker slots, in order of their index."""
        return [row for row in self._rows[WORKER] if isinstance(row, WorkerRow)]

    @property
    def tools(self) -> list[Row]:
        """All tools, in order of their index."""
        return [row for row in self._rows[TOOL] if row]

    def time_ns(self, mono_ns: int) -> int:
        """Convert a monotonic time of the writer to wall time; 0 stays 0."""
        return self.heartbeat.time_ns(mono_ns)

    def pool_name(self, event: Event) -> str:
        """Return the name of an event's pool, "" when the pool is gone."""
        pools = self._rows[POOL]
        pool = pools[event.pool_index] if event.pool_index < len(pools) else None
        return pool.name if pool and pool.uid == event.pool_uid else ""

    # ---- series ------------------------------------------------------------------

    def series(self, metric: Metric | str) -> Iterator[Series]:
        """Yield the series of a metric, by its order of rows and then of cells.

        A metric may be given by either of its names; KeyError where there is none.
        """
        if isinstance(metric, str):
            metric = self._source.schema.metric(metric)
        kind = metric.desc.row_kind
        if kind == PROC:
            yield from self._series_of(metric, 0, None)
        for index, row in enumerate(self._rows[kind]):
            if row:
                yield from self._series_of(metric, index, row)

    def _series_of(
        self, metric: Metric, index: int, row: Row | None
    ) -> Iterator[Series]:
        if metric.kind == "info" and isinstance(row, WorkerRow) and row.pid == 0:
            return  # it says who is there: nobody
        if metric.sparse and u64(self._half, self._cell(metric, index, 0)) == _ABSENT:
            return
        labels = {
            key.label: _label(row, metric.desc.row_kind, key.source)
            for key in metric.keys
        }
        for cell in range(metric.desc.count):
            if metric.enum and metric.kind != "state":
                labels[metric.enum.label] = metric.enum.values[cell]
            histogram, raw = None, 0
            if metric.kind == "histogram":
                histogram = self._histogram(metric, index, cell)
            else:
                raw = self._value(metric, index, cell)
            yield Series(metric, dict(labels), index, raw, histogram)

    def _cell(self, metric: Metric, row: int, cell: int) -> int:
        """Return the offset of a cell in the half."""
        desc = metric.desc
        table = self._tables[desc.row_kind]
        part = {
            Storage.BANK: table.sums,
            Storage.ROW: table.cells - LATCH_BYTES,
            Storage.LATCH: table.record,
            Storage.LEDGER: table.ledger,
        }[desc.storage]
        return table.off + row * table.stride + part + desc.off + cell * desc.stride

    def _histogram(self, metric: Metric, row: int, cell: int) -> Histogram:
        buckets = metric.desc.nbuckets + 2
        words = struct.unpack_from(
            f"<{buckets + 1}Q", self._half, self._cell(metric, row, cell)
        )
        zero = metric.desc.zero_threshold_ns
        return Histogram(metric.upper_ns, words[:buckets], words[buckets], zero)

    def _value(self, metric: Metric, row: int, cell: int) -> int:
        desc = metric.desc
        if desc.storage == Storage.ONE or metric.kind == "info":
            return 1
        if desc.storage == Storage.DERIVED:
            return self._workers_by_status(metric)[row, cell]
        if desc.storage == Storage.HEADER:
            word = self._header_word(desc.off + cell * desc.stride)
        else:
            word = u64(self._half, self._cell(metric, row, cell))
        return self.time_ns(word) if desc.vtype == ValueType.MONO_NS else word

    def _header_word(self, off: int) -> int:
        if off in METERS:
            return u64(self._half, 64 + off - METERS.start)
        return u64(self._header, off)

    # ---- rows --------------------------------------------------------------------

    def _word(self, kind: int, row: int, off: int) -> int:
        table = self._tables[kind]
        return u64(self._half, table.off + row * table.stride + off)

    def _bytes(self, kind: int, row: int, off: int, length: int) -> bytes:
        table = self._tables[kind]
        start = table.off + row * table.stride + off
        return self._half[start : start + length]

    def _row(self, kind: int, index: int) -> Row | None:
        gen = self._word(kind, index, 0) % 4
        if gen in (_FREE, _RECYCLING):
            return None
        name = text_of(self._bytes(kind, index, 128, _NAME_BYTES))
        pool_index, pool, adapter = index, name, ""
        if kind == POOL:
            adapter = text_of(self._bytes(kind, index, 256, _NAME_BYTES))
        else:
            pool_index = self._word(kind, index, 16)
            pools = self._rows[POOL]
            parent = pools[pool_index] if pool_index < len(pools) else None
            if not parent:
                self._skipped += 1
                return None
            pool, adapter = parent.name, parent.adapter
        reason = ""
        if gen == _TOMBSTONE:
            reason = self._source.schema.enum_text(
                _RETIRE_REASON, self._word(kind, index, 56)
            )
        row = Row(
            index=index,
            uid=self._word(kind, index, 8),
            retired=gen == _TOMBSTONE,
            retire_reason=reason,
            born_time_ns=self.time_ns(self._word(kind, index, 32)),
            retired_time_ns=self.time_ns(self._word(kind, index, 40)),
            name=name,
            pool=pool,
            pool_index=pool_index,
            adapter=adapter,
        )
        return self._worker(row) if kind == WORKER else row

    def _worker(self, row: Row) -> WorkerRow:
        table = self._tables[WORKER]
        record = self._bytes(WORKER, row.index, table.record, RECORD_BYTES)
        words = struct.unpack("<16Q", record if table.record else bytes(RECORD_BYTES))
        text = b""
        if table.text:
            text = self._bytes(WORKER, row.index, table.text, _TEXT_BYTES)
        reason = words[_EXIT_REASON_WORD]
        return WorkerRow(
            **{f.name: getattr(row, f.name) for f in dataclasses.fields(row)},
            slot=self._word(WORKER, row.index, 24) & _U32,
            status=self._source.schema.enum_text(
                _WORKER_STATUS, self._status(row.index)
            ),
            incarnation=words[_INCARNATION],
            pid=words[_PID] & _U32,
            python=text_of(record[8 * _PYTHON_WORD : 8 * _PYTHON_WORD + 16]),
            start_time_ns=words[_START_REAL],
            ready_time_ns=self.time_ns(words[_READY_MONO]),
            last_exit_reason=self._source.schema.enum_text(_EXIT_REASON, reason - 1)
            if reason
            else "",
            last_exit_status=words[_EXIT_STATUS_WORD] & _U32,
            last_error=text_of(text) if b"\0" in text else "",
        )

    # ---- workers by status -------------------------------------------------------

    def _status(self, worker: int, metric: Metric | None = None) -> int:
        metric = metric or self._source.schema.derived
        if not metric:
            return _DOWN
        cells = self._tables[WORKER].cells - LATCH_BYTES
        state = self._word(WORKER, worker, cells + metric.desc.derive_a)
        active = self._word(WORKER, worker, cells + metric.desc.derive_b)
        return _BUSY if state == _READY and active else _STATUS.get(state, _DOWN)

    def _workers_by_status(self, metric: Metric) -> Counter[tuple[int, int]]:
        """Return how many workers there are by pool and status; counted once."""
        if metric not in self._counted:
            self._counted[metric] = collections.Counter(
                (row.pool_index, self._status(row.index, metric))
                for row in self.workers
                if not row.retired
            )
        return self._counted[metric]


def _label(row: Row | None, kind: int, source: int) -> str:
    """Return the text of a label; "" for what rows of the kind do not have."""
    if row is None:
        return ""
    if source == 0:
        return row.pool
    if source == 5:  # noqa: PLR2004 - the numbers are the format's
        return row.adapter
    if kind == TOOL and source == 2:  # noqa: PLR2004
        return row.name
    if kind == WORKER and source in _KEY_OF_WORKER:
        return str(getattr(row, _KEY_OF_WORKER[source]))
    return ""
