"""The header `traceparent`, and what a request scope keeps of the trace headers."""

from __future__ import annotations

import pytest

from snakepit_bridge._scope import RequestScope
from snakepit_bridge._traceparent import TraceIds, format_traceparent, parse_traceparent

TRACE, SPAN = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"
IDS = f"{TRACE}-{SPAN}"


@pytest.mark.parametrize(
    ("text", "flags"),
    [
        (f"00-{IDS}-01", "01"),
        (f"00-{IDS}-00", "00"),
        (f"00-{IDS}-02", "02"),
        (f"00-{IDS}-03", "03"),
        (f"00-{IDS}-ff", "03"),  # flags of the future are not passed on
        (f"cc-{IDS}-01", "01"),
        (f"cc-{IDS}-01-what-the-future-will-be-like", "01"),
        (f" \t00-{IDS}-01\t ", "01"),
    ],
)
def test_valid_headers_are_read(text: str, flags: str) -> None:
    found = parse_traceparent([text])
    assert found == TraceIds(TRACE, SPAN, flags)
    assert format_traceparent(found) == f"00-{IDS}-{flags}"


@pytest.mark.parametrize(
    "text",
    [
        "",
        f"00-{IDS}-1",
        f"00-{IDS}-001",
        f"00-{IDS}-.1",
        f"00-{IDS}-01-",
        f"00-{IDS}-01-extra",
        f"ff-{IDS}-01",
        f"0-{IDS}-01",
        f"000-{IDS}-01",
        f".0-{IDS}-01",
        f"cc-{IDS}-01.x",
        f"00-{IDS.upper()}-01",
        f"00-{'0' * 32}-{SPAN}-01",
        f"00-{TRACE}-{'0' * 16}-01",
        f"00-{TRACE[1:]}-{SPAN}-01",
        f"00-{TRACE}0-{SPAN}-01",
        f"00-{TRACE}-{SPAN[1:]}-01",
        f"00-{TRACE}-{SPAN}0-01",
    ],
)
def test_anything_else_begins_the_trace_anew(text: str) -> None:
    assert parse_traceparent([text]) is None


def test_only_a_single_header_counts() -> None:
    assert parse_traceparent([]) is None
    assert parse_traceparent([f"00-{IDS}-01"] * 2) is None


def test_a_trace_begun_anew_keeps_nothing_but_baggage() -> None:
    parent = ("traceparent", f"00-{IDS}-01")
    state, baggage = ("tracestate", "a=1"), ("baggage", "k=v")
    whole = RequestScope.from_rpc([parent, state, baggage], None, None)
    assert whole.trace_headers == (parent, state, baggage)
    for metadata in ([parent, parent, state, baggage], [state, baggage]):
        scope = RequestScope.from_rpc(metadata, None, None)
        assert (scope.trace, scope.trace_headers) == (None, (baggage,))
