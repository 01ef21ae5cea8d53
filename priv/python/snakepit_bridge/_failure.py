"""A tool's exception as the JSON text that travels in `error_message`."""

from __future__ import annotations

import asyncio
import concurrent.futures
import json
import os
import traceback
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping
    from types import TracebackType

__all__ = ["failure_event", "failure_json", "failure_status_text"]

# Bounds of what one failure may put on the wire. gRPC carries a stream's failure in its
# status text, for which peers allow about 8 KiB of metadata.
_MESSAGE_CHARS = 4096
_TRACEBACK_CHARS = 16384
_STATUS_MESSAGE_CHARS = 1024

# What stands between the executor's thread and the adapter's first frame.
_MACHINERY = tuple(
    os.path.dirname(os.path.abspath(str(module))) + os.sep
    for module in (__file__, asyncio.__file__, concurrent.futures.__file__)
)


def failure_json(exc: BaseException, context: Mapping[str, str]) -> str:
    """Return `{type,message,stacktrace[],traceback,context{}}` for `exc`.

    The bridge's own outer frames are left out: the trace starts in the adapter.
    """
    frames = _adapter_frames(exc.__traceback__)
    return _dump(
        exc,
        _message(exc)[:_MESSAGE_CHARS],
        stacktrace=[
            f"{frame.filename}:{frame.lineno} in {frame.name}"
            for frame in traceback.extract_tb(frames, limit=-32)
        ],
        text=_trace_text(exc, frames),
        context=context,
    )


def failure_status_text(exc: BaseException, context: Mapping[str, str]) -> str:
    """Return the same object without traces, short and plain enough for a status."""
    message = _message(exc)[:_STATUS_MESSAGE_CHARS]
    return _dump(exc, message, stacktrace=[], text="", context=context)


def failure_event(exc: BaseException) -> dict[str, str]:
    """Return the attributes of an exception event, as OpenTelemetry names them."""
    cls = type(exc)
    module = "" if cls.__module__ == "builtins" else f"{cls.__module__}."
    return {
        "exception.type": module + cls.__qualname__,
        "exception.message": _message(exc)[:_MESSAGE_CHARS],
        "exception.stacktrace": _trace_text(exc, _adapter_frames(exc.__traceback__)),
    }


def _trace_text(exc: BaseException, frames: TracebackType | None) -> str:
    lines = traceback.format_exception(type(exc), exc, frames)
    return _keep_ends("".join(lines), _TRACEBACK_CHARS)


def _dump(
    exc: BaseException,
    message: str,
    *,
    stacktrace: list[str],
    text: str,
    context: Mapping[str, str],
) -> str:
    return json.dumps(
        {
            "type": type(exc).__name__,
            "message": message,
            "stacktrace": stacktrace,
            "traceback": text,
            "context": dict(context),
        }
    )


def _message(exc: BaseException) -> str:
    try:
        return str(exc)
    except Exception:  # noqa: BLE001 - __str__ is the adapter's code
        return f"<{type(exc).__name__}: its text cannot be made>"


def _adapter_frames(frames: TracebackType | None) -> TracebackType | None:
    inner = frames
    while inner is not None and inner.tb_frame.f_code.co_filename.startswith(
        _MACHINERY
    ):
        inner = inner.tb_next
    # All frames ours: the bridge itself refused the call, and its frames are the story.
    return frames if inner is None else inner


def _keep_ends(text: str, limit: int) -> str:
    if len(text) <= limit:
        return text
    half = limit // 2
    left_out = f"\n... {len(text) - 2 * half} characters left out ...\n"
    return text[:half] + left_out + text[-half:]
