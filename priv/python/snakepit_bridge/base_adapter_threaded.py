"""Names that adapters of the thread profile import: `ThreadSafeAdapter` and helpers.

They are for adapters that exist. A new one inherits from BaseAdapter, says
`__thread_safe__ = True`, and locks with `threading` what its calls share.
"""

from __future__ import annotations

import functools
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Callable, TypeVar, cast

from ._adapter import BaseAdapter
from ._tool import tool

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["ThreadSafeAdapter", "thread_safe_method", "tool"]

_F = TypeVar("_F", bound=Callable[..., Any])


class ThreadSafeAdapter(BaseAdapter):
    """An adapter with a lock, values of each thread's own, and a count of requests."""

    __thread_safe__ = True

    def __init__(self) -> None:
        """Start with nothing counted."""
        super().__init__()
        self._lock = threading.RLock()
        self._own = threading.local()
        self._counting = threading.Lock()
        self._total = 0
        self._active: dict[int, int] = {}  # requests by thread

    @contextmanager
    def acquire_lock(self) -> Iterator[None]:
        """Hold the adapter's lock; a thread may take it again while it has it."""
        with self._lock:
            yield

    def get_thread_local(self, key: str, default: Any = None) -> Any:
        """Return this thread's value."""
        return self._own.__dict__.get(key, default)

    def set_thread_local(self, key: str, value: Any) -> None:
        """Set this thread's value."""
        self._own.__dict__[key] = value

    def clear_thread_local(self, key: str | None = None) -> None:
        """Forget this thread's value, or all of them."""
        if key is None:
            self._own.__dict__.clear()
        else:
            self._own.__dict__.pop(key, None)

    @contextmanager
    def track_request(self, request_id: str | None = None) -> Iterator[int]:
        """Count what runs inside; yields its number."""
        del request_id
        thread = threading.get_ident()
        with self._counting:
            self._total += 1
            number = self._total
            self._active[thread] = self._active.get(thread, 0) + 1
        try:
            yield number
        finally:
            with self._counting:
                self._active[thread] -= 1

    def get_stats(self) -> dict[str, Any]:
        """Return what was counted."""
        with self._counting:
            return {
                "adapter_class": type(self).__name__,
                "thread_safe": self.__thread_safe__,
                "tracker": {
                    "total_requests": self._total,
                    "active_threads": sum(1 for n in self._active.values() if n),
                    "total_active_requests": sum(self._active.values()),
                    "threads_seen": len(self._active),
                },
            }


def thread_safe_method(function: _F) -> _F:
    """Count the calls of a ThreadSafeAdapter's method; it locks nothing."""

    @functools.wraps(function)
    def counted(self: Any, *arguments: Any, **named: Any) -> Any:
        if not isinstance(self, ThreadSafeAdapter):
            return function(self, *arguments, **named)
        with self.track_request():
            return function(self, *arguments, **named)

    return cast("_F", counted)
