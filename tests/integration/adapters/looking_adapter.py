"""An adapter that says what its own process has loaded and runs."""

from __future__ import annotations

import sys
import threading

from snakepit_bridge.base_adapter import BaseAdapter, tool


class LookingAdapter(BaseAdapter):
    @tool(description="Packages that are loaded")
    def packages(self) -> list[str]:
        return sorted({name.partition(".")[0] for name in sys.modules})

    @tool(description="Threads that run")
    def threads(self) -> list[str]:
        return sorted(thread.name for thread in threading.enumerate())
