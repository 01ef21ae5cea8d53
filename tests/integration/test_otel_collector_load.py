"""snakepit-otlp with a real Collector: much to send, and a Collector that is down.

SNP_CHAOS=full runs for thirty seconds each. What is measured then is printed.
"""

from __future__ import annotations

import contextlib
import os
import re
import signal
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from collector_kit import Collector, Forest, environment
from harness import BUILD, wait_until
from readers import SANITIZED, Segment, inspect_json, series_of

FULL = os.environ.get("SNP_CHAOS") == "full"
RING = 32768  # as snakepitd has it where tracing is on
RATE = 20_000  # spans a second
# What waits for a slow machine fits in the ring. The long run is one that must keep up.
FLOOD = 30 * RATE if FULL else 30_000
OUTAGE = 30 * RATE if FULL else 3 * RATE
QUIET_S = 30 if FULL else 2
REQUESTS_PER_S, SPANS_OF_A_REQUEST = 1000, 2
CPU_SHARE = 0.02
MEMORY_KIB = 8192  # of what waits: 2,048 spans, the rest is in the segment
ARRIVAL_S = 20
FIGURES = re.compile(
    r"spans: (\d+) sent, (\d+) failed, (\d+) waiting, (\d+) dropped from a full queue, "
    r"(\d+) lost in the segment"
)


class Run:
    """A segment, snakepit-otlp and a Collector; how many spans were recorded."""

    def __init__(
        self, collector: Collector, directory: Path, *shape: str, **variables: str
    ) -> None:
        self.collector = collector
        self.forest = Forest(collector)
        self.segment = Segment(directory, "test", *shape, f"spans={RING}")
        self.recorded = 2  # of a first step that the writer makes
        self.log = directory / "otlp.log"
        with self.log.open("wb") as stderr:
            self.process = subprocess.Popen(
                [
                    BUILD / "bin/snakepit-otlp",
                    f"--instance={self.segment.path}",
                    f"--endpoint={collector.http}",
                    f"--interval={10 if FULL and shape else 1}s",
                ],
                env=environment(OTEL_BSP_SCHEDULE_DELAY="200", **variables),
                stderr=stderr,
            )
        self.wait_arrived()

    def record(self, spans: int, per_s: int = RATE) -> None:
        self.segment.tell(f"spans {spans} {per_s}")
        self.recorded += spans

    def step(self) -> None:
        self.segment.tell("step")
        self.recorded += 2

    def arrived(self) -> int:
        self.forest.grow()
        assert not self.forest.twice
        return len(self.forest.spans)

    def wait_arrived(self) -> None:
        wait_until(
            lambda: self.arrived() == self.recorded, ARRIVAL_S, "all spans recorded"
        )

    def figures(self) -> list[int]:
        """Return what its log says: sent, failed, waiting, dropped, lost."""
        return [int(text) for text in FIGURES.findall(self.log.read_text())[-1]]

    def memory_kib(self) -> int:
        """Its own: the segment, which it maps, is the runtime's."""
        text = Path(f"/proc/{self.process.pid}/status").read_text()
        return int(re.findall(r"^RssAnon:\s+(\d+) kB", text, re.MULTILINE)[0])

    def cpu_s(self) -> float:
        fields = Path(f"/proc/{self.process.pid}/stat").read_text().rpartition(")")[2]
        ticks = sum(int(text) for text in fields.split()[11:13])
        return ticks / os.sysconf("SC_CLK_TCK")

    def reported(self) -> list[float]:
        """Return the same as its metrics say, in the Collector."""
        by_error: dict[str, dict[str, float]] = {}
        for (name, labels), value in self.collector.samples("snakepit-otlp").items():
            by_error.setdefault(name, {})[dict(labels).get("error_type", "")] = value
        exported = by_error["otel_sdk_exporter_span_exported_total"]
        processed = by_error["otel_sdk_processor_span_processed_total"]
        return [
            exported.pop(""),
            sum(exported.values()),
            by_error["otel_sdk_processor_span_queue_size"][""]
            + by_error["otel_sdk_exporter_span_inflight"][""],
            processed.get("queue_full", 0),
            by_error["snakepit_otlp_spans_lost_total"][""],
        ]

    def stop(self) -> None:
        self.process.send_signal(signal.SIGTERM)
        assert self.process.wait(60) == 0, self.log.read_text()

    def close(self) -> None:
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        self.segment.close()


Start = Callable[..., Run]


@pytest.fixture
def collector(tmp_path: Path) -> Iterator[Collector]:
    collector = Collector(tmp_path)
    yield collector
    collector.stop()


@pytest.fixture
def start(collector: Collector, tmp_path: Path) -> Iterator[Start]:
    with contextlib.ExitStack() as runs:

        def run(*shape: str, **variables: str) -> Run:
            made = Run(collector, tmp_path, *shape, **variables)
            runs.callback(made.close)
            return made

        yield run


def test_no_span_is_lost_at_20000_a_second(start: Start) -> None:
    # The long run is with the queue that it has by itself.
    run = start(OTEL_BSP_MAX_QUEUE_SIZE="" if FULL else str(RING))
    run.record(FLOOD)
    run.wait_arrived()
    run.stop()
    assert run.figures() == [run.recorded, 0, 0, 0, 0]


def test_an_outage_costs_what_is_counted(start: Start, collector: Collector) -> None:
    run = start()
    before_kib = run.memory_kib()
    collector.stop()
    run.record(OUTAGE)
    run.step()
    grown_kib = run.memory_kib() - before_kib
    print(f"down for {OUTAGE / RATE:g} s: {grown_kib} KiB more")
    if not SANITIZED:
        assert grown_kib < MEMORY_KIB
    collector.start()
    counted = series_of(inspect_json(run.segment.path)).items()
    requests = {key: n for key, n in counted if key[0] == "snakepit_requests_total"}
    assert requests
    wait_until(lambda: requests.items() <= collector.samples().items(), 60, "metrics")
    wait_until(
        lambda: sum(run.reported()) == run.recorded and run.reported()[2] == 0,
        ARRIVAL_S,
        "metrics that account for each span",
    )
    sent, failed, waiting, dropped, lost = run.reported()
    print(f"sent {sent:g}, failed {failed:g}, dropped {dropped:g}, lost {lost:g}")
    assert dropped + lost > 0
    wait_until(lambda: run.arrived() == sent, ARRIVAL_S, "what is said to be sent")
    run.stop()
    assert run.figures() == [sent, failed, waiting, dropped, lost]


def test_what_it_takes_of_a_processor(start: Start) -> None:
    run = start("7", "8", "4")
    began = run.cpu_s()
    per_s = REQUESTS_PER_S * SPANS_OF_A_REQUEST
    run.record(QUIET_S * per_s, per_s)
    share = (run.cpu_s() - began) / QUIET_S
    run.wait_arrived()
    print(f"{share:.2%} of a processor, {len(run.collector.samples())} samples")
    assert share < CPU_SHARE or not FULL
    run.stop()
