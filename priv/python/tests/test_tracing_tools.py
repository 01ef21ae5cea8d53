"""What tools see of their trace, and what their failures leave in it."""

from __future__ import annotations

import asyncio
import contextlib
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import pytest
from opentelemetry.trace import SpanKind
from span_lab import Spans, outcome, serving, spans, status
from worker_process import request

from snakepit_bridge import BaseAdapter, telemetry, tool
from snakepit_bridge._dispatch import Dispatcher
from snakepit_bridge._executor import ToolExecutor
from snakepit_bridge._proto import pb, pb_grpc
from snakepit_bridge._service import BridgeService
from snakepit_bridge._telemetry_buffer import TelemetryBuffer
from snakepit_bridge._trace import current_ids

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator

    from opentelemetry.sdk.trace import ReadableSpan

__all__ = ["spans"]

SERVICE = "snakepit.bridge.BridgeService"
UNARY, STREAM = f"{SERVICE}/ExecuteTool", f"{SERVICE}/ExecuteStreamingTool"


class OddError(Exception):
    """Its text cannot be made."""

    def __str__(self) -> str:
        raise RuntimeError


def where() -> list[str | None]:
    """Return the trace, the span and the correlation id of this place."""
    ids = current_ids()
    return [*(ids[:2] if ids else (None, None)), telemetry.get_correlation_id()]


class Traced(BaseAdapter):
    @tool()
    def fail(self) -> None:
        msg = "no"
        raise ValueError(msg)

    @tool()
    def fail_oddly(self) -> None:
        raise OddError

    @tool()
    def fail_late(self) -> Iterator[int]:
        yield 1
        self.fail()

    @tool()
    def place(self) -> Any:
        return where()

    @tool()
    async def place_in_threads(self) -> Any:
        loop = asyncio.get_running_loop()
        with ThreadPoolExecutor(1) as own:
            return [
                where(),
                await loop.run_in_executor(None, where),
                await loop.run_in_executor(own, where),
                await asyncio.to_thread(where),
            ]

    @tool()
    def places(self) -> Iterator[Any]:
        yield where()
        with telemetry.span("inner"):
            yield where()
        yield where()

    @tool()
    async def async_places(self) -> AsyncIterator[Any]:
        yield where()
        with telemetry.span("inner"):
            yield where()

    @tool()
    def tell(self) -> None:
        with telemetry.span("outer", {"day": "monday", "list": [1]}):
            telemetry.emit("rows", {"count": 3}, {"kind": "x"})
            with contextlib.suppress(ValueError), telemetry.span("inner"):
                self.fail()


class _Calling:
    """A served adapter, and the calls to it."""

    def __init__(self, spans: Spans, channel: Any, executor: ToolExecutor) -> None:
        self.spans = spans
        self.stub = pb_grpc.BridgeServiceStub(channel)
        self.executor = executor

    async def result(self, name: str) -> Any:
        from snakepit_bridge._values import decode_json  # noqa: PLC0415

        reply = await self.stub.ExecuteTool(request(name))
        assert reply.success, reply.error_message
        return decode_json(reply.result.value)

    async def chunks(self, name: str) -> list[Any]:
        from snakepit_bridge._values import decode_json  # noqa: PLC0415

        call = self.stub.ExecuteStreamingTool(request(name))
        return [decode_json(chunk.data) async for chunk in call if chunk.data]


@contextlib.asynccontextmanager
async def calling(spans: Spans) -> AsyncIterator[_Calling]:
    executor = ToolExecutor(1)
    service = BridgeService(Dispatcher(Traced()), executor, TelemetryBuffer())
    try:
        async with serving(
            lambda server: pb_grpc.add_BridgeServiceServicer_to_server(service, server)
        ) as channel:
            yield _Calling(spans, channel, executor)
    finally:
        executor.close()


def ids_of(span: ReadableSpan) -> list[str | None]:
    return [f"{span.context.trace_id:032x}", f"{span.context.span_id:016x}"]


# ---- Y01: failures of tools ----------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "error"), [("fail", "ValueError"), ("fail_oddly", f"{__name__}.OddError")]
)
def test_y01_a_failed_tool_is_an_error_though_the_rpc_is_not(
    spans: Spans, name: str, error: str
) -> None:
    async def run() -> tuple[Any, ReadableSpan]:
        async with calling(spans) as served:
            reply = await served.stub.ExecuteTool(request(name, session_id="s"))
            return reply, await spans.named(UNARY)

    reply, span = asyncio.run(run())
    assert not reply.success
    assert status(span) == ("OK", "ERROR", error, 1)
    assert span.attributes is not None
    assert span.attributes["snakepit.tool"] == name
    assert span.attributes["snakepit.session.id"] == "s"


def test_y01_a_failed_stream_has_both_its_status_and_its_exception(
    spans: Spans,
) -> None:
    async def run() -> tuple[str, ReadableSpan]:
        async with calling(spans) as served:
            seen = await outcome(served.chunks("fail_late"))
            return seen, await spans.named(STREAM)

    seen, span = asyncio.run(run())
    assert (seen, status(span)) == ("INTERNAL", ("INTERNAL", "ERROR", "ValueError", 1))


def test_y01_a_tool_that_is_not_there_is_the_callers_mistake(spans: Spans) -> None:
    async def run() -> tuple[str, ReadableSpan]:
        async with calling(spans) as served:
            seen = await outcome(served.stub.ExecuteTool(request("nothing")))
            return seen, await spans.named(UNARY)

    seen, span = asyncio.run(run())
    assert (seen, status(span)) == ("NOT_FOUND", ("NOT_FOUND", "UNSET", None, 0))


# ---- Y04: where the context goes -----------------------------------------------------


@pytest.mark.parametrize("name", ["place", "place_in_threads"])
def test_y04_threads_of_a_call_know_its_span(spans: Spans, name: str) -> None:
    async def run() -> tuple[list[Any], ReadableSpan]:
        async with calling(spans) as served:
            found = await served.result(name)
            return found, await spans.named(UNARY)

    found, span = asyncio.run(run())
    assert span.attributes is not None
    expected = [*ids_of(span), span.attributes["snakepit.correlation_id"]]
    assert found == (expected if name == "place" else [expected] * 4)


@pytest.mark.parametrize("name", ["places", "async_places"])
def test_y04_a_span_around_a_yield_is_current_inside_only(
    spans: Spans, name: str, caplog: pytest.LogCaptureFixture
) -> None:
    async def run() -> tuple[list[Any], ReadableSpan, ReadableSpan]:
        async with calling(spans) as served:
            found = await served.chunks(name)
            return found, await spans.named(STREAM), await spans.named("inner")

    found, outer, inner = asyncio.run(run())
    expected = [ids_of(outer), ids_of(inner), ids_of(outer)]
    assert [place[:2] for place in found] == expected[: len(found)]
    assert inner.parent is not None
    assert inner.parent.span_id == outer.context.span_id
    assert "detach" not in caplog.text


# ---- Y05: what makes no spans --------------------------------------------------------


def test_y05_liveness_and_telemetry_make_no_span(spans: Spans) -> None:
    async def run() -> None:
        async with calling(spans) as served:
            await served.stub.Ping(pb.PingRequest())
            await served.stub.Heartbeat(pb.HeartbeatRequest())
            stream = served.stub.StreamTelemetry()
            await stream.initial_metadata()
            stream.cancel()
            await outcome(stream.read())
            request_ = pb.InitializeSessionRequest(session_id="s")
            reply = await served.stub.InitializeSession(request_)
            assert reply.success
            await spans.named(f"{SERVICE}/InitializeSession")

    asyncio.run(run())
    assert [span.name for span in spans.all()] == [f"{SERVICE}/InitializeSession"]


# ---- snakepit_bridge.telemetry -------------------------------------------------------


def test_telemetry_spans_and_events_are_part_of_the_trace(spans: Spans) -> None:
    async def run() -> tuple[ReadableSpan, ...]:
        async with calling(spans) as served:
            await served.result("tell")
            return (
                await spans.named(UNARY),
                await spans.named("outer"),
                await spans.named("inner"),
            )

    server, outer, inner = asyncio.run(run())
    assert server.attributes is not None
    correlation_id = server.attributes["snakepit.correlation_id"]
    assert [span.kind for span in (outer, inner)] == [SpanKind.INTERNAL] * 2
    assert outer.parent is not None
    assert outer.parent.span_id == server.context.span_id
    assert dict(outer.attributes or {}) == {
        "day": "monday",
        "list": "[1]",
        "snakepit.correlation_id": correlation_id,
    }
    (event,) = outer.events
    assert event.name == "rows"
    assert dict(event.attributes or {}) == {"count": 3, "kind": "x"}
    assert inner.parent is not None
    assert inner.parent.span_id == outer.context.span_id
    assert status(inner)[1:] == ("ERROR", "ValueError", 1)
    assert status(server) == ("OK", "UNSET", None, 0)


def test_a_generator_closed_elsewhere_does_not_detach_what_is_not_its_own(
    spans: Spans, caplog: pytest.LogCaptureFixture
) -> None:
    async def numbers() -> AsyncIterator[int]:
        with telemetry.span("left"):
            yield 1

    async def run() -> None:
        stream = numbers()
        task = asyncio.ensure_future(stream.__anext__())
        await task  # entered in a task that has ended
        await stream.aclose()  # type: ignore[attr-defined]
        await spans.named("left")

    asyncio.run(run())
    assert status(spans.all()[0])[1:] == ("UNSET", None, 0)
    assert "detach" not in caplog.text
