"""The end of the executor's coroutine loop."""

from __future__ import annotations

import asyncio
import threading

from snakepit_bridge._executor import ToolExecutor


async def _loop_of_this() -> asyncio.AbstractEventLoop:
    return asyncio.get_running_loop()


async def _block(started: threading.Event, release: threading.Event) -> None:
    started.set()
    release.wait()


def test_closing_ends_the_loop_and_its_thread() -> None:
    executor = ToolExecutor(1)
    loop = executor.loop.start(_loop_of_this()).result()
    assert executor.close()
    assert loop.is_closed()


def test_closing_without_a_coroutine_is_an_end_too() -> None:
    assert ToolExecutor(1).close()


def test_a_coroutine_that_blocks_is_not_waited_for() -> None:
    executor = ToolExecutor(1)
    started, release = threading.Event(), threading.Event()
    task = executor.loop.start(_block(started, release))
    assert started.wait(10)
    assert not executor.close()
    release.set()
    task.result()
