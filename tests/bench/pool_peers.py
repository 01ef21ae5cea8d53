#!/usr/bin/env python3
"""The same Python function in Snakepit's pools and in those that people use otherwise.

    pool_peers.py BUILD

Prints rows for tests/bench/run, which says where to import from. Peers take turns, each
alone on the machine, and ratios are taken within a round; what a peer is and how it is
called is in peers/pools/drive.py. What is not installed is skipped.
"""

from __future__ import annotations

import contextlib
import json
import shutil
import statistics
import subprocess
import sys
import threading
import urllib.request
from collections import defaultdict
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any

from harness import wait_until
from runtime_bench import quiet, row, running
from runtime_kit import INSTANCE, config, free_port

ROOT = Path(__file__).resolve().parents[2]
POOLS = Path(__file__).resolve().parent / "peers" / "pools"
PYTHON = ROOT / "build/peers/pools/bin/python"
ROUNDS = 3
WORKERS, THREADS = 2, 32  # as in drive.py
DIRECT = "grpcio"
PEERS = ("ProcessPoolExecutor", "gunicorn", "uWSGI", "Ray", "Celery")
LEAST_OF_DIRECT = 0.9
FIELDS = (
    ("p50_us", "p50", "us"),
    ("p99_us", "p99", "us"),
    ("memory_mib", "memory", "MiB"),
)

Key = tuple[str, int]  # payload, calls in flight
Figures = dict[Key, dict[str, float]]


def drive(peer: str, *more: str) -> Figures:
    """Run one peer for one round."""
    words = [str(PYTHON), str(POOLS / "drive.py"), peer, *more]
    path = f"{POOLS}:{ROOT / 'priv/python'}"
    out = subprocess.run(
        words,
        check=True,
        stdout=subprocess.PIPE,
        env={"PATH": "/usr/bin", "PYTHONPATH": path},
    ).stdout
    lines = [json.loads(line) for line in out.splitlines()]
    return {(line.pop("payload"), line.pop("in_flight")): line for line in lines}


def settings(profile: str) -> dict[str, Any]:
    threads = THREADS if profile == "thread" else 1
    pool = config(
        adapter="work_adapter.WorkAdapter",
        workers=WORKERS,
        profile=profile,
        pythonpath=[str(POOLS)],
        **({"threads_per_worker": threads} if threads > 1 else {}),
    )
    return quiet(pool["pools"][0])


@contextlib.contextmanager
def readers(build: Path, world: Any) -> Iterator[None]:
    """Have a Prometheus that scrapes each second, and a top, look at it throughout."""
    address, done = f"127.0.0.1:{free_port()}", threading.Event()
    door = f"--web.listen-address={address}"
    commands = (["snakepit-prometheus", door], ["snakepit-top", "-b", "-d", "1"])
    silent = subprocess.DEVNULL
    programs = [
        subprocess.Popen(
            [build / "bin" / name, "-n", INSTANCE, *words],
            env=world.env, stdin=silent, stdout=silent, stderr=silent,
        )
        for name, *words in commands
    ]  # fmt: skip

    def scrape() -> bytes:
        with urllib.request.urlopen(f"http://{address}/metrics") as page:
            return bytes(page.read())

    def first_scrape() -> bytes:
        with contextlib.suppress(OSError):
            return scrape()
        return b""

    def scrape_on() -> None:
        while not done.wait(1):
            scrape()

    try:
        wait_until(first_scrape, 10, "a first scrape")
        with ThreadPoolExecutor(1) as thread:
            scraping = thread.submit(scrape_on)
            try:
                yield
            finally:
                done.set()
            scraping.result()
        for program in programs:
            assert program.poll() is None, f"{program.args!r} ended by itself"
    finally:
        for program in programs:
            program.terminate()
            program.wait()


def ours(
    build: Path, profile: str, form: str = "json", *, watched: bool = False
) -> Figures:
    with running(build, settings(profile), WORKERS) as (world, daemon):
        address = f"unix:{world.directory}/{INSTANCE}.sock"
        attached = readers(build, world) if watched else contextlib.nullcontext()
        with attached:
            return drive("snakepit", address, form, str(daemon.pid))


def there(peer: str) -> bool:
    needs = {"Celery": "redis-server"}.get(peer)
    if needs and not shutil.which(needs):
        print("skip", peer, f"there is no {needs}", sep="\t")
        return False
    return True


def main() -> int:
    build = Path(sys.argv[1]).resolve()
    turns: dict[str, Callable[[], Figures]] = {
        "snakepit, processes": partial(ours, build, "process"),
        "snakepit, threads": partial(ours, build, "thread"),
        "snakepit, threads, binary": partial(ours, build, "thread", "binary"),
        "snakepit, threads, watched": partial(ours, build, "thread", watched=True),
        DIRECT: partial(drive, DIRECT),
    }
    turns |= {peer: partial(drive, peer) for peer in PEERS if there(peer)}
    found: dict[str, list[Figures]] = defaultdict(list)
    for _ in range(ROUNDS):
        for name, turn in turns.items():
            found[name].append(turn())
    for key in found[DIRECT][0]:
        report(key, found)
    return 0


def report(key: Key, found: dict[str, list[Figures]]) -> None:
    """Print the rows of one payload and so many calls in flight."""
    for name, rounds in found.items():
        head = f"{key[0]}, {key[1]} in flight: {name}"
        rates = [figures[key]["calls_s"] for figures in rounds]
        direct = [figures[key]["calls_s"] for figures in found[DIRECT]]
        ratio = statistics.median(mine / bare for mine, bare in zip(rates, direct))
        held_to = name.startswith("snakepit, threads")
        row(
            head, "calls/s", rates,
            "ratio>=" if held_to else "", LEAST_OF_DIRECT if held_to else 0,
            None if name == DIRECT else (ratio, DIRECT),
        )  # fmt: skip
        for field, what, unit in FIELDS:
            row(f"{head}, {what}", unit, [figures[key][field] for figures in rounds])


if __name__ == "__main__":
    sys.exit(main())
