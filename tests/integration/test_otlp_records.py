"""Spans, log records and the program as a whole: what leaves, as whom, and only once.

The names of tests begin with the number of what they check (O01, O18, O21, O26).
"""

from __future__ import annotations

import base64
import copy
import gzip
import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from google.protobuf import json_format
from harness import BUILD, ROOT, wait_until
from otlp_kit import SIGNALS, Answer, Attempt, HttpReceiver

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "lib"))
import otlp
from readers import Segment

PROGRAM = BUILD / "bin/snakepit-otlp"
GOLDEN = ROOT / "tests/golden/segments"
SCHEMA = "https://opentelemetry.io/schemas/1.44.0"
DEADLINE_S = 10
# tests/lib/segment_writer.c, which makes a first step by itself.
REQUESTS_A_STEP = 10
ONE_TOOL = ("test", "1", "1", "1")


class Taking(HttpReceiver):
    """A receiver that keeps what it has said yes to."""

    def __init__(self, *script: Answer) -> None:
        self.taken: list[Any] = []
        super().__init__(*script)

    def take(self, attempt: Attempt) -> Answer:
        answer = super().take(attempt)
        if answer.status == 200:
            self.taken.append(attempt.request)
        return answer


def environment() -> dict[str, str]:
    inherited = {k: v for k, v in os.environ.items() if not k.startswith("OTEL_")}
    return {
        **inherited,
        "OTEL_BSP_SCHEDULE_DELAY": "50",
        "OTEL_BLRP_SCHEDULE_DELAY": "50",
        "SNAKEPIT_OTLP_RETRY_WAIT": "10",
    }


class Program:
    """snakepit-otlp, with short waits; ends with the test."""

    def __init__(self, log: Path, segment: Path, url: str, *options: str) -> None:
        self.log = log
        with log.open("a") as stderr:
            self.process = subprocess.Popen(
                [
                    PROGRAM,
                    f"--instance={segment}",
                    f"--endpoint={url}",
                    "--interval=50ms",
                    *options,
                ],
                env=environment(),
                stderr=stderr,
            )

    def flush(self) -> None:
        self.process.send_signal(signal.SIGUSR1)

    def close(self) -> None:
        if self.process.poll() is None:
            self.process.terminate()
        assert self.process.wait(DEADLINE_S) == 0, self.log.read_text()


Start = Callable[..., Any]


@pytest.fixture
def start() -> Iterator[Start]:
    """Make something that is closed at the end, the last one first."""
    running: list[Any] = []

    def run(kind: type, *args: Any) -> Any:
        running.append(kind(*args))
        return running[-1]

    yield run
    for each in reversed(running):
        each.close()


def requests_of(taken: list[Any], signal: str) -> list[Any]:
    return [
        request for request in taken if isinstance(request, SIGNALS[signal].request)
    ]


def resources_of(request: Any) -> list[Any]:
    (resources,) = [value for field, value in request.ListFields()]
    return list(resources)


def scopes_of(resource: Any) -> list[Any]:
    return list(
        next(v for f, v in resource.ListFields() if f.name.startswith("scope_"))
    )


def items_of(request: Any) -> list[Any]:
    return [
        item
        for resource in resources_of(request)
        for scope in scopes_of(resource)
        for field, items in scope.ListFields()
        if field.name in ("spans", "log_records", "metrics")
        for item in items
    ]


def attributes(message: Any) -> dict[str, Any]:
    return dict(otlp.attributes_of(message))


# ---- O01 -----------------------------------------------------------------------------


def check_envelope(request: Any) -> None:
    """Check what holds of every request: O18 too, nothing in it is empty."""
    otlp.check_no_unknown_fields(request)
    resources = resources_of(request)
    assert resources
    for resource in resources:
        assert resource.schema_url == SCHEMA
        about = attributes(resource.resource)
        assert about["service.name"] in ("snakepit", "snakepit-otlp")
        assert about["telemetry.sdk.language"] == "c"
        for scope in scopes_of(resource):
            assert (scope.scope.name, scope.schema_url) == ("snakepit", SCHEMA)
            assert len(scope.ListFields()) == 3, "an empty envelope"
    assert items_of(request)


def check_span(span: Any) -> None:
    assert (len(span.trace_id), len(span.span_id)) == (16, 8)
    assert any(span.trace_id)
    assert any(span.span_id)
    assert len(span.parent_span_id) in (0, 8)
    assert span.name
    assert 0 < span.start_time_unix_nano <= span.end_time_unix_nano
    assert span.kind in (span.SPAN_KIND_SERVER, span.SPAN_KIND_CLIENT)
    assert span.flags & ~0x3FF == 0
    named = attributes(span)
    assert named["rpc.system.name"] == "grpc"
    assert named["rpc.method"] == span.name
    assert ("error.type" in named) == (
        span.status.code == span.status.STATUS_CODE_ERROR
    )


def check_log_record(record: Any) -> None:
    assert 0 < record.time_unix_nano <= record.observed_time_unix_nano
    assert record.severity_number > 0
    assert record.severity_text in ("INFO", "WARN", "ERROR")
    assert record.body.string_value
    assert record.event_name.startswith("snakepit.")
    assert len(record.trace_id) in (0, 16)
    attributes(record)


@pytest.mark.parametrize("shape", [(), ("2", "3", "2", "hostile")], ids=["one", "many"])
def test_o01_o18_spans_and_log_records_hold(
    start: Start, tmp_path: Path, shape: tuple[str, ...]
) -> None:
    segment = start(Segment, tmp_path, "test", *shape)
    receiver = start(Taking)
    start(Program, tmp_path / "log", segment.path, receiver.url)
    for _ in range(5):
        segment.tell("step")

    def items(signal: str) -> list[Any]:
        requests = requests_of(receiver.taken, signal)
        return [item for request in requests for item in items_of(request)]

    wait_until(
        lambda: len(items("traces")) >= 12 and len(items("logs")) >= 6,
        DEADLINE_S,
        "spans and events",
    )
    for request in receiver.taken:
        check_envelope(request)
    spans = items("traces")
    for span in spans:
        check_span(span)
    assert len({span.span_id for span in spans}) == len(spans) == 12
    requests = {span.span_id: span for span in spans if span.kind == 2}
    for span in spans:
        if span.kind == span.SPAN_KIND_CLIENT:
            parent = requests[span.parent_span_id]
            assert parent.trace_id == span.trace_id
            named = attributes(span)
            assert named["snakepit.correlation_id"] == "request-\u00e4"
            assert named["snakepit.session.id"] == "session-\u00e4"
    for record in items("logs"):
        check_log_record(record)


# ---- O18 -----------------------------------------------------------------------------


def test_o18_where_nothing_happens_nothing_is_sent(
    start: Start, tmp_path: Path
) -> None:
    receiver = start(Taking)
    missing = tmp_path / "test.seg"
    start(Program, tmp_path / "log", missing, receiver.url)

    def metrics() -> list[Any]:
        return requests_of(receiver.taken, "metrics")

    # Without a runtime there is what the program says of itself, and nothing else.
    wait_until(lambda: len(metrics()) >= 3, DEADLINE_S, "three collections")
    for request in metrics():
        check_envelope(request)
        (resource,) = resources_of(request)
        assert attributes(resource.resource)["service.name"] == "snakepit-otlp"
        up = next(item for item in items_of(request) if item.name == "snakepit.up")
        assert up.gauge.data_points[0].as_int == 0
    assert {type(request) for request in receiver.taken} == {SIGNALS["metrics"].request}


# ---- O21 -----------------------------------------------------------------------------


class Replay:
    """What a database would make of the metrics: every series, checked as it grows."""

    def __init__(self) -> None:
        self.receivers: dict[str, otlp.Receiver] = {}

    def play(self, requests: list[Any]) -> None:
        for request in requests:
            for resource in resources_of(request):
                instance = attributes(resource.resource)["service.instance.id"]
                one = copy.deepcopy(request)
                del one.resource_metrics[:]
                one.resource_metrics.append(resource)
                self.accept(instance, resource, one)

    def accept(self, instance: str, resource: Any, request: Any) -> None:
        receiver = self.receivers.setdefault(instance, otlp.Receiver())
        if attributes(resource.resource)["service.name"] == "snakepit-otlp":
            # Its figures of time are histograms without buckets.
            otlp.check_no_unknown_fields(request)
            return
        receiver.accept(request)

    def total(self, name: str, mode: str) -> float:
        """All that was ever counted, of all runs."""
        return sum(
            stream.total if mode == "delta" else stream.count
            for receiver in self.receivers.values()
            for (metric, _), stream in receiver.streams.items()
            if metric == name
        )


def total_of(taken: list[Any], mode: str) -> float:
    replay = Replay()
    replay.play(requests_of(taken, "metrics"))
    return replay.total("snakepit.requests", mode)


MODES = pytest.mark.parametrize("mode", ["cumulative", "delta"])


class Counting:
    """A segment that counts, a receiver, and what was received of the count."""

    def __init__(
        self, start: Start, tmp_path: Path, mode: str, *script: Answer
    ) -> None:
        self.start, self.tmp_path, self.mode = start, tmp_path, mode
        self.receiver: Taking = start(Taking, *script)
        # First, so that all of the runtime's time is of this program.
        self.path = tmp_path / "test.seg"
        self.program: Program = self.run_program()
        wait_until(lambda: self.receiver.taken, DEADLINE_S, "a collection")
        self.run_segment()

    def run_segment(self) -> None:
        """One tool, so that there is one series to add up."""
        self.segment: Segment = self.start(Segment, self.tmp_path, *ONE_TOOL)

    def run_program(self) -> Program:
        program: Program = self.start(
            Program,
            self.tmp_path / "log",
            self.path,
            self.receiver.url,
            f"--temporality={self.mode}",
            # Collections come when the test asks: an interval bounds the time to send
            # in, and a request that is late may have arrived.
            "--interval=60m",
        )
        return program

    def steps(self, count: int) -> None:
        for _ in range(count):
            self.segment.tell("step")

    def total(self) -> float:
        return total_of(self.receiver.taken, self.mode)

    def wait_total(self, steps: int) -> None:
        expected = REQUESTS_A_STEP * steps

        def told() -> bool:
            self.program.flush()
            return self.total() == expected

        wait_until(told, DEADLINE_S, f"{expected} requests")


@MODES
def test_o21_the_runtime_restarts(start: Start, tmp_path: Path, mode: str) -> None:
    counting = Counting(start, tmp_path, mode)
    counting.steps(2)
    counting.wait_total(3)
    counting.steps(2)
    counting.segment.close()  # its last word may not have been collected yet
    counting.run_segment()
    counting.steps(3)
    counting.wait_total(9)
    counting.program.close()
    assert counting.total() == 9 * REQUESTS_A_STEP


@MODES
def test_o21_the_program_restarts(start: Start, tmp_path: Path, mode: str) -> None:
    counting = Counting(start, tmp_path, mode)
    counting.steps(2)
    counting.program.close()  # which sends the rest
    assert counting.total() == 3 * REQUESTS_A_STEP
    counting.steps(2)  # while nobody looks
    first = list(counting.receiver.taken)
    counting.receiver.taken.clear()
    counting.program = counting.run_program()
    wait_until(lambda: counting.receiver.taken, DEADLINE_S, "a collection")
    counting.steps(1)
    if mode == "cumulative":
        counting.receiver.taken[:0] = first  # one stream, which goes on
        counting.wait_total(6)
    else:
        # Another could have told of what came before: it is told by nobody.
        counting.wait_total(1)


@MODES
def test_o21_the_receiver_comes_back(start: Start, tmp_path: Path, mode: str) -> None:
    refusals = [Answer(503)] * 6
    counting = Counting(start, tmp_path, mode, Answer(200), *refusals, Answer(200))
    counting.steps(2)
    counting.program.flush()
    counting.receiver.wait_for(5)
    counting.steps(2)
    counting.wait_total(5)
    counting.program.close()
    assert counting.total() == 5 * REQUESTS_A_STEP
    spans = [
        item
        for request in requests_of(counting.receiver.taken, "traces")
        for item in items_of(request)
    ]
    assert len({span.span_id for span in spans}) == len(spans) == 10


# ---- O26 -----------------------------------------------------------------------------


@pytest.fixture
def golden(tmp_path: Path) -> Path:
    path = tmp_path / "full.seg"
    path.write_bytes(gzip.decompress((GOLDEN / "full.seg.gz").read_bytes()))
    return path


def lines_of(segment: Path, exporter: str) -> list[dict[str, Any]]:
    done = subprocess.run(
        [PROGRAM, "-n", segment, "--once", f"--exporter={exporter}"],
        env=environment(),
        capture_output=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 3, done.stderr  # there is no runtime
    assert done.stdout.endswith(b"\n")
    return [json.loads(line) for line in done.stdout.splitlines()]


def with_bytes(value: Any) -> Any:
    """Write ids as JSON of protobuf has them, which are hexadecimal in that of OTLP."""
    if isinstance(value, list):
        return [with_bytes(item) for item in value]
    if not isinstance(value, dict):
        return value
    return {
        key: base64.b64encode(bytes.fromhex(item)).decode()
        if key in ("traceId", "spanId", "parentSpanId")
        else with_bytes(item)
        for key, item in value.items()
    }


SIGNAL_OF = {
    "resourceMetrics": "metrics",
    "resourceSpans": "traces",
    "resourceLogs": "logs",
}


def test_o26_stdout_is_what_a_receiver_gets(start: Start, golden: Path) -> None:
    requests = {}
    for line in lines_of(golden, "otlp/stdout"):
        ((key, _),) = line.items()
        request = SIGNALS[SIGNAL_OF[key]].request()
        json_format.ParseDict(with_bytes(line), request)
        check_envelope(request)
        requests[SIGNAL_OF[key]] = request
    assert sorted(requests) == ["logs", "metrics", "traces"]
    receiver = start(Taking)
    subprocess.run(
        [PROGRAM, "-n", golden, "--once", f"--endpoint={receiver.url}"],
        env=environment(),
        capture_output=True,
        timeout=60,
        check=False,
    )
    (spans,) = requests_of(receiver.taken, "traces")
    assert spans == requests["traces"]
    (logs,) = requests_of(receiver.taken, "logs")
    for record in [*items_of(logs), *items_of(requests["logs"])]:
        record.observed_time_unix_nano = 0
    assert logs == requests["logs"]
    (metrics,) = requests_of(receiver.taken, "metrics")
    names = [metric.name for metric in items_of(metrics)]
    assert names == [metric.name for metric in items_of(requests["metrics"])]


def test_o26_console_has_a_line_for_each_item(golden: Path) -> None:
    lines = lines_of(golden, "console")
    spans = [line for line in lines if "spanId" in line]
    logs = [line for line in lines if "eventName" in line]
    metrics = [line for line in lines if "sum" in line or "gauge" in line]
    histograms = [line for line in lines if "histogram" in line]
    assert (len(spans), len(logs)) == (2, 11)
    assert len(spans) + len(logs) + len(metrics) + len(histograms) == len(lines)
    assert "snakepit.requests" in [line["name"] for line in metrics]
    assert "snakepit.up" in [line["name"] for line in metrics]


def test_o22_a_gauge_that_is_gone_is_said_to_be(start: Start, tmp_path: Path) -> None:
    segment = start(Segment, tmp_path)
    receiver = start(Taking)
    start(Program, tmp_path / "log", segment.path, receiver.url, "--stale-markers")
    wait_until(lambda: receiver.taken, DEADLINE_S, "a collection")
    segment.tell("retire worker 0")

    def gone() -> bool:
        return any(
            point.flags & otlp.GONE
            for request in requests_of(receiver.taken, "metrics")
            for metric in items_of(request)
            for point in otlp.points_of(metric)
        )

    wait_until(gone, DEADLINE_S, "a point without a value")
