"""Segments on the bench: find what is in one, change it, seal it again.

Bytes only, by the tables of shm/format/segment.md; nothing here believes a reader.
"""

from __future__ import annotations

import os
import struct
from collections.abc import Iterator
from pathlib import Path

from snakepit_bridge._crc32c import crc32c

PAGE = 4096

PROC, POOL, WORKER, TOOL = range(4)
DESC, STRT, KEYS, ENUM, BNDS, JSON, ROWD, ROWC, BANK = range(1, 10)
SNAP, INFL, EVNT, EVID, SPAN, HIST, TEXT, THRD, LEDG = range(10, 19)
RINGS = (EVNT, EVID, SPAN, HIST)

# Fields of the header under hdr_crc: offset, bytes.
HEADER = {
    "magic": (0x00, 8),
    "endian": (0x08, 4),
    "ver_major": (0x0C, 2),
    "ver_minor": (0x0E, 2),
    "compat_major_min": (0x10, 2),
    "header_size": (0x14, 4),
    "feat_incompat": (0x18, 8),
    "feat_compat": (0x20, 8),
    "map_size": (0x28, 8),
    "instance_uuid": (0x30, 16),
    "boot_id": (0x40, 16),
    "incarnation": (0x50, 8),
    "pid": (0x58, 4),
    "uid": (0x5C, 4),
    "pid_start_ticks": (0x60, 8),
    "pidns_inode": (0x68, 8),
    "timens_inode": (0x70, 8),
    "start_monotonic_ns": (0x78, 8),
    "start_realtime_ns": (0x80, 8),
    "dir_off": (0x88, 8),
    "dir_count": (0x90, 8),
    "schema_hash": (0x98, 8),
    "heartbeat_interval_ms": (0xA0, 4),
    "stale_after_ms": (0xA4, 4),
    "scrape_hint_ms": (0xA8, 4),
    "reuse_quarantine_ms": (0xAC, 4),
    "name": (0xB0, 64),
}
# Words that change while the writer lives.
WORDS = {
    "state": 0x100,
    "stop_reason": 0x108,
    "struct_gen": 0x140,
    "desc_used": 0x180,
    "strt_used": 0x188,
    "bank_high": 0x190,
    "row_high": 0x198,
    "hb_seq": 0x1C0,
    "rows_dropped": 0x300,
    "snap_seq": 0x340,
}
HDR_CRC, DIR_CRC, HB, HB_BYTES = 0xF0, 0xF4, 0x200, 128
REGION_BYTES = 64
REGION = {
    "type": (0, 4),
    "kind": (4, 4),
    "off": (8, 8),
    "len": (16, 8),
    "stride": (24, 8),
    "count": (32, 8),
    "outer_stride": (40, 8),
    "outer_count": (48, 8),
    "version": (56, 4),
}
DESCRIPTOR = {
    "id": (0, 4),
    "kind": (4, 1),
    "vtype": (5, 1),
    "storage": (6, 1),
    "row_kind": (8, 1),
    "level": (9, 1),
    "off": (12, 4),
    "count": (16, 4),
    "stride": (20, 4),
    "name": (24, 4),
    "prom_name": (28, 4),
    "unit": (32, 4),
    "unit_exp": (36, 4),
    "help": (40, 4),
    "row_keys": (52, 4),
    "enum_off": (56, 4),
    "bounds_off": (60, 4),
    "bounds_count": (64, 4),
    "idx_min": (68, 4),
    "nbuckets": (72, 2),
    "scale": (74, 1),
    "derive": (75, 1),
    "retired_minor": (78, 2),
    "zero_threshold_ns": (80, 8),
    "derive_a": (88, 4),
    "derive_b": (92, 4),
    "upper_off": (96, 4),
}
ROW_BYTES, LATCH_BYTES, RECORD_BYTES, TEXT_BYTES = 384, 320, 128, 504
SNAP_BYTES = 512
TABLE = {
    "off": 0,
    "count": 8,
    "stride": 16,
    "record": 24,
    "text": 32,
    "cells": 40,
    "sums": 48,
    "ledger": 56,
}


class Entry:
    """Some bytes of a lab with named fields: a region's or a metric's entry."""

    def __init__(self, lab: Lab, at: int, fields: dict[str, tuple[int, int]]) -> None:
        self.lab, self.at, self.fields = lab, at, fields

    def __getitem__(self, field: str) -> int:
        off, size = self.fields[field]
        return self.lab.get(self.at + off, size)

    def __setitem__(self, field: str, value: int) -> None:
        off, size = self.fields[field]
        self.lab.put(self.at + off, value, size)

    def block(self, index: int) -> int:
        """Return where a block of a region starts."""
        return self["off"] + index * self["outer_stride"]

    def entry(self, index: int, block: int = 0) -> int:
        """Return where an entry of a region starts."""
        head = 64 if self["type"] in RINGS else 0
        return self.block(block) + head + index * self["stride"]


class Lab:
    """The bytes of a segment."""

    def __init__(self, data: bytes) -> None:
        self.data = bytearray(data)

    def get(self, at: int, size: int = 8) -> int:
        return int.from_bytes(self.data[at : at + size], "little")

    def put(self, at: int, value: int, size: int = 8) -> None:
        mask = (1 << 8 * size) - 1
        self.data[at : at + size] = (value & mask).to_bytes(size, "little")

    def header(self, field: str) -> int:
        return self.get(*HEADER[field])

    def set_header(self, field: str, value: int) -> None:
        off, size = HEADER[field]
        self.put(off, value, size)

    def regions(self) -> Iterator[Entry]:
        for i in range(self.header("dir_count")):
            yield Entry(self, self.header("dir_off") + i * REGION_BYTES, REGION)

    def region(self, region_type: int, kind: int = 0) -> Entry:
        wanted = (region_type, kind)
        return next(r for r in self.regions() if (r["type"], r["kind"]) == wanted)

    def has(self, region_type: int, kind: int) -> bool:
        return any(
            (r["type"], r["kind"]) == (region_type, kind) for r in self.regions()
        )

    def move(self, region: Entry, data: bytes) -> None:
        """Let a region be these bytes, behind all others; its stride stays."""
        self.data += bytes(-len(self.data) % PAGE)
        region["off"] = len(self.data)
        region["len"], region["count"] = len(data), len(data) // region["stride"]
        self.data += data
        self.set_header("map_size", len(self.data))

    # ---- schema ------------------------------------------------------------------

    def text(self, ref: int) -> str:
        at = self.region(STRT)["off"] + 8 * ref
        length = self.get(at, 4)
        return self.data[at + 4 : at + 4 + length].decode() if ref else ""

    def add_text(self, text: bytes) -> int:
        """Append a string; return its reference."""
        used = self.get(WORDS["strt_used"])
        at = self.region(STRT)["off"] + used
        entry = struct.pack("<I", len(text)) + text + b"\0"
        entry += bytes(-len(entry) % 8)
        self.data[at : at + len(entry)] = entry
        self.put(WORDS["strt_used"], used + len(entry))
        return used // 8

    def metrics(self) -> Iterator[Entry]:
        region = self.region(DESC)
        for i in range(self.get(WORDS["desc_used"])):
            yield Entry(self, region.entry(i), DESCRIPTOR)

    def metric(self, name: str) -> Entry:
        return next(m for m in self.metrics() if self.text(m["name"]) == name)

    # ---- SNAP --------------------------------------------------------------------

    def half(self) -> int:
        """Return where the current half starts."""
        return self.region(SNAP).block(self.get(WORDS["snap_seq"]) & 1)

    def table(self, kind: int) -> Entry:
        fields = {name: (off, 8) for name, off in TABLE.items()}
        return Entry(self, self.half() + 128 + 64 * kind, fields)

    def snap_row(self, kind: int, row: int) -> int:
        """Return where a row's entry in the current half starts."""
        table = self.table(kind)
        return self.half() + table["off"] + row * table["stride"]

    # ---- seals -------------------------------------------------------------------

    def seal_header(self) -> None:
        self.put(HDR_CRC, crc32c(bytes(self.data[:HDR_CRC])), 4)

    def seal_directory(self) -> None:
        start, count = self.header("dir_off"), self.header("dir_count")
        data = self.data[start : start + min(count, 64) * REGION_BYTES]
        self.put(DIR_CRC, crc32c(bytes(data)), 4)

    def seal_heartbeat(self) -> None:
        at = HB + (self.get(WORDS["hb_seq"]) & 1) * HB_BYTES
        self.put(at + 56, crc32c(bytes(self.data[at : at + 56])))

    def seal_half(self) -> None:
        at = self.half()
        length = self.get(at + 16)
        self.put(at, crc32c(bytes(self.data[at + 8 : at + length])))

    def seal_record(self, at: int, stride: int) -> None:
        """Seal a record of a ring."""
        covered = self.data[at : at + 8] + self.data[at + 16 : at + stride]
        self.put(at + 8, crc32c(bytes(covered)))

    def write(self, path: Path) -> None:
        """Write the file, with holes where pages are empty, as the kernel allows."""
        with path.open("wb") as file:
            for at in range(0, len(self.data), PAGE):
                page = self.data[at : at + PAGE]
                if any(page):
                    os.pwrite(file.fileno(), page, at)
            file.truncate(len(self.data))
        path.chmod(0o640)
