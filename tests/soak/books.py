"""What must hold at every moment, and what must not grow."""

from __future__ import annotations

import contextlib
import os
import statistics
from collections import Counter
from typing import Any

from account import Cell, cells, total
from harness import Daemon, World
from runtime_kit import INSTANCE, assert_books_balance, rss_kib

NO_PROCESS = {"empty", "exited", "backoff", "quarantined"}
Report = dict[str, Any]


def growing(report: Report) -> dict[Cell, float]:
    """Give the numbers that may only grow."""
    kinds = ("counter", "histogram")
    metrics = [entry for entry in report["metrics"] if entry["kind"] in kinds]
    return cells({"metrics": metrics})


def assert_processes_balance(report: Report, pool: str) -> None:
    """Check that starts are exits and processes that live."""
    found = cells(report)
    born = total(found, "snakepit.worker.starts", pool=pool)
    died = total(found, "snakepit.worker.exits", pool=pool)
    live = total(found, "snakepit.worker.processes", pool=pool)
    assert born == died + live, (pool, born, died, live)


class Books:
    """Looks at a runtime again and again; each look must balance and none go back."""

    def __init__(self, world: World, pools: list[str]) -> None:
        self.samples = 0
        self._world, self._pools = world, pools
        self._events: dict[tuple[int, int], dict[str, Any]] = {}
        self._last: dict[Cell, float] = {}

    def look(self) -> Report:
        result = self._world.inspect(INSTANCE)
        for pool in self._pools:
            assert_books_balance(result, pool)
            assert_processes_balance(result, pool)
        now = growing(result)
        back = {
            key: (self._last[key], value)
            for key, value in now.items()
            if value < self._last.get(key, 0)
        }
        assert not back, back
        self._last = now
        self.samples += 1
        return result

    def keep(self, events: list[dict[str, Any]]) -> None:
        """Remember events, as the ring forgets them."""
        self._events.update({(e["ring"], e["seq"]): e for e in events})

    def events(self) -> list[dict[str, Any]]:
        return sorted(self._events.values(), key=lambda event: int(event["mono_ns"]))


class Level:
    """The memory of one process over its life; it must find a level and keep it.

    A single look says little: what an allocator has at hand goes up and down by more
    than what is asked about. So medians are compared: of the second quarter, when all
    that happens has happened once, and of the last.
    """

    def __init__(self, pid: int) -> None:
        self.pid = pid
        self.kib: list[int] = []

    def look(self) -> None:
        self.kib.append(rss_kib(self.pid))

    def quarters(self) -> tuple[float, float]:
        quarter = max(1, len(self.kib) // 4)
        return (
            statistics.median(self.kib[quarter : 2 * quarter] or self.kib),
            statistics.median(self.kib[-quarter:]),
        )


def with_a_process(report: Report) -> int:
    """Count the slots whose state says that they have one."""
    return sum(
        series["state"] not in NO_PROCESS
        for entry in report["metrics"]
        if entry["name"] == "snakepit.worker.state"
        for series in entry["series"]
    )


def held_by(world: World, daemon: Daemon) -> dict[str, int]:
    """Count what must not grow."""
    report = world.inspect(INSTANCE)
    fds = []
    for fd in os.listdir(f"/proc/{daemon.pid}/fd"):
        with contextlib.suppress(FileNotFoundError):
            fds.append(os.readlink(f"/proc/{daemon.pid}/fd/{fd}"))
    tools = Counter(
        (tool["pool"], tool["name"]) for tool in report["tools"] if not tool["retired"]
    )
    sockets = [name for name in fds if name.startswith("socket:")]
    return {
        "sockets": len(sockets),
        "other fds": len(fds) - len(sockets),
        "threads": len(os.listdir(f"/proc/{daemon.pid}/task")),
        "processes": len(daemon.processes()),
        "rows": len(report["workers"]) + len(report["pools"]),
        "tools twice": sum(tools.values()) - len(tools),
        "bytes": report["segment"]["size_bytes"],
        "files": len(list(world.directory.rglob("*"))),
    }
