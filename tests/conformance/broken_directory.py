"""Directories that are broken: regions outside the file, over each other, twice."""

from __future__ import annotations

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
    sealed,
)
from lab import (
    BANK,
    BNDS,
    DESC,
    ENUM,
    EVID,
    EVNT,
    HIST,
    INFL,
    JSON,
    KEYS,
    LEDG,
    POOL,
    PROC,
    ROWC,
    ROWD,
    SNAP,
    STRT,
    TEXT,
    THRD,
    TOOL,
    WORKER,
    Lab,
)

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
    (LEDG, POOL),
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
        (LEDG, POOL): (312, 324),
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
    for region in ((BANK, POOL), (ROWC, WORKER), (BANK, PROC), (LEDG, POOL)):
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
    few = region_change(LEDG, POOL, "count", 1)
    yield Case("more rows than ledgers", few, wrong)
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
