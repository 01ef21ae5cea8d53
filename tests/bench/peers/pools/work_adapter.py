"""The same function as a tool of a Snakepit worker."""

from __future__ import annotations

from snakepit_bridge.base_adapter import BaseAdapter, tool
from work import work


class WorkAdapter(BaseAdapter):
    """One tool, which any number of threads may run."""

    __thread_safe__ = True

    @tool(description="Give back what came")
    def work(self, text: str) -> str:
        return work(text)
