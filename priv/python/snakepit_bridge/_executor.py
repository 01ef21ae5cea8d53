"""Where tools run: a fixed number of threads, and one event loop for their coroutines.

The gRPC server's event loop runs no adapter code at all, so that it can answer
heartbeats whatever the adapter does.
"""

from __future__ import annotations

import asyncio
import contextvars
import inspect
import threading
from concurrent.futures import Executor, Future, ThreadPoolExecutor, wait
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Callable, Generic, TypeVar, cast

from ._beat import beats

if TYPE_CHECKING:
    from collections.abc import Awaitable

__all__ = ["AdapterLoop", "AdapterTask", "ToolExecutor", "finished"]

T = TypeVar("T")

_LOOP_END_S = 0.5  # for the loop's thread, which ends at once unless a coroutine blocks


class ToolExecutor:
    """Runs at most `capacity` pieces of work at a time; the rest waits in order.

    Each piece has a thread for as long as it takes, also while it waits for a coroutine
    on `loop`, so the bound holds for every kind of tool. With capacity 1 it is always
    the same thread. All methods may be called from any thread.
    """

    def __init__(self, capacity: int) -> None:
        """Start nothing yet; threads come with the first work."""
        self.capacity = capacity
        self.loop = AdapterLoop()
        self._pool = ThreadPoolExecutor(capacity, thread_name_prefix="snakepit-tool")
        self._lock = threading.Lock()
        self._unfinished: set[Future[Any]] = set()
        self._abandoned: set[Future[Any]] = set()  # of these, those left by abandon()

    def submit(self, work: Callable[[], T]) -> Future[T]:
        """Queue `work`, to run in a copy of the current context.

        The caller waits for the future, or calls abandon() with it.
        """
        future: Future[T] = self._pool.submit(contextvars.copy_context().run, work)
        with self._lock:
            self._unfinished.add(future)
        future.add_done_callback(self._forget)
        return future

    async def run(self, work: Callable[[], T]) -> T:
        """Queue `work` and wait for its result."""
        return await finished(self.submit(work))

    def abandon(self, future: Future[Any]) -> bool:
        """Say that nobody waits for the work; returns whether it runs all the same.

        Work that has not begun is dropped. A thread cannot be stopped: its place stays
        taken until it ends, and the runtime is told so.
        """
        if future.cancel():
            return False
        with self._lock:
            if future.done():
                return False
            self._abandoned.add(future)
            beats.abandoned(len(self._abandoned))
        return True

    @property
    def hopeless(self) -> bool:
        """Whether new work has to wait for work that nobody waits for."""
        return len(self._abandoned) >= self.capacity

    def wait_idle(self, timeout_s: float) -> bool:
        """Block until no work is left; says whether that came within the time."""
        with self._lock:
            unfinished = set(self._unfinished)
        return not wait(unfinished, timeout_s).not_done

    def close(self) -> bool:
        """Take no more work and end the coroutine loop; running threads go on.

        Returns whether the loop's thread has ended.
        """
        self._pool.shutdown(wait=False)
        return self.loop.close()

    def _forget(self, future: Future[Any]) -> None:
        with self._lock:
            self._unfinished.discard(future)
            if future in self._abandoned:
                self._abandoned.remove(future)
                beats.abandoned(len(self._abandoned))


async def finished(future: Future[T]) -> T:
    """Wait for what runs in a thread; one that is left is cancelled.

    As asyncio.wrap_future() does it, with one future less and half the callbacks.
    """
    loop = asyncio.get_running_loop()
    waiter: asyncio.Future[None] = loop.create_future()

    def wake() -> None:
        if not waiter.done():
            waiter.set_result(None)

    def on_done(_: Future[T]) -> None:
        with suppress(RuntimeError):  # the loop is closed, and nobody waits any more
            loop.call_soon_threadsafe(wake)

    future.add_done_callback(on_done)
    try:
        await waiter
    except asyncio.CancelledError:
        future.cancel()
        raise
    if future.cancelled():  # by another; result() has an error of its own for that
        raise asyncio.CancelledError
    return future.result()


class AdapterLoop:
    """An event loop in a daemon thread that runs all coroutines of an adapter.

    There is one for all calls, so that what an `async def initialize` creates
    (sessions, locks, background tasks) belongs to the loop that later calls run on.
    """

    def __init__(self) -> None:
        """Start nothing yet; the thread comes with the first coroutine."""
        self._lock = threading.Lock()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread: threading.Thread | None = None

    def start(self, awaitable: Awaitable[T]) -> AdapterTask[T]:
        """Run `awaitable` in a copy of the current context."""
        return AdapterTask(self._running(), awaitable)

    def close(self) -> bool:
        """Stop the loop; what still runs on it is left behind.

        Returns whether its thread has ended. An interpreter that ends before it does
        complains about a loop that is still open.
        """
        with self._lock:
            loop, self._loop = self._loop, None
            thread, self._thread = self._thread, None
        if loop is None or thread is None:
            return True
        loop.call_soon_threadsafe(loop.stop)
        thread.join(_LOOP_END_S)
        return not thread.is_alive()

    def _running(self) -> asyncio.AbstractEventLoop:
        with self._lock:
            if self._loop is None:
                self._loop = _carry_context(asyncio.new_event_loop())
                self._thread = threading.Thread(
                    target=_run_and_close,
                    args=(self._loop,),
                    name="snakepit-loop",
                    daemon=True,
                )
                self._thread.start()
            return self._loop


def _carry_context(loop: asyncio.AbstractEventLoop) -> asyncio.AbstractEventLoop:
    """Have run_in_executor() take the context along, as asyncio.to_thread() does.

    A coroutine's request, and its span, are then known in the thread as well. What goes
    to another process cannot take it.
    """
    plain = loop.run_in_executor

    def run_in_executor(
        executor: Executor | None, work: Callable[..., T], *arguments: Any
    ) -> asyncio.Future[T]:
        if executor is None or isinstance(executor, ThreadPoolExecutor):
            inside = contextvars.copy_context()
            return plain(executor, inside.run, work, *arguments)
        return plain(executor, work, *arguments)

    loop.run_in_executor = run_in_executor  # type: ignore[assignment,method-assign]
    return loop


def _run_and_close(loop: asyncio.AbstractEventLoop) -> None:
    try:
        loop.run_forever()
    finally:
        loop.close()


class AdapterTask(Generic[T]):
    """An awaitable on its way on an AdapterLoop, seen from another thread.

    Unlike the future of asyncio.run_coroutine_threadsafe(), a cancelled one is done
    only when the coroutine has really ended, its `finally` blocks included.
    """

    def __init__(
        self, loop: asyncio.AbstractEventLoop, awaitable: Awaitable[T]
    ) -> None:
        """Schedule the awaitable; made by AdapterLoop.start()."""
        self._loop = loop
        self._awaitable = awaitable
        self._done: Future[T] = Future()
        self._task: asyncio.Task[_Settled[T]] | None = None
        loop.call_soon_threadsafe(self._begin)

    def cancel(self) -> None:
        """Cancel the coroutine at its next await; from any thread."""
        self._loop.call_soon_threadsafe(self._cancel)

    def result(self) -> T:
        """Block until the coroutine ends; returns or raises what came of it."""
        return self._done.result()

    def _begin(self) -> None:
        self._task = self._loop.create_task(_settle(self._awaitable))
        self._task.add_done_callback(self._finished)

    def _cancel(self) -> None:
        if self._task is not None:
            self._task.cancel()

    def _finished(self, task: asyncio.Task[_Settled[T]]) -> None:
        if inspect.iscoroutine(self._awaitable):
            self._awaitable.close()  # cancelled before its first step, it never ran
        try:
            settled = task.result()
        except BaseException as exc:  # noqa: BLE001 - belongs to whoever waits
            self._done.set_exception(exc)
        else:
            if settled.error is None:
                self._done.set_result(settled.value)
            else:
                self._done.set_exception(settled.error)


@dataclass(frozen=True)
class _Settled(Generic[T]):
    value: T
    error: BaseException | None = None


async def _settle(awaitable: Awaitable[T]) -> _Settled[T]:
    """Await, and carry sys.exit() as a value: raised, it would end the loop."""
    try:
        return _Settled(await awaitable)
    except (SystemExit, KeyboardInterrupt) as exc:
        return _Settled(cast("T", None), exc)
