"""Schemas that are broken: strings, enumerations, keys, descriptors, bounds."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from cases import (
    FINE,
    HUGE,
    Agreed,
    Case,
    Outcome,
    damaged,
    sealed,
)
from lab import BNDS, DESC, ENUM, KEYS, STRT, TOOL, WORDS, Lab

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
    yield from text_cases()


def text_cases() -> Iterator[Case]:
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

    for length, outcome in ((1024, Agreed()), (1025, damaged("descriptors"))):

        def of_length(lab: Lab, length: int = length) -> None:
            next(lab.metrics())["help"] = lab.add_text(b"x" * length)

        yield Case(f"text of {length} bytes", of_length, outcome)


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
DERIVED = "snakepit.workers"
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
        (COUNTER, {"name": 0xFFFFFFFF, "bounds_count": 1025}, wrong),
        (COUNTER, {"prom_name": 0xFFFF}, wrong),
        (COUNTER, {"row_kind": 0}, Agreed()),
        (COUNTER, {"row_kind": 4}, Agreed()),
        (COUNTER, {"storage": 3}, wrong),
        (COUNTER, {"storage": 7}, wrong),
        (COUNTER, {"storage": 8}, Agreed()),
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
        (BY_ENUM, {"count": 1}, wrong),
        (BY_ENUM, {"enum_off": 0}, wrong),
        (BY_ENUM, {"stride": 0x80000000}, wrong),
        (LATCHED, {"off": 128}, wrong),
        (LATCHED, {"off": 120}, Agreed()),
        (LATCHED, {"row_kind": TOOL}, wrong),
        (CELL, {"off": 0x10000}, wrong),
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
        (HISTOGRAM, {"zero_threshold_ns": HUGE}, bounds),
        (HISTOGRAM, {"nbuckets": 1025}, wrong),
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
    yield from crowded_cases()


def crowded_cases() -> Iterator[Case]:
    """As many as there may be, and one more."""

    def descriptors(number: int) -> Callable[[Lab], None]:
        def make(lab: Lab) -> None:
            at = lab.metric(COUNTER).at
            lab.move(lab.region(DESC), bytes(lab.data[at : at + 128]) * number)
            lab.put(WORDS["desc_used"], number)

        return sealed(make)

    def bounds(number: int) -> Callable[[Lab], None]:
        def make(lab: Lab) -> None:
            region, metric = lab.region(BNDS), lab.metric(COUNTER)
            metric["bounds_off"], metric["bounds_count"] = region["count"], number
            words = lab.data[region["off"] : region["off"] + region["len"]]
            more = b"".join(i.to_bytes(8, "little") for i in range(number))
            lab.move(region, bytes(words) + more)

        return sealed(make)

    yield Case("1024 descriptors", descriptors(1024), Agreed())
    yield Case("1025 descriptors", descriptors(1025), damaged("descriptors"))
    yield Case("1024 bounds", bounds(1024), Agreed())
    yield Case("1025 bounds", bounds(1025), damaged("bounds"))


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
