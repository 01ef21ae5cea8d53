"""Write adapters for Snakepit: Python classes whose methods clients call by name.

::

    from snakepit_bridge import BaseAdapter, tool

    class Greeter(BaseAdapter):
        @tool(description="Greet somebody")
        def greet(self, name: str) -> str:
            return f"Hello, {name}"
"""

from __future__ import annotations

from . import telemetry
from ._errors import (
    HostError,
    HostToolNotFoundError,
    InvalidArgumentError,
    ResultEncodingError,
    SnakepitError,
    StreamingToolError,
    ToolNotFoundError,
)
from .base_adapter import BaseAdapter, tool
from .session_context import SessionContext

__all__ = [
    "BaseAdapter",
    "HostError",
    "HostToolNotFoundError",
    "InvalidArgumentError",
    "ResultEncodingError",
    "SessionContext",
    "SnakepitError",
    "StreamingToolError",
    "ToolNotFoundError",
    "telemetry",
    "tool",
]
