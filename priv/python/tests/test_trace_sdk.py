"""The worker's SDK: what starts it, where it sends, and how long it may take to end."""

from __future__ import annotations

import json
import logging
import re
import socket
import sys
import threading
from typing import TYPE_CHECKING, Any, Callable

import pytest
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import ConsoleSpanExporter, SimpleSpanProcessor
from span_lab import PARENT_ID, TRACE_ID, TRACEPARENT
from worker_process import DEADLINE_S, WorkerProcess, request

from snakepit_bridge import telemetry
from snakepit_bridge._trace_sdk import SpanSender, _exporter, start_sdk

if TYPE_CHECKING:
    from fake_host import FakeHost

Start = Callable[..., WorkerProcess]


class Provider:
    """One whose shutdown() takes until it is let go."""

    def __init__(self) -> None:
        self.go = threading.Event()
        self.shut = False

    def shutdown(self) -> None:
        self.go.wait()
        self.shut = True


def test_flush_has_a_deadline_of_its_own() -> None:
    provider = Provider()
    assert not SpanSender(provider).flush(0.01)
    assert not provider.shut
    provider.go.set()
    assert SpanSender(provider).flush(DEADLINE_S)
    assert provider.shut


# ---- what the environment says -------------------------------------------------------


@pytest.mark.parametrize("name", ["", " ", "otlp", "OTLP"])
def test_spans_go_to_otlp_over_http(name: str) -> None:
    found = _exporter({"OTEL_TRACES_EXPORTER": name})
    assert (
        type(found).__module__
        == "opentelemetry.exporter.otlp.proto.http.trace_exporter"
    )


def test_spans_go_nowhere_if_so_asked() -> None:
    assert _exporter({"OTEL_TRACES_EXPORTER": "none"}) is None


def test_spans_on_the_console_have_a_line_each(
    capsys: pytest.CaptureFixture[str],
) -> None:
    found = _exporter({"OTEL_TRACES_EXPORTER": "console"})
    assert isinstance(found, ConsoleSpanExporter)
    found.out = sys.stdout  # the captured one
    provider = TracerProvider(shutdown_on_exit=False)
    provider.add_span_processor(SimpleSpanProcessor(found))
    provider.get_tracer("t").start_span("a span").end()
    (line,) = capsys.readouterr().out.splitlines()
    assert json.loads(line)["name"] == "a span"


@pytest.mark.parametrize(
    ("environ", "warning"),
    [
        ({"OTEL_TRACES_EXPORTER": "zipkin"}, "OTEL_TRACES_EXPORTER is 'zipkin'"),
        ({"OTEL_EXPORTER_OTLP_PROTOCOL": "grpc"}, "OTLP_PROTOCOL is 'grpc'"),
        ({"OTEL_EXPORTER_OTLP_TRACES_PROTOCOL": "x"}, "TRACES_PROTOCOL is 'x'"),
        (
            {
                "OTEL_EXPORTER_OTLP_TRACES_PROTOCOL": "http/protobuf",
                "OTEL_EXPORTER_OTLP_PROTOCOL": "grpc",
            },
            "",
        ),
    ],
)
def test_what_is_not_offered_is_named(
    environ: dict[str, str], warning: str, caplog: pytest.LogCaptureFixture
) -> None:
    assert _exporter(environ) is not None
    assert warning in caplog.text
    assert bool(caplog.text) == bool(warning)


def test_a_disabled_sdk_is_not_started(caplog: pytest.LogCaptureFixture) -> None:
    assert start_sdk({"OTEL_SDK_DISABLED": " True "}) is None
    assert not caplog.records


@pytest.mark.parametrize("missing", ["opentelemetry.sdk.trace", "opentelemetry"])
def test_y03_a_missing_sdk_is_a_warning_that_says_what_to_install(
    missing: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setitem(sys.modules, missing, None)
    assert start_sdk({}) is None
    (record,) = caplog.records
    assert record.levelno == logging.WARNING
    assert "pip install opentelemetry-sdk" in record.message


# ---- whole workers -------------------------------------------------------------------


def test_without_the_sdk_nothing_of_opentelemetry_is_loaded(
    worker: WorkerProcess,
) -> None:
    assert worker.call("loaded", name="opentelemetry") is False


def test_the_last_spans_keep_to_the_time_that_a_stop_has(start: Start) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:  # takes them, never answers
        worker = start(
            arguments=("--stop-timeout-ms", "1000"),
            env={
                "SNAKEPIT_OTEL": "1",
                "OTEL_EXPORTER_OTLP_ENDPOINT": f"http://127.0.0.1:{port_of(silent)}",
                "OTEL_BSP_SCHEDULE_DELAY": "60000",
            },
        )
        worker.wait_ready()
        worker.call("loaded", name="opentelemetry")
        worker.process.terminate()
        assert worker.exit_status() == 0
    worker.wait_log(msg="worker stopped")
    said = [re.match(r"the last spans .* within (.*) s", x["msg"]) for x in worker.logs]
    (given_s,) = [float(found[1]) for found in said if found]
    assert given_s <= 0.8


def port_of(listener: socket.socket) -> int:
    port: int = listener.getsockname()[1]
    return port


def test_calls_back_to_the_host_carry_the_workers_span(
    start: Start, host: FakeHost
) -> None:
    worker = start(
        host_address=host.address,
        env={"SNAKEPIT_OTEL": "1", "OTEL_TRACES_EXPORTER": "none"},
    )
    worker.wait_ready()
    before = len(host.seen)
    sent: Any = (
        ("traceparent", TRACEPARENT),
        (telemetry.CORRELATION_HEADER, "cid-host"),
    )
    message = request("call_host", name="double", value=21)
    reply = worker.stub.ExecuteTool(message, metadata=sent, timeout=DEADLINE_S)
    assert json.loads(reply.result.value) == 42, reply.error_message
    line = worker.wait_log(msg="tool finished", correlation_id="cid-host")
    assert line["trace_id"] == TRACE_ID
    assert line["span_id"] != PARENT_ID
    for seen in host.seen[before:]:
        assert seen["traceparent"] == f"00-{TRACE_ID}-{line['span_id']}-01"
        assert seen[telemetry.CORRELATION_HEADER] == "cid-host"
    assert len(host.seen) > before
