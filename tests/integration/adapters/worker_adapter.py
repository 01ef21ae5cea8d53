"""An adapter that leaves notes in a folder about what becomes of its calls."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

from snakepit_bridge import HostToolNotFoundError, cancelled, deadline
from snakepit_bridge.base_adapter import BaseAdapter, tool


class WorkerAdapter(BaseAdapter):
    """Streams, waits, and tells what it knows of its request."""

    def __init__(self) -> None:
        super().__init__()
        self.notes = Path(os.environ["TEST_NOTES"])

    @tool(supports_streaming=True)
    def endless(self, size: int) -> Iterator[str]:
        """Yield as fast as the reader lets it; the note is as long as the count."""
        try:
            with (self.notes / "made").open("ab", buffering=0) as made:
                while True:
                    made.write(b".")
                    yield "x" * size
        finally:
            (self.notes / "ended").touch()

    @tool(supports_streaming=True)
    async def silent(self) -> AsyncIterator[int]:
        """Yield once, and then never again."""
        try:
            yield 1
            await asyncio.Event().wait()
        finally:
            (self.notes / "ended").touch()

    @tool()
    async def time_left(self) -> float | None:
        return deadline()

    @tool()
    def ask_host(self, name: str) -> list[object]:
        assert self.session_context is not None
        tools = list(self.session_context.host_tools)
        try:
            self.session_context.call_host_tool(name)
        except HostToolNotFoundError as exc:
            return [tools, None if exc.kind is None else exc.kind.name]
        return [tools, "found"]

    @tool()
    def until_cancelled(self) -> None:
        (self.notes / "began").touch()
        while not cancelled():
            os.sched_yield()
        (self.notes / "ended").touch()
