"""The same function as a tool of a Snakepit worker."""

from __future__ import annotations

from snakepit_bridge.base_adapter import BaseAdapter, tool
from work import work


class WorkAdapter(BaseAdapter):
    """Tools that any number of threads may run."""

    __thread_safe__ = True

    @tool(description="Give back what came")
    def work(self, text: str) -> str:
        return work(text)

    @tool(description="Give back what came, as bytes")
    def work_bytes(self, data: bytes) -> bytes:
        return work(data)
