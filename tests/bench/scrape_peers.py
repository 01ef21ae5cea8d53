#!/usr/bin/env python3
"""One page of 100,000 series: ours against client_golang and prometheus-cpp.

The others read a page of ours and make the same series of it: names, labels, values.
All three take turns in each round, and ratios are taken within it. A turn is five pages
of which the fastest counts: the one that was disturbed least, in caches that know it.
Prints rows for tests/bench/run. What is not built is skipped with what would build it.
"""

from __future__ import annotations

import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
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

    def __init__(self, program: Path, *arguments: str) -> None:
        self.process = subprocess.Popen(
            [program, *arguments],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        self.samples, self.bytes = map(int, self._line().split())
        self.ms: list[float] = []

    def ask(self) -> None:
        """Take a turn."""
        self.ms.append(min(self._page() for _ in range(TURN)))

    def _page(self) -> float:
        assert self.process.stdin is not None
        self.process.stdin.write("\n")
        self.process.stdin.flush()
        return int(self._line()) / 1e6

    def _line(self) -> str:
        assert self.process.stdout is not None
        return self.process.stdout.readline()

    def close(self) -> None:
        self.process.communicate()


def row(what: str, renderer: Renderer, base: list[float], limit: float) -> None:
    ms = renderer.ms
    ratio = statistics.median(m / b for m, b in zip(ms, base))
    against, target = (OURS, "ratio>=") if limit else ("", "")
    values = (statistics.median(ms), min(ms), max(ms), ratio if limit else "")
    print("row", what, "ms", *values, against, target, limit, sep="\t", flush=True)
    for unit, size in (("samples", renderer.samples), ("B", renderer.bytes)):
        print("row", what, unit, *[size] * 3, "", "", "", 0, sep="\t", flush=True)


def start(build: Path, shape: str, page: str) -> dict[str, Renderer]:
    """Start all that are built, by name; ours first, which writes the page."""
    renderers = {OURS: Renderer(build / "bench" / "peer_ours", shape, page)}
    for name, program, _ in PEERS:
        path = ROOT / "build" / "peers" / program
        if path.exists():
            renderers[name] = Renderer(path, page)
        else:
            what = f"{shape}: {name}"
            print("skip", what, "not built, see tools/make/scrape_peers.mk", sep="\t")
    return renderers


def compare(build: Path, shape: str, page: str) -> None:
    renderers = start(build, shape, page)
    ours = renderers[OURS]
    assert ours.samples >= SAMPLES, f"{ours.samples} samples"
    for name, renderer in renderers.items():
        assert renderer.samples == ours.samples, f"{name}: {renderer.samples} samples"
        renderer.ask()  # the first one finds its memory
        renderer.ms.clear()
    for _ in range(ROUNDS):
        for renderer in renderers.values():
            renderer.ask()
    row(f"{shape}: {OURS}", ours, ours.ms, 0)
    for name, _, limits in PEERS:
        if name in renderers:
            row(f"{shape}: {name}", renderers[name], ours.ms, limits[shape])
    for renderer in renderers.values():
        renderer.close()


def main() -> None:
    build = Path(sys.argv[1])
    with tempfile.NamedTemporaryFile(prefix="snakepit-page-") as page:
        for shape in ("scalars", "histograms"):
            compare(build, shape, page.name)


if __name__ == "__main__":
    main()
