"""The correlation id's rule, and where the id goes."""

from __future__ import annotations

import re

import pytest

from snakepit_bridge import _scope, telemetry
from snakepit_bridge._correlation import is_correlation_id

HEADER = telemetry.CORRELATION_HEADER


def test_new_ids_have_the_agreed_form_and_differ() -> None:
    first, second = telemetry.new_correlation_id(), telemetry.new_correlation_id()
    assert re.fullmatch(r"sp-[0-9a-f]{24}", first)
    assert first != second


@pytest.mark.parametrize("value", ["a", "A.b_c:d-9", "x" * 128])
def test_valid_ids_are_taken(value: str) -> None:
    assert is_correlation_id(value)
    token = telemetry.set_correlation_id(value)
    assert telemetry.get_correlation_id() == value
    telemetry.reset_correlation_id(token)
    assert telemetry.get_correlation_id() is None
    assert telemetry.get_correlation_id("none") == "none"


@pytest.mark.parametrize(
    "value", ["x" * 129, "a b", "a\nb", "a\n", "\u00e9", "a/b", " "]
)
def test_invalid_ids_are_replaced_and_logged(
    value: str, caplog: pytest.LogCaptureFixture
) -> None:
    assert not is_correlation_id(value)
    token = telemetry.set_correlation_id(value)
    assert is_correlation_id(telemetry.get_correlation_id() or "")
    telemetry.reset_correlation_id(token)
    assert "invalid correlation id" in caplog.text
    assert value.strip() == "" or value not in caplog.text


def test_scope_takes_header_then_fallback_then_makes_one() -> None:
    def enter(metadata: list[tuple[str, str | bytes]], fallback: str | None) -> str:
        scope = _scope.RequestScope.from_rpc(metadata, fallback, None)
        with _scope.within(scope):
            assert telemetry.get_correlation_id() == scope.correlation_id
        assert scope.correlation_id is not None
        return scope.correlation_id

    assert enter([(HEADER, "from-header")], "from-request") == "from-header"
    assert enter([], "from-request") == "from-request"
    assert enter([], None).startswith("sp-")
    assert telemetry.get_correlation_id() is None


def test_outgoing_metadata_carries_id_and_trace_headers() -> None:
    assert telemetry.outgoing_metadata() == []
    incoming: list[tuple[str, str | bytes]] = [
        (HEADER, "cid"),
        ("traceparent", f"00-{1:032x}-{2:016x}-01"),
        ("tracestate", "a=1"),
        ("tracestate", "b=2"),
        ("authorization", "secret"),
    ]
    with _scope.within(_scope.RequestScope.from_rpc(incoming, None, 2.0)):
        assert telemetry.outgoing_metadata([("x", "y"), ("traceparent", "mine")]) == [
            ("x", "y"),
            ("traceparent", "mine"),
            (HEADER, "cid"),
            ("tracestate", "a=1"),
            ("tracestate", "b=2"),
        ]
        left = _scope.deadline()
        assert left is not None
        assert 0.0 < left <= 2.0
    assert _scope.deadline() is None
