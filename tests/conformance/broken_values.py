"""SNAP halves that are broken, values and events that are odd, and random damage."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator

from cases import (
    FINE,
    HALF,
    HUGE,
    Agreed,
    Case,
    Error,
    Outcome,
    damaged,
    word,
)
from lab import EVNT, JSON, POOL, PROC, ROWD, TOOL, WORDS, WORKER, Entry, Lab

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
        (POOL, "ledger"),
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


RANDOM_CASES = 120


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
