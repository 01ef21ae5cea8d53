"""What needs the OpenTelemetry API. Imported by _trace alone, where the API is there.

Spans come from whatever provider the process has: the one of _trace_sdk, one that the
adapter set up, or none, and then they only carry the caller's ids.
"""

from __future__ import annotations

import asyncio
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from opentelemetry import baggage, context, trace
from opentelemetry.baggage.propagation import W3CBaggagePropagator
from opentelemetry.trace import (
    NonRecordingSpan,
    SpanContext,
    SpanKind,
    Status,
    StatusCode,
    TraceFlags,
    TraceState,
)

from ._failure import failure_event
from ._traceparent import TraceIds, format_traceparent

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from contextvars import Token

    from opentelemetry.context import Context
    from opentelemetry.trace import Span

    from ._scope import RequestScope

__all__ = ["SCHEMA_URL", "RpcSpan", "add_event", "current_ids", "headers", "local_span"]

# All names of attributes below are those of this release of the semantic conventions.
SCHEMA_URL = "https://opentelemetry.io/schemas/1.44.0"
_STATUS_CODE = "rpc.response.status_code"
_ERROR_TYPE = "error.type"

# The statuses that are a server's fault; all others are its caller's.
_SERVER_ERRORS = frozenset(
    {
        "UNKNOWN",
        "DEADLINE_EXCEEDED",
        "UNIMPLEMENTED",
        "INTERNAL",
        "UNAVAILABLE",
        "DATA_LOSS",
    }
)

# What ends a block that nobody waits for any more: no failure of its own.
_LEFT = (asyncio.CancelledError, GeneratorExit)

_tracer = trace.get_tracer("snakepit_bridge", schema_url=SCHEMA_URL)
_baggage = W3CBaggagePropagator()


class RpcSpan:
    """The server span of one rpc; current where attach() says so."""

    def __init__(
        self, method: str, scope: RequestScope, attributes: Mapping[str, str]
    ) -> None:
        """Start it, as a child of the caller's span if that is known."""
        parent = _incoming(scope)
        self._span = _tracer.start_span(
            method, parent, kind=SpanKind.SERVER, attributes=attributes
        )
        self._context = trace.set_span_in_context(self._span, parent)

    def attach(self) -> Token[Context]:
        """Make it the current span; detach() with what this returns, in this task."""
        return context.attach(self._context)

    @staticmethod
    def detach(token: Token[Context]) -> None:
        """Undo attach()."""
        context.detach(token)

    def end(self, code: str, failure: BaseException | None) -> None:
        """End it with the name of a gRPC status, and what was raised meanwhile."""
        if self._span.is_recording():
            self._span.set_attribute(_STATUS_CODE, code)
            if failure is not None:
                _fail(self._span, failure)
            elif code in _SERVER_ERRORS:
                self._span.set_attribute(_ERROR_TYPE, code)
                self._span.set_status(Status(StatusCode.ERROR))
        self._span.end()


@contextmanager
def local_span(
    name: str, attributes: Mapping[str, Any], correlation_id: str | None
) -> Iterator[None]:
    """Have a span around a block."""
    if correlation_id is not None:
        attributes = {**attributes, "snakepit.correlation_id": correlation_id}
    span = _tracer.start_span(name, attributes=_plain(attributes))
    around = trace.set_span_in_context(span)
    token = context.attach(around)
    try:
        yield
    except BaseException as exc:
        if span.is_recording() and not isinstance(exc, _LEFT):
            _fail(span, exc)
        raise
    finally:
        # An async generator may be closed in another context than it ran in.
        if context.get_current() is around:
            context.detach(token)
        span.end()


def add_event(name: str, attributes: Mapping[str, Any]) -> None:
    """Note an event in the current span, if there is one that records."""
    span = trace.get_current_span()
    if span.is_recording():
        span.add_event(name, _plain(attributes))


def current_ids() -> TraceIds | None:
    """Return where the current span stands; None without one."""
    found = trace.get_current_span().get_span_context()
    if not found.is_valid:
        return None
    return TraceIds(
        trace.format_trace_id(found.trace_id),
        trace.format_span_id(found.span_id),
        f"{found.trace_flags:02x}",
    )


def headers(scope: RequestScope) -> list[tuple[str, str]] | None:
    """Return the headers of a call made in the current span; None without one."""
    ids = current_ids()
    if ids is None:
        return None
    found = [("traceparent", format_traceparent(ids))]
    state = trace.get_current_span().get_span_context().trace_state.to_header()
    if state:
        found.append(("tracestate", state))
    return found + _outgoing_baggage(scope)


def _incoming(scope: RequestScope) -> Context:
    """Make the context that the caller's headers describe."""
    made = context.Context()
    if scope.trace is not None:
        ids = scope.trace
        parent = SpanContext(
            int(ids.trace_id, 16),
            int(ids.span_id, 16),
            is_remote=True,
            trace_flags=TraceFlags(int(ids.trace_flags, 16)),
            trace_state=TraceState.from_header(scope.headers("tracestate")),
        )
        made = trace.set_span_in_context(NonRecordingSpan(parent), made)
    sent = scope.headers("baggage")
    if sent:
        made = _baggage.extract({"baggage": ",".join(sent)}, made)
    return made


def _outgoing_baggage(scope: RequestScope) -> list[tuple[str, str]]:
    """Send baggage on as it came, byte for byte, unless the adapter changed it."""
    sent = scope.headers("baggage")
    came = _baggage.extract({"baggage": ",".join(sent)}, context.Context())
    if baggage.get_all() == baggage.get_all(came):
        return [("baggage", value) for value in sent]
    carrier: dict[str, str] = {}
    _baggage.inject(carrier)
    return list(carrier.items())


def _fail(span: Span, exc: BaseException) -> None:
    event = failure_event(exc)
    span.add_event("exception", event)
    span.set_attribute(_ERROR_TYPE, event["exception.type"])
    text = f"{event['exception.type']}: {event['exception.message']}"
    span.set_status(Status(StatusCode.ERROR, text))


def _plain(attributes: Mapping[str, Any]) -> dict[str, str | bool | int | float]:
    """Keep what a span takes as it is, and have the rest as text."""
    return {
        str(key): item if isinstance(item, (str, bool, int, float)) else str(item)
        for key, item in attributes.items()
    }
