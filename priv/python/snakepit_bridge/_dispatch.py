"""From a tool's name to the call that runs it."""

from __future__ import annotations

import inspect
import logging
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import TYPE_CHECKING, Any, Callable

from ._boot import dismiss_adapter, make_adapter
from ._errors import ToolNotFoundError
from ._tool import is_tool, registrations

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ._executor import AdapterLoop, ToolExecutor
    from ._proto import pb
    from ._session_context import SessionContext

__all__ = ["Dispatcher", "FreshDispatcher"]

_logger = logging.getLogger(__name__)


class Dispatcher:
    """Calls the tools of one adapter, whichever way the adapter offers them.

    The adapter's `execute_tool` gets every call; BaseAdapter's own runs the method that
    `@tool` marks. A class without one, which need not inherit from BaseAdapter, gets
    its marked methods called. Thread rule: as the adapter's own.
    """

    def __init__(self, adapter: object) -> None:
        """Look at the adapter once; its class is not expected to change."""
        self._adapter = adapter
        self._execute = getattr(adapter, "execute_tool", None)
        self._by_keyword = callable(self._execute) and _takes_keywords(self._execute)

    def tools(self) -> list[pb.ToolRegistration]:
        """Describe the tools: the adapter's own list, else the marked methods."""
        get_tools = getattr(self._adapter, "get_tools", None)
        return (
            list(get_tools()) if callable(get_tools) else registrations(self._adapter)
        )

    def lease(self, context: SessionContext) -> AbstractContextManager[Dispatcher]:
        """Return what serves one call, for as long as the call takes."""
        del context
        return nullcontext(self)

    def register(self, session_id: str, stub: Any, loop: AdapterLoop) -> None:
        """Have the adapter register its tools with the host, as adapters do it.

        A failure is logged, and the session goes on: the host may do without.
        """
        try:
            for name in ("register_with_session", "register_with_session_async"):
                method = getattr(self._adapter, name, None)
                if callable(method):
                    result = method(session_id, stub)
                    if inspect.isawaitable(result):
                        loop.start(result).result()
                    return
        except Exception:
            _logger.exception("registering tools for a session failed")

    def call(
        self, tool_name: str, arguments: dict[str, Any], context: SessionContext
    ) -> Any:
        """Call a tool and return what it returned; raises ToolNotFoundError."""
        set_context = getattr(self._adapter, "set_session_context", None)
        if callable(set_context):
            set_context(context)
        if callable(self._execute):
            if self._by_keyword:
                return self._execute(
                    tool_name=tool_name, arguments=arguments, context=context
                )
            return self._execute(tool_name, arguments, context)
        if not is_tool(type(self._adapter), tool_name):
            raise ToolNotFoundError(tool_name, type(self._adapter).__name__)
        return getattr(self._adapter, tool_name)(**arguments)


class FreshDispatcher(Dispatcher):
    """Makes, initialises and cleans up an adapter for every call.

    For adapters that rely on it: there are some whose attributes hold what belongs to
    one request. Threads: as Dispatcher.
    """

    def __init__(self, adapter_class: type, executor: ToolExecutor) -> None:
        """Make the adapter that is asked for its tools, and never called."""
        super().__init__(adapter_class())
        self._adapter_class = adapter_class
        self._executor = executor

    @contextmanager
    def lease(self, context: SessionContext) -> Iterator[Dispatcher]:
        """Return a dispatcher for an adapter that lives as long as the call."""
        adapter = make_adapter(self._adapter_class, self._executor, context)
        try:
            yield Dispatcher(adapter)
        finally:
            try:
                dismiss_adapter(adapter, self._executor)
            except Exception:
                _logger.exception("the adapter's cleanup() failed")


def _takes_keywords(execute: Callable[..., Any]) -> bool:
    """Say whether the documented keywords fit; else the arguments go by position.

    Adapters exist that name them otherwise: `execute_tool(self, name, args, ctx)`.
    """
    try:
        inspect.signature(execute).bind(tool_name="", arguments={}, context=None)
    except TypeError:
        return False
    except ValueError:  # no signature to see, as with some C extensions
        return True
    return True
