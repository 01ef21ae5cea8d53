"""Adapters whose starts and growth a test decides."""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path

from fault_adapter import FaultAdapter
from snakepit_bridge import progress, request_recycle
from snakepit_bridge.base_adapter import tool

_kept: list[bytes] = []


class LifecycleAdapter(FaultAdapter):
    """Grows and asks to be replaced."""

    @tool(description="Keep so much more memory")
    def grow(self, mib: int) -> int:
        _kept.append(os.urandom(1 << 20) * mib)
        return os.getpid()

    @tool(description="Ask to be replaced")
    def wish(self) -> int:
        request_recycle()
        return os.getpid()

    @tool(description="The value of an environment variable")
    def env(self, name: str) -> str:
        return os.environ.get(name, "")


class GatedAdapter(LifecycleAdapter):
    """Starts unless the file $GATE exists; with $GATE_SLOT, only that slot cares."""

    def __init__(self) -> None:
        super().__init__()
        mine = sys.argv[sys.argv.index("--slot") + 1]
        cares = os.environ.get("GATE_SLOT", mine) == mine
        if cares and Path(os.environ["GATE"]).exists():
            raise RuntimeError("the gate is shut")


class OnceAdapter(LifecycleAdapter):
    """Starts once for each value of $ONCE; without one, always."""

    def __init__(self) -> None:
        super().__init__()
        if "ONCE" in os.environ:
            Path(os.environ["ONCE"]).touch(exist_ok=False)


class GreedyAdapter(LifecycleAdapter):
    """Needs much memory from the start."""

    def initialize(self) -> None:
        _kept.append(os.urandom(1 << 20) * 64)


class HeldAdapter(LifecycleAdapter):
    """Does not get on with its start while the file $GATE is there."""

    def initialize(self) -> None:
        while Path(os.environ["GATE"]).exists():
            time.sleep(0.02)


class SlowAdapter(LifecycleAdapter):
    """Takes $SLOW_S seconds to start, and says that it gets on."""

    def initialize(self) -> None:
        end = time.monotonic() + float(os.environ["SLOW_S"])
        while time.monotonic() < end:
            time.sleep(0.05)
            progress()
