"""What an adapter does in production, each in a span of its own."""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Iterator

from opentelemetry import trace
from snakepit_bridge import tool
from snakepit_bridge.base_adapter import BaseAdapter

_tracer = trace.get_tracer("adapter")


class CollectedAdapter(BaseAdapter):
    """Work, fail, take too long, die, stream."""

    __thread_safe__ = True

    @tool(description="Work for a moment")
    def work(self, seconds: float = 0.0) -> int:
        with _tracer.start_as_current_span("adapter.work"):
            time.sleep(seconds)
            return os.getpid()

    @tool(description="Fail")
    def fail(self) -> None:
        with _tracer.start_as_current_span("adapter.fail"):
            message = "on purpose"
            raise ValueError(message)

    @tool(description="Say who began, and wait until there is such a file")
    def wait_for(self, began: str, path: str) -> int:
        with _tracer.start_as_current_span("adapter.wait_for"):
            with open(f"{began}.tmp", "x") as file:
                file.write(str(os.getpid()))
            os.rename(f"{began}.tmp", began)
            while not os.path.exists(path):
                time.sleep(0.01)
            return os.getpid()

    @tool(description="End the process unless this file exists, which it makes")
    def die_once(self, mark: str) -> int:
        with _tracer.start_as_current_span("adapter.die_once"):
            with contextlib.suppress(FileExistsError):
                os.close(os.open(mark, os.O_CREAT | os.O_EXCL))
                os._exit(3)
            return os.getpid()

    @tool(description="Count", supports_streaming=True)
    def count(self, to: int) -> Iterator[int]:
        with _tracer.start_as_current_span("adapter.count"):
            yield from range(to)
