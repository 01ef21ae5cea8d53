"""The spans of rpcs: one for each call, with the right status, parent and names."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, Callable

import grpc
import pytest
from opentelemetry import baggage
from opentelemetry.trace import SpanKind
from span_lab import (
    PARENT_ID,
    TRACE_ID,
    TRACEPARENT,
    Spans,
    outcome,
    serving,
    spans,
    status,
    wait,
)

from snakepit_bridge import _otel, telemetry
from snakepit_bridge._interceptor import status_of
from snakepit_bridge._trace import current_ids

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable

    from opentelemetry.sdk.trace import ReadableSpan

__all__ = ["spans"]

SERVER_ERRORS = {
    "UNKNOWN",
    "DEADLINE_EXCEEDED",
    "UNIMPLEMENTED",
    "INTERNAL",
    "UNAVAILABLE",
    "DATA_LOSS",
}
CODES = [code.name for code in grpc.StatusCode if code is not grpc.StatusCode.OK]
SHAPES = ["UU", "US", "USWriter", "SU", "SS", "SSWriter"]


class OddError(Exception):
    """What a handler raises."""


class Shapes:
    """A service with a method of each shape, that ends as its request says."""

    def __init__(self) -> None:
        self.running = asyncio.Event()

    async def _end(self, how: bytes, context: Any) -> None:
        word = how.decode()
        if word == "raise":
            raise OddError
        if word == "wait":
            self.running.set()
            await asyncio.Event().wait()
        if word != "ok":
            await context.abort(grpc.StatusCode[word], "as asked")

    async def uu(self, how: bytes, context: Any) -> bytes:
        await self._end(how, context)
        return b""

    async def us(self, how: bytes, context: Any) -> AsyncIterator[bytes]:
        yield b""
        await self._end(how, context)
        yield b""

    async def us_writer(self, how: bytes, context: Any) -> None:
        await context.write(b"")
        await self._end(how, context)

    async def su(self, requests: AsyncIterator[bytes], context: Any) -> bytes:
        return await self.uu(await requests.__anext__(), context)

    async def ss(
        self, requests: AsyncIterator[bytes], context: Any
    ) -> AsyncIterator[bytes]:
        async for how in requests:
            yield b""
            await self._end(how, context)

    async def ss_writer(self, requests: AsyncIterator[bytes], context: Any) -> None:
        await self.us_writer(await requests.__anext__(), context)

    def add(self, server: grpc.aio.Server) -> None:
        handlers: dict[str, Any] = {
            "UU": grpc.unary_unary_rpc_method_handler(self.uu),
            "US": grpc.unary_stream_rpc_method_handler(self.us),
            "USWriter": grpc.unary_stream_rpc_method_handler(self.us_writer),
            "SU": grpc.stream_unary_rpc_method_handler(self.su),
            "SS": grpc.stream_stream_rpc_method_handler(self.ss),
            "SSWriter": grpc.stream_stream_rpc_method_handler(self.ss_writer),
        }
        generic = grpc.method_handlers_generic_handler("test.Shapes", handlers)
        server.add_generic_rpc_handlers((generic,))


def begin(channel: Any, shape: str, how: str, **options: Any) -> Any:
    """Start a call; returns the call object."""
    path = f"/test.Shapes/{shape}"
    sent: Any = how.encode()
    if shape[0] == "S":
        sent = iter([sent])
    kind = "stream" if shape[0] == "S" else "unary"
    kind += "_stream" if shape[1] == "S" else "_unary"
    return getattr(channel, kind)(path)(sent, **options)


def end(call: Any) -> Awaitable[str]:
    """Take all that a call answers; returns the name of its status."""

    async def drain() -> None:
        if hasattr(call, "__aiter__"):
            async for _ in call:
                pass
        else:
            await call

    return outcome(drain())


def run_call(
    spans: Spans, shape: str, how: str, **options: Any
) -> tuple[str, ReadableSpan]:
    """Make one call; returns the status the client saw, and the span."""

    async def run() -> tuple[str, ReadableSpan]:
        async with serving(Shapes().add) as channel:
            seen = await end(begin(channel, shape, how, **options))
            return seen, await spans.named(f"test.Shapes/{shape}")

    return asyncio.run(run())


# ---- Y01: how calls end --------------------------------------------------------------


@pytest.mark.parametrize("shape", SHAPES)
def test_y01_a_call_that_returns_has_no_status(spans: Spans, shape: str) -> None:
    seen, span = run_call(spans, shape, "ok")
    assert (seen, status(span)) == ("OK", ("OK", "UNSET", None, 0))


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("code", CODES)
def test_y01_an_abort_is_an_error_only_where_it_is_the_servers(
    spans: Spans, shape: str, code: str
) -> None:
    seen, span = run_call(spans, shape, code)
    failed = code in SERVER_ERRORS
    assert seen == code
    assert status(span) == (
        (code, "ERROR", code, 0) if failed else (code, "UNSET", None, 0)
    )


@pytest.mark.parametrize("shape", SHAPES)
def test_y01_an_exception_is_recorded_once(spans: Spans, shape: str) -> None:
    seen, span = run_call(spans, shape, "raise")
    name = f"{__name__}.OddError"
    assert (seen, status(span)) == ("UNKNOWN", ("UNKNOWN", "ERROR", name, 1))
    (event,) = span.events
    assert event.attributes is not None
    assert event.attributes["exception.type"] == name
    assert "raise OddError" in str(event.attributes["exception.stacktrace"])


@pytest.mark.parametrize("shape", SHAPES)
def test_y01_a_cancelled_call_is_no_error_and_detaches_quietly(
    spans: Spans, shape: str, caplog: pytest.LogCaptureFixture
) -> None:
    async def run() -> ReadableSpan:
        service = Shapes()
        async with serving(service.add) as channel:
            call = begin(channel, shape, "wait")
            ended = asyncio.ensure_future(end(call))
            await service.running.wait()
            call.cancel()
            assert await ended == "CANCELLED"
            return await spans.named(f"test.Shapes/{shape}")

    assert status(asyncio.run(run())) == ("CANCELLED", "UNSET", None, 0)
    assert "Failed to detach" not in caplog.text


@pytest.mark.parametrize("shape", SHAPES)
def test_y01_a_call_out_of_time_says_so(spans: Spans, shape: str) -> None:
    # A call may be late because it came late, and then looks cancelled to its server:
    # the more time it has, the less that counts.
    async def late(channel: Any, service: Shapes, timeout_s: float) -> object:
        before = len(spans.all())
        assert await end(begin(channel, shape, "wait", timeout=timeout_s)) == (
            "DEADLINE_EXCEEDED"
        )
        if not service.running.is_set():
            return None
        service.running.clear()
        await wait("its span", lambda: len(spans.all()) > before)
        return status(spans.all()[-1])

    async def run() -> list[object]:
        service = Shapes()
        seen: list[object] = []
        async with serving(service.add) as channel:
            for timeout_s in (0.2, 0.5, 1.0, 4.0):
                seen.append(await late(channel, service, timeout_s))
                if seen[-1] is not None and seen[-1][0] != "CANCELLED":  # type: ignore[index]
                    break
        return seen

    expected = ("DEADLINE_EXCEEDED", "ERROR", "DEADLINE_EXCEEDED", 0)
    assert asyncio.run(run())[-1] == expected


def test_y01_a_stream_that_is_left_ends_its_span(
    spans: Spans, caplog: pytest.LogCaptureFixture
) -> None:
    async def run() -> ReadableSpan:
        async with serving(Shapes().add) as channel:
            call = begin(channel, "US", "ok")
            await call.read()
            call.cancel()
            return await spans.named("test.Shapes/US")

    span = asyncio.run(run())
    assert status(span)[1:] == ("UNSET", None, 0)
    assert "detach" not in caplog.text


@pytest.mark.parametrize(
    ("error", "code", "late", "expected"),
    [
        (None, 0, False, "OK"),
        (None, None, False, "OK"),
        (None, 5, False, "NOT_FOUND"),  # context.set_code()
        (grpc.aio.AbortError(), grpc.StatusCode.NOT_FOUND, False, "NOT_FOUND"),
        (grpc.aio.AbortError(), 3, False, "INVALID_ARGUMENT"),
        (grpc.aio.AbortError(), 99, False, "UNKNOWN"),
        (ValueError(), 0, True, "UNKNOWN"),
        (asyncio.CancelledError(), 0, False, "CANCELLED"),
        (asyncio.CancelledError(), 0, True, "DEADLINE_EXCEEDED"),
        (GeneratorExit(), 0, False, "CANCELLED"),
    ],
)
def test_y01_statuses(
    error: BaseException | None, code: Any, *, late: bool, expected: str
) -> None:
    assert status_of(error, code, late=late) == expected


# ---- names and parents ---------------------------------------------------------------


def test_a_span_says_what_was_called_where_and_for_whom(spans: Spans) -> None:
    _, span = run_call(
        spans, "UU", "ok", metadata=((telemetry.CORRELATION_HEADER, "cid-1"),)
    )
    assert span.kind is SpanKind.SERVER
    assert span.parent is None
    assert dict(span.attributes or {}) == {
        "rpc.system.name": "grpc",
        "rpc.method": "test.Shapes/UU",
        "rpc.response.status_code": "OK",
        "server.address": "/the/socket",
        "snakepit.correlation_id": "cid-1",
    }
    assert span.instrumentation_scope is not None
    assert span.instrumentation_scope.schema_url == _otel.SCHEMA_URL


def test_the_parent_is_the_callers_span(spans: Spans) -> None:
    metadata = (
        ("traceparent", TRACEPARENT),
        ("tracestate", "a=1"),
        ("tracestate", "b=2"),
    )
    _, span = run_call(spans, "US", "ok", metadata=metadata)
    assert span.parent is not None
    assert span.parent.is_remote
    assert f"{span.parent.span_id:016x}" == PARENT_ID
    assert f"{span.context.trace_id:032x}" == TRACE_ID
    assert span.context.trace_state.to_header() == "a=1,b=2"


@pytest.mark.parametrize(
    "metadata",
    [
        (("traceparent", TRACEPARENT.upper()), ("tracestate", "a=1")),
        (("tracestate", "a=1"),),
    ],
)
def test_without_a_valid_parent_a_trace_begins(spans: Spans, metadata: Any) -> None:
    _, span = run_call(spans, "UU", "ok", metadata=metadata)
    assert span.parent is None
    assert f"{span.context.trace_id:032x}" != TRACE_ID
    assert not span.context.trace_state


def test_a_trace_that_is_not_sampled_makes_no_span(spans: Spans) -> None:
    seen: list[Any] = []

    class Noting(Shapes):
        async def uu(self, how: bytes, context: Any) -> bytes:
            seen.extend([current_ids(), telemetry.get_correlation_id()])
            return await super().uu(how, context)

    async def run() -> None:
        async with serving(Noting().add) as channel:
            header = ("traceparent", TRACEPARENT[:-2] + "00")
            await end(begin(channel, "UU", "ok", metadata=(header,)))
            await end(begin(channel, "US", "ok"))  # of the same server, and sampled
            await spans.named("test.Shapes/US")

    asyncio.run(run())
    assert [span.name for span in spans.all()] == ["test.Shapes/US"]
    assert (seen[0].trace_id, seen[0].trace_flags) == (TRACE_ID, "00")
    assert seen[1].startswith("sp-")


# ---- what handlers, and calls from them, see -----------------------------------------


def headers_sent(
    spans: Spans, metadata: Any, act: Callable[[], object] | None = None
) -> tuple[dict[str, str], ReadableSpan]:
    """Return what a call made in a handler would carry, and the handler's span."""
    sent: dict[str, str] = {}

    class Calling(Shapes):
        async def uu(self, how: bytes, context: Any) -> bytes:
            if act is not None:
                act()
            sent.update(telemetry.outgoing_metadata())
            return await super().uu(how, context)

    async def run() -> ReadableSpan:
        async with serving(Calling().add) as channel:
            await end(begin(channel, "UU", "ok", metadata=metadata))
            return await spans.named("test.Shapes/UU")

    return sent, asyncio.run(run())


def test_calls_from_a_handler_carry_its_own_span(spans: Spans) -> None:
    odd = "k=v%20w;p=1,other=x"  # must arrive as it is
    incoming = [
        (telemetry.CORRELATION_HEADER, "cid-2"),
        ("traceparent", TRACEPARENT),
        ("tracestate", "a=1"),
        ("baggage", odd),
    ]
    sent, span = headers_sent(spans, incoming)
    assert sent == {
        telemetry.CORRELATION_HEADER: "cid-2",
        "traceparent": f"00-{TRACE_ID}-{span.context.span_id:016x}-01",
        "tracestate": "a=1",
        "baggage": odd,
    }


def test_baggage_that_the_adapter_adds_is_sent(spans: Spans) -> None:
    def add() -> None:
        from opentelemetry import context  # noqa: PLC0415

        context.attach(baggage.set_baggage("tenant", "t 1"))

    sent, _ = headers_sent(spans, [("baggage", "k=v")], add)
    assert sorted(sent["baggage"].split(",")) == ["k=v", "tenant=t+1"]


def test_nothing_of_a_call_is_left_behind_in_a_streams_task(spans: Spans) -> None:
    seen: list[Any] = []

    class Noting(Shapes):
        async def us(self, how: bytes, context: Any) -> AsyncIterator[bytes]:
            del how, context
            for _ in range(2):
                seen.append((current_ids(), telemetry.get_correlation_id()))
                yield b""

    async def run() -> ReadableSpan:
        async with serving(Noting().add) as channel:
            await end(begin(channel, "US", "ok"))
            return await spans.named("test.Shapes/US")

    span = asyncio.run(run())
    assert seen[0] == seen[1]
    assert seen[0][0].span_id == f"{span.context.span_id:016x}"
    assert current_ids() is None
