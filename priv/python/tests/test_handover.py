"""The bounded hand-over between a producer's thread and the event loop."""

from __future__ import annotations

import asyncio
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from snakepit_bridge._handover import HandOver, HandOverClosed


async def _reached(count: list[int], goal: int) -> None:
    while count[0] < goal:
        await asyncio.sleep(0)


@pytest.mark.parametrize("bound", [1, 3])
def test_items_come_in_order_and_the_producer_waits_at_the_bound(bound: int) -> None:
    async def scenario() -> None:
        chunks: HandOver[int] = HandOver(bound)
        put = [0]

        def produce() -> None:
            for number in range(100):
                chunks.put(number)
                put[0] += 1
            chunks.finish()

        with ThreadPoolExecutor(1) as pool:
            done = pool.submit(produce)
            taken = []
            async for number in chunks:
                taken.append(number)
                # Full again, and not one more: the rest waits for the next take.
                await _reached(put, min(100, number + 1 + bound))
                assert put[0] <= number + 1 + bound
            done.result()
        assert taken == list(range(100))

    asyncio.run(scenario())


def test_an_async_producer_waits_without_blocking_its_loop() -> None:
    async def scenario() -> None:
        chunks: HandOver[int] = HandOver(2)

        async def produce() -> None:
            for number in range(50):
                await chunks.put_async(number)
            chunks.finish()

        producing = asyncio.create_task(produce())
        assert [number async for number in chunks] == list(range(50))
        await producing

    asyncio.run(scenario())


def test_the_error_comes_after_the_last_item() -> None:
    async def scenario() -> None:
        chunks: HandOver[int] = HandOver(2)
        chunks.put(1)
        chunks.finish(ValueError("late"))
        assert await chunks.__anext__() == 1
        with pytest.raises(ValueError, match="late"):
            await chunks.__anext__()

    asyncio.run(scenario())


def test_close_releases_a_waiting_producer_and_refuses_later_ones() -> None:
    async def scenario() -> None:
        chunks: HandOver[int] = HandOver(1)
        chunks.put(1)
        waiting = threading.Event()

        def produce() -> None:
            waiting.set()
            chunks.put(2)

        with ThreadPoolExecutor(1) as pool:
            blocked = pool.submit(produce)
            await asyncio.to_thread(waiting.wait)
            chunks.close()
            with pytest.raises(HandOverClosed):
                blocked.result()
        with pytest.raises(HandOverClosed):
            chunks.put(3)
        with pytest.raises(HandOverClosed):
            await chunks.put_async(3)

    asyncio.run(scenario())


def test_a_cancelled_async_producer_does_not_disturb_the_consumer() -> None:
    async def scenario() -> None:
        chunks: HandOver[int] = HandOver(1)
        chunks.put(1)
        producing = asyncio.create_task(chunks.put_async(2))
        await asyncio.sleep(0)
        producing.cancel()
        await asyncio.gather(producing, return_exceptions=True)
        assert await chunks.__anext__() == 1
        chunks.close()

    asyncio.run(scenario())
