"""An adapter that counts what it does."""

from __future__ import annotations

import os
import signal

from snakepit_bridge import metrics, tool
from snakepit_bridge.base_adapter import BaseAdapter

_tokens = metrics.counter("tokens", unit="{token}", description="Tokens made.")
_loss = metrics.gauge("loss")
_sizes = metrics.histogram("batch.size", unit="{item}")


class MetricsAdapter(BaseAdapter):
    """Counts."""

    __thread_safe__ = True

    @tool(description="Count so many")
    def count(self, n: int) -> int:
        """Count."""
        for _ in range(n):
            _tokens.add(1)
        _loss.set(n / 4)
        _sizes.record(n)
        return os.getpid()

    @tool(description="Count so many and die of SIGKILL")
    def count_and_die(self, n: int) -> int:
        """Count and die."""
        _tokens.add(n)
        os.kill(os.getpid(), signal.SIGKILL)
        return 0
