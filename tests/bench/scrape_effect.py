#!/usr/bin/env python3
"""What scrapes cost the runtime: a writer's speed while snakepit-prometheus is asked.

Prints rows for tests/bench/run, which says where to import from and what is measured.
The writer counts as fast as it can on one processor; exporter and clients have another.
Ratios are taken within a round.
"""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path

from clients import a_hundred_at_once, each_10_ms, slow_loris
from readers import Exporter

ROUNDS = 9
ROUND_MS = 400
LIMIT = 1.02
Load = Callable[[int], AbstractContextManager[None]]
LOADS: tuple[tuple[str, Load], ...] = (
    ("nobody asks", lambda _: nullcontext()),
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


def report(samples: list[list[float]]) -> None:
    """Print the `samples`, by load and round."""
    for i, (load, _) in enumerate(LOADS):
        ratios = [taken / quiet for taken, quiet in zip(samples[i], samples[0])]
        of = (statistics.median(samples[i]), min(samples[i]), max(samples[i]))
        against = (statistics.median(ratios), LOADS[0][0], "ratio<=", LIMIT)
        fields = ("", "", "", 0) if i == 0 else against
        name = f"finished call, {load}"
        print("row", name, "ns", *of, *fields, sep="\t", flush=True)


def main() -> None:
    build = Path(sys.argv[1])
    processors = sorted(os.sched_getaffinity(0))
    if len(processors) < 2:
        print("skip\twhat scrapes cost the writer\tone processor", flush=True)
        return
    os.sched_setaffinity(0, {processors[0]})
    writer = Writer(build)
    os.sched_setaffinity(0, set(processors[1:]))
    samples: list[list[float]] = [[] for _ in LOADS]
    with tempfile.TemporaryDirectory(dir=os.environ["SNAKEPIT_BENCH_DIR"]) as folder:
        exporter = Exporter(
            Path(folder) / "log", "-n", writer.path, "--web.max-requests=0"
        )
        for _ in range(ROUNDS):
            for i, (_, load) in enumerate(LOADS):
                with load(exporter.port):
                    samples[i].append(writer.measure())
        assert exporter.stop() == 0
    writer.close()
    report(samples)


if __name__ == "__main__":
    main()
