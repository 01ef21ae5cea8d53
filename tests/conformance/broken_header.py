"""Headers that are broken, words that change while the writer lives, cut files."""

from __future__ import annotations

from collections.abc import Iterator

from cases import (
    FINE,
    HALF,
    HUGE,
    Agreed,
    Case,
    Error,
    Fine,
    Outcome,
    damaged,
    word,
)
from lab import (
    HB,
    HB_BYTES,
    HDR_CRC,
    HEADER,
    PAGE,
    POOL,
    REGION_BYTES,
    TOOL,
    WORKER,
    Lab,
)

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
