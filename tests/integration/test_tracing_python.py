"""Spans and log lines of Python workers under the real runtime: Y02, Y03, L02, L05."""

from __future__ import annotations

import contextlib
import json
import os
import re
import shlex
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from client import CORRELATION_KEY, Client, request
from harness import ROOT, Daemon, World, wait_until
from otlp_kit import Answer, HttpReceiver
from runtime_kit import ADAPTERS, INSTANCE, RunDaemon, config, worker_pids

TRACE_ID = "4bf92f3577b34da6a3ce929d0e0e4736"
CLIENT_SPAN = "00f067aa0ba902b7"
UNARY = "snakepit.bridge.BridgeService/ExecuteTool"
STREAM = "snakepit.bridge.BridgeService/ExecuteStreamingTool"
SERVER, INTERNAL = 2, 1  # kinds, as OTLP numbers them
ERROR = 2  # status
HAS_IS_REMOTE, IS_REMOTE = 0x100, 0x200
NEVER_MS = "600000"  # what leaves did not leave by the timer


@pytest.fixture
def receiver() -> Iterator[HttpReceiver]:
    with contextlib.closing(HttpReceiver()) as receiver:
        yield receiver


def tracing(receiver: HttpReceiver, **pool: Any) -> dict[str, Any]:
    """Make the configuration of a runtime whose worker traces."""
    pool = {"adapter": "tracing_adapter.TracingAdapter", "workers": 1, **pool}
    return {
        **config(**pool),
        "telemetry": {"traces": {"enabled": True}, "python": {"otel": True}},
        "readers": {"otlp": {"endpoint": receiver.url}},
    }


def call(client: Client, tool: str, correlation_id: str = "it-1") -> None:
    client.pool.Execute(
        request("default", tool), metadata=metadata(correlation_id), timeout=60
    )


def metadata(correlation_id: str) -> list[tuple[str, str]]:
    return [
        (CORRELATION_KEY, correlation_id),
        ("traceparent", f"00-{TRACE_ID}-{CLIENT_SPAN}-01"),
    ]


def batches(receiver: HttpReceiver) -> list[Any]:
    """All that workers sent; the runtime's own exporter is not started here."""
    return [
        batch
        for attempt in list(receiver.attempts)
        for batch in attempt.request.resource_spans  # type: ignore[union-attr]
    ]


def spans(receiver: HttpReceiver) -> dict[str, Any]:
    """Name to span, of those that came."""
    return {
        span.name: span
        for batch in batches(receiver)
        for scope in batch.scope_spans
        for span in scope.spans
    }


def wait_spans(receiver: HttpReceiver, *names: str) -> dict[str, Any]:
    def look() -> dict[str, Any] | None:
        found = spans(receiver)
        return found if set(names) <= set(found) else None

    found = wait_until(look, 20, f"spans {names}")
    assert found is not None
    return found


def attributes(owner: Any) -> dict[str, str]:
    return {item.key: item.value.string_value for item in owner.attributes}


def attempt_id(world: World) -> str:
    """Return the id of the runtime's span of its last call of a worker."""

    def look() -> str:
        done = world.run("snakepit-inspect", "-n", INSTANCE, "--json", "--spans")
        report = json.loads(done.stdout) if done.returncode == 0 else {"spans": []}
        found = [s["span_id"] for s in report["spans"] if s["kind"] == "attempt"]
        return str(found[-1]) if found else ""

    return wait_until(look, 10, "the span of an attempt")


def test_a_trace_goes_on_into_the_adapter(
    run_daemon: RunDaemon, client: Client, world: World, receiver: HttpReceiver
) -> None:
    daemon = run_daemon(tracing(receiver))
    daemon.wait_ready(1)
    call(client, "work")
    found = wait_spans(receiver, UNARY, "adapter.step", "adapter.told")
    rpc = found[UNARY]
    assert {span.trace_id.hex() for span in found.values()} == {TRACE_ID}
    assert rpc.parent_span_id.hex() == attempt_id(world)
    assert (rpc.kind, rpc.status.code) == (SERVER, 0)
    assert rpc.flags & ~0xFF == HAS_IS_REMOTE | IS_REMOTE
    for name in ("adapter.step", "adapter.told"):
        assert found[name].parent_span_id == rpc.span_id
        assert found[name].kind == INTERNAL
    assert attributes(rpc) == {
        "rpc.system.name": "grpc",
        "rpc.method": UNARY,
        "rpc.response.status_code": "OK",
        "server.address": attributes(rpc)["server.address"],
        "snakepit.correlation_id": "it-1",
        "snakepit.tool": "work",
    }
    assert attributes(rpc)["server.address"].startswith("/")
    (source,) = {json.dumps(attributes(b.resource)) for b in batches(receiver)}
    resource = json.loads(source)
    assert resource["service.name"] == "snakepit-worker"
    assert resource["snakepit.pool.name"] == "default"
    assert resource["snakepit.worker.id"] == "default/0#1"
    runtime = resource["snakepit.runtime.instance.id"]
    assert resource["service.instance.id"] != runtime == segment_uuid(world)
    assert_l02(daemon, found)


def segment_uuid(world: World) -> str:
    return str(world.inspect(INSTANCE)["segment"]["uuid"])


def assert_l02(daemon: Daemon, found: dict[str, Any]) -> None:
    """Look for the span of each of the worker's lines, at their top level."""
    places = {
        "works": UNARY,
        "steps": "adapter.step",
        "tells": "adapter.told",
        "tool finished": UNARY,
    }
    for text, name in places.items():
        line = daemon.wait_log(msg=text)
        assert line["trace_id"] == TRACE_ID
        assert line["span_id"] == found[name].span_id.hex()
        assert line["trace_flags"] == "01"
        assert line["correlation_id"] == "it-1"
        assert line["worker_id"] == "default/0#1"
    outside = daemon.wait_log(msg="worker ready", worker_id="default/0#1")
    ids = {"trace_id", "span_id", "trace_flags", "correlation_id"}
    assert not ids & outside.keys()


def test_failures_and_streams_have_their_spans(
    run_daemon: RunDaemon, client: Client, receiver: HttpReceiver
) -> None:
    run_daemon(tracing(receiver)).wait_ready(1)
    call(client, "fail")
    stream = client.pool.ExecuteStream(
        request("default", "count", to=3), metadata=metadata("it-2"), timeout=60
    )
    assert len(list(stream)) >= 3
    found = wait_spans(receiver, UNARY, STREAM)
    assert found[UNARY].status.code == ERROR
    assert attributes(found[UNARY])["error.type"] == "ValueError"
    assert [event.name for event in found[UNARY].events] == ["exception"]
    assert found[STREAM].status.code == 0
    assert attributes(found[STREAM])["snakepit.correlation_id"] == "it-2"
    # Heartbeats went all the while.
    assert set(found) == {UNARY, STREAM}


def test_calls_at_the_same_time_do_not_mix_their_traces(
    run_daemon: RunDaemon, client: Client, receiver: HttpReceiver
) -> None:
    run_daemon(tracing(receiver, profile="thread", threads_per_worker=4)).wait_ready(1)
    sampled = [f"{number:032x}" for number in range(1, 33)]
    not_sampled = f"{33:032x}"
    calls = [
        client.pool.Execute.future(
            request("default", "work"),
            metadata=[("traceparent", f"00-{trace}-{CLIENT_SPAN}-{flags}")],
            timeout=60,
        )
        for trace, flags in [(not_sampled, "00"), *((trace, "01") for trace in sampled)]
    ]
    for pending in calls:
        pending.result()

    def traces() -> dict[str, list[Any]]:
        found: dict[str, list[Any]] = {}
        for batch in batches(receiver):
            for scope in batch.scope_spans:
                for span in scope.spans:
                    found.setdefault(span.trace_id.hex(), []).append(span)
        return found

    def whole() -> bool:
        return sum(len(trace) for trace in traces().values()) == 3 * len(sampled)

    wait_until(whole, 20, "the spans of all calls")
    assert set(traces()) == set(sampled)
    for trace in traces().values():
        (rpc,) = (span for span in trace if span.name == UNARY)
        parents = {span.name: span.parent_span_id for span in trace if span is not rpc}
        assert parents == {"adapter.step": rpc.span_id, "adapter.told": rpc.span_id}


def test_a_reload_gives_the_sdk_to_new_workers(
    run_daemon: RunDaemon, client: Client, receiver: HttpReceiver
) -> None:
    cfg = tracing(receiver, lifecycle={"min_ready_ms": 0})
    cfg["telemetry"]["python"]["otel"] = False
    daemon = run_daemon(cfg)
    daemon.wait_ready(1)
    call(client, "work")
    cfg["telemetry"]["python"]["otel"] = True
    daemon.config.write_text(json.dumps(cfg))
    os.kill(daemon.pid, signal.SIGHUP)
    daemon.wait_log(msg="worker stopped", worker_id="default/0#1")
    call(client, "fail")
    assert set(wait_spans(receiver, UNARY)) == {UNARY}  # and none of the first call


# ---- Y02: the end of a worker --------------------------------------------------------


def test_y02_sigterm_sends_the_last_spans(
    run_daemon: RunDaemon, client: Client, world: World, receiver: HttpReceiver
) -> None:
    world.env["OTEL_BSP_SCHEDULE_DELAY"] = NEVER_MS
    daemon = run_daemon(tracing(receiver))
    daemon.wait_ready(1)
    call(client, "work")
    assert not receiver.attempts
    daemon.stop()
    assert set(spans(receiver)) == {UNARY, "adapter.step", "adapter.told"}


def test_y02_sigkill_loses_only_what_the_timer_had_not_sent(
    run_daemon: RunDaemon, client: Client, world: World, receiver: HttpReceiver
) -> None:
    world.env["OTEL_BSP_SCHEDULE_DELAY"] = "100"
    daemon = run_daemon(tracing(receiver))
    daemon.wait_ready(1)
    call(client, "work")
    wait_spans(receiver, UNARY, "adapter.step", "adapter.told")
    (first,) = worker_pids(world).values()
    os.kill(first, signal.SIGKILL)
    daemon.wait_log(msg="worker ready", worker_id="default/0#2")
    call(client, "fail")

    def ids() -> set[str]:
        return {
            attributes(batch.resource)["service.instance.id"]
            for batch in batches(receiver)
        }

    # What comes next is another instance of the service.
    wait_until(lambda: len(ids()) == 2, 20, "spans of the next worker")


def test_y02_a_collector_that_hangs_does_not_hold_a_stop_up(
    run_daemon: RunDaemon, client: Client
) -> None:
    with contextlib.closing(HttpReceiver(Answer(200, hang=True))) as receiver:
        daemon = run_daemon(tracing(receiver))
        daemon.wait_ready(1)
        call(client, "work")
        receiver.wait_for(1)
        daemon.stop()
    (stopped,) = daemon.log_lines(msg="worker stopped")
    said = [line["msg"] for line in daemon.log_lines(worker_id=stopped["worker_id"])]
    assert any(text.startswith("the last spans could not be sent") for text in said)


# ---- Y03, L05: without OpenTelemetry -------------------------------------------------


def assert_served_without_spans(
    daemon: Daemon, client: Client, world: World, tool_result: str
) -> None:
    """Look for the ids that came with the call in the lines of a worker that serves."""
    daemon.wait_ready(1)
    reply = client.pool.Execute(
        request("default", "work"), metadata=metadata("it-3"), timeout=60
    )
    assert reply.result_json.decode() == tool_result
    for text in ("works", "tool finished"):
        line = daemon.wait_log(msg=text)
        assert line["correlation_id"] == "it-3"
        assert line["trace_id"] == TRACE_ID
        assert line["span_id"] == attempt_id(world)
        assert line["trace_flags"] == "01"


@pytest.mark.parametrize("wanted", [True, False])
def test_y03_l05_a_worker_without_opentelemetry_serves_and_logs_the_ids(
    run_daemon: RunDaemon,
    client: Client,
    world: World,
    receiver: HttpReceiver,
    tmp_path: Path,
    *,
    wanted: bool,
) -> None:
    absent = tmp_path / "opentelemetry"
    absent.mkdir()
    (absent / "__init__.py").write_text("raise ImportError('not installed')\n")
    cfg = tracing(receiver, pythonpath=[str(tmp_path), ADAPTERS])
    cfg["telemetry"]["python"]["otel"] = wanted
    daemon = run_daemon(cfg)
    assert_served_without_spans(daemon, client, world, "false")
    warned = [
        line
        for line in daemon.log_lines(logger="snakepit_bridge._trace_sdk")
        if "OpenTelemetry is not installed" in line["msg"]
    ]
    assert len(warned) == wanted


def test_l05_a_disabled_sdk_leaves_the_ids(
    run_daemon: RunDaemon, client: Client, world: World, receiver: HttpReceiver
) -> None:
    cfg = tracing(receiver, env=["OTEL_SDK_DISABLED=true"])
    daemon = run_daemon(cfg)
    assert_served_without_spans(daemon, client, world, "true")
    daemon.stop()
    assert not receiver.attempts


def test_l05_without_tracing_the_ids_are_the_clients(
    run_daemon: RunDaemon, client: Client
) -> None:
    daemon = run_daemon(config(workers=1))
    daemon.wait_ready(1)
    call(client, "echo")
    line = daemon.wait_log(msg="tool finished")
    assert (line["trace_id"], line["span_id"]) == (TRACE_ID, CLIENT_SPAN)
    assert line["correlation_id"] == "it-1"


# ---- docs/adapters.md ----------------------------------------------------------------


def test_the_documented_adapter_shows_its_spans_on_the_console(
    run_daemon: RunDaemon, world: World
) -> None:
    text = (ROOT / "docs" / "adapters.md").read_text()
    section = text.partition("\n## Tracing\n")[2].partition("\n## ")[0]
    files = dict(re.findall(r"`([\w/.]+)`:\n\n```\w+\n(.*?)```", section, re.DOTALL))
    assert set(files) == {"adapters/traced.py", "traced.yaml"}
    (command,) = re.findall(r"build/bin/snakepit (exec .*)", section)
    folder = world.directory / "adapters"
    folder.mkdir()
    (folder / "traced.py").write_text(files["adapters/traced.py"])
    world.env["OTEL_TRACES_EXPORTER"] = "console"
    daemon = run_daemon(files["traced.yaml"].replace("[adapters]", f"[{folder}]"))
    daemon.wait_log(msg="worker ready", worker_id="reports/0#1")
    done = world.run("snakepit", *shlex.split(command))
    assert (done.returncode, done.stdout.strip()) == (0, "3"), done.stderr

    def printed() -> dict[str, Any] | None:
        lines = [line["msg"] for line in daemon.log_lines(stream="stdout")]
        found = {span["name"]: span for span in map(json.loads, lines)}
        return found if UNARY in found else None

    found = wait_until(printed, 20, "the spans of the call")
    assert found is not None
    assert set(found) == {"load rows", "render", UNARY}
    for name in ("load rows", "render"):
        assert found[name]["parent_id"] == found[UNARY]["context"]["span_id"]
    (event,) = found["render"]["events"]
    assert event["name"] == "report.rows"
