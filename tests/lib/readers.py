"""What the readers' integration tests share: programs, a segment, a page read strictly.

`Exporter` runs snakepit-prometheus and ends with the test, as a Segment (segments.py)
does.
"""

from __future__ import annotations

import http.client
import json
import re
import signal
import subprocess
from pathlib import Path
from typing import IO, Any

from segments import BUILD, DEADLINE_S, ROOT, SANITIZED, Segment, wait_for

__all__ = [
    "BUILD",
    "DEADLINE_S",
    "ROOT",
    "SANITIZED",
    "Exporter",
    "Labels",
    "Samples",
    "Segment",
    "inspect",
    "inspect_json",
    "parse_page",
    "series_of",
    "states_of",
    "wait_for",
]

Labels = tuple[tuple[str, str], ...]
Samples = dict[tuple[str, Labels], float]


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
        match = re.search(r'listening on https?://(\S+):(\d+)"', self.log.read_text())
        return match.groups() if match else ()

    def request(
        self, path: str, method: str = "GET", headers: dict[str, str] | None = None
    ) -> tuple[int, dict[str, str], bytes]:
        connection = http.client.HTTPConnection(self.host, self.port, timeout=30)
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
    """Key the scalar series, but for states, of snakepit-inspect --json like a page."""
    return {
        (metric["prometheus_name"], tuple(sorted(series["labels"].items()))): series[
            "value"
        ]
        for metric in data["metrics"]
        for series in metric["series"]
        if "value" in series and metric["kind"] != "state"
    }


def states_of(data: dict[str, Any]) -> dict[tuple[str, Labels], str]:
    """Key the state series of snakepit-inspect --json likewise, with their state."""
    return {
        (metric["prometheus_name"], tuple(sorted(series["labels"].items()))): series[
            "state"
        ]
        for metric in data["metrics"]
        for series in metric["series"]
        if "state" in series
    }
