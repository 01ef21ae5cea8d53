"""Segments that are broken, or that only look odd, and what every reader says of them.

Each case starts from the full golden segment and changes it. The expected outcomes are
those of section 7 of shm/format/segment.md.
"""

from __future__ import annotations

import os
import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Union

from lab import (
    BANK,
    BNDS,
    DESC,
    ENUM,
    EVID,
    EVNT,
    HB,
    HB_BYTES,
    HDR_CRC,
    HEADER,
    HIST,
    INFL,
    JSON,
    KEYS,
    PAGE,
    POOL,
    PROC,
    REGION_BYTES,
    ROWC,
    ROWD,
    SNAP,
    STRT,
    TEXT,
    THRD,
    TOOL,
    WORDS,
    WORKER,
    Entry,
    Lab,
)

HUGE = (1 << 64) - 1
HALF = 1 << 63
RANDOM_CASES = 120


@dataclass(frozen=True)
class Error:
    """The outcome and the field that every reader names."""

    kind: str
    field: str


@dataclass(frozen=True)
class Fine:
    """The segment reads; `changes` of what the golden one says, by path of keys."""

    changes: dict[str, object]


@dataclass(frozen=True)
class Agreed:
    """Whatever it is, all readers say the same."""


Outcome = Union[Error, Fine, Agreed]
FINE = Fine({})


def damaged(field: str) -> Error:
    return Error("damaged", field)


@dataclass(frozen=True)
class Case:
    """A change and its outcome; `live` is that of the live tier where it differs."""

    name: str
    make: Callable[[Lab], None]
    outcome: Outcome
    live: Outcome | None = None

    def expected(self, tier: str) -> Outcome:
        return self.live if tier == "live" and self.live else self.outcome


def seal(lab: Lab) -> None:
    lab.seal_directory()
    lab.seal_header()


def sealed(change: Callable[[Lab], None]) -> Callable[[Lab], None]:
    """Make a change of what the header's checksums cover."""

    def make(lab: Lab) -> None:
        change(lab)
        seal(lab)

    return make


def word(name: str, value: int, plus: int = 0) -> Callable[[Lab], None]:
    return lambda lab: lab.put(WORDS[name] + plus, value)


def cases_by_group() -> dict[str, list[Case]]:
    """Return all cases that are changes of bytes."""
    groups: dict[str, Callable[[], Iterator[Case]]] = {
        "header": header_cases,
        "words": word_cases,
        "truncated": truncated_cases,
        "directory": directory_cases,
        "schema": schema_cases,
        "descriptors": descriptor_cases,
        "snap": snap_cases,
        "values": value_cases,
        "random": random_cases,
    }
    return {name: list(cases()) for name, cases in groups.items()}


# ---- header --------------------------------------------------------------------------

HEADER_SEALED: dict[str, list[tuple[int, Outcome]]] = {
    "magic": [(0, damaged("magic"))],
    "endian": [(0x04030201, damaged("endian")), (0, damaged("endian"))],
    "ver_major": [
        (0, Error("version", "ver_major")),
        (2, Error("version", "ver_major")),
    ],
    "ver_minor": [(9, Fine({"segment.version": "1.9"}))],
    "compat_major_min": [(9, FINE)],
    "header_size": [(0, FINE)],
    "feat_incompat": [(HALF, Error("version", "feat_incompat"))],
    "feat_compat": [(HUGE, FINE)],
    "map_size": [(0, damaged("map_size")), (HUGE, damaged("map_size"))],
    "instance_uuid": [
        (0, Fine({"segment.uuid": "00000000-0000-0000-0000-000000000000"})),
    ],
    "boot_id": [(0, Fine({"writer.verdict": "dead"}))],
    "incarnation": [(HUGE, Fine({"segment.incarnation": HUGE}))],
    "pid": [(77, Fine({"segment.pid": 77}))],
    "uid": [(77, FINE)],
    "pid_start_ticks": [(HUGE, FINE)],
    "pidns_inode": [(HUGE, FINE)],
    "timens_inode": [(HUGE, FINE)],
    "start_monotonic_ns": [(HUGE, FINE)],
    "start_realtime_ns": [(HUGE, Agreed())],
    "dir_off": [
        (0x1004, damaged("dir_off")),
        (HUGE - 7, damaged("dir_off")),
        (HALF, damaged("dir_off")),
        (1 << 32, damaged("dir_off")),
    ],
    "dir_count": [
        (0, damaged("dir_count")),
        (65, damaged("dir_count")),
        (HUGE, damaged("dir_count")),
        (1 << 58, damaged("dir_count")),
    ],
    "schema_hash": [(0, FINE)],
    "heartbeat_interval_ms": [
        (0, damaged("heartbeat_interval_ms")),
        (7, Fine({"segment.heartbeat_interval_ms": 7})),
    ],
    "stale_after_ms": [
        (0, damaged("stale_after_ms")),
        ((1 << 32) - 1, Fine({"segment.stale_after_ms": (1 << 32) - 1})),
    ],
    "scrape_hint_ms": [(0, Fine({"segment.scrape_hint_ms": 0}))],
    "reuse_quarantine_ms": [(0, FINE)],
    "name": [
        (0, Fine({"segment.instance": ""})),
        (int.from_bytes(b"a\xff", "little"), Fine({"segment.instance": "?"})),
        (int.from_bytes(b"x" * 64, "little"), Fine({"segment.instance": "x" * 64})),
    ],
}
# Checked before the checksum, so that a reader can say what it is looking at.
BEFORE_CRC = {
    "magic": damaged("magic"),
    "endian": damaged("endian"),
    "ver_major": Error("version", "ver_major"),
    "feat_incompat": Error("version", "feat_incompat"),
}


def header_cases() -> Iterator[Case]:
    for name, (off, size) in HEADER.items():

        def flip(lab: Lab, at: int = off + size - 1) -> None:
            lab.data[at] ^= 0x40

        yield Case(f"flip {name}", flip, BEFORE_CRC.get(name, damaged("hdr_crc")))
    for name, values in HEADER_SEALED.items():
        for value, outcome in values:

            def put(lab: Lab, name: str = name, value: int = value) -> None:
                lab.set_header(name, value)
                lab.seal_header()

            yield Case(f"{name} {value:#x}", put, outcome)
    yield Case("hdr_crc", lambda lab: lab.put(HDR_CRC, 0, 4), damaged("hdr_crc"))
    yield Case("dir_crc", lambda lab: lab.put(HDR_CRC + 4, 0, 4), damaged("dir_crc"))

    def one_less(lab: Lab) -> None:
        lab.set_header("dir_count", lab.header("dir_count") - 1)
        lab.seal_header()

    yield Case("dir_count one less", one_less, damaged("dir_crc"))

    def at_the_end(lab: Lab) -> None:
        count = lab.header("dir_count")
        start = lab.header("dir_off")
        size = count * REGION_BYTES
        directory = lab.data[start : start + size]
        lab.data[-size:] = directory
        lab.set_header("dir_off", len(lab.data) - size)
        lab.seal_header()

    yield Case("directory at the end", at_the_end, Agreed())


def word_cases() -> Iterator[Case]:
    yield Case("state INIT", word("state", 0), Error("not_ready", "state"))
    yield Case(
        "state CLOSED",
        word("state", 3),
        Fine({"writer.state": "closed", "writer.verdict": "closed"}),
    )
    yield Case(
        "state SUPERSEDED",
        word("state", 4),
        Fine({"writer.state": "superseded", "writer.verdict": "closed"}),
    )
    yield Case("state unknown", word("state", 5), Fine({"writer.state": "?"}))
    yield Case("state huge", word("state", HUGE), Fine({"writer.state": "?"}))
    yield Case(
        "stop_reason", word("stop_reason", 1), Fine({"writer.stop_reason": "requested"})
    )
    for value, text in ((3, "?"), (0xFFFFFFFF, "?"), (HALF, "none"), (1 << 32, "none")):
        yield Case(
            f"stop_reason {value:#x}",
            word("stop_reason", value),
            Fine({"writer.stop_reason": text}),
        )
    yield Case("struct_gen", word("struct_gen", HUGE), FINE)
    for value in (HUGE, HALF, 1 << 32):
        yield Case(
            f"desc_used {value:#x}", word("desc_used", value), damaged("descriptors")
        )
        yield Case(
            f"strt_used {value:#x}", word("strt_used", value), damaged("strings")
        )
        yield Case(f"bank_high {value:#x}", word("bank_high", value), FINE)
        for kind in (POOL, WORKER, TOOL):
            yield Case(
                f"row_high {kind} {value:#x}",
                word("row_high", value, 8 * kind),
                FINE,
                damaged("rows"),
            )
    yield Case("strt_used 0", word("strt_used", 0), damaged("enums"))
    yield Case("desc_used 0", word("desc_used", 0), Agreed())
    yield Case("row_high of PROC", word("row_high", HUGE), FINE)
    yield Case("meters", word("rows_dropped", HUGE), FINE, Agreed())

    def beat(lab: Lab) -> None:
        lab.data[HB + 8] ^= 1
        lab.data[HB + HB_BYTES + 8] ^= 1

    yield Case("heartbeats not sealed", beat, damaged("heartbeat"))
    yield Case("hb_seq to the other copy", word("hb_seq", HUGE), Agreed())

    def beat_sealed(lab: Lab) -> None:
        beat(lab)
        lab.seal_heartbeat()

    yield Case("heartbeat sealed", beat_sealed, Agreed())


# ---- the file ------------------------------------------------------------------------


def truncated_cases() -> Iterator[Case]:
    for size in (0, 1, 7, 8, 0xF0, 4095):

        def cut(lab: Lab, size: int = size) -> None:
            del lab.data[size:]

        yield Case(f"{size} bytes", cut, damaged("file"))
    for size in (4096, 4097, 8191, 8192):

        def cut_more(lab: Lab, size: int = size) -> None:
            del lab.data[size:]

        yield Case(f"{size} bytes", cut_more, damaged("map_size"))

    def longer(lab: Lab) -> None:
        lab.data += b"\0"

    yield Case("a byte too long", longer, damaged("map_size"))
    yield Case("zeros", lambda lab: _replace(lab, bytes(8192)), damaged("magic"))
    text = b"This is not a segment.\n" * 400
    yield Case("text", lambda lab: _replace(lab, text), damaged("magic"))


def boundary_cases(full: Lab) -> Iterator[Case]:
    """Cut the file where regions begin, with its new size in the header or not."""
    bounds = sorted({r["off"] for r in full.regions()} | {len(full.data) - PAGE})
    for size in bounds:

        def cut(lab: Lab, size: int = size) -> None:
            del lab.data[size:]

        def cut_sealed(lab: Lab, size: int = size) -> None:
            lab.set_header("map_size", size)
            del lab.data[size:]
            lab.seal_header()

        yield Case(f"cut at {size:#x}", cut, damaged("map_size"))
        yield Case(f"cut at {size:#x}, sealed", cut_sealed, damaged("directory"))


def _replace(lab: Lab, data: bytes) -> None:
    lab.data[:] = data


# ---- directory -----------------------------------------------------------------------


def region_change(
    region_type: int, kind: int, field: str, value: int
) -> Callable[[Lab], None]:
    def change(lab: Lab) -> None:
        lab.region(region_type, kind)[field] = value

    return sealed(change)


REGIONS = (
    (DESC, 0),
    (STRT, 0),
    (KEYS, 0),
    (ENUM, 0),
    (BNDS, 0),
    (JSON, 0),
    (ROWD, TOOL),
    (ROWC, WORKER),
    (BANK, POOL),
    (SNAP, 0),
    (INFL, WORKER),
    (EVNT, 0),
    (EVID, 0),
    (HIST, POOL),
    (TEXT, WORKER),
    (THRD, 0),
)
BLOCKS = (BANK, SNAP, INFL, EVNT, HIST)


def directory_cases() -> Iterator[Case]:
    wrong = damaged("directory")
    for region in REGIONS:
        name = "region {} {}".format(*region)
        for field, value in (
            ("off", 4),
            ("off", HUGE - 7),
            ("off", 1 << 32),
            ("len", HUGE),
            ("len", HALF),
            ("stride", 0),
            ("stride", HUGE),
            ("count", HUGE),
            ("count", HALF),
            ("count", 1 << 61),
            ("outer_count", 0),
        ):
            change = region_change(*region, field, value)
            yield Case(f"{name} {field} {value:#x}", change, wrong)
        if region[0] in BLOCKS:
            for field, value in (
                ("outer_count", HUGE),
                ("outer_count", 1 << 52),
                ("outer_stride", 8),
                ("outer_stride", HUGE - 7),
            ):
                change = region_change(*region, field, value)
                yield Case(f"{name} {field} {value:#x}", change, wrong)
    yield from stride_cases()
    yield from layout_cases()


def stride_cases() -> Iterator[Case]:
    """Strides that are too small by a word, or no multiple of one."""
    wrong = damaged("directory")
    for region, strides in {
        (DESC, 0): (120, 129),
        (STRT, 0): (2,),
        (KEYS, 0): (12, 18),
        (ENUM, 0): (2, 8),
        (BNDS, 0): (4, 16),
        (ROWD, TOOL): (376, 388),
        (ROWC, WORKER): (312, 444),
        (BANK, POOL): (4, 12),
        (SNAP, 0): (504,),
        (INFL, WORKER): (248,),
        (EVNT, 0): (120, 124),
        (EVID, 0): (4088,),
        (HIST, POOL): (184,),
        (HIST, WORKER): (56,),
        (TEXT, WORKER): (1016,),
        (THRD, 0): (120,),
    }.items():
        for stride in strides:
            change = region_change(*region, "stride", stride)
            yield Case("region {} {} stride {}".format(*region, stride), change, wrong)
    for region_type, kind in ((EVNT, 0), (EVID, 0), (HIST, POOL), (INFL, WORKER)):
        change = region_change(region_type, kind, "count", 0)
        yield Case(f"region {region_type} without entries", change, wrong)
    yield Case("one half of SNAP", region_change(SNAP, 0, "outer_count", 1), wrong)

    def wide(lab: Lab) -> None:
        region = lab.region(THRD)
        region["count"], region["stride"] = 0, HUGE - 7

    yield Case("an entry larger than any file", sealed(wide), wrong)
    yield Case("EVNT of 7", region_change(EVNT, 0, "count", 7), Agreed())


def layout_cases() -> Iterator[Case]:
    """Regions that are missing, twice there, or on top of each other."""
    wrong = damaged("directory")
    for region in ((DESC, 0), (STRT, 0)):
        change = region_change(*region, "type", 99)
        yield Case(f"no region {region[0]}", change, wrong)
        yield Case(
            f"region {region[0]} of kind 3", region_change(*region, "kind", 3), wrong
        )
    for region in ((KEYS, 0), (ENUM, 0), (JSON, 0), (EVNT, 0), (INFL, WORKER)):
        change = region_change(*region, "type", 99)
        expected: Outcome = damaged("descriptors") if region[0] == ENUM else Agreed()
        yield Case(f"no region {region[0]}", change, expected)
    no_bounds = region_change(BNDS, 0, "type", 99)
    yield Case("no bounds", no_bounds, damaged("bounds"))
    for region in ((BANK, POOL), (ROWC, WORKER), (BANK, PROC)):
        change = region_change(*region, "type", 99)
        yield Case("no region {} {}".format(*region), change, damaged("descriptors"))
    no_snap = region_change(SNAP, 0, "type", 99)
    yield Case("no SNAP", no_snap, Error("not_ready", "snap"), FINE)
    yield Case("no texts", region_change(TEXT, WORKER, "type", 99), Agreed())
    for first, second in (((JSON, 0), (STRT, 0)), ((ROWD, POOL), (ROWD, TOOL))):

        def twice(
            lab: Lab,
            first: tuple[int, int] = first,
            second: tuple[int, int] = second,
        ) -> None:
            region = lab.region(*first)
            region["type"], region["kind"] = second
            lab.region(*second)["kind"] = second[1]

        yield Case("region {} {} twice".format(*second), sealed(twice), Agreed())

    def unknown_twice(lab: Lab) -> None:
        for region_type in (JSON, THRD):
            lab.region(region_type)["type"] = 99

    yield Case("unknown region twice", sealed(unknown_twice), wrong)
    for kind in (POOL, WORKER, TOOL):

        def more_rows(lab: Lab, kind: int = kind) -> None:
            lab.region(ROWD, kind)["count"] += 1

        yield Case(f"more rows than cells {kind}", sealed(more_rows), wrong)
    yield Case("version of an entry", region_change(ROWD, TOOL, "version", 9), FINE)
    yield from overlap_cases()


def overlap_cases() -> Iterator[Case]:
    for one, other in (
        ((STRT, 0), (DESC, 0)),
        ((ROWC, POOL), (ROWC, WORKER)),
        ((EVNT, 0), (EVID, 0)),
        ((ENUM, 0), (BNDS, 0)),
        ((SNAP, 0), (BANK, POOL)),
    ):

        def overlap(
            lab: Lab, one: tuple[int, int] = one, other: tuple[int, int] = other
        ) -> None:
            lab.region(*one)["off"] = lab.region(*other)["off"]

        name = "region {} {} over {} {}".format(*one, *other)
        yield Case(name, sealed(overlap), Agreed())

    def on_itself(lab: Lab) -> None:
        lab.region(STRT)["off"] = lab.header("dir_off")

    yield Case("strings are the directory", sealed(on_itself), Agreed())

    def on_the_header(lab: Lab) -> None:
        lab.region(EVNT)["off"] = 0

    yield Case("events are the header", sealed(on_the_header), Agreed())


# ---- schema --------------------------------------------------------------------------


def schema_cases() -> Iterator[Case]:
    yield from enum_cases()
    for field, at in (("prom_name", 4), ("otel_name", 8)):
        for ref in (0xFFFFFFFF, 0x1000):

            def bad_key(lab: Lab, at: int = at, ref: int = ref) -> None:
                lab.put(lab.region(KEYS).entry(0) + at, ref, 4)

            yield Case(f"key {field} {ref:#x}", bad_key, damaged("keys"))

    def unknown_source(lab: Lab) -> None:
        lab.put(lab.region(KEYS).entry(0), 99, 4)

    yield Case("key of an unknown source", unknown_source, Agreed())
    for name, text in {
        "not UTF-8": b"a\xffb",
        "overlong": b"\xc0\xaf",
        "surrogate": b"\xed\xa0\x80",
        "beyond Unicode": b"\xf4\x90\x80\x80",
        "cut short": b"\xe2\x82",
        "with a NUL": b"a\0b",
    }.items():

        def bad_text(lab: Lab, text: bytes = text) -> None:
            metric = next(lab.metrics())
            metric["help"] = lab.add_text(text)

        yield Case(f"text {name}", bad_text, damaged("descriptors"))

    def no_nul(lab: Lab) -> None:
        metric = next(lab.metrics())
        metric["unit"] = lab.add_text(b"abc")
        lab.put(lab.region(STRT)["off"] + 8 * metric["unit"] + 7, 0x41, 1)

    yield Case("text without its NUL", no_nul, damaged("descriptors"))

    def to_the_end(lab: Lab) -> None:
        metric = next(lab.metrics())
        metric["unit"] = lab.add_text(b"abcdefghijk")
        lab.put(WORDS["strt_used"], lab.get(WORDS["strt_used"]) - 1)

    yield Case("text beyond the watermark", to_the_end, damaged("descriptors"))

    def long_text(lab: Lab) -> None:
        metric = next(lab.metrics())
        lab.put(lab.region(STRT)["off"] + 8 * metric["help"], 0xFFFFFFFF, 4)

    yield Case("text of 4 GiB", long_text, damaged("descriptors"))


def enum_cases() -> Iterator[Case]:
    wrong = damaged("enums")

    def put(entry: int, value: int) -> Callable[[Lab], None]:
        return lambda lab: lab.put(lab.region(ENUM).entry(entry), value, 4)

    def put_table(entry: int, value: int) -> Callable[[Lab], None]:
        """Change a word of the table of worker states."""

        def change(lab: Lab) -> None:
            region = lab.region(ENUM)
            table = lab.get(region.entry(2 + 9), 4)
            lab.put(region.entry(table + entry), value, 4)

        return change

    for value in (0xFFFFFFFF, 0x7FFFFFFF, 1023, 1024):
        yield Case(f"{value:#x} enumerations", put(1, value), wrong)
    for value in (0xFFFFFFFF, 1024, 1022, 1021):
        yield Case(f"enumeration at {value:#x}", put(2 + 9, value), wrong)
    for value in (0, 1025, 0xFFFFFFFF, 0x80000000):
        yield Case(f"{value:#x} values", put_table(2, value), wrong)
    for entry in (0, 1, 3, 4):
        yield Case(f"bad text {entry}", put_table(entry, 0x0FFFFFFF), wrong)
    yield Case("fewer enumerations", put(1, 9), damaged("descriptors"))
    yield Case("unused word", put(0, 77), FINE)
    yield Case("a table twice", put(2, 0), Agreed())


COUNTER = "snakepit.requests"
LATCHED = "snakepit.pool.requests"
CELL = "snakepit.pool.queue.limit"
HISTOGRAM = "snakepit.request.duration"
DERIVED = "snakepit.worker.count"
STATE = "snakepit.worker.state"
HEADER_WORD = "snakepit.start_time"
BY_ENUM = "snakepit.request.failures"


def set_metric(which: str, fields: dict[str, int]) -> Callable[[Lab], None]:
    def change(lab: Lab) -> None:
        metric = lab.metric(which)
        for field, value in fields.items():
            metric[field] = value

    return change


def descriptor_cases() -> Iterator[Case]:
    wrong: Outcome = damaged("descriptors")
    bounds = damaged("bounds")
    for name, fields, outcome in (
        (COUNTER, {"off": 4}, wrong),
        (COUNTER, {"off": 0xFFFFFFF8}, wrong),
        (COUNTER, {"stride": 0}, wrong),
        (COUNTER, {"stride": 12}, wrong),
        (COUNTER, {"count": 0}, wrong),
        (COUNTER, {"count": 2}, wrong),
        (COUNTER, {"count": 0xFFFFFFFF}, wrong),
        (COUNTER, {"count": 0x80000001, "stride": 0xFFFFFFF8}, wrong),
        (COUNTER, {"enum_off": 1}, wrong),
        (COUNTER, {"enum_off": 0xFFFFFFFF}, wrong),
        (COUNTER, {"unit_exp": 31}, wrong),
        (COUNTER, {"unit_exp": -31}, wrong),
        (COUNTER, {"unit_exp": 0x80000000}, wrong),
        (COUNTER, {"name": 0xFFFFFFFF}, wrong),
        (COUNTER, {"prom_name": 0xFFFF}, wrong),
        (COUNTER, {"row_kind": 0}, Agreed()),
        (COUNTER, {"row_kind": 4}, Agreed()),
        (COUNTER, {"storage": 3}, wrong),
        (COUNTER, {"storage": 7}, Agreed()),
        (COUNTER, {"storage": 0}, Agreed()),
        (COUNTER, {"kind": 8}, Agreed()),
        (COUNTER, {"kind": 3}, Agreed()),
        (COUNTER, {"kind": 4, "nbuckets": 0}, wrong),
        (COUNTER, {"kind": 5}, wrong),
        (COUNTER, {"vtype": 2}, Agreed()),
        (COUNTER, {"vtype": 3}, Agreed()),
        (COUNTER, {"vtype": 4}, Agreed()),
        (COUNTER, {"vtype": 5}, Agreed()),
        (COUNTER, {"level": 3}, Agreed()),
        (COUNTER, {"row_keys": 0xFFFFFFFF}, Agreed()),
        (COUNTER, {"retired_minor": 1}, Agreed()),
        (COUNTER, {"bounds_count": 1}, Agreed()),
        (COUNTER, {"bounds_off": 1024, "bounds_count": 1}, bounds),
        (COUNTER, {"bounds_off": 0xFFFFFFFF, "bounds_count": 2}, bounds),
        (COUNTER, {"bounds_count": 0xFFFFFFFF}, bounds),
        (BY_ENUM, {"count": 3}, wrong),
        (BY_ENUM, {"enum_off": 0}, wrong),
        (BY_ENUM, {"stride": 0x80000000}, wrong),
        (LATCHED, {"off": 128}, wrong),
        (LATCHED, {"off": 120}, Agreed()),
        (LATCHED, {"row_kind": TOOL}, wrong),
        (CELL, {"off": 0x1000}, wrong),
        (CELL, {"off": 312}, wrong),
        (CELL, {"off": 0}, wrong),
        (HEADER_WORD, {"off": 0x100}, wrong),
        (HEADER_WORD, {"off": 0x200}, wrong),
        (HEADER_WORD, {"off": 0x340}, wrong),
        (HEADER_WORD, {"off": 0xFF8}, wrong),
        (HEADER_WORD, {"off": 0xFFFFFFF8}, wrong),
        (HEADER_WORD, {"off": 0x50}, Agreed()),
        (HEADER_WORD, {"off": 0x338, "vtype": 1}, Agreed()),
        (STATE, {"enum_off": 0}, wrong),
        (STATE, {"count": 2}, wrong),
        (DERIVED, {"derive_a": 4}, wrong),
        (DERIVED, {"derive_a": 0}, wrong),
        (DERIVED, {"derive_a": 0x1000}, wrong),
        (DERIVED, {"derive_b": 0xFFFFFFF8}, wrong),
        (DERIVED, {"derive": 2}, Agreed()),
        (DERIVED, {"derive": 0}, Agreed()),
        (DERIVED, {"row_kind": TOOL}, Agreed()),
        (DERIVED, {"kind": 4}, wrong),
        (HISTOGRAM, {"zero_threshold_ns": 5}, Agreed()),
        (HISTOGRAM, {"nbuckets": 0}, wrong),
        (HISTOGRAM, {"nbuckets": 0xFFFF}, wrong),
        (HISTOGRAM, {"nbuckets": 255}, Agreed()),
        (HISTOGRAM, {"scale": 9}, wrong),
        (HISTOGRAM, {"scale": 0x80}, wrong),
        (HISTOGRAM, {"idx_min": 16385}, wrong),
        (HISTOGRAM, {"idx_min": 0x80000000}, wrong),
        (HISTOGRAM, {"storage": 6}, wrong),
        (HISTOGRAM, {"storage": 3}, wrong),
        (HISTOGRAM, {"stride": 8}, wrong),
        (HISTOGRAM, {"upper_off": 1024}, bounds),
        (HISTOGRAM, {"upper_off": 1024 - 256}, bounds),
        (HISTOGRAM, {"upper_off": 0xFFFFFFFF}, bounds),
    ):
        described = " ".join(f"{k} {v:#x}" for k, v in fields.items())
        yield Case(f"{name}: {described}", set_metric(name, fields), outcome)
    yield from bounds_cases()


def bounds_cases() -> Iterator[Case]:
    def change(field: str, index: int, value: int) -> Callable[[Lab], None]:
        def make(lab: Lab) -> None:
            first = lab.metric(HISTOGRAM)[field]
            lab.put(lab.region(BNDS).entry(first + index), value)

        return make

    for field in ("bounds_off", "upper_off"):
        yield Case(f"{field}: falling", change(field, 2, 0), damaged("bounds"))
        yield Case(f"{field}: huge first", change(field, 0, HUGE), damaged("bounds"))

        def equal(lab: Lab, field: str = field) -> None:
            first, region = lab.metric(HISTOGRAM)[field], lab.region(BNDS)
            lab.put(region.entry(first + 1), lab.get(region.entry(first)))

        yield Case(f"{field}: equal", equal, damaged("bounds"))


# ---- SNAP ----------------------------------------------------------------------------


def in_half(change: Callable[[Lab], None]) -> Callable[[Lab], None]:
    def make(lab: Lab) -> None:
        change(lab)
        lab.seal_half()

    return make


def set_table(kind: int, field: str, value: int) -> Callable[[Lab], None]:
    def change(lab: Lab) -> None:
        lab.table(kind)[field] = value

    return in_half(change)


def snap_cases() -> Iterator[Case]:
    wrong = damaged("snap")

    def snap(name: str, make: Callable[[Lab], None], outcome: Outcome = wrong) -> Case:
        return Case(name, make, outcome, FINE)

    yield snap("no copy yet", word("snap_seq", 0), Error("not_ready", "snap"))
    yield snap("a later copy", lambda lab: _next_seq(lab, 1))
    yield snap("two later", lambda lab: _next_seq(lab, 2))
    yield snap("crc", lambda lab: lab.put(lab.half(), 0))
    yield snap("crc high", lambda lab: lab.put(lab.half() + 4, 1, 4))
    yield snap("one bit", lambda lab: lab.put(lab.half() + 600, HUGE))
    for value in (0, 8, 511, HUGE, HALF, 1 << 32):

        def length(lab: Lab, value: int = value) -> None:
            lab.put(lab.half() + 16, value)

        yield snap(f"length {value:#x}", length)

    def short(lab: Lab) -> None:
        lab.put(lab.half() + 16, 512)

    yield snap("length of the header alone", in_half(short))

    def one_less(lab: Lab) -> None:
        lab.put(lab.half() + 16, lab.get(lab.half() + 16) - 8)

    yield snap("length a word less", in_half(one_less))
    for kind in (PROC, POOL, WORKER, TOOL):
        for field, value in (
            ("off", 4),
            ("off", 0),
            ("off", HUGE - 7),
            ("off", HALF),
            ("count", HUGE),
            ("count", 1 << 56),
            ("stride", 0),
            ("stride", 376),
            ("stride", 8 * 1000 + 4),
            ("stride", HUGE - 7),
        ):
            change = set_table(kind, field, value)
            yield snap(f"table {kind} {field} {value:#x}", change)
    yield snap("no process", set_table(PROC, "count", 0))
    yield snap("two processes", set_table(PROC, "count", 2))
    for kind, field in (
        (POOL, "record"),
        (POOL, "cells"),
        (POOL, "sums"),
        (WORKER, "text"),
        (PROC, "sums"),
    ):
        for value in (0, 8, 388, HUGE - 7, HALF, 1 << 20):
            change = set_table(kind, field, value)
            yield snap(f"table {kind} {field} {value:#x}", change)
    yield snap("a part that no tool has", set_table(TOOL, "record", 384))
    yield snap("fewer tools", set_table(TOOL, "count", 1), Agreed())
    yield snap("fewer pools", set_table(POOL, "count", 1), Agreed())
    yield snap("no pools", set_table(POOL, "count", 0), Agreed())


def _next_seq(lab: Lab, steps: int) -> None:
    lab.put(WORDS["snap_seq"], lab.get(WORDS["snap_seq"]) + steps)


# ---- rows and values: odd, but no damage ---------------------------------------------


def both_tiers(kind: int, row: int, off: int, data: bytes) -> Callable[[Lab], None]:
    """Change a row's directory entry, live and in SNAP."""

    def change(lab: Lab) -> None:
        for at in (lab.region(ROWD, kind).entry(row), lab.snap_row(kind, row)):
            lab.data[at + off : at + off + len(data)] = data

    return in_half(change)


def value_cases() -> Iterator[Case]:
    def u64(value: int) -> bytes:
        return (value & HUGE).to_bytes(8, "little")

    for name, kind, off, data in (
        ("pool not UTF-8", POOL, 128, b"a\xff"),
        ("adapter not UTF-8", POOL, 256, b"\xc3"),
        ("tool not UTF-8", TOOL, 128, b"\xed\xa0\x80\0"),
        ("name without an end", TOOL, 128, b"x" * 128),
        ("name cut inside a character", TOOL, 128, b"x" * 127 + b"\xc3"),
        ("empty name", POOL, 128, bytes(128)),
        ("row of no pool", TOOL, 16, u64(HUGE)),
        ("row of a pool that is not used", WORKER, 16, u64(2)),
        ("worker of another pool", WORKER, 16, u64(1)),
        ("free row", TOOL, 0, u64(4)),
        ("free pool", POOL, 0, u64(0)),
        ("recycling", WORKER, 0, u64(7)),
        ("tombstone", WORKER, 0, u64(6)),
        ("late generation", WORKER, 0, u64(HUGE - 2)),
        ("retired for no known reason", TOOL, 0, u64(2) + u64(9) * 7),
        ("uid", POOL, 8, u64(HUGE)),
        ("born late", POOL, 32, u64(HUGE)),
    ):
        yield Case(name, both_tiers(kind, 0, off, data), Agreed())
    yield from event_cases()


def event_cases() -> Iterator[Case]:
    def events(change: Callable[[Lab, Entry, int], None]) -> Callable[[Lab], None]:
        def make(lab: Lab) -> None:
            region = lab.region(EVNT)
            newest = lab.get(region.block(0)) - 1
            change(lab, region, region.entry(newest % region["count"]))

        return make

    def record(off: int, value: int, size: int = 8) -> Callable[[Lab], None]:
        def change(lab: Lab, region: Entry, at: int) -> None:
            lab.put(at + off, value, size)
            lab.seal_record(at, region["stride"])

        return events(change)

    def unsealed(lab: Lab, region: Entry, at: int) -> None:
        lab.data[at + region["stride"] - 1] ^= 1

    yield Case("event: checksum", events(unsealed), Agreed())
    for name, off, value in (
        ("number", 0, HUGE),
        ("half written", 0, 0),
        ("kind", 24, HUGE),
        ("reason", 32, 99),
        ("pool", 40, HUGE),
        ("pool of another life", 56, HUGE),
        ("incarnation", 64, HUGE),
        ("evidence", 112, HUGE),
    ):
        yield Case(f"event: {name}", record(off, value), Agreed())

    def head(value: int) -> Callable[[Lab], None]:
        return lambda lab: lab.put(lab.region(EVNT).block(0), value)

    for value in (0, 3, 1 << 40, HALF, HUGE):
        yield Case(f"events: head {value:#x}", head(value), Agreed())

    def capacity(lab: Lab) -> None:
        lab.put(lab.region(EVNT).block(0) + 8, HUGE)

    yield Case("events: capacity", capacity, FINE)


# ---- random --------------------------------------------------------------------------


def random_cases() -> Iterator[Case]:
    """Words anywhere replaced by values that programs trip over."""
    chance = random.Random(20260101)
    for i in range(RANDOM_CASES):
        seed = chance.getrandbits(64)

        def change(lab: Lab, seed: int = seed) -> None:
            chance = random.Random(seed)
            used = [r for r in lab.regions() if r["type"] != JSON]
            for _ in range(chance.randint(1, 3)):
                region = chance.choice(used)
                at = region["off"] + 4 * chance.randrange(min(region["len"], 4096) // 4)
                value = chance.choice([0, 1, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF])
                lab.put(at, value ^ chance.getrandbits(chance.choice([0, 3, 32])), 4)
            lab.seal_half()

        yield Case(f"random {i}", change, Agreed())


# ---- what is no file of bytes --------------------------------------------------------


def special_files(directory: Path, full: Lab) -> dict[Path, Outcome]:
    """Make what a path may lead to besides a segment."""
    expected: dict[Path, Outcome] = {}

    def at(name: str, outcome: Outcome) -> Path:
        path = directory / name
        expected[path] = outcome
        return path

    good = at("good", FINE)
    full.write(good)
    at("nothing", Error("missing", "path"))
    expected[good / "below"] = Error("missing", "path")
    at("directory", Error("denied", "path")).mkdir()
    os.mkfifo(at("fifo", Error("denied", "path")))
    at("link", Error("denied", "path")).symlink_to(good)
    everybody = at("everybody", Error("denied", "mode"))
    full.write(everybody)
    everybody.chmod(0o666)
    with at("huge", damaged("file")).open("wb") as file:
        file.truncate(5 << 30)
    expected[Path("/dev/null")] = Error("denied", "path")
    return expected
