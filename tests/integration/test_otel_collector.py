"""One trace from client to adapter, in a real Collector; it goes away and comes back.

The runs are short here; SNP_CHAOS=full makes them as long as the requirement says.
"""

from __future__ import annotations

import contextlib
import dataclasses
import itertools
import os
import signal
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import grpc
import pytest
from client import CORRELATION_KEY, Client, request
from collector_kit import Collector, Forest, Span, attributes
from harness import Daemon, World, wait_until
from opentelemetry import propagate, trace
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from runtime_kit import ADAPTERS, INSTANCE, RunDaemon, books

FULL = os.environ.get("SNP_CHAOS") == "full"
ROUNDS = 7 if FULL else 1
ARRIVAL_S = 10  # of the last span, by timers of a second
PATIENT_S, SHORT_S = 120, 1
CLIENTS = 12  # more than the workers take at a time
POOLS = ("process", "thread")
INTERNAL, SERVER, CLIENT = 1, 2, 3  # kinds, as OTLP numbers them
EXECUTE = "snakepit.pool.v1.Pool/Execute"
TOOL = "snakepit.bridge.BridgeService/Execute"
LATE = ("DEADLINE_EXCEEDED", "CANCELLED")


def config(collector: Collector, protocol: str) -> dict[str, Any]:
    common = {
        "adapter": "collected_adapter.CollectedAdapter",
        "pythonpath": [ADAPTERS],
        "idempotent_tools": ["die_once"],
        # Deaths are many here, and all on purpose.
        "restart": {"backoff_max_ms": 500, "breaker_deaths": 1000},
        # Workers send over HTTP, whatever the runtime's own exporter does.
        "env": [f"OTEL_EXPORTER_OTLP_ENDPOINT={collector.http}"],
    }
    endpoint = collector.grpc if protocol == "grpc" else collector.http
    return {
        "instance": INSTANCE,
        "pools": [
            {"name": "process", "workers": 2, **common},
            {
                "name": "thread",
                "workers": 1,
                "profile": "thread",
                "threads_per_worker": 3,
                **common,
            },
        ],
        "telemetry": {"traces": {"enabled": True}, "python": {"otel": True}},
        "readers": {
            "otlp": {"enabled": True, "endpoint": endpoint, "protocol": protocol}
        },
    }


@dataclasses.dataclass
class Call:
    """A request of the client: what it asked for, and how that ended."""

    number: int
    pool: str
    tool: str
    trace: str = ""
    root: str = ""
    code: str = ""

    @property
    def correlation_id(self) -> str:
        return f"call-{self.number}"


class TracingClient:
    """A program that calls the front door with OpenTelemetry on."""

    def __init__(self, client: Client, collector: Collector, directory: Path) -> None:
        self.client, self.directory = client, directory
        self.provider = TracerProvider(
            resource=Resource.create({"service.name": "client"}), shutdown_on_exit=False
        )
        exporter = OTLPSpanExporter(f"{collector.http}/v1/traces")
        self.provider.add_span_processor(BatchSpanProcessor(exporter))
        self.tracer = self.provider.get_tracer("client")
        self.numbers = itertools.count(1)
        self.calls: list[Call] = []
        self.killed: set[int] = set()

    def close(self) -> None:
        self.provider.shutdown()

    def run(
        self, pool: str, tool: str, timeout_s: float = PATIENT_S, **values: Any
    ) -> Call:
        call = Call(next(self.numbers), pool, tool)
        self.calls.append(call)
        with self.tracer.start_as_current_span("call", kind=trace.SpanKind.CLIENT) as s:
            call.trace = f"{s.get_span_context().trace_id:032x}"
            call.root = f"{s.get_span_context().span_id:016x}"
            carrier = {CORRELATION_KEY: call.correlation_id}
            propagate.inject(carrier)
            message = request(pool, tool, **values)
            options = {"metadata": tuple(carrier.items()), "timeout": timeout_s}
            try:
                if tool == "count":
                    list(self.client.pool.ExecuteStream(message, **options))
                else:
                    self.client.pool.Execute(message, **options)
                call.code = "OK"
            except grpc.RpcError as error:
                call.code = error.code().name
        return call

    def path(self, what: str) -> Path:
        return self.directory / f"{what}-{next(self.numbers)}"

    # What a client of production meets, one kind of it each.

    def work(self, pool: str) -> None:
        self.run(pool, "work", seconds=0.01)

    def fail(self, pool: str) -> None:
        self.run(pool, "fail")

    def stream(self, pool: str) -> None:
        self.run(pool, "count", to=5)

    def late(self, pool: str) -> None:
        began, gate = self.path("began"), self.path("gate")
        self.run(pool, "wait_for", SHORT_S, began=str(began), path=str(gate))
        gate.touch()

    def retried(self, pool: str) -> None:
        self.run(pool, "die_once", mark=str(self.path("mark")))

    def kill(self, pool: str) -> None:
        """SIGKILL the worker of a request in the middle of that."""
        began, gate = self.path("began"), self.path("gate")
        with ThreadPoolExecutor(1) as other:
            call = other.submit(
                self.run, pool, "wait_for", began=str(began), path=str(gate)
            )
            wait_until(lambda: began.exists() or call.done(), 60, "a request begun")
            if began.exists():  # else another's end was this one's, too
                pid = int(began.read_text())
                self.killed.add(pid)
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
            gate.touch()


def peace(client: TracingClient, number: int) -> Callable[[str], None]:
    often = {25: client.late, 10: client.fail, 7: client.stream}
    for every, kind in often.items():
        if number % every == 0:
            return kind
    return client.work


def retries(client: TracingClient, number: int) -> Callable[[str], None]:
    """Two in a row are of both pools."""
    return client.retried if number in (4, 5) else peace(client, number)


def kills(client: TracingClient, number: int) -> Callable[[str], None]:
    return client.kill if number in (8, 9) else peace(client, number)


# A round: of workers that live nothing is missing, those that die take along what they
# have not sent. So the retried are looked at before the next ones die.
PHASES = ((peace, 120), (retries, 12), (kills, 18))


def load(
    client: TracingClient,
    kind: Callable[[TracingClient, int], Callable[[str], None]],
    count: int,
) -> None:
    """Send all kinds of requests, more at a time than are worked on."""
    with ThreadPoolExecutor(CLIENTS) as threads:
        jobs = [
            threads.submit(kind(client, number), POOLS[number % 2])
            for number in range(count)
        ]
        for job in jobs:
            job.result()


# ---- every trace is one tree ---------------------------------------------------------


def single(spans: list[Span]) -> Span:
    assert len(spans) == 1, spans
    return spans[0]


@dataclasses.dataclass
class Judge:
    """Holds what a Collector has against what clients did."""

    daemon: Daemon
    forest: Forest
    calls: list[Call]
    records: list[dict[str, Any]] = dataclasses.field(default_factory=list)
    killed: set[str] = dataclasses.field(default_factory=set)
    excused: Counter[str] = dataclasses.field(default_factory=Counter)

    def check(self) -> bool:
        """Fail as long as a span is missing, or one is where it should not be."""
        self.forest.grow()
        self.killed = dead_workers(self.daemon)
        self.excused.clear()
        assert not self.forest.twice
        assert set(self.forest.traces) == {call.trace for call in self.calls}
        for call in self.calls:
            self._check_tree(call, self.forest.traces[call.trace])
        return True

    def _check_tree(self, call: Call, spans: dict[str, Span]) -> None:
        children: dict[str, list[Span]] = {}
        for span in spans.values():
            children.setdefault(span.parent, []).append(span)
            if span.parent and span.parent not in spans:
                # The adapter's span was over and sent, that around it was not.
                assert span.service == "snakepit-worker", (call, span)
                assert span.worker in self.killed, (call, span)
                self.excused["without parent"] += 1
        root = single(children.get("", []))
        assert (root.id, root.service) == (call.root, "client")
        whole = single(children.get(root.id, []))
        assert whole.service == "snakepit", (call, whole)
        assert (whole.kind, whole.name.startswith(EXECUTE)) == (SERVER, True)
        assert whole.about["snakepit.correlation_id"] == call.correlation_id
        self._check_outcome(call, whole)
        below = children.get(whole.id, [])
        attempts = [span for span in below if span.kind == CLIENT]
        queues = [span for span in below if span.name == "snakepit.pool.checkout"]
        assert len(attempts) + len(queues) == len(below)
        assert len(queues) <= len(attempts) + (call.code != "OK")
        for attempt in attempts:
            assert attempt.name.startswith(TOOL)
            self._check_attempt(call, attempt, children)
        assert attempts or call.code != "OK"
        if call.tool == "die_once" and call.code == "OK":
            assert len(attempts) > 1
            assert "snakepit.request_retried" in whole.events

    def _check_outcome(self, call: Call, whole: Span) -> None:
        status = whole.about["rpc.response.status_code"]
        if call.code == "DEADLINE_EXCEEDED":  # the client's clock, or the runtime's
            assert status in LATE, (call, whole)
            assert whole.error == (status == "DEADLINE_EXCEEDED")
        else:
            assert status == call.code, (call, whole)
            assert whole.error == (call.tool == "fail" or call.code != "OK")

    def _check_attempt(
        self, call: Call, attempt: Span, children: dict[str, list[Span]]
    ) -> None:
        python = self._only(call, attempt, children)
        if python is None:
            return
        assert (python.service, python.kind) == ("snakepit-worker", SERVER)
        assert python.name == attempt.name
        assert python.worker == attempt.worker
        assert python.about["snakepit.correlation_id"] == call.correlation_id
        own = self._only(call, python, children)
        if own is not None:
            assert (own.name, own.kind) == (f"adapter.{call.tool}", INTERNAL)
            assert own.id not in children

    def _only(
        self, call: Call, parent: Span, children: dict[str, list[Span]]
    ) -> Span | None:
        """Return the one child; None where its worker is dead, or never got to it."""
        found = children.get(parent.id, [])
        if not found and parent.worker in self.killed:
            self.excused["of a killed worker"] += 1
            return None
        if not found and call.code == "DEADLINE_EXCEEDED":
            self.excused["too late"] += 1
            return None
        return single(found)


def check_logs(judge: Judge) -> None:
    """Look for the ids of each request in the lines of both sides."""
    lines = Counter(
        (line["msg"], line["correlation_id"], line["trace_id"])
        for line in judge.daemon.log_lines()
        if "correlation_id" in line
    )
    for call in judge.calls:
        ids = (call.correlation_id, call.trace)
        assert lines[("request finished", *ids)] == 1, call
        ended = [
            span
            for span in judge.forest.traces[call.trace].values()
            if (span.service, span.kind) == ("snakepit-worker", SERVER)
        ]
        assert lines[("tool finished", *ids)] >= len(ended), call


def check_metrics(collector: Collector, world: World, program: TracingClient) -> bool:
    """Hold the Collector's counts against the clients' and the segment's."""
    report = world.inspect(INSTANCE)
    collected = collector.samples()
    for pool in POOLS:
        sent = sum(call.pool == pool for call in program.calls)
        assert collected["snakepit_pool_requests_total", (("pool", pool),)] == sent
        assert books(report, pool)["requests"] == sent
    return True


def check_records(collector: Collector, judge: Judge) -> bool:
    """Look for the ends of workers among log records, with the trace they hit."""
    judge.records += [
        record
        for request in collector.news("logs")
        for batch in request["resourceLogs"]
        for scope in batch["scopeLogs"]
        for record in scope["logRecords"]
    ]
    ended = {
        attributes(record)["snakepit.worker.id"]: record.get("traceId")
        for record in judge.records
        if attributes(record).get("snakepit.worker.state") == "exited"
    }
    assert judge.killed <= ended.keys()
    for worker in judge.killed:
        # One with several requests at a time names none of them.
        if worker.startswith("process/"):
            assert ended[worker] in judge.forest.traces
    return True


def dead_workers(daemon: Daemon) -> set[str]:
    """Name the workers that ended while the runtime went on."""
    return {line["worker"] for line in daemon.log_lines(msg="worker ended")}


@pytest.fixture
def collector(tmp_path: Path) -> Iterator[Collector]:
    collector = Collector(tmp_path)
    yield collector
    collector.stop()


@pytest.mark.parametrize("protocol", ["http/protobuf", "grpc"])
def test_every_trace_is_one_tree_in_a_real_collector(
    run_daemon: RunDaemon,
    client: Client,
    world: World,
    collector: Collector,
    tmp_path: Path,
    protocol: str,
) -> None:
    world.env["OTEL_METRIC_EXPORT_INTERVAL"] = "1000"
    daemon = run_daemon(config(collector, protocol))
    daemon.wait_ready(3)
    with contextlib.closing(TracingClient(client, collector, tmp_path)) as program:
        judge = Judge(daemon, Forest(collector), program.calls)
        for _ in range(ROUNDS):
            for kind, count in PHASES:
                load(program, kind, count)
                program.provider.force_flush()
                wait_until(judge.check, ARRIVAL_S, f"the spans of {kind.__name__}")
    print(f"{protocol}: {len(judge.forest.spans)} spans, but: {dict(judge.excused)}")
    print("ends:", dict(Counter((call.tool, call.code) for call in program.calls)))
    check_logs(judge)
    wait_until(
        lambda: check_metrics(collector, world, program), ARRIVAL_S, "the last metrics"
    )
    wait_until(
        lambda: check_records(collector, judge), ARRIVAL_S, "records of the deaths"
    )
