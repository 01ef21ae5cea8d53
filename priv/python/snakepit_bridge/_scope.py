"""What the current request brought with it besides its payload.

The scope is entered once per rpc and read wherever the request's work goes, in any
thread that runs in a copy of its context.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Union

from ._correlation import (
    CORRELATION_HEADER,
    adopt_correlation_id,
    get_correlation_id,
    reset_correlation_id,
    set_correlation_id,
)

__all__ = [
    "Metadata",
    "RequestScope",
    "cancelled",
    "current_scope",
    "deadline",
    "outgoing_metadata",
    "request_scope",
]

Metadata = Iterable[tuple[str, Union[str, bytes]]]

_TRACE_HEADERS = frozenset({"traceparent", "tracestate", "baggage"})


@dataclass
class RequestScope:
    """Trace headers and deadline of one request, and whether it is over."""

    trace_headers: tuple[tuple[str, str], ...] = ()
    deadline: float | None = None  # time.monotonic() seconds
    over: bool = False  # answered, cancelled, or past its deadline

    def remaining_s(self) -> float | None:
        """Return the seconds left until the deadline; None without one."""
        if self.deadline is None:
            return None
        return max(0.0, self.deadline - time.monotonic())

    @classmethod
    def from_rpc(cls, metadata: Metadata, timeout_s: float | None) -> RequestScope:
        """Read the scope from an incoming rpc's metadata and remaining time."""
        return cls(
            tuple(
                (key, value)
                for key, value in metadata
                if key in _TRACE_HEADERS and isinstance(value, str)
            ),
            None if timeout_s is None else time.monotonic() + timeout_s,
        )


_current: ContextVar[RequestScope] = ContextVar(
    "snakepit_request_scope",
    default=RequestScope(),  # noqa: B039 - outside of a request, nothing changes it
)


@contextmanager
def request_scope(
    metadata: Metadata, *, fallback_id: str | None, timeout_s: float | None
) -> Iterator[str]:
    """Enter the scope of an incoming rpc; yields its correlation id.

    The id comes from the metadata, else it is `fallback_id`, else it is made.
    """
    pairs = list(metadata)
    sent = next((value for key, value in pairs if key == CORRELATION_HEADER), None)
    correlation_id = adopt_correlation_id(sent or fallback_id)
    id_token = set_correlation_id(correlation_id)
    scope = RequestScope.from_rpc(pairs, timeout_s)
    scope_token = _current.set(scope)
    try:
        yield correlation_id
    finally:
        scope.over = True
        _current.reset(scope_token)
        reset_correlation_id(id_token)


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


def outgoing_metadata(
    initial: Iterable[tuple[str, str]] | None = None,
) -> list[tuple[str, str]]:
    """Return gRPC metadata for a call made on behalf of the current request.

    `initial` comes first and wins; the correlation id and the W3C trace headers follow.
    """
    pairs = list(initial or ())
    named = {key.lower() for key, _ in pairs}
    correlation_id = get_correlation_id()
    if correlation_id is not None and CORRELATION_HEADER not in named:
        pairs.append((CORRELATION_HEADER, correlation_id))
    pairs.extend(pair for pair in _current.get().trace_headers if pair[0] not in named)
    return pairs
