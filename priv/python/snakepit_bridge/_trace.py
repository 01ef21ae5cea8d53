"""Where the current request stands in its trace, with OpenTelemetry or without it.

The rest of the package asks here. The OpenTelemetry API is used from the moment on that
something in this process has imported it: _trace_sdk, or the adapter. Until then, and
where it is not installed, the ids are those that the caller sent.
"""

from __future__ import annotations

import functools
import importlib
import sys
from typing import TYPE_CHECKING

from ._correlation import CORRELATION_HEADER, get_correlation_id
from ._scope import current_scope

if TYPE_CHECKING:
    from collections.abc import Iterable
    from types import ModuleType

    from ._traceparent import TraceIds

__all__ = ["current_ids", "otel", "outgoing_metadata"]


def otel() -> ModuleType | None:
    """Return the module _otel; None where OpenTelemetry is not in use."""
    return _load() if "opentelemetry.trace" in sys.modules else None


@functools.cache
def _load() -> ModuleType | None:
    try:
        return importlib.import_module("._otel", __package__)
    except ImportError:  # too old; not logged, since the log itself asks here
        return None


def current_ids() -> TraceIds | None:
    """Return the ids for a log line; None outside of a trace."""
    api = otel()
    found: TraceIds | None = None if api is None else api.current_ids()
    return found or current_scope().trace


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
    pairs.extend(pair for pair in _trace_headers() if pair[0] not in named)
    return pairs


def _trace_headers() -> Iterable[tuple[str, str]]:
    scope = current_scope()
    api = otel()
    found: list[tuple[str, str]] | None = None if api is None else api.headers(scope)
    return scope.trace_headers if found is None else found
