"""Everything that can happen to a runtime, at random, for a while.

    make soak                        ten minutes
    make soak DURATION=60 SEED=7     so many seconds, the faults of an earlier run

Two pools, of processes and of threads, under calls of all kinds, while workers are
harmed and operators at work: three fifths of the time alone, then with all readers
attached, which are killed, stopped and restarted themselves. At every sample the books
balance, nothing that counts goes back, and each call has one outcome. At the end
nothing that a runtime or a reader holds has grown.
"""

from __future__ import annotations

import os
import random
import time
from collections import Counter
from collections.abc import Callable
from typing import Any

import case_report
from account import account, cells, total
from books import Books, Level, held_by, with_a_process
from harness import Daemon, World, wait_until
from readers import Readers
from runtime_kit import INSTANCE
from soak_record import LONG_S, SoakRecord
from traffic import OUTCOMES, Traffic
from trials import SOON, config, read_events, wait_for_s
from trouble import HARD_MIB, QUEUE, Trouble, follow_up, table

DURATION_S = float(os.environ.get("SNP_SOAK_SECONDS", "60"))
SEED = int(os.environ.get("SNP_SEED") or random.randrange(1 << 30))
POOLS = {"default": 4, "threads": 2}
WORKERS = sum(POOLS.values())
SAMPLE_S = 0.2
# The runtime's own, and what it and a worker open to each other with the first call.
MOST_SOCKETS = 6 + 3 * WORKERS
FLAT = 1.02  # of what is held for good, after the warm-up
STILL_RISING = 1.4  # in less time than LONG_S


def settings(generation: int = 0) -> dict[str, Any]:
    shared = {
        "env": [f"GENERATION={generation}"],
        "queue": {"limit": QUEUE},
        "restart": {**SOON, "breaker_deaths": 1000},
        "heartbeat": {
            "enabled": True,
            "ping_interval_ms": 500,
            "jitter_ms": 50,
            "max_missed_heartbeats": 3,
            "timeout_ms": 500,
        },
    }
    lifecycle = {
        "worker_max_requests": 500, "min_ready_ms": 100,
        "memory_hard_mb": HARD_MIB, "memory_sample_ms": 500,
    }  # fmt: skip
    several = {"profile": "thread", "threads_per_worker": 4}
    pools = []
    for name, size in POOLS.items():
        pool = config(workers=size, max_workers=size + 2, lifecycle=lifecycle, **shared)
        pools += [{**pool["pools"][0], "name": name}]
    pools[1].update(several)
    quick = {"drain_timeout_ms": 2000, "stop_timeout_ms": 1000}
    return {
        "instance": INSTANCE, "pools": pools,
        "log": {"level": "warning"}, "shutdown": quick,
    }  # fmt: skip


class Soak:
    """One run: what is done in it and what came of it."""

    def __init__(self, world: World, daemon: Daemon) -> None:
        self.world, self.daemon = world, daemon
        self.books = Books(world, list(POOLS))
        self.trouble = Trouble(world, daemon, settings, SEED)
        self.outcomes: Counter[str] = Counter()
        self.lost: Counter[str] = Counter()
        self.levels = {"runtime": Level(daemon.pid)}
        self.last = world.inspect(INSTANCE)
        self.first = cells(self.last)

    def go_on(self, seconds: float, also: Callable[[], None] = lambda: None) -> None:
        """Have traffic and trouble for so long; `also` at every step of trouble."""
        end = time.monotonic() + seconds
        next_trouble = next_events = 0.0
        with Traffic(self.world.directory, list(POOLS), SEED) as traffic:
            while (now := time.monotonic()) < end:
                self.books.look()
                for level in self.levels.values():
                    level.look()
                if now >= next_trouble:
                    next_trouble = now + seconds / max(12, seconds / 2)
                    self.trouble.make()
                    also()
                if now >= next_events:
                    next_events = now + 1
                    self.books.keep(read_events(self.world))
                wait_for_s(SAMPLE_S)
        self.outcomes += traffic.outcomes
        self.lost += traffic.lost

    def calm(self) -> dict[str, int]:
        """Wait until all workers stand by and nothing moves; tell what is held then."""

        def quiet() -> bool:
            report = self.world.inspect(INSTANCE)
            rows = [row for row in report["workers"] if not row["retired"]]
            idle = [row for row in rows if row["status"] == "idle"]
            return len(rows) == len(idle) == WORKERS

        wait_until(quiet, 60, "pools at rest")
        self.books.keep(read_events(self.world))
        # Connections of those who have left are closed a little later.
        wait_until(
            lambda: held_by(self.world, self.daemon)["sockets"] <= MOST_SOCKETS,
            10,
            f"at most {MOST_SOCKETS} sockets",
        )
        return held_by(self.world, self.daemon)


def assert_not_grown(before: dict[str, int], after: dict[str, int]) -> None:
    assert after["other fds"] <= before["other fds"] + 1  # a pidfd, a moment longer
    assert after["threads"] <= before["threads"] + 8  # gRPC makes them as it needs
    assert after["processes"] == before["processes"]
    assert after["bytes"] == before["bytes"]
    assert after["rows"] <= before["rows"] + WORKERS  # spare slots keep their rows
    assert after["tools twice"] == 0  # a row each, however often they are called
    assert after["files"] <= before["files"] + 4


def assert_outcomes(
    first: dict[Any, float], now: dict[Any, float], told: Counter[str],
    by_hand: Counter[str],
) -> None:  # fmt: skip
    """Compare what clients were told with the books, but for what never arrived."""
    everything = told + by_hand
    assert set(everything) <= OUTCOMES, everything
    name = "snakepit.pool.request.outcomes"
    ok = total(now, name, outcome="ok") - total(first, name, outcome="ok")
    requests = "snakepit.pool.requests"
    received = total(now, requests) - total(first, requests)
    # A client that leaves may not know that its answer was on the way, and the one
    # whose deadline passes first may never have sent its call.
    left = everything["CANCELLED"] + everything["DEADLINE_EXCEEDED"]
    assert everything["ok"] <= ok <= everything["ok"] + left
    asked = sum(everything.values())
    assert asked - left <= received <= asked


def told(soak: Soak, held: dict[str, Any], readers: Readers) -> dict[str, Any]:
    """Give what docs/reliability.md says of the run."""
    follow_up(soak.trouble.deeds, soak.books.events())
    return {
        "samples": soak.books.samples,
        "outcomes": dict(soak.outcomes),
        "faults": table(soak.trouble.deeds, soak.lost),
        "readers": dict(readers.deeds),
        "arrived": readers.arrived(),
        "shown": account(soak.first, soak.last, []).shown,
        "held": held,
    }


def test_soak(
    record: SoakRecord, world: World, run_daemon: Callable[..., Daemon]
) -> None:
    """Random kills, hangs, reloads, scaling, slow clients, cancels and readers."""
    print(f"SNP_SEED={SEED}")
    record.begin(SEED, seconds=DURATION_S, **case_report.made())
    daemon = run_daemon(settings())
    daemon.wait_ready(WORKERS)
    soak = Soak(world, daemon)
    soak.go_on(DURATION_S / 5)
    soak.trouble.settle()
    before = soak.calm()
    soak.go_on(DURATION_S * 2 / 5)
    readers = Readers(world, SEED)
    with readers:
        readers.wait_for_pages()
        soak.levels |= readers.levels()
        soak.go_on(DURATION_S * 2 / 5, readers.look_and_harm)
        by_hand, died = soak.trouble.end()
        after = soak.calm()
    soak.lost += died
    soak.last = soak.books.look()
    memory = {name: level.quarters() for name, level in soak.levels.items()}
    print(soak.books.samples, "samples", dict(soak.outcomes), dict(by_hand))
    print(before, after, memory, dict(readers.deeds), readers.arrived())
    held = {"before": before, "after": after, "rss_kib": memory}
    record.add(**told(soak, held, readers))
    assert not readers.problems, readers.problems[:10]
    assert not readers.grown(), readers.grown()
    assert min(readers.arrived().values()) > 0, readers.arrived()
    assert_outcomes(soak.first, cells(soak.last), soak.outcomes, by_hand)
    live = total(cells(soak.last), "snakepit.worker.processes")
    assert live == with_a_process(soak.last) == WORKERS
    assert_not_grown(before, after)
    most = FLAT if DURATION_S >= LONG_S else STILL_RISING
    assert all(then <= most * once for once, then in memory.values()), memory
