"""A bounded hand-over of items from a producer in any thread to one event loop."""

from __future__ import annotations

import asyncio
import threading
from collections import deque
from concurrent.futures import Future, InvalidStateError
from contextlib import suppress
from typing import Generic, TypeVar

__all__ = ["HandOver", "HandOverClosed"]

T = TypeVar("T")


class HandOverClosed(Exception):  # noqa: N818 - a signal, not a fault
    """The consumer has left: nobody will take what the producer makes."""


class HandOver(Generic[T]):
    """One producer, one consumer; the producer waits while `bound` items wait.

    The producer calls put() from a thread, or put_async() on an event loop of its own,
    then finish(). The consumer iterates on the loop that made the object, then
    close()s: a producer that waits or comes later gets HandOverClosed.
    """

    def __init__(self, bound: int) -> None:
        """Must be called on the consumer's event loop."""
        self._bound = bound
        self._loop = asyncio.get_running_loop()
        self._arrived = asyncio.Event()
        self._lock = threading.Lock()  # over all that follows; held for moments only
        self._items: deque[T] = deque()
        self._space: Future[None] | None = None
        self._error: BaseException | None = None
        self._finished = False
        self._closed = False

    def put(self, item: T) -> None:
        """Hand over an item, waiting for space; raises HandOverClosed."""
        while (space := self._offer(item)) is not None:
            space.result()

    async def put_async(self, item: T) -> None:
        """Hand over an item without blocking the producer's event loop."""
        while (space := self._offer(item)) is not None:
            await asyncio.wrap_future(space)

    def finish(self, error: BaseException | None = None) -> None:
        """End the items; the consumer sees `error` after the last one."""
        with self._lock:
            self._finished = True
            self._error = error
        self._wake_consumer()

    def close(self) -> None:
        """Leave, as the consumer: drops what waits and releases the producer."""
        with self._lock:
            self._closed = True
            self._items.clear()
            space, self._space = self._space, None
        _complete(space)

    def __aiter__(self) -> HandOver[T]:
        """Return the hand-over itself."""
        return self

    async def __anext__(self) -> T:
        """Take the next item; raises what finish() was given, or StopAsyncIteration."""
        while True:
            with self._lock:
                if self._items:
                    item = self._items.popleft()
                    space, self._space = self._space, None
                    break
                if self._finished:
                    raise self._error or StopAsyncIteration
                self._arrived.clear()
            await self._arrived.wait()
        _complete(space)
        return item

    def _offer(self, item: T) -> Future[None] | None:
        """Take `item` and return None; or return what completes once there is space."""
        with self._lock:
            if self._closed:
                raise HandOverClosed
            if len(self._items) >= self._bound:
                self._space = Future()
                return self._space
            self._items.append(item)
            was_empty = len(self._items) == 1
        if was_empty:
            self._wake_consumer()
        return None

    def _wake_consumer(self) -> None:
        with suppress(RuntimeError):  # the loop is closed: there is nobody to wake
            self._loop.call_soon_threadsafe(self._arrived.set)


def _complete(space: Future[None] | None) -> None:
    if space is not None:
        with suppress(InvalidStateError):  # the producer was cancelled while it waited
            space.set_result(None)
