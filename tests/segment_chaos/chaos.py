"""What the chaos tests share: the scripted writer and its judge as processes."""

from __future__ import annotations

import os
import re
import signal as signals
import subprocess
import time
from pathlib import Path
from typing import TypeVar

from readers import BUILD, DEADLINE_S, wait_for
from typing_extensions import Self

# `make chaos` runs the long versions of these tests.
FULL = os.environ.get("SNP_CHAOS") == "full"

P = TypeVar("P", bound="_Process")


def program(name: str) -> str:
    return str(BUILD / "tests" / "segment_chaos" / name)


class _Process:
    """A program of tests/segment_chaos that says "ready" and ends at SIGTERM."""

    def __init__(self, *command: str) -> None:
        self.process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        assert self._line() == "ready"

    def _line(self) -> str:
        assert self.process.stdout is not None
        return self.process.stdout.readline().strip()

    def signal(self, number: signals.Signals) -> None:
        self.process.send_signal(number)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.process.kill()
        self.process.wait()
        for pipe in (self.process.stdin, self.process.stdout):
            assert pipe is not None
            pipe.close()


class Writer(_Process):
    """`scripted write`: every kind of record, round after round."""

    def __init__(self, folder: Path) -> None:
        super().__init__(program("scripted"), "write", str(folder))
        self.path = folder / "script.seg"

    def rounds(self) -> int:
        assert self.process.stdin is not None
        self.process.stdin.write("\n")
        self.process.stdin.flush()
        return int(self._line())

    def wait_rounds(self, more: int) -> None:
        """Wait until it has gone that many rounds further."""
        first = self.rounds()
        wait_for("the writer to go on", lambda: self.rounds() > first + more)

    def cpu_s(self) -> float:
        """Give the CPU time of all its threads."""
        tasks = Path(f"/proc/{self.process.pid}/task").glob("*/schedstat")
        return sum(int(task.read_text().split()[0]) for task in tasks) / 1e9

    def speed(self, seconds: float) -> tuple[float, float]:
        """Measure rounds a second and rounds a second of CPU, over about that long."""
        first, start, cpu_s = self.rounds(), time.monotonic(), self.cpu_s()
        while time.monotonic() - start < seconds:
            time.sleep(seconds / 10)
        rounds = self.rounds() - first
        return rounds / (time.monotonic() - start), rounds / (self.cpu_s() - cpu_s)


class Reader(_Process):
    """`scripted read`: looks as fast as it can and judges."""

    def __init__(self, path: Path) -> None:
        super().__init__(program("scripted"), "read", str(path))
        self._cpu_at_start = self.cpu_ticks()

    def cpu_ticks(self) -> int:
        """Give the CPU time it has used, in ticks of 10 ms: each is many looks."""
        fields = Path(f"/proc/{self.process.pid}/stat").read_text().rsplit(")", 1)[1]
        return int(fields.split()[11])

    def has_run(self) -> bool:
        """Whether it used a tick of CPU since it was ready."""
        return self.cpu_ticks() > self._cpu_at_start

    def run_on(self) -> None:
        """Wait until it has used a tick more, however late it gets a processor."""
        ticks = self.cpu_ticks()
        wait_for("the reader to run", lambda: self.cpu_ticks() > ticks)

    def check(self) -> None:
        """Fail with its own words if it ended, which a fault makes it do."""
        if self.process.poll() is not None:
            assert self.process.stdout is not None
            raise AssertionError(self.process.stdout.read())

    def end(self) -> tuple[int, int, int]:
        """End it and return its looks, retries and rows skipped."""
        self.process.terminate()
        text, _ = self.process.communicate(timeout=DEADLINE_S)
        assert self.process.returncode == 0, text
        match = re.search(r"(\d+) looks, (\d+) retries, (\d+) rows skipped", text)
        assert match, text
        looks, retries, skipped = map(int, match.groups())
        return looks, retries, skipped
