#!/usr/bin/env python3
"""A scrape of 10,000 series over HTTP, connection included.

Prints rows for tests/bench/run, which says where to import from and what is measured.
"""

from __future__ import annotations

import os
import socket
import statistics
import tempfile
import time
from pathlib import Path

from readers import Exporter, Segment, parse_page

SERIES = 10_000
SHAPE = ("2", "250", "10")  # pools, workers and tools of each
ROUNDS = 101
LIMIT_MS = 10
REQUEST = b"GET /metrics HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"


def scrape_ms(port: int, page: bytearray) -> float:
    view = memoryview(page)
    begin = time.perf_counter()
    with socket.create_connection(("127.0.0.1", port)) as connection:
        connection.sendall(REQUEST)
        while count := connection.recv_into(view):
            view = view[count:]
    taken = time.perf_counter() - begin
    assert len(view) > 0
    return taken * 1000


def resident_mib(pid: int) -> float:
    pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGESIZE") / 2**20


def row(name: str, unit: str, values: list[float], target: str, limit: float) -> None:
    median = statistics.median(values)
    fields = (name, unit, median, min(values), max(values), "", "", target, limit)
    print("row", *fields, sep="\t", flush=True)


def main() -> None:
    with tempfile.TemporaryDirectory(dir=os.environ["SNAKEPIT_BENCH_DIR"]) as folder:
        segment = Segment(Path(folder), "http", *SHAPE)
        exporter = Exporter(Path(folder) / "log", "-n", str(segment.path))
        nr = len(parse_page(exporter.page()))
        assert nr >= SERIES, f"{nr} series"
        page = bytearray(64 << 20)
        times = [scrape_ms(exporter.port, page) for _ in range(ROUNDS)]
        name = f"scrape over HTTP: {nr:,} series, connect to last byte"
        row(name, "ms", times, "value<=", LIMIT_MS)
        resident = resident_mib(exporter.process.pid)
        row("scrape over HTTP: resident memory", "MiB", [resident], "", 0)
        assert exporter.stop() == 0
        segment.close()


if __name__ == "__main__":
    main()
