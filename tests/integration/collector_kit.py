"""A real OpenTelemetry Collector, and what it has received: trees of spans, points.

It runs with examples/collector/collector.yaml, as a user's would, and its files are
read while it writes them.
"""

from __future__ import annotations

import contextlib
import dataclasses
import json
import os
import signal
import socket
import subprocess
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from harness import ROOT, wait_until
from otlp import LABELS
from readers import Labels, Samples, parse_page
from runtime_kit import free_port

__all__ = [
    "CONFIG",
    "PROGRAM",
    "Collector",
    "Forest",
    "Span",
    "environment",
    "need_collector",
]

PROGRAM = ROOT / "build" / "peers" / "otelcol"
CONFIG = ROOT / "examples" / "collector" / "collector.yaml"
NAMES = {key.replace(".", "_"): name for key, name in LABELS.items()}
START_S = 20
STOP_S = 30


def environment(**variables: str) -> dict[str, str]:
    """Make the environment of a program that has only these settings of OTLP."""
    inherited = {k: v for k, v in os.environ.items() if not k.startswith("OTEL_")}
    return {**inherited, **variables}


def need_collector() -> None:
    if not PROGRAM.exists():
        pytest.skip("no Collector: make peers (needs Go 1.25 or later)")


class Collector:
    """A Collector on ports of its own, which stay the same when it is started again."""

    def __init__(self, directory: Path) -> None:
        need_collector()
        self.directory = directory
        self.log = directory / "collector.log"
        http, grpc, page = (f"127.0.0.1:{free_port()}" for _ in range(3))
        self.http, self.grpc = f"http://{http}", f"http://{grpc}"
        self.page_url = f"http://{page}/metrics"
        self.listens = [http, grpc]
        self.env = {
            "OTLP_HTTP": http,
            "OTLP_GRPC": grpc,
            "COLLECTED": str(directory),
            "COLLECTED_METRICS": page,
        }
        self.offsets: dict[str, int] = {}
        self.process: subprocess.Popen[bytes] | None = None
        self.start()

    def start(self) -> None:
        with self.log.open("ab") as out:
            self.process = subprocess.Popen(
                [PROGRAM, f"--config={CONFIG}"],
                env=self.env,
                stdout=out,
                stderr=subprocess.STDOUT,
            )
        wait_until(self._is_up, START_S, "the Collector to listen")

    def _is_up(self) -> bool:
        assert self.process
        if self.process.poll() is not None:
            pytest.fail(f"the Collector ended: {self.log.read_text()}")
        for address in self.listens:
            host, _, port = address.rpartition(":")
            socket.create_connection((host, int(port)), 1).close()
        return True

    def stop(self) -> None:
        """End it as its service manager would: what it has is in the files then."""
        if self.process:
            self.process.send_signal(signal.SIGTERM)
            try:
                self.process.wait(STOP_S)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
                raise
            self.process = None

    def samples(self, service: str = "snakepit") -> Samples:
        """Return what it serves of a service, labels as snakepit-prometheus has them.

        It calls labels after the attributes, and adds who and what they came from.
        """
        with urllib.request.urlopen(self.page_url, timeout=10) as answer:
            page = parse_page(answer.read().decode())
        return {
            (name, _labels(labels)): value
            for (name, labels), value in page.items()
            if ("job", service) in labels and name != "target_info"
        }

    def news(self, signal_: str) -> Iterator[dict[str, Any]]:
        """Give the requests of a signal that came since this was asked last."""
        path = self.directory / f"{signal_}.jsonl"
        with contextlib.suppress(FileNotFoundError), path.open("rb") as file:
            file.seek(self.offsets.get(signal_, 0))
            for line in file:
                if not line.endswith(b"\n"):  # the rest of it is not written yet
                    return
                self.offsets[signal_] = self.offsets.get(signal_, 0) + len(line)
                yield json.loads(line)


def _bound(name: str, value: str) -> str:
    """Write bounds of buckets as snakepit-prometheus does: 1.0, not 1."""
    return str(float(value)) if name == "le" and value != "+Inf" else value


def _labels(labels: Labels) -> Labels:
    return tuple(
        sorted(
            (NAMES.get(name, name.removeprefix("snakepit_")), _bound(name, value))
            for name, value in labels
            if name not in ("job", "instance") and not name.startswith("otel_scope_")
        )
    )


@dataclasses.dataclass(frozen=True)
class Span:
    """A span with the service it is of, and its attributes by name."""

    trace: str
    id: str
    parent: str
    name: str
    kind: int
    service: str
    error: bool
    about: dict[str, Any]
    resource: dict[str, Any]
    events: tuple[str, ...]

    @property
    def worker(self) -> str:
        """Name the worker of an attempt, or of what Python made."""
        found = self.about.get("snakepit.worker.id")
        return str(found or self.resource.get("snakepit.worker.id", ""))


def attributes(owner: dict[str, Any]) -> dict[str, Any]:
    """Return attributes of OTLP's JSON; of a value, whatever type it has."""
    return {
        item["key"]: next(iter(item["value"].values()), None)
        for item in owner.get("attributes", ())
    }


class Forest:
    """All spans that a Collector has, by trace."""

    def __init__(self, collector: Collector) -> None:
        self.collector = collector
        self.traces: dict[str, dict[str, Span]] = {}
        self.twice: list[Span] = []

    def grow(self) -> None:
        """Take in what came."""
        for request in self.collector.news("traces"):
            for batch in request["resourceSpans"]:
                resource = attributes(batch["resource"])
                for scope in batch["scopeSpans"]:
                    for span in scope["spans"]:
                        self._add(span, resource)

    def _add(self, raw: dict[str, Any], resource: dict[str, Any]) -> None:
        span = Span(
            trace=raw["traceId"],
            id=raw["spanId"],
            parent=raw.get("parentSpanId", ""),
            name=raw["name"],
            kind=raw["kind"],
            service=resource["service.name"],
            error=raw.get("status", {}).get("code") == 2,
            about=attributes(raw),
            resource=resource,
            events=tuple(event["name"] for event in raw.get("events", ())),
        )
        trace = self.traces.setdefault(span.trace, {})
        if span.id in trace:
            self.twice.append(span)
        trace[span.id] = span

    @property
    def spans(self) -> list[Span]:
        return [span for trace in self.traces.values() for span in trace.values()]
