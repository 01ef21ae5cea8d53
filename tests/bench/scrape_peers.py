#!/usr/bin/env python3
"""One page of 100,000 series: ours against client_golang and prometheus-cpp.

All three take turns in each round, and ratios are taken within it. A turn is five pages
of which the fastest counts: the one that was disturbed least, in caches that know it.
Prints rows for tests/bench/run. What is not built is skipped with what would build it.
"""

from __future__ import annotations

import statistics
import subprocess
import sys
from pathlib import Path

ROUNDS = 15
TURN = 5
SAMPLES = 100_000
OURS = "snakepit-prometheus"
# Name, program, and how many times as fast we have to be: scalars, histograms.
PEERS = (
    ("client_golang 1.23", "client_golang", {"scalars": 100, "histograms": 25}),
    ("prometheus-cpp", "prometheus_cpp", {"scalars": 50, "histograms": 25}),
)


class Renderer:
    """A program that renders a page each time it is asked."""

    def __init__(self, program: Path, shape: str) -> None:
        self.process = subprocess.Popen(
            [program, shape], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        self.ms: list[float] = []

    def ask(self) -> None:
        """Take a turn; what is kept is the time of 100,000 samples."""
        self.ms.append(min(self._page() for _ in range(TURN)))

    def _page(self) -> float:
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.write("\n")
        self.process.stdin.flush()
        ns, samples = map(int, self.process.stdout.readline().split())
        assert 0.9 * SAMPLES < samples < 1.1 * SAMPLES, f"{samples} samples"
        return ns / samples * SAMPLES / 1e6

    def close(self) -> None:
        self.process.communicate()


def row(name: str, ms: list[float], base: list[float], limit: float) -> None:
    ratio = statistics.median(m / b for m, b in zip(ms, base))
    against, target = (OURS, "ratio>=") if limit else ("", "")
    values = (statistics.median(ms), min(ms), max(ms), ratio if limit else "")
    print("row", name, "ms", *values, against, target, limit, sep="\t", flush=True)


def compare(build: Path, shape: str) -> None:
    ours = Renderer(build / "bench" / "peer_ours", shape)
    peers = {}
    for name, program, _ in PEERS:
        path = build / "peers" / program
        if path.exists():
            peers[name] = Renderer(path, shape)
        else:
            what = f"100,000 series, {shape}: {name}"
            print("skip", what, "not built, see tools/make/scrape_peers.mk", sep="\t")
    for renderer in (ours, *peers.values()):
        renderer.ask()  # the first one finds its memory
        renderer.ms.clear()
    for _ in range(ROUNDS):
        for renderer in (ours, *peers.values()):
            renderer.ask()
    row(f"100,000 series, {shape}: {OURS}", ours.ms, ours.ms, 0)
    for name, _, limits in PEERS:
        if name in peers:
            what = f"100,000 series, {shape}: {name}"
            row(what, peers[name].ms, ours.ms, limits[shape])
    for renderer in (ours, *peers.values()):
        renderer.close()


def main() -> None:
    build = Path(sys.argv[1])
    for shape in ("scalars", "histograms"):
        compare(build, shape)


if __name__ == "__main__":
    main()
