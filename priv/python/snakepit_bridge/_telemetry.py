"""emit() and span(): what adapters call to tell the host something."""

from __future__ import annotations

import time
from contextlib import contextmanager, nullcontext
from typing import TYPE_CHECKING, Any

from ._correlation import get_correlation_id, reset_correlation_id, set_correlation_id
from ._telemetry_buffer import default_buffer
from ._trace import otel

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

__all__ = ["emit", "span"]


def emit(
    event: str,
    measurements: Mapping[str, Any],
    metadata: Mapping[str, Any] | None = None,
    correlation_id: str | None = None,
) -> None:
    """Send an event to the host; never blocks, and drops rather than grow.

    `event` is a dotted name. Measurements are numbers (anything else is sent as text),
    metadata is text. Without a correlation id the current request's is used.
    """
    api = otel()
    if api is not None:
        api.add_event(event, {**(metadata or {}), **measurements})
    default_buffer.emit(event, measurements, metadata, correlation_id)


@contextmanager
def span(
    operation: str,
    metadata: Mapping[str, Any] | None = None,
    correlation_id: str | None = None,
) -> Iterator[None]:
    """Emit `<operation>.start`, then `.stop` or `.exception` with `duration` in ns.

    Inside the block `correlation_id`, if given, is the current one. Where OpenTelemetry
    is in use, the block is a span of that name.
    """
    token = None if correlation_id is None else set_correlation_id(correlation_id)
    current = get_correlation_id()
    api = otel()
    around = nullcontext()
    if api is not None:
        around = api.local_span(operation, metadata or {}, current)
    try:
        with around, _told(operation, metadata, current):
            yield
    finally:
        reset_correlation_id(token)


@contextmanager
def _told(
    operation: str, metadata: Mapping[str, Any] | None, current: str | None
) -> Iterator[None]:
    """Emit the events of a span."""
    emit = default_buffer.emit
    began = time.perf_counter_ns()
    emit(f"{operation}.start", {"system_time": time.time_ns()}, metadata, current)
    try:
        yield
    except BaseException as exc:
        details = {
            **(metadata or {}),
            "error_type": type(exc).__name__,
            "error_message": str(exc),
        }
        duration = {"duration": time.perf_counter_ns() - began}
        emit(f"{operation}.exception", duration, details, current)
        raise
    else:
        duration = {"duration": time.perf_counter_ns() - began}
        emit(f"{operation}.stop", duration, metadata, current)
