"""The end of the executor's coroutine loop."""

from __future__ import annotations

import asyncio
import threading
from unittest.mock import Mock

import pytest

from snakepit_bridge._beat import beats
from snakepit_bridge._dispatch import Dispatcher
from snakepit_bridge._executor import ToolExecutor, finished
from snakepit_bridge._service import BridgeService
from snakepit_bridge._telemetry_buffer import TelemetryBuffer


async def _loop_of_this() -> asyncio.AbstractEventLoop:
    return asyncio.get_running_loop()


async def _block(started: threading.Event, release: threading.Event) -> None:
    started.set()
    release.wait()


def test_left_work_keeps_its_place_until_it_ends() -> None:
    executor = ToolExecutor(2)
    release = threading.Event()
    works = [executor.submit(release.wait) for _ in range(3)]
    assert not executor.abandon(works[2])  # had not begun, and never will
    assert works[2].cancelled()
    assert executor.abandon(works[0])
    assert not executor.hopeless
    assert executor.abandon(works[1])
    assert executor.hopeless
    release.set()
    assert executor.wait_idle(10)
    assert not executor.hopeless
    assert not executor.abandon(works[0])
    assert executor.close()


class Held:
    """One place, taken by the first work; somebody waits for the second."""

    def __init__(self) -> None:
        self.executor = ToolExecutor(1)
        self.release = threading.Event()
        self.first = self.executor.submit(self.release.wait)
        self.work = self.executor.submit(self.release.wait)
        self.waiter = asyncio.ensure_future(finished(self.work))


def test_work_that_is_dropped_while_it_waits_is_cancelled_for_its_waiter() -> None:
    async def scenario() -> None:
        held = Held()
        await asyncio.sleep(0)  # it waits
        assert not held.executor.abandon(held.work)
        with pytest.raises(asyncio.CancelledError):
            await asyncio.wait_for(asyncio.shield(held.waiter), 10)
        held.release.set()
        assert await finished(held.first)

    asyncio.run(scenario())


def test_a_waiter_that_is_cancelled_drops_work_that_has_not_begun() -> None:
    async def scenario() -> None:
        held = Held()
        await asyncio.sleep(0)
        held.waiter.cancel()
        await asyncio.wait({held.waiter}, timeout=10)
        assert held.waiter.cancelled()
        assert held.work.cancelled()
        held.release.set()
        assert await finished(held.first)

    asyncio.run(scenario())


@pytest.mark.parametrize("ends", [True, False])
def test_a_worker_without_a_place_wishes_to_be_replaced(
    ends: bool,  # noqa: FBT001
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    wishes: list[str] = []
    monkeypatch.setattr(beats, "request_recycle", lambda: wishes.append("recycle"))

    async def scenario() -> None:
        loop = asyncio.get_running_loop()
        now = [loop.time()]
        monkeypatch.setattr(loop, "time", lambda: now[0])
        executor = ToolExecutor(1)
        service = BridgeService(
            Dispatcher(object()), executor, TelemetryBuffer(), patience_s=5
        )
        release = threading.Event()
        work = executor.submit(release.wait)
        service._leave(Mock(), work, Mock())
        if ends:
            release.set()
            await asyncio.wrap_future(work)
        later = asyncio.ensure_future(asyncio.sleep(10))
        await asyncio.sleep(0)
        now[0] += 20  # the patience is over, and after it the sleep
        await later
        release.set()
        assert executor.close()

    asyncio.run(scenario())
    assert wishes == ([] if ends else ["recycle"])


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
