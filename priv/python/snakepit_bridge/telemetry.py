"""Public telemetry API: events for the host, and the correlation id of the request.

::

    from snakepit_bridge import telemetry

    with telemetry.span("inference", {"model": "m1"}):
        telemetry.emit("inference.tokens", {"count": 12})
"""

from __future__ import annotations

from ._correlation import (
    CORRELATION_HEADER,
    get_correlation_id,
    new_correlation_id,
    reset_correlation_id,
    set_correlation_id,
)
from ._telemetry import emit, span
from ._trace import outgoing_metadata

__all__ = [
    "CORRELATION_HEADER",
    "emit",
    "get_correlation_id",
    "new_correlation_id",
    "outgoing_metadata",
    "reset_correlation_id",
    "set_correlation_id",
    "span",
]
