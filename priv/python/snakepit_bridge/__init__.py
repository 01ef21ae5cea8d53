"""Write adapters for Snakepit: Python classes whose methods clients call by name.

::

    from snakepit_bridge import BaseAdapter, tool

    class Greeter(BaseAdapter):
        @tool(description="Greet somebody")
        def greet(self, name: str) -> str:
            return f"Hello, {name}"

`snakepit_bridge.segment` reads a runtime's metrics, and needs none of what adapters
need: what is named here is imported on first use.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from . import metrics, telemetry
    from ._beat import progress, request_recycle
    from ._errors import (
        ErrorKind,
        HostError,
        HostTimeoutError,
        HostToolFailedError,
        HostToolNotFoundError,
        InvalidArgumentError,
        ResultEncodingError,
        Retry,
        SnakepitError,
        StreamingToolError,
        ToolNotFoundError,
    )
    from ._scope import cancelled, deadline
    from .base_adapter import BaseAdapter, tool
    from .session_context import SessionContext

__all__ = [
    "BaseAdapter",
    "ErrorKind",
    "HostError",
    "HostTimeoutError",
    "HostToolFailedError",
    "HostToolNotFoundError",
    "InvalidArgumentError",
    "ResultEncodingError",
    "Retry",
    "SessionContext",
    "SnakepitError",
    "StreamingToolError",
    "ToolNotFoundError",
    "cancelled",
    "deadline",
    "metrics",
    "progress",
    "request_recycle",
    "telemetry",
    "tool",
]

_MODULES = {
    "BaseAdapter": ".base_adapter",
    "SessionContext": ".session_context",
    "cancelled": "._scope",
    "deadline": "._scope",
    "progress": "._beat",
    "request_recycle": "._beat",
    "tool": ".base_adapter",
}


def __getattr__(name: str) -> Any:
    if name not in __all__:
        msg = f"module {__name__!r} has no attribute {name!r}"
        raise AttributeError(msg)
    if name in {"metrics", "telemetry"}:
        return importlib.import_module(f".{name}", __name__)
    module = importlib.import_module(_MODULES.get(name, "._errors"), __name__)
    value = globals()[name] = getattr(module, name)
    return value
