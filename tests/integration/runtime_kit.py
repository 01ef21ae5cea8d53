"""What the tests of snakepitd share: its configuration, its books, its processes."""

from __future__ import annotations

import contextlib
import json
import socket
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

from harness import Daemon, World, metric, wait_until

ADAPTERS = str(Path(__file__).parent / "adapters")
INSTANCE = "it"
RunDaemon = Callable[..., Daemon]


def config(**pool: Any) -> dict[str, Any]:
    return {
        "instance": INSTANCE,
        "pools": [
            {
                "name": "default",
                "adapter": "fault_adapter.FaultAdapter",
                "workers": 2,
                "pythonpath": [ADAPTERS],
                **pool,
            }
        ],
    }


def worker_pids(world: World) -> dict[int, int]:
    """Slot to pid of the workers that take requests."""
    return {
        worker["slot"]: worker["pid"]
        for worker in world.inspect(INSTANCE)["workers"]
        if worker["status"] in ("idle", "busy")
    }


def maps(process: subprocess.Popen[bytes], path: str) -> bool:
    """Whether a process has a file mapped; one that has ended has none."""
    with contextlib.suppress(ProcessLookupError):
        return path in Path(f"/proc/{process.pid}/maps").read_text()
    return False


def books(report: dict[str, Any], pool: str = "default") -> dict[str, float]:
    return {
        "requests": metric(report, "snakepit.pool.requests", pool=pool),
        "ok": metric(report, "snakepit.pool.request.outcomes", pool=pool, outcome="ok"),
        "error": metric(
            report, "snakepit.pool.request.outcomes", pool=pool, outcome="error"
        ),
        "active": metric(report, "snakepit.request.active", pool=pool),
        "queued": metric(report, "snakepit.pool.queue.depth", pool=pool),
    }


def assert_books_balance(report: dict[str, Any], pool: str = "default") -> None:
    found = books(report, pool)
    assert found["requests"] == (
        found["ok"] + found["error"] + found["active"] + found["queued"]
    ), found


def rss_kib(pid: int) -> int:
    text = Path(f"/proc/{pid}/status").read_text()
    line = next(row for row in text.splitlines() if row.startswith("VmRSS"))
    return int(line.split()[1])


def wait_books(world: World, timeout_s: float = 5, **expected: int) -> dict[str, Any]:
    """Wait until the books of the default pool say so; return inspect's report."""

    def look() -> dict[str, Any] | None:
        report = world.inspect(INSTANCE)
        return report if expected.items() <= books(report).items() else None

    report = wait_until(look, timeout_s, f"books with {expected}")
    assert report is not None
    return report


def wait_metric(
    world: World,
    name: str,
    good: Callable[[float], bool],
    timeout_s: float = 10,
    **labels: str,
) -> dict[str, Any]:
    """Wait until a metric's sum is good; return inspect's report."""

    def look() -> dict[str, Any] | None:
        report = world.inspect(INSTANCE)
        return report if good(metric(report, name, **labels)) else None

    report = wait_until(look, timeout_s, f"a good value of {name} {labels}")
    assert report is not None
    return report


def events(world: World, kind: str) -> list[dict[str, Any]]:
    """Events of one kind, the oldest first."""
    result = world.run("snakepit-inspect", "-n", INSTANCE, "--json", "--events")
    if result.returncode != 0:
        raise OSError(result.returncode, result.stderr.strip())
    found: list[dict[str, Any]] = json.loads(result.stdout)["events"]
    return [event for event in found if event["kind"] == kind]


def free_port() -> int:
    """Give a port that nobody listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def at_least(least: float) -> Callable[[float], bool]:
    """Make the condition that a number is not below `least`."""
    return lambda number: number >= least
