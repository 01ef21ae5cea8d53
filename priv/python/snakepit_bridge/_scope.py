"""What the current request brought with it besides its payload.

The scope is made once per rpc and read wherever the request's work goes, in any
thread that runs in a copy of its context.
"""

from __future__ import annotations

import time
from collections.abc import Iterable
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Union

from ._correlation import (
    CORRELATION_HEADER,
    adopt_correlation_id,
    reset_correlation_id,
    set_correlation_id,
)
from ._traceparent import TraceIds, parse_traceparent

__all__ = [
    "Metadata",
    "RequestScope",
    "cancelled",
    "current_scope",
    "deadline",
    "within",
]

Metadata = Iterable[tuple[str, Union[str, bytes]]]

_PARENT = "traceparent"
_TRACE_HEADERS = frozenset({_PARENT, "tracestate", "baggage"})


@dataclass
class RequestScope:
    """What one request brought, how it goes, and whether it is over."""

    correlation_id: str | None = None
    # As they came: what the caller said of the trace, if it was valid, and baggage.
    trace_headers: tuple[tuple[str, str], ...] = ()
    trace: TraceIds | None = None  # the caller's span
    timeout_s: float | None = None  # that it had when it came
    deadline: float | None = None  # time.monotonic() seconds
    over: bool = False  # answered, cancelled, or past its deadline
    # What the tool raised, for whoever ends the request's span.
    failure: BaseException | None = None

    def remaining_s(self) -> float | None:
        """Return the seconds left until the deadline; None without one."""
        if self.deadline is None:
            return None
        return max(0.0, self.deadline - time.monotonic())

    def headers(self, name: str) -> list[str]:
        """Return the values of a trace header, in the order they came."""
        return [value for key, value in self.trace_headers if key == name]

    def close(self) -> None:
        """Say that it is over."""
        self.over = True
        self.failure = None  # its traceback leads back here

    @classmethod
    def from_rpc(
        cls, metadata: Metadata, fallback_id: str | None, timeout_s: float | None
    ) -> RequestScope:
        """Read the scope from an incoming rpc's metadata and remaining time.

        The correlation id comes from the metadata, else it is `fallback_id`, else it
        is made. Of a trace that has to begin anew only the baggage is taken.
        """
        sent: str | bytes | None = None
        headers = []
        for key, value in metadata:
            if key == CORRELATION_HEADER:
                sent = sent or value
            elif key in _TRACE_HEADERS and isinstance(value, str):
                headers.append((key, value))
        trace = parse_traceparent([item for key, item in headers if key == _PARENT])
        if trace is None:
            headers = [pair for pair in headers if pair[0] == "baggage"]
        return cls(
            adopt_correlation_id(sent or fallback_id),
            tuple(headers),
            trace,
            timeout_s,
            None if timeout_s is None else time.monotonic() + timeout_s,
        )


_current: ContextVar[RequestScope] = ContextVar(
    "snakepit_request_scope",
    default=RequestScope(),  # noqa: B039 - outside of a request, nothing changes it
)


class within:  # noqa: N801 - reads as what it does; a generator costs more
    """Work for a request; entered once, but there may be more of the same scope."""

    __slots__ = ("_id_token", "_scope", "_scope_token")

    def __init__(self, scope: RequestScope) -> None:
        """Take the scope, not yet current."""
        self._scope = scope

    def __enter__(self) -> None:
        """Make it, and its correlation id, the current one."""
        self._id_token = set_correlation_id(self._scope.correlation_id or "")
        self._scope_token = _current.set(self._scope)

    def __exit__(self, *_: object) -> None:
        """Put back what was current, in the same context."""
        _current.reset(self._scope_token)
        reset_correlation_id(self._id_token)


def current_scope() -> RequestScope:
    """Return the scope of the current request, or an empty one outside of any."""
    return _current.get()


def deadline() -> float | None:
    """Return the seconds left until the current request's deadline; None without one.

    It fits where a library takes a timeout: `requests.get(url, timeout=deadline())`.
    """
    return _current.get().remaining_s()


def cancelled() -> bool:
    """Say whether nobody waits for the current request any more.

    A coroutine is cancelled by itself. Plain code cannot be: what takes long should ask
    from time to time, and return. Until then it keeps its place in the worker.
    """
    return _current.get().over
