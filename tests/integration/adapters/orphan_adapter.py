"""An adapter whose tool leaves processes behind, in all the ways there are."""

from __future__ import annotations

import subprocess

from fault_adapter import FaultAdapter
from snakepit_bridge.base_adapter import tool

SLEEP = ["sleep", "1000"]


def _child() -> int:
    return subprocess.Popen(SLEEP).pid


def _session() -> int:
    return subprocess.Popen(SLEEP, start_new_session=True).pid


def _twice_forked() -> int:
    """Leave a child of init in a session of its own."""
    script = "setsid sleep 1000 >/dev/null & echo $!"
    done = subprocess.run(["sh", "-c", script], stdout=subprocess.PIPE, check=True)
    return int(done.stdout)


def _without_environment() -> int:
    return subprocess.Popen(SLEEP, env={}).pid


class OrphanAdapter(FaultAdapter):
    """Everything FaultAdapter does, and children."""

    __thread_safe__ = True

    @tool(description="Start processes that end by themselves long after the test")
    def leave_behind(self) -> list[int]:
        ways = (_child, _session, _twice_forked, _without_environment)
        return [start() for start in ways]
