"""Errors of the bridge.

::

    SnakepitError
    +-- AdapterLoadError          the adapter cannot be imported or does not fit
    +-- ToolNotFoundError         the adapter has no such tool         (AttributeError)
    +-- InvalidArgumentError      a parameter of a call is not JSON        (ValueError)
    +-- ResultEncodingError       a tool's result has no JSON form          (TypeError)
    +-- StreamingToolError        a streaming tool was called as a unary one
    +-- HostError                 a call back to the host failed         (RuntimeError)
        +-- HostToolNotFoundError the host offers no such tool             (ValueError)
        +-- HostToolFailedError   the host's tool ran, and failed
        +-- HostTimeoutError      the deadline passed before the answer  (TimeoutError)

The built-in class in brackets is a second base, for adapters that catch that one.
"""

from __future__ import annotations

from enum import Enum

__all__ = [
    "AdapterLoadError",
    "ErrorKind",
    "HostError",
    "HostTimeoutError",
    "HostToolFailedError",
    "HostToolNotFoundError",
    "InvalidArgumentError",
    "ResultEncodingError",
    "Retry",
    "SnakepitError",
    "StreamingToolError",
    "ToolNotFoundError",
]

_KIND_KEY = "snakepit-error-kind"  # of trailing metadata


class Retry(Enum):
    """Whether a failed request may be sent again."""

    SAFE = "safe"  # it did not run: it cannot run twice
    RISKY = "risky"  # it may have run, and may have had effects
    USELESS = "useless"  # it would fail again


class ErrorKind(Enum):
    """How the runtime itself failed a call: name, gRPC status, whether to retry.

    The table is runtime/pool/error_kinds.def. A client asks `ErrorKind.of(exc)` about
    the grpc.RpcError that it caught.
    """

    INVALID_REQUEST = ("invalid_request", "INVALID_ARGUMENT", Retry.USELESS)
    POOL_NOT_FOUND = ("pool_not_found", "NOT_FOUND", Retry.USELESS)
    OUT_OF_MEMORY = ("out_of_memory", "RESOURCE_EXHAUSTED", Retry.SAFE)
    STOPPING = ("stopping", "UNAVAILABLE", Retry.SAFE)
    POOL_DRAINED = ("pool_drained", "UNAVAILABLE", Retry.SAFE)
    POOL_DOWN = ("pool_down", "UNAVAILABLE", Retry.SAFE)
    QUEUE_FULL = ("queue_full", "RESOURCE_EXHAUSTED", Retry.SAFE)
    QUEUE_TIMEOUT = ("queue_timeout", "DEADLINE_EXCEEDED", Retry.SAFE)
    DEADLINE_UNMEETABLE = ("deadline_unmeetable", "RESOURCE_EXHAUSTED", Retry.SAFE)
    DEADLINE_EXCEEDED = ("deadline_exceeded", "DEADLINE_EXCEEDED", Retry.RISKY)
    CANCELLED = ("cancelled", "CANCELLED", Retry.RISKY)
    SESSION_LIMIT = ("session_limit", "RESOURCE_EXHAUSTED", Retry.SAFE)
    SESSION_QUEUE_FULL = ("session_queue_full", "RESOURCE_EXHAUSTED", Retry.SAFE)
    SESSION_BUSY = ("session_busy", "UNAVAILABLE", Retry.SAFE)
    SESSION_LOST = ("session_lost", "ABORTED", Retry.SAFE)
    SESSION_NOT_FOUND = ("session_not_found", "NOT_FOUND", Retry.USELESS)
    WORKER_UNREACHABLE = ("worker_unreachable", "UNAVAILABLE", Retry.SAFE)
    WORKER_DIED = ("worker_died", "UNAVAILABLE", Retry.RISKY)
    NOT_SENDABLE = ("not_sendable", "INTERNAL", Retry.USELESS)
    WORKER_STATUS = ("worker_status", "UNKNOWN", Retry.RISKY)
    BAD_ANSWER = ("bad_answer", "INTERNAL", Retry.RISKY)
    HOST_TOOL_NOT_FOUND = ("host_tool_not_found", "NOT_FOUND", Retry.USELESS)
    HOST_TOOLS_BUSY = ("host_tools_busy", "RESOURCE_EXHAUSTED", Retry.SAFE)

    def __init__(self, label: str, code: str, retry: Retry) -> None:
        """Take a row of the table."""
        self.label = label
        self.code = code
        self.retry = retry

    @classmethod
    def of(cls, failed_call: object) -> ErrorKind | None:
        """Return the kind that a failed call carries; None if it came otherwise."""
        trailing = getattr(failed_call, "trailing_metadata", None)
        pairs = trailing() if callable(trailing) else None
        found = {value for key, value in pairs or () if key == _KIND_KEY}
        return next((kind for kind in cls if kind.label in found), None)


class SnakepitError(Exception):
    """Base of every error that the bridge itself raises."""


class AdapterLoadError(SnakepitError):
    """The adapter named on the command line cannot be used; the text says why."""


class ToolNotFoundError(SnakepitError, AttributeError):
    """The adapter has no tool of the name `tool_name`."""

    def __init__(self, tool_name: str, owner: str) -> None:
        """Name the tool that was asked for and the class that was asked."""
        super().__init__(f"Tool {tool_name!r} not found in {owner}")
        self.tool_name = tool_name


class InvalidArgumentError(SnakepitError, ValueError):
    """A parameter of a tool call cannot be decoded; the text names the parameter."""


class ResultEncodingError(SnakepitError, TypeError):
    """A tool returned what JSON cannot carry; the text names place and type."""


class StreamingToolError(SnakepitError):
    """A tool that streams was called through the unary rpc."""


class HostError(SnakepitError, RuntimeError):
    """A call from the worker back to the host failed.

    `kind` says how, where the host did; None where the call did not get that far.
    """

    def __init__(self, message: str, kind: ErrorKind | None = None) -> None:
        """Take the text and, if the host named it, the kind."""
        super().__init__(message)
        self.kind = kind


class HostToolNotFoundError(HostError, ValueError):
    """The host offers no tool of that name."""


class HostToolFailedError(HostError):
    """The host's tool ran and failed: `error_type` and the text are its own."""

    def __init__(self, message: str, error_type: str = "") -> None:
        """Take what the tool said of its failure."""
        super().__init__(message)
        self.error_type = error_type


class HostTimeoutError(HostError, TimeoutError):
    """The deadline passed before the host answered."""
