"""An adapter that declares metrics when it is told to."""

from __future__ import annotations

from snakepit_bridge import metrics, tool
from snakepit_bridge.base_adapter import BaseAdapter


class LateMetricsAdapter(BaseAdapter):
    """Counts in what it is told to."""

    @tool(description="Add to a counter")
    def add(self, name: str, n: int) -> int:
        """Add."""
        metrics.counter(name, unit="{thing}", description="Things.").add(n)
        return n

    @tool(description="Set a gauge")
    def put(self, name: str, value: float) -> float:
        """Set."""
        metrics.gauge(name).set(value)
        return value
