"""All readers at a runtime: some left in peace, some killed, stopped and restarted."""

from __future__ import annotations

import contextlib
import os
import random
import signal
import socket
import subprocess
import sys
import threading
import urllib.request
from collections import Counter
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, ClassVar

from books import Level
from harness import ROOT, World, wait_until
from runtime_kit import INSTANCE, free_port
from typing_extensions import Self

PYTHON_READER = Path(__file__).with_name("python_reader.py")
NAMES = ("prometheus", "otlp", "statsd", "top", "inspect", "python")
MORE_FDS = 2  # what a reader may have open for a moment
Series = dict[str, float]


class _Sink(BaseHTTPRequestHandler):
    """Takes whatever is posted."""

    protocol_version = "HTTP/1.1"
    requests: ClassVar[Counter[str]] = Counter()

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        self.send_response(200)
        self.send_header("Content-Type", "application/x-protobuf")
        self.send_header("Content-Length", "0")
        self.end_headers()
        self.requests[self.path] += 1

    def log_message(self, *_: Any) -> None:
        pass


class _Server(ThreadingHTTPServer):
    def handle_error(self, *_: Any) -> None:
        """Say nothing: those who send here are killed while they do."""


class Receivers:
    """Where the pushing readers push to."""

    def __init__(self) -> None:
        self.udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.udp.bind(("127.0.0.1", 0))
        self.http = _Server(("127.0.0.1", 0), _Sink)
        self.datagrams = 0
        self._threads = [
            threading.Thread(target=self.http.serve_forever, args=(0.05,)),
            threading.Thread(target=self._take),
        ]
        for thread in self._threads:
            thread.start()

    def _take(self) -> None:
        while self.udp.recv(1 << 16) != b"end":
            self.datagrams += 1

    def close(self) -> None:
        self.udp.sendto(b"end", self.udp.getsockname())
        self.http.shutdown()
        for thread in self._threads:
            thread.join()
        self.http.server_close()
        self.udp.close()


def counters(page: str) -> Series:
    """Read what of a page may only grow."""
    growing: set[str] = set()
    series: Series = {}
    for line in page.splitlines():
        if line.startswith("# TYPE "):
            _, _, name, kind = line.split(" ")
            if kind == "counter":
                growing = {name}
            elif kind == "histogram":
                growing = {name + end for end in ("_bucket", "_sum", "_count")}
            else:
                growing = set()
        elif not line.startswith("#"):
            key, _, value = line.rpartition(" ")
            if key.partition("{")[0] in growing:
                series[key] = float(value)
    return series


class Readers:
    """One set that is left alone, to see that it does not grow, and one that is not."""

    def __init__(self, world: World, seed: int) -> None:
        self.deeds: Counter[str] = Counter()
        self.problems: list[str] = []
        self.pages = 0
        # Open files and threads of those that are left alone, at each look.
        self.held: dict[tuple[str, str], list[int]] = {}
        self._world = world
        self._chance = random.Random(seed)
        self._to = Receivers()
        self._ports = [free_port(), free_port()]
        self._last: list[Series] = [{}, {}]
        self._sets: list[dict[str, subprocess.Popen[bytes]]] = [{}, {}]
        self._stopped: str = ""

    def _command(self, name: str, port: int) -> list[str]:
        host, udp = self._to.udp.getsockname()
        otlp = f"http://{host}:{self._to.http.server_address[1]}"
        if name == "python":
            segment = self._world.directory / f"{INSTANCE}.seg"
            return [sys.executable, str(PYTHON_READER), str(segment)]
        options = {
            "prometheus": [f"--web.listen-address=127.0.0.1:{port}"],
            "otlp": [f"--endpoint={otlp}", "--interval=1s"],
            "statsd": [f"--statsd.address={host}:{udp}", "--statsd.interval=1s"],
            "top": ["-b", "-d", "1"],
            "inspect": ["--log", "--follow"],
        }
        program = self._world.program(f"snakepit-{name}")
        return [str(program), "-n", INSTANCE, *options[name]]

    def _start(self, which: int, name: str) -> None:
        self._sets[which][name] = subprocess.Popen(
            self._command(name, self._ports[which]),
            env={**self._world.env, "PYTHONPATH": str(ROOT / "priv" / "python")},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )

    def __enter__(self) -> Self:
        for which in (0, 1):
            for name in NAMES:
                self._start(which, name)
        return self

    def __exit__(self, *_: object) -> None:
        self._let_go()
        for readers in self._sets:
            for name, process in readers.items():
                process.terminate()
                try:
                    process.wait(20)
                except subprocess.TimeoutExpired:
                    self.problems.append(f"{name} did not end")
                    process.kill()
                    process.wait()
        self._to.close()

    def _page(self, port: int) -> Series:
        # One that is stopped is not waited for; one that is left alone may be slow.
        patience_s = 2 if port == self._ports[1] else 20
        url = f"http://127.0.0.1:{port}/metrics"
        with urllib.request.urlopen(url, timeout=patience_s) as answer:
            return counters(answer.read().decode())

    def wait_for_pages(self) -> None:
        """Wait until both sets serve: a page that was missing before is no problem."""
        wait_until(lambda: all(map(self._page, self._ports)), 30, "the first pages")

    def look(self) -> None:
        """Scrape, and see that counters only grow, whoever serves them."""
        for which, port in enumerate(self._ports):
            try:
                now = self._page(port)
            except OSError:  # it is being harmed
                if which == 0:
                    self.problems.append("no page of the reader that is left alone")
                continue
            self.pages += 1
            last = self._last[which]
            # The reader's own series begin anew with it.
            self.problems += [
                f"{key} went from {last[key]} to {value}"
                for key, value in now.items()
                if value < last.get(key, 0)
                and key.startswith("snakepit_")
                and not key.startswith("snakepit_exporter_")
            ]
            self._last[which] = now
        for name, process in self._sets[0].items():
            if process.poll() is not None:
                self.problems.append(f"{name} ended with {process.returncode}")
                continue
            for what in ("fd", "task"):
                held = len(os.listdir(f"/proc/{process.pid}/{what}"))
                self.held.setdefault((name, what), []).append(held)

    def _let_go(self) -> None:
        if self._stopped:
            with contextlib.suppress(ProcessLookupError):
                os.kill(self._sets[1][self._stopped].pid, signal.SIGCONT)
        self._stopped = ""

    def look_and_harm(self) -> None:
        self.look()
        self.harm()

    def harm(self) -> None:
        """Kill one, stop one, or end one; another takes its place."""
        self._let_go()
        name = self._chance.choice(list(self._sets[1]))
        process = self._sets[1][name]
        number = self._chance.choice([signal.SIGKILL, signal.SIGTERM, signal.SIGSTOP])
        self.deeds[f"{number.name} of a reader"] += 1
        process.send_signal(number)
        if number == signal.SIGSTOP:
            self._stopped = name
        else:
            process.wait(20)
            self._start(1, name)

    def levels(self) -> dict[str, Level]:
        """Give what measures the memory of those that are left alone."""
        return {name: Level(process.pid) for name, process in self._sets[0].items()}

    def grown(self) -> list[str]:
        """Tell of whom the last quarter shows more than the first half."""
        found = []
        for (name, what), counts in self.held.items():
            before = max(counts[: len(counts) // 2])
            after = max(counts[-(len(counts) // 4 + 1) :])
            if after > before + (MORE_FDS if what == "fd" else 0):
                found.append(f"{name}: {what} from {before} to {after}")
        return found

    def arrived(self) -> dict[str, int]:
        return {
            "pages": self.pages,
            "OTLP requests": sum(_Sink.requests.values()),
            "StatsD datagrams": self._to.datagrams,
        }
