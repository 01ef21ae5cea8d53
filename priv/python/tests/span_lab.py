"""Spans of this process, for tests to look at, and a server whose rpcs make them."""

from __future__ import annotations

import asyncio
import time
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any, Callable, TypeVar

import grpc
import pytest
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from snakepit_bridge import _otel
from snakepit_bridge._interceptor import RequestInterceptor

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable

DEADLINE_S = 20.0
TRACE_ID = "4bf92f3577b34da6a3ce929d0e0e4736"
PARENT_ID = "00f067aa0ba902b7"
TRACEPARENT = f"00-{TRACE_ID}-{PARENT_ID}-01"

T = TypeVar("T")


class Spans:
    """The ended spans of a provider of its own."""

    def __init__(self) -> None:
        self._memory = InMemorySpanExporter()
        provider = TracerProvider(resource=Resource({}), shutdown_on_exit=False)
        provider.add_span_processor(SimpleSpanProcessor(self._memory))
        self.tracer = provider.get_tracer("test", schema_url=_otel.SCHEMA_URL)

    def all(self) -> tuple[ReadableSpan, ...]:
        return self._memory.get_finished_spans()

    async def named(self, name: str) -> ReadableSpan:
        """Wait for the one span of this name."""
        found: list[ReadableSpan] = []

        def ended() -> bool:
            found[:] = [span for span in self.all() if span.name == name]
            return bool(found)

        await wait(f"a span {name}", ended)
        assert len(found) == 1
        return found[0]


@pytest.fixture
def spans(monkeypatch: pytest.MonkeyPatch) -> Spans:
    """Have the bridge's spans collected; those of the plain API stay what they were."""
    made = Spans()
    monkeypatch.setattr(_otel, "_tracer", made.tracer)
    return made


async def wait(what: str, condition: Callable[[], object]) -> None:
    deadline = time.monotonic() + DEADLINE_S
    while not condition():
        assert time.monotonic() < deadline, f"in vain: {what}"
        await asyncio.sleep(0.005)


@asynccontextmanager
async def serving(add: Callable[[grpc.aio.Server], object]) -> AsyncIterator[Any]:
    """Serve what `add` adds, behind our interceptor; yields a channel to it."""
    server = grpc.aio.server(interceptors=(RequestInterceptor("unix:/the/socket"),))
    add(server)
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    try:
        async with grpc.aio.insecure_channel(f"127.0.0.1:{port}") as channel:
            yield channel
    finally:
        await server.stop(None)


def status(span: ReadableSpan) -> tuple[object, str, object, int]:
    """Return rpc status, span status, error.type and the number of exceptions."""
    attributes = span.attributes or {}
    return (
        attributes.get("rpc.response.status_code"),
        span.status.status_code.name,
        attributes.get("error.type"),
        sum(event.name == "exception" for event in span.events),
    )


async def outcome(call: Awaitable[object]) -> str:
    """Return the name of the status with which a call ends."""
    try:
        await call
    except grpc.aio.AioRpcError as exc:
        return exc.code().name
    except asyncio.CancelledError:
        return "CANCELLED"
    return "OK"
