"""What the benchmarks of the runtime share: their rows, a runtime to measure."""

from __future__ import annotations

import contextlib
import statistics
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from harness import Daemon, World
from runtime_kit import INSTANCE

__all__ = ["quiet", "row", "running"]


def row(
    name: str,
    unit: str,
    values: list[float],
    target: str = "",
    limit: float = 0,
    against: tuple[float, str] | None = None,
) -> None:
    """Print a row; `against` is a ratio and to what.

    The target, if any, is for the median ("value<=") or for the ratio ("ratio<=").
    """
    middle, least, most = statistics.median(values), min(values), max(values)
    compared = against or ("", "")
    fields = (name, unit, middle, least, most, *compared, target, limit)
    print("row", *fields, sep="\t", flush=True)


@contextlib.contextmanager
def running(
    build: Path, settings: dict[str, Any], workers: int
) -> Iterator[tuple[World, Daemon]]:
    """Run a runtime whose workers are ready."""
    with tempfile.TemporaryDirectory(prefix="snp-bench-", dir="/dev/shm") as folder:
        world = World(Path(folder), build)
        daemon = Daemon.start(world, settings)
        try:
            daemon.wait_ready(workers, 600)
            yield world, daemon
        finally:
            daemon.stop()


def quiet(pool: dict[str, Any], **more: Any) -> dict[str, Any]:
    """Give the configuration of one pool that logs no line a request."""
    return {"instance": INSTANCE, "pools": [pool], "log": {"level": "warning"}, **more}
