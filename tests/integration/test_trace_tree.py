"""The spans and log lines of requests, as snakepit-inspect and the log show them."""

from __future__ import annotations

import contextlib
import itertools
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import grpc
import pytest
from client import CORRELATION_KEY, Client, request
from harness import Daemon, World, wait_until
from runtime_kit import INSTANCE, RunDaemon, config, wait_books, worker_pids

PARENT = "b7ad6b7169203331"
EXPORT, IS_REMOTE, REMOTE, SAMPLED = 0x400, 0x200, 0x100, 1
SERVED = "snakepit.pool.v1.Pool/Execute"
CALLED = "snakepit.bridge.BridgeService/ExecuteTool"
IDS = ("correlation_id", "trace_id", "span_id", "trace_flags")
RETRIED = ("attempt", "attempt", "queue")
TIMEOUT_S = 1  # a request gets in within that
CAPACITY = {"process": 1, "thread": 2}
Span = dict[str, Any]


@dataclass
class Traced:
    """A client that traces, of a runtime that does."""

    world: World
    client: Client
    daemon: Daemon
    profile: str
    numbers: Iterator[int] = field(default_factory=lambda: itertools.count(1))

    def metadata(self, name: str, flags: int) -> tuple[str, list[tuple[str, str]]]:
        trace = f"{next(self.numbers):032x}"
        return trace, [
            (CORRELATION_KEY, name),
            ("traceparent", f"00-{trace}-{PARENT}-{flags:02x}"),
        ]

    def call(
        self, tool: str, timeout_s: float = 20, flags: int = 1, **arguments: Any
    ) -> str:
        """Run a tool in a trace of its own, whose id is returned."""
        trace, metadata = self.metadata(f"it-{tool}", flags)
        with contextlib.suppress(grpc.RpcError):
            self.client.pool.Execute(
                request("default", tool, **arguments),
                metadata=metadata,
                timeout=timeout_s,
                wait_for_ready=True,
            )
        return trace

    def future(self, tool: str, **arguments: Any) -> tuple[str, Any]:
        trace, metadata = self.metadata(f"it-{tool}", 1)
        message = request("default", tool, **arguments)
        return trace, self.client.pool.Execute.future(
            message, metadata=metadata, timeout=60
        )

    def spans(self, trace: str) -> list[Span]:
        """Wait for the whole trace: the span of the request is the last."""

        def look() -> list[Span]:
            done = self.world.run(
                "snakepit-inspect", "-n", INSTANCE, "--json", "--spans"
            )
            report = json.loads(done.stdout) if done.returncode == 0 else {"spans": []}
            found = [span for span in report["spans"] if span["trace_id"] == trace]
            return found if "request" in (span["kind"] for span in found) else []

        found = wait_until(look, 10, f"trace {trace}")
        return sorted(found, key=lambda span: (span["kind"], span["attempt"]))

    def tree(self, trace: str, *kinds: str) -> list[Span]:
        """Return the attempts, queues and the request of a trace that is one tree."""
        found = self.spans(trace)
        assert [span["kind"] for span in found] == [*kinds, "request"]
        *children, whole = found
        assert whole["parent_span_id"] == PARENT
        assert whole["flags"] == EXPORT | IS_REMOTE | REMOTE | SAMPLED
        end = whole["mono_ns"] + whole["duration_ns"]
        for child in children:
            assert child["parent_span_id"] == whole["span_id"]
            assert child["flags"] == EXPORT | REMOTE | SAMPLED
            assert child["correlation_id"] == whole["correlation_id"]
            assert whole["mono_ns"] <= child["mono_ns"]
            assert child["mono_ns"] + child["duration_ns"] <= end
        assert len({span["span_id"] for span in found}) == len(found)
        return found


@pytest.fixture
def profile() -> str:
    return "process"


@pytest.fixture
def traced(profile: str, run_daemon: RunDaemon, client: Client, world: World) -> Traced:
    daemon = run_daemon(
        {
            **config(
                workers=1,
                profile=profile,
                threads_per_worker=CAPACITY[profile],
                idempotent_tools=["die_once"],
            ),
            "telemetry": {"traces": {"enabled": True}},
        }
    )
    daemon.wait_ready(1)
    return Traced(world, client, daemon, profile)


def statuses(spans: list[Span]) -> list[tuple[str, bool]]:
    return [(span["status"], span["error"]) for span in spans]


@pytest.mark.parametrize("profile", ["process", "thread"])
def test_t05_every_request_is_one_tree(traced: Traced, tmp_path: Path) -> None:
    plain = traced.tree(traced.call("echo"), "attempt")
    assert [span["method"] for span in plain] == [CALLED, SERVED]
    assert statuses(plain) == [("OK", False)] * 2

    failed = traced.tree(traced.call("fail"), "attempt")
    assert statuses(failed) == [("TOOL_ERROR", True)] * 2

    trace, metadata = traced.metadata("it-count", 1)
    message = request("default", "count", to=3)
    for _ in traced.client.pool.ExecuteStream(message, metadata=metadata, timeout=20):
        pass
    streamed = traced.tree(trace, "attempt")
    assert streamed[1]["method"] == "snakepit.pool.v1.Pool/ExecuteStream"
    assert streamed[0]["method"].endswith("/ExecuteStreamingTool")

    assert_queued(traced, tmp_path / "gate")
    assert_late(traced, tmp_path / "late")
    assert_died(traced, tmp_path / "mark")


def assert_queued(traced: Traced, gate: Path) -> None:
    holds = CAPACITY[traced.profile]
    held = [traced.future("wait_for", path=str(gate))[1] for _ in range(holds)]
    wait_books(traced.world, active=holds)
    trace, waiting = traced.future("echo")
    wait_books(traced.world, queued=1)
    late = traced.call("echo", timeout_s=TIMEOUT_S)
    gate.touch()
    assert all(call.result() for call in [*held, waiting])
    attempt, queue, whole = traced.tree(trace, "attempt", "queue")
    assert queue["method"] == "snakepit.pool.checkout"
    assert queue["duration_ns"] == whole["queue_ns"] > 0
    assert queue["mono_ns"] + queue["duration_ns"] <= attempt["mono_ns"]
    assert statuses(traced.tree(late, "queue")) == [("DEADLINE_EXCEEDED", True)] * 2


def assert_died(traced: Traced, mark: Path) -> None:
    dead = worker_pids(traced.world)[0]
    trace = traced.call("die")
    attempt, whole = traced.tree(trace, "attempt")
    assert (attempt["status"], whole["status"]) == ("UNAVAILABLE", "UNAVAILABLE")
    wait_until(lambda: worker_pids(traced.world).get(0) not in {None, dead}, 20, "next")
    assert_evidence(traced, trace)
    found = traced.tree(traced.call("die_once", mark=str(mark)), *RETRIED)
    assert statuses(found)[:2] == [("UNAVAILABLE", True), ("OK", False)]
    assert statuses(found)[3] == ("OK", False)
    assert found[3]["attempt"] == 2


def assert_evidence(traced: Traced, trace: str) -> None:
    """Check that the end of a worker names the request that it had."""
    ended = traced.daemon.wait_log(msg="worker ended", trace_id=trace)
    assert not {"span_id", "trace_flags"} & ended.keys()
    done = traced.world.run("snakepit-inspect", "-n", INSTANCE, "--json", "--events")
    moved = [e for e in json.loads(done.stdout)["events"] if e["to"] == "exited"]
    assert trace in {event["trace_id"] for event in moved}


def assert_late(traced: Traced, gate: Path) -> None:
    trace = traced.call("wait_for", timeout_s=TIMEOUT_S, path=str(gate))
    gate.touch()
    found = traced.tree(trace, "attempt")
    assert statuses(found) == [("DEADLINE_EXCEEDED", True)] * 2


def test_t06_what_is_not_sampled_stays_here(traced: Traced) -> None:
    trace = traced.call("echo", flags=0)
    found = traced.spans(trace)
    assert [span["kind"] for span in found] == ["attempt", "request"]
    for span in found:
        assert span["flags"] & (EXPORT | SAMPLED) == 0
        assert span["correlation_id"] == "it-echo"


def test_l01_log_lines_and_spans_of_a_request_share_their_ids(traced: Traced) -> None:
    """Of both sides; the worker has no SDK, so its lines are of the span it got."""
    trace = traced.call("echo")
    attempt, whole = traced.tree(trace, "attempt")
    for msg, span in (("request finished", whole), ("tool finished", attempt)):
        line = traced.daemon.wait_log(msg=msg)
        assert {key: line[key] for key in IDS} == {
            "correlation_id": "it-echo",
            "trace_id": trace,
            "span_id": span["span_id"],
            "trace_flags": "01",
        }


def test_l03_other_log_lines_have_no_ids(traced: Traced) -> None:
    lines = traced.daemon.log_lines()
    assert len(lines) > 1
    assert not [line for line in lines if set(IDS) & line.keys()]


def test_l04_a_bad_correlation_id_is_replaced(traced: Traced) -> None:
    for given in ("two\nlines", 'a"b', "x" * 129, "\N{SNAKE}"):
        message = request("default", "echo")
        message.metadata["correlation_id"] = given
        _, call = traced.client.pool.Execute.with_call(message, timeout=20)
        made = dict(call.trailing_metadata())[CORRELATION_KEY]
        assert re.fullmatch(r"sp-[0-9a-f]{24}", made)
        ends = traced.daemon.wait_log(msg="request finished", correlation_id=made)
        warned = traced.daemon.wait_log(level="warning", correlation_id=made)
        assert warned["trace_id"] == ends["trace_id"]
        assert warned["given_len"] == len(given.encode())
        spans = traced.spans(ends["trace_id"])
        assert {span["correlation_id"] for span in spans} == {made}
        assert given not in traced.daemon.log_text()
