"""A segment as a writer of format 1.1 could make it, from one of 1.0.

Everything that a later minor version may do: longer entries and header, regions in
another order and place, unknown regions, kinds, storages, rules, sources and levels,
texts of numbers that are new, a retired metric; and value types of 1.0 that no metric
of today has.
"""

from __future__ import annotations

import dataclasses
import struct

from lab import (
    BANK,
    BNDS,
    DESC,
    ENUM,
    EVID,
    EVNT,
    HIST,
    INFL,
    KEYS,
    LATCH_BYTES,
    LEDG,
    PAGE,
    POOL,
    PROC,
    RECORD_BYTES,
    REGION_BYTES,
    RINGS,
    ROWC,
    ROWD,
    SNAP,
    SNAP_BYTES,
    SPAN,
    TEXT,
    TEXT_BYTES,
    THRD,
    TOOL,
    WORDS,
    WORKER,
    Entry,
    Lab,
)

# Bytes that entries have grown by.
GROWTH = {
    DESC: 16,
    KEYS: 8,
    ROWD: 64,
    ROWC: 128,
    BANK: 64,
    INFL: 32,
    EVNT: 32,
    EVID: 8,
    SPAN: 16,
    HIST: 8,
    TEXT: 40,
    THRD: 24,
    LEDG: 64,
}
UNKNOWN = 0xEE  # what is in bytes that readers of 1.0 know nothing of
NEW_HEADER_BYTES = 640  # of a half of SNAP
NEW_DESCRIPTORS = 24
EVENT_KINDS = 11  # number of the table
WORKER_STATES = 9
U64_MAX = (1 << 64) - 1


@dataclasses.dataclass(frozen=True)
class Place:
    """A region of the new file."""

    type: int
    kind: int
    off: int
    len: int
    stride: int
    count: int
    outer_stride: int
    outer_count: int

    def pack(self) -> bytes:
        return struct.pack("<2I6Q2I", *dataclasses.astuple(self), 1, 0)


def pages(size: int) -> int:
    return -(-size // PAGE) * PAGE


def place_regions(old: Lab) -> list[Place]:
    """Lay the regions out anew, in another order, behind one that nobody knows."""
    at = 2 * PAGE
    places = [Place(99, 7, PAGE, 100, 10, 10, 0, 1)]
    for region in reversed(list(old.regions())):
        kind, count = region["type"], region["count"]
        stride = region["stride"] + GROWTH.get(kind, 0)
        head = 64 if kind in RINGS else 0
        if kind == SNAP:
            stride += 2 * PAGE
        if kind == DESC:
            count += NEW_DESCRIPTORS
        length = pages(head + count * stride)
        blocks = region["outer_count"]
        outer = length if blocks > 1 else 0
        off = at
        at += length * blocks
        places.append(
            Place(kind, region["kind"], off, length, stride, count, outer, blocks)
        )
    return places


def copy_entries(old: Lab, new: Lab, place: Place) -> None:
    """Copy a region entry by entry; what has grown is unknown, or no cell yet."""
    source = old.region(place.type, place.kind)
    target = new.region(place.type, place.kind)
    if place.type == SNAP:
        return
    filler = 0 if place.type in (ROWC, BANK) else UNKNOWN
    for block in range(place.outer_count):
        if place.type in RINGS:
            a, b = source.block(block), target.block(block)
            new.data[b : b + 64] = old.data[a : a + 64]
        for i in range(source["count"]):
            a, b = source.entry(i, block), target.entry(i, block)
            size = source["stride"]
            new.data[b : b + size] = old.data[a : a + size]
            grown = place.stride - size
            new.data[b + size : b + place.stride] = bytes([filler]) * grown
            if place.type in RINGS and new.get(b):
                new.seal_record(b, place.stride)


# ---- schema --------------------------------------------------------------------------


def grow_enums(new: Lab) -> None:
    """Give EVENT_KIND one more text, and the schema one more table."""
    region = new.region(ENUM)
    start = region["off"]
    words = list(struct.unpack_from(f"<{region['count']}I", new.data, start))
    tables = {at: words[at : at + 3 + words[at + 2]] for at in words[2 : 2 + words[1]]}
    order = words[2 : 2 + words[1]]
    kinds = tables[order[EVENT_KINDS]]
    kinds.append(new.add_text(b"from the future"))
    kinds[2] += 1
    tables[0] = [new.add_text(b"mood"), 0, 1, new.add_text(b"fine")]
    order.append(0)
    at = 2 + len(order)
    moved: dict[int, int] = {}
    body: list[int] = []
    for table in order:
        moved[table] = at + len(body)
        body += tables[table]
    fresh = [0, len(order), *(moved[table] for table in order), *body]
    new.data[start : start + 4 * len(fresh)] = struct.pack(f"<{len(fresh)}I", *fresh)
    for metric in new.metrics():
        if metric["enum_off"]:
            metric["enum_off"] = moved[metric["enum_off"]]


def add_bounds(new: Lab, bounds: list[int]) -> int:
    """Put bounds at the end of BNDS; return where."""
    region = new.region(BNDS)
    first = region["count"] - len(bounds)
    for i, bound in enumerate(bounds):
        assert new.get(region.entry(first + i)) == 0, "BNDS is full"
        new.put(region.entry(first + i), bound)
    return first


def add_metric(new: Lab, model: str, **fields: int) -> Entry:
    """Append a descriptor like that of another metric, but for some fields."""
    region, used = new.region(DESC), new.get(WORDS["desc_used"])
    a, b = new.metric(model).at, region.entry(used)
    assert used < region["count"], "DESC is full"
    new.data[b : b + region["stride"]] = new.data[a : a + region["stride"]]
    new.put(WORDS["desc_used"], used + 1)
    metric = list(new.metrics())[-1]
    name = f"future.{used}".encode()
    metric["id"] = used + 1
    metric["name"] = new.add_text(name)
    metric["prom_name"] = new.add_text(name.replace(b".", b"_"))
    for field, value in fields.items():
        metric[field] = value
    return metric


def float_word(value: float) -> int:
    return int.from_bytes(struct.pack("<d", value), "little")


def add_pool_metrics(new: Lab) -> None:
    """Value types and exponents; the cells are new bytes of the pools' rows."""
    rowc = new.region(ROWC, POOL)
    first = rowc["stride"] - GROWTH[ROWC]
    u64, i64, f64 = 1, 2, 3
    columns: list[tuple[dict[str, int], int, int]] = [
        ({"kind": 2, "vtype": i64, "unit_exp": -3}, -12345, -1),
        ({"kind": 3, "vtype": i64, "unit_exp": -30}, -(1 << 63), 1 << 62),
        ({"kind": 3, "vtype": u64, "unit_exp": 30}, U64_MAX, 1000),
        ({"kind": 3, "vtype": u64, "unit_exp": -30}, U64_MAX, 1000),
        ({"vtype": f64}, float_word(0.1), float_word(-0.0)),
        ({"vtype": f64}, float_word(float("nan")), float_word(float("-inf"))),
        ({"vtype": f64}, float_word(1e300), float_word(5e-324)),
        ({"vtype": f64, "unit_exp": -10}, float_word(123456789.1), float_word(1.0)),
        ({"vtype": f64, "unit_exp": 3}, float_word(1.1), float_word(2.0**53 + 2)),
    ]
    for i, (fields, *values) in enumerate(columns):
        off = first + 8 * i
        add_metric(new, "snakepit.pool.queue.limit", off=off, **fields)
        for row, value in enumerate(values):
            new.put(rowc.entry(row) + off, value)
    # A histogram of another shape, in a row.
    off = first + 8 * len(columns)
    upper = add_bounds(new, [0, 10**9, 2 * 10**9, 4 * 10**9, 8 * 10**9])
    shape = {"nbuckets": 4, "scale": 0, "idx_min": 0, "zero_threshold_ns": 0}
    histogram = add_metric(
        new,
        "snakepit.worker.startup.duration",
        storage=2,
        off=off,
        stride=56,
        upper_off=upper,
        bounds_off=upper + 1,
        bounds_count=2,
        nbuckets=shape["nbuckets"],
        scale=shape["scale"],
        idx_min=shape["idx_min"],
    )
    new.put(histogram.at + 80, shape["zero_threshold_ns"])
    words = (1, 2, 3, 0, 5, 6, 77 * 10**9)
    struct.pack_into("<7Q", new.data, rowc.entry(0) + off, *words)


def add_other_metrics(new: Lab) -> None:
    """Cells of banks, of the header and of workers; a label that nobody knows."""
    for kind, model, values in (
        (PROC, "snakepit.log.lines.dropped", (5, 7)),
        (TOOL, "snakepit.request.retries", ((1 << 63) + 1, 1 << 63)),
    ):
        bank = new.region(BANK, kind)
        off = bank["stride"] - 8
        add_metric(new, model, off=off)
        for block, value in enumerate(values):
            new.put(bank.entry(0, block) + off, value)
    new.put(0x338, 77)  # the last of the meters
    add_metric(new, "snakepit.segment.rows.dropped", off=0x338, level=77)
    rowc = new.region(ROWC, WORKER)
    off = rowc["stride"] - 8
    add_metric(new, "snakepit.worker.state", off=off)
    new.put(rowc.entry(0) + off, 99)
    new.put(rowc.entry(1) + off, 3)
    key = new.region(KEYS).entry(20)
    struct.pack_into("<3I", new.data, key, 50, new.add_text(b"planet"), 0)
    keys = new.metric("snakepit.worker.restarts")["row_keys"]
    add_metric(new, "snakepit.worker.restarts", row_keys=keys | 1 << 20)


def add_unknown_metrics(new: Lab) -> None:
    """Add what readers of 1.0 have to leave out, wherever it points."""
    wild = {"off": 0xFFFFFFF8, "count": 0, "name": 0xFFFFFFFF, "enum_off": 0xFFFFFFFF}
    for fields in (
        {"kind": 42},
        {"kind": 0},
        {"storage": 42},
        {"row_kind": 9},
        {"storage": 5, "derive": 77},
        {"retired_minor": 1},
    ):
        add_metric(new, "snakepit.worker.restarts", **fields, **wild)


# ---- values --------------------------------------------------------------------------


def change_events(new: Lab) -> None:
    """Two events of kinds that are new: one has a text, the other none."""
    region = new.region(EVNT)
    newest = new.get(region.block(0)) - 1
    tables = new.region(ENUM)
    kinds = new.get(tables.entry(2 + EVENT_KINDS), 4)
    number = new.get(tables.entry(kinds + 2), 4) - 1
    for n, kind in ((newest, number), (newest - 1, number + 1)):
        at = region.entry(n % region["count"])
        new.put(at + 24, kind, 2)
        new.seal_record(at, region["stride"])


def current_copy(new: Lab, latch: int, first: int, size: int) -> bytes:
    at = latch + first + (new.get(latch) & 1) * size
    return bytes(new.data[at : at + size])


def row_parts(new: Lab, kind: int, row: int) -> dict[str, bytes]:
    """Gather what a half of SNAP holds of a row, from the live regions."""
    parts = {}
    if new.has(BANK, kind):
        bank = new.region(BANK, kind)
        words = bank["stride"] // 8
        sums = [0] * words
        for block in range(bank["outer_count"]):
            at = bank.entry(row, block)
            values = struct.unpack_from(f"<{words}Q", new.data, at)
            sums = [(a + b) & U64_MAX for a, b in zip(sums, values)]
        parts["sums"] = struct.pack(f"<{words}Q", *sums)
    if new.has(ROWC, kind):
        rowc = new.region(ROWC, kind)
        at = rowc.entry(row)
        parts["cells"] = bytes(new.data[at + LATCH_BYTES : at + rowc["stride"]])
        parts["record"] = current_copy(new, at, 64, RECORD_BYTES)
    if new.has(TEXT, kind):
        at = new.region(TEXT, kind).entry(row)
        parts["text"] = current_copy(new, at, 16, TEXT_BYTES)
    if new.has(LEDG, kind):
        at = new.region(LEDG, kind).entry(row)
        parts["ledger"] = current_copy(new, at, 64, RECORD_BYTES)
    return parts


def row_entry(new: Lab, kind: int, row: int) -> bytes:
    rowd = new.region(ROWD, kind if kind != PROC else POOL)
    at = rowd.entry(row)
    if kind == PROC:
        return struct.pack("<Q", 1) + bytes(rowd["stride"] - 8)
    return bytes(new.data[at : at + rowd["stride"]])


def gather(old: Lab, new: Lab) -> None:
    """Fill the current half: tables in another order, parts too, gaps between them."""
    half, before = new.half(), old.half()
    new.data[half : half + SNAP_BYTES] = old.data[before : before + SNAP_BYTES]
    new.data[half + 64 : half + 128] = new.data[0x300:0x340]
    at = NEW_HEADER_BYTES
    for kind in (TOOL, PROC, WORKER, POOL):
        table = new.table(kind)
        table["off"] = at
        for row in range(table["count"]):
            entry = bytearray(row_entry(new, kind, row))
            for name, part in row_parts(new, kind, row).items():
                table[name] = len(entry)
                entry += part + bytes([UNKNOWN] * 16)
            table["stride"] = len(entry)
            new.data[half + at : half + at + len(entry)] = entry
            at += len(entry)
    new.put(half + 16, at)
    assert at <= new.region(SNAP)["len"], "SNAP is full"
    new.seal_half()


def as_newer_minor(data: bytes) -> Lab:
    """Make a segment of 1.1 out of one of 1.0."""
    old = Lab(data)
    places = place_regions(old)
    end = max(p.off + p.len * p.outer_count for p in places)
    new = Lab(bytes(end + PAGE))
    new.data[:0x1000] = old.data[:0x1000]
    new.data[0xF8:0x100] = bytes([UNKNOWN] * 8)
    new.data[0x380:0x1000] = bytes([UNKNOWN] * 0xC80)
    directory = b"".join(place.pack() for place in places)
    new.data[end : end + len(directory)] = directory
    for field, value in {
        "ver_minor": 1,
        "header_size": 0x1000,
        "feat_compat": 1 << 63,
        "map_size": len(new.data),
        "dir_off": end,
        "dir_count": len(directory) // REGION_BYTES,
    }.items():
        new.set_header(field, value)
    for place in places[1:]:
        copy_entries(old, new, place)
    grow_enums(new)
    add_pool_metrics(new)
    add_other_metrics(new)
    add_unknown_metrics(new)
    change_events(new)
    gather(old, new)
    new.seal_directory()
    new.seal_header()
    return new
