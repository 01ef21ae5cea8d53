"""T02: trace context through gRPC metadata, from a client to what a worker gets."""

from __future__ import annotations

import itertools
import json
import re
from pathlib import Path
from typing import Any

import pytest
import raw_grpc
from client import CORRELATION_KEY, Client, pool_pb2, request
from harness import wait_until
from opentelemetry import baggage
from opentelemetry.baggage.propagation import W3CBaggagePropagator
from runtime_kit import ADAPTERS, RunDaemon, config
from snakepit_bridge._generated import bridge_pb2, bridge_pb2_grpc

PROBE = str(Path(ADAPTERS) / "probe_worker.py")
ID = "0af7651916cd43dd8448eb211c80319c"
SPAN = "b7ad6b7169203331"
PARENT = f"00-{ID}-{SPAN}-01"
FORMAT = re.compile(
    r"00-(?P<id>[0-9a-f]{32})-(?P<span>[0-9a-f]{16})-(?P<flags>[0-9a-f]{2})"
)
TRACE_KEYS = ("traceparent", "tracestate", "baggage")
Pairs = list[tuple[str, str]]

# What goes on, and with which flags.
CONTINUED = {
    PARENT: "01",
    f"00-{ID}-{SPAN}-00": "00",
    f"00-{ID}-{SPAN}-02": "02",
    f"00-{ID}-{SPAN}-03": "03",
    f"00-{ID}-{SPAN}-ff": "03",
    f"cc-{ID}-{SPAN}-01": "01",
    f"cc-{ID}-{SPAN}-01-what-the-future-will-be-like": "01",
    f" {PARENT}": "01",
    f"{PARENT} ": "01",
}
RESTARTED = (
    "",
    f"{PARENT}-",
    f"{PARENT}-extra",
    f"{PARENT}.",
    f"ff-{ID}-{SPAN}-01",
    f"0-{ID}-{SPAN}-01",
    f"000-{ID}-{SPAN}-01",
    f".0-{ID}-{SPAN}-01",
    f"0.-{ID}-{SPAN}-01",
    f"cc-{ID}-{SPAN}-01.what-the-future-will-be-like",
    f"00-{ID.upper()}-{SPAN}-01",
    f"00-{ID}-{SPAN.upper()}-01",
    f"00-{'0' * 32}-{SPAN}-01",
    f"00-{ID}-{'0' * 16}-01",
    f"00-.{ID[1:]}-{SPAN}-01",
    f"00-{ID[1:]}-{SPAN}-01",
    f"00-{ID}0-{SPAN}-01",
    f"00-{ID}-.{SPAN[1:]}-01",
    f"00-{ID}-{SPAN[1:]}-01",
    f"00-{ID}-{SPAN}0-01",
    f"00-{ID}-{SPAN}-.0",
    f"00-{ID}-{SPAN}-0.",
    f"00-{ID}-{SPAN}-001",
    f"00-{ID}-{SPAN}-1",
)
MEMBERS = [f"bar{i:02}={i:02}" for i in range(1, 34)]
KEY = "abcdefghijklmnopqrstuvwxyz0123456789_-*/"
VALUE = "".join(chr(c) for c in range(0x20, 0x7F) if chr(c) not in ",=")
# Entries, and what goes on of them; None: nothing.
STATES: tuple[tuple[list[str], str | None], ...] = (
    (["foo=1"], "foo=1"),
    (["foo=1,bar=2"], "foo=1,bar=2"),
    (["foo=1, bar=2 , baz=3,"], "foo=1,bar=2,baz=3"),
    ([" foo=1 "], "foo=1"),
    ([""], None),
    (["foo=1", ""], "foo=1"),
    (["", "foo=1"], "foo=1"),
    (["foo=1,bar=2", "rojo=1,congo=2", "baz=3"], "foo=1,bar=2,rojo=1,congo=2,baz=3"),
    (["foo=1,bar=3", "foo=2"], "foo=1,bar=3"),
    ([",".join(MEMBERS[:20]), ",".join(MEMBERS[20:32])], ",".join(MEMBERS[:32])),
    ([",".join(MEMBERS[:20]), ",".join(MEMBERS[20:33])], None),
    (MEMBERS[:32], ",".join(MEMBERS[:32])),
    ([f"{KEY}={VALUE}"], f"{KEY}={VALUE}"),
    ([f"{KEY}@a-z0-9_-*/={VALUE}"], f"{KEY}@a-z0-9_-*/={VALUE}"),
    (["z" * 256 + "=1"], "z" * 256 + "=1"),
    (["z" * 257 + "=1"], None),
    (["foo=" + "v" * 256], "foo=" + "v" * 256),
    (["foo=" + "v" * 257], None),
    (["0foo=1"], "0foo=1"),
    (["foo@bar@baz=1,bar=2"], "foo@bar@baz=1,bar=2"),
    (["@foo=1,bar=2"], None),
    (["foo =1,bar=2"], None),
    (["FOO=1,bar=2"], None),
    (["foo.bar=1,bar=2"], None),
    (["foo,bar=2"], None),
    (["foo=1=2,bar=2"], None),
)


# A call of each method of the bridge that a client, or a worker, may make.
BRIDGE_CALLS = (
    ("Ping", bridge_pb2.PingRequest()),
    ("Heartbeat", bridge_pb2.HeartbeatRequest()),
    ("InitializeSession", bridge_pb2.InitializeSessionRequest(session_id="s")),
    ("GetSession", bridge_pb2.GetSessionRequest(session_id="s")),
    ("CleanupSession", bridge_pb2.CleanupSessionRequest(session_id="s")),
    ("RegisterTools", bridge_pb2.RegisterToolsRequest(session_id="s")),
    ("GetExposedElixirTools", bridge_pb2.GetExposedElixirToolsRequest()),
    ("ExecuteElixirTool", bridge_pb2.ExecuteElixirToolRequest(tool_name="t")),
    ("ExecuteTool", bridge_pb2.ExecuteToolRequest(tool_name="t")),
)


class Probe:
    """A runtime whose one worker says which metadata it got."""

    def __init__(self, run_daemon: RunDaemon, client: Client, **more: Any) -> None:
        self.client = client
        daemon = run_daemon({**config(workers=1, script=PROBE), **more})
        daemon.wait_ready(1)

    def ask(self, metadata: Pairs, tool: str = "any", **arguments: Any) -> Pairs:
        """Call with this metadata; give what the worker got."""
        response = self.client.pool.Execute(
            request("default", tool, **arguments), timeout=20, metadata=metadata
        )
        return [(key, value) for key, value in json.loads(response.result_json)]

    def ask_raw(self, metadata: Pairs) -> Pairs:
        """Do the same with metadata that grpcio would not send as it is."""
        answer = raw_grpc.call(
            Path(self.client.target.removeprefix("unix:")),
            "snakepit.pool.v1.Pool/Execute",
            request("default", "any").SerializeToString(),
            metadata,
        )
        response = pool_pb2.ExecuteResponse.FromString(answer)
        return [(key, value) for key, value in json.loads(response.result_json)]

    def passed(self, *metadata: tuple[str, str]) -> Pairs:
        """Of what the worker got, what is about traces."""
        return [pair for pair in self.ask(list(metadata)) if pair[0] in TRACE_KEYS]


@pytest.fixture
def off(run_daemon: RunDaemon, client: Client) -> Probe:
    return Probe(run_daemon, client)


@pytest.fixture
def on(run_daemon: RunDaemon, client: Client) -> Probe:
    return Probe(run_daemon, client, telemetry={"traces": {"enabled": True}})


def parent_of(pairs: Pairs) -> re.Match[str]:
    """Give the one traceparent among pairs, as the standard writes it."""
    values = [value for key, value in pairs if key == "traceparent"]
    assert len(values) == 1, pairs
    match = FORMAT.fullmatch(values[0])
    assert match, values
    assert match["span"] not in (SPAN, "0" * 16)
    return match


def values(pairs: Pairs, key: str) -> list[str]:
    return [value for name, value in pairs if name == key]


class TestOn:
    def test_t02_a_valid_traceparent_goes_on_with_a_span_of_the_runtime(
        self, on: Probe
    ) -> None:
        for text, flags in CONTINUED.items():
            found = parent_of(on.passed(("traceparent", text)))
            assert (found["id"], found["flags"]) == (ID, flags), text

    def test_t02_any_other_begins_a_trace(self, on: Probe) -> None:
        seen = {ID, "0" * 32}
        for text in RESTARTED:
            sent = [("traceparent", text), ("tracestate", "foo=1")]
            passed = on.passed(*sent)
            found = parent_of(passed)
            assert found["id"] not in seen, text
            assert found["flags"] == "03", text
            assert values(passed, "tracestate") == [], text
            seen.add(found["id"])

    def test_t02_none_and_other_names_begin_a_trace(self, on: Probe) -> None:
        for sent in ([], [("trace-parent", PARENT)], [("trace.parent", PARENT)]):
            found = parent_of(on.passed(*sent, ("tracestate", "foo=1")))
            assert (found["id"] == ID, found["flags"]) == (False, "03"), sent

    def test_t02_several_begin_a_trace(self, on: Probe) -> None:
        other = PARENT.replace("3331", "3332")
        for parents, continued in (
            ([PARENT], True),
            ([PARENT, other], False),
            ([PARENT, PARENT], False),
        ):
            sent = [("traceparent", parent) for parent in parents]
            got = on.ask_raw([*sent, ("tracestate", "foo=1")])
            assert (parent_of(got)["id"] == ID) is continued
            assert values(got, "tracestate") == ["foo=1"] * continued

    def test_t02_tracestate(self, on: Probe) -> None:
        for entries, expected in STATES:
            sent = [("tracestate", entry) for entry in entries]
            passed = on.passed(("traceparent", PARENT), *sent)
            assert parent_of(passed)["id"] == ID, entries
            assert values(passed, "tracestate") == ([expected] if expected else []), (
                entries
            )

    def test_t02_tracestate_needs_a_traceparent_and_its_own_name(
        self, on: Probe
    ) -> None:
        for sent in (
            [("tracestate", "foo=1")],
            [("traceparent", PARENT), ("trace-state", "foo=1")],
            [("traceparent", PARENT), ("trace.state", "foo=1")],
        ):
            assert values(on.passed(*sent), "tracestate") == [], sent

    def test_t04_baggage_passes_as_it_came(self, on: Probe) -> None:
        assert_baggage_passes(on)


class TestOff:
    def test_t02_everything_passes_as_it_came(self, off: Probe) -> None:
        for text in (*CONTINUED, *RESTARTED):
            sent = [("traceparent", text), ("tracestate", "Not valid")]
            assert off.passed(*sent) == sent
        assert off.passed() == []

    def test_t02_entries_of_tracestate_are_joined(self, off: Probe) -> None:
        passed = off.passed(*[("tracestate", member) for member in MEMBERS[:32]])
        assert passed == [("tracestate", ",".join(MEMBERS[:32]))]

    def test_t04_baggage_passes_as_it_came(self, off: Probe) -> None:
        assert_baggage_passes(off)


def assert_baggage_passes(probe: Probe) -> None:
    """64 members and what is not valid too, byte for byte; many entries as one."""
    members = [f"key{i:02}={'v' * 40};p={i}" for i in range(64)]
    encoded = "a = 1 , b=Am%C3%A9lie%FF,"
    for text in ("a=1;p", encoded, "no baggage%zz", ",".join(members)):
        assert values(probe.passed(("baggage", text)), "baggage") == [text]
    carrier = dict(probe.passed(("baggage", encoded)))
    context = W3CBaggagePropagator().extract(carrier)
    assert dict(baggage.get_all(context)) == {"a": "1", "b": "Am\u00e9lie\ufffd"}
    passed = probe.passed(*[("baggage", member) for member in members])
    assert values(passed, "baggage") == [",".join(members)]
    passed = probe.passed(*[("baggage", member) for member in [*members, "last=1"]])
    assert values(passed, "baggage") == [",".join(members)]


class TestCorrelation:
    def test_the_end_of_a_session_reaches_its_worker_as_it_was_asked_for(
        self, on: Probe
    ) -> None:
        stub = bridge_pb2_grpc.BridgeServiceStub(on.client.channel)
        message = request("default", "any")
        message.session_id = "s1"
        on.client.pool.Execute(message, timeout=20)
        sent = [
            (CORRELATION_KEY, "it-4711"),
            ("traceparent", PARENT),
            ("tracestate", "a=1"),
            ("baggage", "user=7"),
        ]
        cleanup = bridge_pb2.CleanupSessionRequest(session_id="s1")
        answer, call = stub.CleanupSession.with_call(cleanup, metadata=sent, timeout=20)
        assert answer.success
        assert (CORRELATION_KEY, "it-4711") in call.trailing_metadata()
        met = on.ask([], "met", method="CleanupSession")
        assert sorted(sent) == sorted(pair for pair in met if pair[0] in dict(sent))

    def test_each_call_of_the_bridge_says_its_id(self, off: Probe) -> None:
        stub = bridge_pb2_grpc.BridgeServiceStub(off.client.channel)
        ids = {
            "it-4711": "it-4711",
            "not valid": "sp-[0-9a-f]{24}",
            "": "sp-[0-9a-f]{24}",
        }
        for (method, message), given in itertools.product(BRIDGE_CALLS, ids):
            sent = [(CORRELATION_KEY, given)] if given else []
            call = getattr(stub, method).future(message, metadata=sent, timeout=20)
            told = [v for k, v in call.trailing_metadata() if k == CORRELATION_KEY]
            assert len(told) == 1, (method, given)
            assert re.fullmatch(ids[given], told[0]), (method, given)

    def test_a_heartbeat_has_an_id_of_its_own_and_no_trace(self, off: Probe) -> None:
        def look() -> Pairs:
            return off.ask([("traceparent", PARENT)], "met", method="Heartbeat")

        met = wait_until(look, 20, "a heartbeat")
        assert met is not None
        assert len(values(met, CORRELATION_KEY)) == 1
        assert re.fullmatch("sp-[0-9a-f]{24}", values(met, CORRELATION_KEY)[0])
        assert not [pair for pair in met if pair[0] in TRACE_KEYS]
