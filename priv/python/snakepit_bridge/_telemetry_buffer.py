"""Telemetry events on their way from any thread to the host's stream."""

from __future__ import annotations

import asyncio
import fnmatch
import random
import threading
import time
from collections import deque
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from ._correlation import get_correlation_id
from ._proto import pb

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping

__all__ = ["TelemetryBuffer", "default_buffer"]

_BOUND = 1024


class TelemetryBuffer:
    """Keeps up to `bound` events until a stream takes them; never blocks an emitter.

    What comes when it is full is dropped and counted; the reader is told the count by
    an event `telemetry.dropped`. emit(), apply() and close() may come from any thread.
    """

    def __init__(self, bound: int = _BOUND) -> None:
        """Start empty, enabled and without filters."""
        self._bound = bound
        self._lock = threading.Lock()  # over all that follows
        self._events: deque[pb.TelemetryEvent] = deque()
        self._dropped = 0  # since the reader was last told
        self._reader: _Reader | None = None
        self._closed = False
        self._enabled = True
        self._sampling_rate = 1.0
        self._sampled: list[str] = []
        self._allow: list[str] = []
        self._deny: list[str] = []

    def emit(
        self,
        event: str,
        measurements: Mapping[str, Any],
        metadata: Mapping[str, Any] | None = None,
        correlation_id: str | None = None,
    ) -> None:
        """Queue an event, unless the host asked not to have it."""
        with self._lock:
            wanted = self._wants(event)
        if not wanted:
            return
        message = pb.TelemetryEvent(
            event_parts=event.split("."),
            measurements={key: _value(item) for key, item in measurements.items()},
            metadata={str(key): str(item) for key, item in (metadata or {}).items()},
            timestamp_ns=time.time_ns(),
            correlation_id=correlation_id or get_correlation_id("") or "",
        )
        with self._lock:
            if len(self._events) >= self._bound:
                self._dropped += 1
                return
            self._events.append(message)
            reader = self._reader
        if reader is not None:
            reader.wake()

    def apply(self, control: pb.TelemetryControl) -> None:
        """Do what the host asks: switch on or off, sample, filter by name pattern."""
        which = control.WhichOneof("control")
        with self._lock:
            if which == "toggle":
                self._enabled = control.toggle.enabled
            elif which == "sampling":
                self._sampling_rate = control.sampling.sampling_rate
                self._sampled = list(control.sampling.event_patterns)
            elif which == "filter":
                self._allow = list(control.filter.allow)
                self._deny = list(control.filter.deny)

    async def read(self) -> AsyncIterator[pb.TelemetryEvent]:
        """Take events as they come, until close(), or until somebody else reads."""
        reader = _Reader()
        with self._lock:
            former, self._reader = self._reader, reader
        if former is not None:
            former.wake()
        while True:
            event, ended = self._take(reader)
            if event is not None:
                yield event
            elif ended:
                return
            else:
                await reader.woken()

    def close(self) -> None:
        """Let the reader end once it has taken what is there."""
        with self._lock:
            self._closed = True
            reader = self._reader
        if reader is not None:
            reader.wake()

    def _take(self, reader: _Reader) -> tuple[pb.TelemetryEvent | None, bool]:
        """Return an event for `reader`; or None, and whether there will be no more."""
        with self._lock:
            if self._reader is not reader:
                return None, True
            if self._events:
                return self._events.popleft(), False
            if self._dropped:
                count, self._dropped = self._dropped, 0
                return _dropped_event(count), False
            return None, self._closed

    def _wants(self, event: str) -> bool:
        if not self._enabled or _matches(event, self._deny):
            return False
        if self._allow and not _matches(event, self._allow):
            return False
        if self._sampled and not _matches(event, self._sampled):
            return True
        return random.random() < self._sampling_rate  # noqa: S311 - sampling, no secret


class _Reader:
    """Wakes the event loop that reads."""

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._event = asyncio.Event()

    def wake(self) -> None:
        with suppress(RuntimeError):  # the reader's loop is closed
            self._loop.call_soon_threadsafe(self._event.set)

    async def woken(self) -> None:
        await self._event.wait()
        self._event.clear()


def _matches(event: str, patterns: list[str]) -> bool:
    return any(fnmatch.fnmatchcase(event, pattern) for pattern in patterns)


def _value(item: object) -> pb.TelemetryValue:
    if isinstance(item, int) and -(2**63) <= item < 2**63:
        return pb.TelemetryValue(int_value=int(item))
    if isinstance(item, float):
        return pb.TelemetryValue(float_value=item)
    return pb.TelemetryValue(string_value=str(item))


def _dropped_event(count: int) -> pb.TelemetryEvent:
    return pb.TelemetryEvent(
        event_parts=["telemetry", "dropped"],
        measurements={"count": pb.TelemetryValue(int_value=count)},
        timestamp_ns=time.time_ns(),
    )


default_buffer = TelemetryBuffer()
