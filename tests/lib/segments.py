"""A segment with known contents and a living writer; how to wait for something.

`Segment` runs tests/lib/segment_writer.c and ends with the test. Nothing here sleeps
for luck: `wait_for` polls a condition with a deadline.
"""

from __future__ import annotations

import os
import subprocess
import time
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable

ROOT = Path(__file__).resolve().parents[2]
BUILD = ROOT / os.environ.get("SNP_BUILD", "build")
DEADLINE_S = 15.0
# Sanitizers keep freed memory and shadow what is touched: resident memory says nothing.
SANITIZED = BUILD.name in ("asan", "tsan")

T = TypeVar("T")


def wait_for(what: str, look: Callable[[], T], deadline_s: float = DEADLINE_S) -> T:
    """Return the first truthy result of `look`; fail after the deadline."""
    end = time.monotonic() + deadline_s
    while not (result := look()):
        if time.monotonic() > end:
            raise AssertionError(f"timed out waiting for {what}")
        time.sleep(0.01)
    return result


class Segment:
    """A segment with known contents, and the process that keeps it alive."""

    def __init__(self, directory: Path, instance: str = "test", *shape: str) -> None:
        self.path = directory / f"{instance}.seg"
        self.process = subprocess.Popen(
            [str(BUILD / "tests/segment_writer"), str(directory), instance, *shape],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        assert self._answer() == "ready"

    def _answer(self) -> str:
        assert self.process.stdout is not None
        return self.process.stdout.readline().strip()

    def tell(self, command: str) -> None:
        assert self.process.stdin is not None
        self.process.stdin.write(command + "\n")
        self.process.stdin.flush()
        assert self._answer() == "ok"

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()

    def close(self) -> None:
        """End cleanly, if it has not ended yet."""
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.close()
        self.process.wait(timeout=DEADLINE_S)
        self.process.stdout.close()
