"""The schema of a segment: strings, enumerations, label keys and metric descriptors.

It is parsed once. Metrics of adapters may come later: `Schema.described` says how many
there were. What this reader does not know is left out; what points outside its place is
damage.
"""

from __future__ import annotations

import dataclasses
import struct
from typing import NamedTuple, NoReturn

from ._segment_file import (
    LATCH_BYTES,
    METERS,
    POOL,
    RECORD_BYTES,
    ROW_KINDS,
    WORKER,
    File,
    Regions,
    RegionType,
)

__all__ = [
    "DESC_USED_OFF",
    "Descriptor",
    "EnumTable",
    "Key",
    "Metric",
    "Schema",
    "Storage",
    "ValueType",
    "read_schema",
]

DESC_USED_OFF, _STRT_USED_OFF = 0x180, 0x188
_HEADER_WORDS = range(0x100)
_MOST = 1024  # of descriptors, enumerations, values, buckets, bounds, bytes of a text
_KEYS_MAX = 32
_KEY_SOURCES = 7
_UNIT_EXP_MAX = 30
_SCALES = range(-4, 9)
_IDX_MIN_MAX = 16384

_KINDS = {
    1: "counter",
    2: "updown",
    3: "gauge",
    4: "histogram",
    5: "state",
    6: "timestamp",
    7: "info",
}
_HISTOGRAM, _STATE = 4, 5
_LEVELS = {1: "info", 2: "diag"}
_WORKERS_BY_STATUS = 1
_SPARSE = 1


class Storage:
    """Where the cells of a metric are."""

    BANK, ROW, LATCH, HEADER, DERIVED, ONE, LEDGER = range(1, 8)


class ValueType:
    """What a cell is."""

    U64, I64, F64, MONO_NS, REAL_NS, NONE = range(1, 7)


@dataclasses.dataclass(frozen=True)
class Descriptor:
    """A metric as the file has it."""

    id: int
    kind: int
    vtype: int
    storage: int
    agg: int
    row_kind: int
    level: int
    stability: int
    flags: int
    off: int
    count: int
    stride: int
    name: int
    prom_name: int
    unit: int
    unit_exp: int
    help: int
    help_long: int
    labels: int
    row_keys: int
    enum_off: int
    bounds_off: int
    bounds_count: int
    idx_min: int
    nbuckets: int
    scale: int
    derive: int
    since_minor: int
    retired_minor: int
    zero_threshold_ns: int
    derive_a: int
    derive_b: int
    upper_off: int


_DESC = struct.Struct("<I8B3I3Ii3I4IiHbB2HQ3I")
_KEY = struct.Struct("<3I")


class EnumTable(NamedTuple):
    """The texts of an enumeration's numbers."""

    label: str
    otel_label: str
    values: tuple[str, ...]

    def text(self, number: int) -> str:
        """Return the text of a number, "?" for one that the segment does not know."""
        return self.values[number] if number < len(self.values) else "?"


class Key(NamedTuple):
    """An attribute of rows that is a label."""

    source: int
    label: str
    otel_label: str


@dataclasses.dataclass(frozen=True)
class Metric:
    """What a metric is; its values are in snapshots.

    `kind` is one of counter, updown, gauge, histogram, state, timestamp and info,
    `level` says who wants to see it: info, diag or debug. A histogram has `upper_ns`,
    the inclusive upper bounds of all its buckets but the last, and `bounds_ns`, the few
    that a text format shows.
    """

    name: str
    prometheus_name: str
    kind: str
    unit: str
    level: str
    help: str
    enum: EnumTable | None
    bounds_ns: tuple[int, ...]
    upper_ns: tuple[int, ...]
    keys: tuple[Key, ...] = dataclasses.field(repr=False)
    desc: Descriptor = dataclasses.field(repr=False)

    @property
    def sparse(self) -> bool:
        """Whether rows may be without it, which its first word says."""
        return bool(self.desc.flags & _SPARSE) and self.desc.storage == Storage.ROW


class Schema(NamedTuple):
    """What the values of a segment mean."""

    metrics: tuple[Metric, ...]
    enums: tuple[EnumTable, ...]
    described: int  # descriptors that there were

    @property
    def derived(self) -> Metric | None:
        """The metric whose rule says what the status of a worker is."""
        derived = (m for m in self.metrics if m.desc.storage == Storage.DERIVED)
        return next(derived, None)

    def metric(self, name: str) -> Metric:
        """Return a metric by either of its names; KeyError where there is none."""
        for metric in self.metrics:
            if name in (metric.name, metric.prometheus_name):
                return metric
        raise KeyError(name)

    def enum_text(self, table: int, number: int) -> str:
        """Return the text of a number of one of the format's own enumerations.

        The number is the lower half of the word.
        """
        number &= 0xFFFFFFFF
        return self.enums[table].text(number) if table < len(self.enums) else "?"


class _BadError(Exception):
    """What was read does not hold; never leaves this module."""


class _Parser:
    def __init__(self, file: File, regions: Regions) -> None:
        self.file = file
        self.regions = regions
        # Before all that they refer to, which is complete by then.
        self.described = file.word(DESC_USED_OFF)
        self.texts: dict[int, str] = {0: ""}
        self.tables: dict[int, EnumTable] = {}  # by word index
        self.key_list: list[Key] = []

    def damaged(self, field: str) -> NoReturn:
        self.file.damaged(field, f"is damaged: schema ({field})")

    def words(self, region_type: int, size: int) -> bytes | None:
        """Return the words of a region; None where there is no such region."""
        region = self.regions.get((region_type, 0))
        return self.file.read(region.off, region.count * size) if region else None

    # ---- strings -----------------------------------------------------------------

    def read_strings(self) -> None:
        region = self.regions[RegionType.STRT, 0]
        used = self.file.word(_STRT_USED_OFF)
        if used > region.len:
            self.damaged("strings")
        self.strings = self.file.read(region.off, used)

    def text(self, ref: int) -> str:
        if ref not in self.texts:
            self.texts[ref] = self.new_text(ref * 8)
        return self.texts[ref]

    def new_text(self, at: int) -> str:
        start = at + 4
        end = start + int.from_bytes(self.strings[at:start], "little")
        if end >= len(self.strings) or end - start > _MOST:
            raise _BadError
        if b"\0" in self.strings[start:end]:
            raise _BadError
        if self.strings[end] != 0:
            raise _BadError
        try:
            return self.strings[start:end].decode("utf-8")
        except UnicodeDecodeError:
            raise _BadError from None

    # ---- enumerations and keys ---------------------------------------------------

    def read_enums(self) -> list[EnumTable]:
        data = self.words(RegionType.ENUM, 4)
        if data is None:
            return []
        words = struct.unpack(f"<{len(data) // 4}I", data)
        count = words[1] if len(words) > 1 else 0
        if count > min(len(words) - 2, _MOST):
            self.damaged("enums")
        index = words[2 : 2 + count]
        try:
            self.tables = {at: self.table(words, at) for at in index}
        except (_BadError, IndexError):
            self.damaged("enums")
        return [self.tables[at] for at in index]

    def table(self, words: tuple[int, ...], at: int) -> EnumTable:
        label, otel_label, count = words[at], words[at + 1], words[at + 2]
        values = words[at + 3 : at + 3 + count]
        if not 1 <= count <= _MOST or len(values) != count:
            raise _BadError
        texts = tuple(map(self.text, values))
        return EnumTable(self.text(label), self.text(otel_label), texts)

    def read_keys(self) -> None:
        region = self.regions.get((RegionType.KEYS, 0))
        if not region:
            return
        for i in range(min(region.count, _KEYS_MAX)):
            data = self.file.read(region.off + i * region.stride, _KEY.size)
            source, label, otel_label = _KEY.unpack(data)
            try:
                key = Key(source, self.text(label), self.text(otel_label))
            except _BadError:
                self.damaged("keys")
            self.key_list.append(key)

    # ---- descriptors -------------------------------------------------------------

    def read_metrics(self) -> tuple[Metric, ...]:
        region = self.regions[RegionType.DESC, 0]
        used = self.described
        if used > min(region.count, _MOST):
            self.damaged("descriptors")
        self.bounds = self.words(RegionType.BNDS, 8) or b""
        metrics = []
        for i in range(used):
            data = self.file.read(region.off + i * region.stride, _DESC.size)
            desc = Descriptor(*_DESC.unpack(data))
            if _is_known(desc):
                metrics.append(self.metric(desc))
        return tuple(metrics)

    def metric(self, desc: Descriptor) -> Metric:
        try:
            self.check(desc)
            name, prometheus_name, unit, text = map(
                self.text, (desc.name, desc.prom_name, desc.unit, desc.help)
            )
        except _BadError:
            self.damaged("descriptors")
        if desc.bounds_count > _MOST:
            self.damaged("bounds")
        bounds = self.bounds_range(desc.bounds_off, desc.bounds_count)
        buckets = desc.nbuckets + 1 if desc.kind == _HISTOGRAM else 0
        upper = self.bounds_range(desc.upper_off, buckets)
        if upper and desc.zero_threshold_ns > upper[1]:
            self.damaged("bounds")
        return Metric(
            name=name,
            prometheus_name=prometheus_name,
            kind=_KINDS[desc.kind],
            unit=unit,
            level=_LEVELS.get(desc.level, "debug"),
            help=text,
            enum=self.tables[desc.enum_off] if desc.enum_off else None,
            bounds_ns=bounds,
            upper_ns=upper,
            keys=tuple(
                key
                for k, key in enumerate(self.key_list)
                if desc.row_keys >> k & 1 and key.source < _KEY_SOURCES
            ),
            desc=desc,
        )

    def bounds_range(self, first: int, count: int) -> tuple[int, ...]:
        """Return a range of bounds, which rise from one to the next."""
        data = self.bounds[first * 8 : (first + count) * 8]
        bounds = struct.unpack(f"<{len(data) // 8}Q", data)
        if len(bounds) != count or any(b <= a for a, b in zip(bounds, bounds[1:])):
            self.damaged("bounds")
        return bounds

    def check(self, desc: Descriptor) -> None:
        """Raise _BadError where the descriptor breaks a rule of the format."""
        table = self.tables.get(desc.enum_off) if desc.enum_off else None
        if not table and (desc.enum_off or desc.kind == _STATE):
            raise _BadError
        cells = len(table.values) if table and desc.kind != _STATE else 1
        if desc.count != cells or abs(desc.unit_exp) > _UNIT_EXP_MAX:
            raise _BadError
        if desc.kind == _HISTOGRAM and not _is_histogram(desc):
            raise _BadError
        if desc.storage == Storage.DERIVED:
            place = self.row_cells(WORKER)
            operands = (desc.derive_a, desc.derive_b)
            fits = all(off % 8 == 0 and _inside(off, 8, place) for off in operands)
        else:
            fits = desc.storage == Storage.ONE or any(
                _cells_fit(desc, place) for place in self.places(desc)
            )
        if not fits:
            raise _BadError

    def stride(self, region_type: int, kind: int) -> int:
        region = self.regions.get((region_type, kind))
        return region.stride if region else 0

    def row_cells(self, kind: int) -> range:
        return range(LATCH_BYTES, self.stride(RegionType.ROWC, kind))

    def places(self, desc: Descriptor) -> list[range]:
        """Return the offsets between which the cells may be."""
        if desc.storage == Storage.BANK:
            return [range(self.stride(RegionType.BANK, desc.row_kind))]
        if desc.storage == Storage.ROW:
            return [self.row_cells(desc.row_kind)]
        if desc.storage == Storage.LATCH and self.row_cells(desc.row_kind).stop:
            return [range(RECORD_BYTES)]
        if desc.storage == Storage.LEDGER and self.stride(
            RegionType.LEDG, desc.row_kind
        ):
            return [range(RECORD_BYTES)]
        if desc.storage == Storage.HEADER:
            return [_HEADER_WORDS, METERS]
        return []


def _is_known(desc: Descriptor) -> bool:
    derived = desc.derive == _WORKERS_BY_STATUS and desc.row_kind == POOL
    return (
        desc.kind in _KINDS
        and Storage.BANK <= desc.storage <= Storage.LEDGER
        and desc.row_kind < ROW_KINDS
        and desc.retired_minor == 0
        and (desc.storage != Storage.DERIVED or derived)
    )


def _is_histogram(desc: Descriptor) -> bool:
    return (
        desc.storage in (Storage.BANK, Storage.ROW)
        and 1 <= desc.nbuckets <= _MOST
        and desc.scale in _SCALES
        and abs(desc.idx_min) <= _IDX_MIN_MAX
    )


def _inside(off: int, size: int, place: range) -> bool:
    return place.start <= off and off + size <= place.stop


def _cells_fit(desc: Descriptor, place: range) -> bool:
    size = 8 * (desc.nbuckets + 3) if desc.kind == _HISTOGRAM else 8
    return (
        desc.off % 8 == 0
        and desc.stride % 8 == 0
        and desc.stride >= size
        and _inside(desc.off, (desc.count - 1) * desc.stride + size, place)
    )


def read_schema(file: File, regions: Regions) -> Schema:
    """Read and check the schema, in the order in which every reader checks it."""
    parser = _Parser(file, regions)
    parser.read_strings()
    enums = parser.read_enums()
    parser.read_keys()
    return Schema(parser.read_metrics(), tuple(enums), parser.described)
