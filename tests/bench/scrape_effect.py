#!/usr/bin/env python3
"""What scrapes cost the runtime: a writer's speed while snakepit-prometheus is asked.

Prints rows for tests/bench/run, which says where to import from and what is measured.
The writer counts as fast as it can on one processor; the others have the rest.
Where the two share a core that alone costs something. So what is compared is the same
clients at work with an exporter of another segment. Ratios are taken within a round.
"""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path

from clients import a_hundred_at_once, each_10_ms, slow_loris
from readers import Exporter

ROUNDS = 9
ROUND_MS = 400
LIMIT = 1.02
Load = Callable[[int], AbstractContextManager[None]]
LOADS: tuple[tuple[str, Load], ...] = (
    ("a scrape each 10 ms", each_10_ms),
    ("100 scrapes at once, always", a_hundred_at_once),
    ("100 slow-loris clients", slow_loris),
)


class Writer:
    """tests/bench/scrape_writer.c."""

    def __init__(self, build: Path) -> None:
        self.process = subprocess.Popen(
            [str(build / "bench/scrape_writer")],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        self.path = self._line()

    def _line(self) -> str:
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        assert line, "the writer is gone"
        return line.strip()

    def measure(self) -> float:
        """Return the nanoseconds of a finished call."""
        assert self.process.stdin is not None
        self.process.stdin.write(f"measure {ROUND_MS}\n")
        self.process.stdin.flush()
        return float(self._line())

    def close(self) -> None:
        assert self.process.stdin is not None
        self.process.stdin.close()
        assert self.process.wait(timeout=30) == 0


def report(load: str, apart: list[float], here: list[float]) -> None:
    """Print what a load costs: the writer's nanoseconds without and with it."""
    ratios = [with_it / without for with_it, without in zip(here, apart)]
    for name, values, ratio in (
        (f"finished call, {load}, of another runtime", apart, ("", "", "", 0)),
        (
            f"finished call, {load}",
            here,
            (statistics.median(ratios), "of another", "ratio<=", LIMIT),
        ),
    ):
        of = (statistics.median(values), min(values), max(values))
        print("row", name, "ns", *of, *ratio, sep="\t", flush=True)


def start(folder: Path, writer: Writer) -> Exporter:
    log = folder / f"{writer.process.pid}.log"
    return Exporter(log, "-n", writer.path, "--web.max-requests=0")


def main() -> None:
    build = Path(sys.argv[1])
    processors = sorted(os.sched_getaffinity(0))
    if len(processors) < 2:
        print("skip\twhat scrapes cost the writer\tone processor", flush=True)
        return
    os.sched_setaffinity(0, {processors[0]})
    writer, other = Writer(build), Writer(build)
    os.sched_setaffinity(0, set(processors[1:]))
    with tempfile.TemporaryDirectory(dir=os.environ["SNAKEPIT_BENCH_DIR"]) as folder:
        exporters = [start(Path(folder), other), start(Path(folder), writer)]
        for name, load in LOADS:
            samples: tuple[list[float], list[float]] = ([], [])
            for _ in range(ROUNDS):
                for exporter, found in zip(exporters, samples):
                    with load(exporter.port):
                        found.append(writer.measure())
            report(name, *samples)
        for exporter in exporters:
            assert exporter.stop() == 0
    writer.close()
    other.close()


if __name__ == "__main__":
    main()
