"""What snakepit-top costs: CPU, bytes to the terminal, time to its first frame.

    top_cost.py BUILD

Each program runs on a pseudo-terminal of 80x24 at one frame a second; its CPU is what
the kernel says it ran (schedstat). Everything the segment counts changes each second.
What the runtime pays for readers that attach is in bench_reader_effect: they map the
segment read-only and take no lock of it.
htop and varnishstat are measured beside it where they are installed.
"""

from __future__ import annotations

import fcntl
import os
import pty
import select
import shutil
import signal
import struct
import sys
import tempfile
import termios
import time
from collections.abc import Callable
from pathlib import Path

from runtime_bench import row
from segments import Segment

WARM_S = 3.0  # what a start costs is not what a frame costs
WATCHED_S = 10.0
STARTS = 7
HISTORY_S = 600  # all of it is read before the first frame


class Screen:
    """A program on a terminal of its own, whose output is counted and thrown away."""

    def __init__(self, *words: str) -> None:
        self.begun = time.monotonic()
        self.bytes = 0
        self.pid, self.fd = pty.fork()
        if self.pid == 0:
            os.environ.update(TERM="xterm-256color", LC_ALL="C.UTF-8")
            os.environ.pop("NO_COLOR", None)
            size = struct.pack("HHHH", 24, 80, 0, 0)
            fcntl.ioctl(0, termios.TIOCSWINSZ, size)
            os.execvp(words[0], words)  # noqa: S606

    def read_for(self, seconds: float, until: bytes = b"") -> float | None:
        """Read at most so long; return when `until` came, in seconds since begun."""
        end, seen = time.monotonic() + seconds, b""
        while (left := end - time.monotonic()) > 0:
            if not select.select([self.fd], [], [], left)[0]:
                break
            data = os.read(self.fd, 65536)
            self.bytes += len(data)
            seen = seen[-64:] + data
            if until and until in seen:
                return time.monotonic() - self.begun
        return None

    def cpu_ns(self) -> int:
        return int(Path(f"/proc/{self.pid}/schedstat").read_text().split()[0])

    def close(self) -> None:
        os.kill(self.pid, signal.SIGKILL)
        os.waitpid(self.pid, 0)
        os.close(self.fd)


def watch(
    words: tuple[str, ...], each_second: Callable[[], None]
) -> tuple[float, float]:
    """Percent of a core, and bytes a frame, of a program that draws each second."""
    screen = Screen(*words)
    try:
        screen.read_for(WARM_S)
        cpu, written, begun = screen.cpu_ns(), screen.bytes, time.monotonic()
        while time.monotonic() - begun < WATCHED_S:
            each_second()
            screen.read_for(1.0)
        seconds = time.monotonic() - begun
        share = (screen.cpu_ns() - cpu) / 1e9 / seconds * 100
        return share, (screen.bytes - written) / seconds
    finally:
        screen.close()


def first_frame_ms(words: tuple[str, ...]) -> tuple[float, float]:
    """Milliseconds by the clock, and of CPU: the first depends on who else runs."""
    screen = Screen(*words)
    try:
        # The last line of the screen, and with it the frame.
        came = screen.read_for(10.0, until=b"Quit")
        assert came is not None, "no first frame"
        return came * 1000, screen.cpu_ns() / 1e6
    finally:
        screen.close()


def measure(build: Path, folder: Path, pools: int, workers: int, limit: float) -> None:
    shape = (str(pools), str(workers), "1", f"past={HISTORY_S}")
    segment = Segment(folder, f"w{pools * workers}", *shape)
    words = (str(build / "bin/snakepit-top"), "-n", str(segment.path))
    nr = pools * workers
    try:
        share, written = watch(words, lambda: segment.tell("step"))
        starts = [first_frame_ms(words) for _ in range(STARTS)]
    finally:
        segment.close()
    row(f"snakepit-top, {nr} workers at 1 Hz", "% core", [share], "value<=", limit)
    row(
        f"snakepit-top, {nr} workers, a frame at 80x24", "B", [written], "value<=", 4096
    )
    clock, cpu = zip(*starts, strict=True)
    row(f"snakepit-top, {nr} workers, first frame", "ms", list(clock), "value<=", 30)
    row(f"snakepit-top, {nr} workers, CPU to it", "ms", list(cpu), "value<=", 30)


def main() -> None:
    build = Path(sys.argv[1]).resolve()
    with tempfile.TemporaryDirectory(prefix="snp-bench-", dir="/dev/shm") as folder:
        measure(build, Path(folder), 4, 64, 0.1)
        measure(build, Path(folder), 8, 125, 0.5)
    for words in (("htop", "-d", "10"), ("varnishstat",)):
        if not shutil.which(words[0]):
            continue
        share, written = watch(words, lambda: None)
        row(f"{words[0]}, at 1 Hz", "% core", [share])
        row(f"{words[0]}, a frame at 80x24", "B", [written])


if __name__ == "__main__":
    main()
