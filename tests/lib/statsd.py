"""snakepit-statsd as tests run it, receivers for it, and its lines read strictly."""

from __future__ import annotations

import contextlib
import re
import select
import signal
import socket
import subprocess
import threading
import time
from collections import Counter
from pathlib import Path
from typing import IO, Any, NamedTuple

from segments import BUILD, DEADLINE_S, wait_for

__all__ = ["Line", "Receiver", "Statsd", "Totals", "counters_of", "parse", "totals"]

Labels = frozenset[tuple[str, str]]
Totals = Counter[tuple[str, Labels]]


class Line(NamedTuple):
    """One metric line."""

    name: str
    labels: Labels
    value: str
    type: str
    rate: float


# What may be in a line, by the documents of the receivers; DogStatsD's style.
_NAME = r"[A-Za-z0-9_.-]+"
_TAGS = r"[A-Za-z0-9_.-]+:[^:|@#,\x00-\x20\x7f=]+"
_LINE = re.compile(
    rf"({_NAME}):(-?[0-9]+(?:\.[0-9]+)?)\|(c|g|ms|d)(?:\|@(0\.[0-9]+))?"
    rf"(?:\|#({_TAGS}(?:,{_TAGS})*))?"
)


def parse(datagram: bytes) -> list[Line]:
    """Every line of a datagram; fails at the first that is not whole."""
    lines = []
    for text in datagram.decode("utf-8").split("\n"):
        match = _LINE.fullmatch(text)
        assert match, f"bad line: {text!r}"
        name, value, kind, rate, tags = match.groups()
        pairs = (tuple(tag.split(":", 1)) for tag in tags.split(",")) if tags else ()
        labels = frozenset((key, value) for key, value in pairs)
        lines.append(Line(name, labels, value, kind, float(rate or 1)))
    return lines


def totals(lines: list[Line]) -> Totals:
    """Add up what a receiver has been told of each counter that grew."""
    sums: Totals = Counter()
    for line in lines:
        if line.type == "c" and not line.name.startswith("snakepit.statsd."):
            assert int(line.value) > 0, f"not a growth: {line}"
            sums[line.name, line.labels] += int(line.value)
    return sums


def counters_of(report: dict[str, Any]) -> Totals:
    """Give the same of all counters and histograms that inspect reports."""
    sums: Totals = Counter()
    for metric in report["metrics"]:
        for series in metric["series"]:
            labels = frozenset(series["labels"].items())
            if metric["kind"] == "histogram":
                sums[metric["name"] + ".count", labels] = series["count"]
                sums[metric["name"] + ".sum_ms", labels] = series["sum_ns"] // 10**6
            elif metric["kind"] == "counter" and metric["unit"] == "s":
                ms = round(series["value"] * 1e9) // 10**6
                sums[metric["name"] + "_ms", labels] = ms
            elif metric["kind"] == "counter":
                sums[metric["name"], labels] = series["value"]
    return +sums  # without zeros


class Receiver:
    """A socket that datagrams are sent to, and emptied before it is full."""

    def __init__(self, path: Path | None = None, port: int = 0) -> None:
        self.path = path
        if path:
            path.unlink(missing_ok=True)
            self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
            self.socket.bind(str(path))
            self.address = f"unix:{path}"
        else:
            self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
            self.socket.bind(("127.0.0.1", port))
            self.port: int = self.socket.getsockname()[1]
            self.address = f"127.0.0.1:{self.port}"
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 20)
        self.socket.settimeout(0)
        self.datagrams: list[bytes] = []
        self._lock = threading.Lock()
        self._closed, self._close = socket.socketpair()
        self._thread = threading.Thread(target=self._keep_reading)
        self._thread.start()

    def _keep_reading(self) -> None:
        while True:
            ready, _, _ = select.select([self.socket, self._closed], [], [])
            if self._closed in ready:
                return
            self._take()

    def _take(self) -> None:
        with self._lock, contextlib.suppress(BlockingIOError):
            while True:
                self.datagrams.append(self.socket.recv(1 << 16))

    def read(self) -> list[Line]:
        """Take all that has come, and return the lines of everything so far."""
        self._take()
        return self.lines()

    def lines(self) -> list[Line]:
        with self._lock:
            datagrams = list(self.datagrams)
        return [line for datagram in datagrams for line in parse(datagram)]

    def forget(self) -> None:
        """Leave what has come so far out of what read() returns."""
        self._take()
        with self._lock:
            self.datagrams.clear()

    def close(self) -> None:
        self._close.close()
        self._thread.join()
        self._closed.close()
        self.socket.close()


class Statsd:
    """snakepit-statsd; ends with the test."""

    def __init__(self, log: Path, *options: str) -> None:
        self.log = log
        self._stderr: IO[bytes] = log.open("ab")
        self.process = subprocess.Popen(
            [str(BUILD / "bin/snakepit-statsd"), *options], stderr=self._stderr
        )
        # It has looked: what is counted from now on is told.
        wait_for("the first look", lambda: "runtime" in self.text())

    def text(self) -> str:
        return self.log.read_text()

    def stop(self, sig: int = signal.SIGTERM) -> int:
        if self.process.poll() is None:
            self.process.send_signal(sig)
            begin = time.monotonic()
            self.process.wait(timeout=DEADLINE_S)
            assert time.monotonic() - begin < DEADLINE_S
        self._stderr.close()
        return self.process.returncode
