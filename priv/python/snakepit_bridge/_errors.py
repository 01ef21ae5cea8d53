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

The built-in class in brackets is a second base, for adapters that catch that one.
"""

from __future__ import annotations

__all__ = [
    "AdapterLoadError",
    "HostError",
    "HostToolNotFoundError",
    "InvalidArgumentError",
    "ResultEncodingError",
    "SnakepitError",
    "StreamingToolError",
    "ToolNotFoundError",
]


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
    """A call from the worker back to the host failed."""


class HostToolNotFoundError(HostError, ValueError):
    """The host offers no tool of that name."""
