"""An adapter with spans of its own, through the plain OpenTelemetry API."""

from __future__ import annotations

import logging
from collections.abc import Iterator

from snakepit_bridge import BaseAdapter, telemetry, tool

try:
    from opentelemetry import trace
except ImportError:  # the tests run it without, too
    trace = None  # type: ignore[assignment]

logger = logging.getLogger("adapter")


class TracingAdapter(BaseAdapter):
    """Work, stream and fail, and log where."""

    __thread_safe__ = True

    @tool(description="Do a step in a span of its own")
    def work(self) -> bool:
        logger.info("works")
        if trace is not None:
            with trace.get_tracer("adapter").start_as_current_span("adapter.step"):
                logger.info("steps")
        with telemetry.span("adapter.told"):
            logger.info("tells")
        return trace is not None

    @tool(description="Fail")
    def fail(self) -> None:
        message = "on purpose"
        raise ValueError(message)

    @tool(description="Count", supports_streaming=True)
    def count(self, to: int) -> Iterator[int]:
        yield from range(to)
