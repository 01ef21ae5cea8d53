"""The W3C `traceparent` header, read without OpenTelemetry."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["TraceIds", "format_traceparent", "parse_traceparent"]

_SHAPE = re.compile(r"([0-9a-f]{2})-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})(-.*)?")
_KNOWN_FLAGS = 0x03  # sampled, random: what later versions add is not ours to pass on


class TraceIds(NamedTuple):
    """A place in a trace, in lower-case hexadecimal digits, as logs and headers do."""

    trace_id: str
    span_id: str
    trace_flags: str


def parse_traceparent(values: Sequence[str]) -> TraceIds | None:
    """Return what the header's values say; None if the trace has to begin anew.

    That is so unless there is exactly one, and it is valid.
    """
    if len(values) != 1:
        return None
    found = _SHAPE.fullmatch(values[0].strip(" \t"))
    if found is None:
        return None
    version, trace_id, span_id, flags, more = found.groups()
    if version == "ff" or (version == "00" and more is not None):
        return None
    if not int(trace_id, 16) or not int(span_id, 16):
        return None
    return TraceIds(trace_id, span_id, f"{int(flags, 16) & _KNOWN_FLAGS:02x}")


def format_traceparent(ids: TraceIds) -> str:
    """Write the header's value."""
    return f"00-{ids.trace_id}-{ids.span_id}-{ids.trace_flags}"
