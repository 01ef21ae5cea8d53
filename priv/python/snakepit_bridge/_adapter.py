"""BaseAdapter: what an adapter inherits.

One instance serves all calls of a worker: it is made and initialised before the worker
says that it is ready, and cleaned up when the worker stops. In the process profile
calls come one at a time, all on the same thread, which is also the one that made the
adapter. In the thread profile they come in parallel, and the class says that it can
bear that with `__thread_safe__ = True`.
"""

from __future__ import annotations

import asyncio
import inspect
import logging
import os
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any, Callable

import grpc

from ._errors import ToolNotFoundError
from ._proto import pb
from ._tool import is_tool, registrations

if TYPE_CHECKING:
    from ._session_context import SessionContext

__all__ = ["BaseAdapter"]

_logger = logging.getLogger(__name__)
_call_session: ContextVar[SessionContext | None] = ContextVar(
    "snakepit_session_context", default=None
)


class BaseAdapter:
    """Base class of adapters; tools are its methods marked with `@tool`."""

    __thread_safe__ = False

    # On the class too, so that a subclass need not call __init__.
    _session_context: SessionContext | None = None
    _tools: list[pb.ToolRegistration] | None = None

    def __init__(self) -> None:
        """Make an adapter without session; takes no arguments."""

    def initialize(self) -> Any:
        """Prepare for calls: load models, open files. May be `async def`."""

    def cleanup(self) -> Any:
        """Let go of what initialize() took. May be `async def`."""

    @property
    def session_context(self) -> SessionContext | None:
        """The session of the current call.

        Parallel calls of a thread-safe adapter each see their own.
        """
        return _call_session.get() if self.__thread_safe__ else self._session_context

    @session_context.setter
    def session_context(self, context: SessionContext | None) -> None:
        if self.__thread_safe__:
            _call_session.set(context)
        else:
            self._session_context = context

    def set_session_context(self, session_context: SessionContext) -> None:
        """Take the session of the call that comes next; called by the bridge."""
        self.session_context = session_context

    @property
    def session_id(self) -> str | None:
        """The id of the current call's session; None before the first call."""
        context = self.session_context
        return None if context is None else context.session_id

    def get_tools(self) -> list[pb.ToolRegistration]:
        """Describe the adapter's tools, by name."""
        if self._tools is None:
            self._tools = registrations(self)
        return self._tools

    def call_tool(self, tool_name: str, /, **arguments: Any) -> Any:
        """Call a public method of the adapter by name, decorated or not.

        Raises ToolNotFoundError (an AttributeError) for any other name: private ones
        and those of BaseAdapter itself cannot be called from outside.
        """
        method = None
        if not tool_name.startswith("_") and not hasattr(BaseAdapter, tool_name):
            method = getattr(self, tool_name, None)
        if method is None:
            raise ToolNotFoundError(tool_name, type(self).__name__)
        if not callable(method):
            msg = f"'{tool_name}' is not a callable tool"
            raise TypeError(msg)
        return method(**arguments)

    def execute_tool(
        self,
        tool_name: str,
        arguments: dict[str, Any],
        context: SessionContext | None = None,  # noqa: ARG002 - for overriders
    ) -> Any:
        """Run a decorated tool; override it to dispatch by other means.

        May be `async def`, and may return a generator for a streaming tool.
        """
        if not is_tool(type(self), tool_name):
            raise ToolNotFoundError(tool_name, type(self).__name__)
        return getattr(self, tool_name)(**arguments)

    def register_with_session(self, session_id: str, stub: Any) -> list[str]:
        """Register the tools with the host through `stub`; returns their names.

        The bridge does this at the start of each session, before its first call. Best
        effort: what goes wrong is logged, and the list is empty. For use where no
        event loop runs; elsewhere there is register_with_session_async().
        """
        try:
            request = self._registration(session_id)
            return self._registered(_result_of(stub.RegisterTools(request)))
        except Exception as exc:  # noqa: BLE001 - whatever a stub raises
            _logger.warning("registering tools failed: %s", _describe(exc))
            return []

    async def register_with_session_async(
        self,
        session_id: str,
        stub: Any,
    ) -> list[str]:
        """Do the same from a coroutine, without blocking its event loop."""
        try:
            reply = stub.RegisterTools(self._registration(session_id))
            if inspect.isawaitable(reply):
                reply = await reply
            else:
                reply = await asyncio.to_thread(_result_of, reply)
            return self._registered(reply)
        except Exception as exc:  # noqa: BLE001 - whatever a stub raises
            _logger.warning("registering tools failed: %s", _describe(exc))
            return []

    def _registration(self, session_id: str) -> pb.RegisterToolsRequest:
        return pb.RegisterToolsRequest(
            session_id=session_id,
            tools=self.get_tools(),
            worker_id=f"python-{os.getpid()}",
        )

    def _registered(self, reply: Any) -> list[str]:
        if reply.success:
            return list(reply.tool_ids.keys())
        if "duplicate_tool" in (reply.error_message or ""):
            return [spec.name for spec in self.get_tools()]
        _logger.error("the host refused the tools: %s", reply.error_message)
        return []


def _describe(exc: Exception) -> str:
    if isinstance(exc, grpc.RpcError) and isinstance(exc, grpc.Call):
        return f"{exc.code().name}: {exc.details()}"
    return f"{type(exc).__name__}: {exc}"


def _result_of(reply: Any) -> Any:
    """Return the message behind what a stub returned: message, future, or coroutine."""
    if inspect.iscoroutine(reply):
        try:
            asyncio.get_running_loop()
        except RuntimeError:
            return asyncio.run(reply)
        reply.close()
        msg = "an event loop runs here: use register_with_session_async()"
        raise RuntimeError(msg)
    result: Callable[[], Any] | None = getattr(reply, "result", None)
    return result() if callable(result) else reply
