"""From the adapter's name on the command line to an initialised adapter."""

from __future__ import annotations

import difflib
import importlib
import inspect
from typing import TYPE_CHECKING

from ._errors import AdapterLoadError

if TYPE_CHECKING:
    from types import ModuleType

    from ._executor import ToolExecutor
    from ._session_context import SessionContext

__all__ = ["dismiss_adapter", "import_adapter", "make_adapter"]


def import_adapter(path: str, capacity: int) -> type:
    """Import the class that `path` (PKG.MOD.Class) names.

    Raises AdapterLoadError when the name is wrong or the class does not fit `capacity`;
    what the adapter's own module raises on import passes through.
    """
    module_name, _, class_name = path.rpartition(".")
    if not module_name or not class_name:
        msg = f"adapter {path!r} is not of the form PKG.MOD.Class"
        raise AdapterLoadError(msg)
    cls = getattr(_import_module(module_name), class_name, None)
    if cls is None:
        msg = f"module {module_name!r} has no class {class_name!r}"
        close = _similar(module_name, class_name)
        raise AdapterLoadError(f"{msg}; did you mean {close!r}?" if close else msg)
    if not isinstance(cls, type):
        msg = f"{path!r} is not a class but of type {type(cls).__name__}"
        raise AdapterLoadError(msg)
    if capacity > 1 and not getattr(cls, "__thread_safe__", False):
        msg = (
            f"{class_name} does not say __thread_safe__ = True, so it cannot take"
            f" {capacity} calls at a time (use the process profile)"
        )
        raise AdapterLoadError(msg)
    return cls


def _import_module(name: str) -> ModuleType:
    try:
        return importlib.import_module(name)
    except ModuleNotFoundError as exc:
        # The adapter's module, or a package on the way to it; any other missing module
        # is the adapter's own trouble and worth its traceback.
        if exc.name is not None and f"{name}.".startswith(f"{exc.name}."):
            msg = f"there is no module {exc.name!r} (is it on PYTHONPATH?)"
            raise AdapterLoadError(msg) from None
        raise


def _similar(module_name: str, class_name: str) -> str:
    module = importlib.import_module(module_name)
    names = [name for name, item in vars(module).items() if isinstance(item, type)]
    return next(iter(difflib.get_close_matches(class_name, names, 1)), "")


def make_adapter(cls: type, executor: ToolExecutor, session: SessionContext) -> object:
    """Construct and initialise the adapter; blocks, belongs on an executor thread.

    `session` is what the adapter sees before the first call: the empty session.
    """
    adapter: object = cls()
    set_context = getattr(adapter, "set_session_context", None)
    if callable(set_context):
        set_context(session)
    _call_if_there(adapter, "initialize", executor)
    return adapter


def dismiss_adapter(adapter: object, executor: ToolExecutor) -> None:
    """Clean the adapter up; blocks, belongs on an executor thread."""
    _call_if_there(adapter, "cleanup", executor)


def _call_if_there(adapter: object, name: str, executor: ToolExecutor) -> None:
    method = getattr(adapter, name, None)
    if callable(method):
        result = method()
        if inspect.isawaitable(result):
            executor.loop.start(result).result()
