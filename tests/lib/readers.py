"""What the readers' integration tests share: programs, a segment, a page read strictly.

`Segment` runs tests/lib/segment_writer.c, `Exporter` runs snakepit-prometheus; both
end with the test. Nothing here sleeps for luck: `wait_for` polls a condition with a
deadline.
"""

from __future__ import annotations

import http.client
import json
import os
import re
import signal
import subprocess
import time
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable

ROOT = Path(__file__).resolve().parents[2]
BUILD = ROOT / os.environ.get("SNP_BUILD", "build")
DEADLINE_S = 15.0
# Sanitizers keep freed memory and shadow what is touched: resident memory says nothing.
SANITIZED = BUILD.name in ("asan", "tsan")

T = TypeVar("T")
Labels = tuple[tuple[str, str], ...]
Samples = dict[tuple[str, Labels], float]


def wait_for(what: str, look: Callable[[], T], deadline_s: float = DEADLINE_S) -> T:
    """Return the first truthy result of `look`; fail after the deadline."""
    end = time.monotonic() + deadline_s
    while not (result := look()):
        if time.monotonic() > end:
            raise AssertionError(f"timed out waiting for {what}")
        time.sleep(0.01)
    return result


def inspect(
    path: Path | str, *options: str, env: dict[str, str] | None = None
) -> subprocess.CompletedProcess[str]:
    command = [str(BUILD / "bin/snakepit-inspect"), "-n", str(path), *options]
    return subprocess.run(
        command, capture_output=True, text=True, timeout=30, check=False, env=env
    )


def inspect_json(path: Path, *options: str) -> dict[str, Any]:
    done = inspect(path, "--json", *options)
    assert done.returncode == 0, done.stderr
    data: dict[str, Any] = json.loads(done.stdout)
    return data


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


class Exporter:
    """snakepit-prometheus on a port of its own choice."""

    def __init__(self, log: Path, *options: str, address: str = "127.0.0.1:0") -> None:
        self.log = log
        self._stderr: IO[bytes] = log.open("wb")
        self.process = subprocess.Popen(
            [
                str(BUILD / "bin/snakepit-prometheus"),
                f"--web.listen-address={address}",
                *options,
            ],
            stderr=self._stderr,
        )
        host, port = wait_for("the exporter to listen", self._listening)
        self.host, self.port = host.strip("[]"), int(port)

    def _listening(self) -> tuple[str, ...]:
        assert self.process.poll() is None, self.log.read_text()
        match = re.search(r'listening on http://(\S+):(\d+)"', self.log.read_text())
        return match.groups() if match else ()

    def request(
        self, path: str, method: str = "GET", headers: dict[str, str] | None = None
    ) -> tuple[int, dict[str, str], bytes]:
        connection = http.client.HTTPConnection(self.host, self.port, timeout=10)
        try:
            connection.request(method, path, headers=headers or {})
            response = connection.getresponse()
            return response.status, dict(response.getheaders()), response.read()
        finally:
            connection.close()

    def page(self) -> str:
        status, _, body = self.request("/metrics")
        assert status == 200
        return body.decode("utf-8")

    def samples(self) -> Samples:
        return parse_page(self.page())

    def stop(self, sig: int = signal.SIGTERM) -> int:
        if self.process.poll() is None:
            self.process.send_signal(sig)
            self.process.wait(timeout=DEADLINE_S)
        self._stderr.close()
        return self.process.returncode


# ---- the text format 0.0.4, from its specification -----------------------------------

_SAMPLE = re.compile(
    r"([a-zA-Z_:][a-zA-Z0-9_:]*)(?:\{((?:[^\"}]|\"(?:[^\"\\]|\\.)*\")*)\})? (\S+)"
)
_LABEL = re.compile(r'([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\\n]|\\[n"\\])*)"(,|$)')
_UNESCAPE = {"\\\\": "\\", "\\n": "\n", '\\"': '"'}


def _parse_labels(text: str) -> Labels:
    labels, at = [], 0
    while at < len(text):
        match = _LABEL.match(text, at)
        assert match, f"bad labels: {text!r}"
        value = re.sub(r"\\[n\"\\]", lambda m: _UNESCAPE[m[0]], match[2])
        labels.append((match[1], value))
        at = match.end()
    assert len({name for name, _ in labels}) == len(labels), f"label twice: {text!r}"
    return tuple(sorted(labels))


def parse_page(page: str) -> Samples:
    """Every sample by name and labels; fails at the first line that is not right."""
    samples: Samples = {}
    types: dict[str, str] = {}
    helped, family = "", ""
    assert page.endswith("\n")
    for line in page[:-1].split("\n"):
        if line.startswith("# HELP "):
            helped = line.split(" ", 3)[2]
        elif line.startswith("# TYPE "):
            _, _, family, kind = line.split(" ")
            assert family == helped, f"TYPE without HELP: {line}"
            assert family not in types, f"family twice: {line}"
            assert kind in ("counter", "gauge", "histogram"), line
            types[family] = kind
        else:
            match = _SAMPLE.fullmatch(line)
            assert match, f"bad line: {line!r}"
            name, labels = match[1], _parse_labels(match[2] or "")
            suffixes = (
                ("_bucket", "_sum", "_count") if types[family] == "histogram" else ("",)
            )
            assert name in [family + s for s in suffixes], f"outside {family}: {line}"
            assert (name, labels) not in samples, f"twice: {line}"
            samples[name, labels] = float(match[3])
    return samples


def series_of(data: dict[str, Any]) -> Samples:
    """Key the scalar series of snakepit-inspect --json as a page has them."""
    return {
        (metric["prometheus_name"], tuple(sorted(series["labels"].items()))): series[
            "value"
        ]
        for metric in data["metrics"]
        for series in metric["series"]
        if "value" in series
    }
