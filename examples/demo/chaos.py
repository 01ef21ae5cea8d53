"""Kills a worker from time to time and sees to it that another takes its place."""

from __future__ import annotations

import threading
import time
from typing import Any, Callable, Dict, List, Optional

from .stack import Stack, kill_child
from .verdict import Kill

__all__ = ["Chaos", "choose_victim"]

_REPLACED_WITHIN_SECONDS = 20.0
_LOOK_SECONDS = 0.1
_SERVING = ("idle", "busy")


def choose_victim(
    workers: List[Dict[str, Any]], kills: List[Kill]
) -> Optional[Dict[str, Any]]:
    """Choose a worker that serves: of the pool hit least, a busy one if there is."""
    serving = [worker for worker in workers if worker["status"] in _SERVING]

    def order(worker: Dict[str, Any]) -> Any:
        hits = [kill.pool for kill in kills].count(worker["pool"])
        return hits, worker["status"] != "busy", worker["pool"], worker["slot"]

    return min(serving, key=order, default=None)


class Chaos:
    """A thread that kills at `first` seconds and then every `every` seconds."""

    def __init__(
        self, stack: Stack, first: float, every: float, tell: Callable[[str], None]
    ) -> None:
        """Prepare; `tell` hears of each kill and each replacement."""
        self.kills: List[Kill] = []
        self._stack = stack
        self._first, self._every = first, every
        self._tell = tell
        self._stop = threading.Event()
        self._error: Optional[BaseException] = None
        self._thread = threading.Thread(target=self._main, daemon=True)

    def start(self) -> None:
        """Begin to count the seconds."""
        self._thread.start()

    def stop(self) -> None:
        """Kill no more; returns when the last victim was replaced, or given up on."""
        self._stop.set()
        self._thread.join(_REPLACED_WITHIN_SECONDS + 10)
        if self._error is not None:
            raise self._error

    def _main(self) -> None:
        try:
            wait = self._first
            while not self._stop.wait(wait):
                started = time.monotonic()
                self._kill_one()
                wait = max(0.0, self._every - (time.monotonic() - started))
        except BaseException as exc:  # noqa: BLE001 - stop() raises it
            self._error = exc

    def _kill_one(self) -> None:
        victim = choose_victim(self._stack.inspect()["workers"], self.kills)
        if victim is None or not kill_child(victim["pid"], self._stack.pid()):
            return
        killed = time.monotonic()
        self._tell(f"killed {victim['worker_id']} (pid {victim['pid']})")
        replaced_in = self._await_replacement(victim, killed)
        self.kills.append(
            Kill(victim["pool"], victim["slot"], victim["pid"], replaced_in)
        )

    def _await_replacement(
        self, victim: Dict[str, Any], killed: float
    ) -> Optional[float]:
        while True:
            for worker in self._stack.inspect()["workers"]:
                if (
                    (worker["pool"], worker["slot"]) == (victim["pool"], victim["slot"])
                    and worker["incarnation"] > victim["incarnation"]
                    and worker["status"] in _SERVING
                ):
                    seconds = time.monotonic() - killed
                    self._tell(f"{worker['worker_id']} serves after {seconds:.1f} s")
                    return seconds
            if time.monotonic() - killed > _REPLACED_WITHIN_SECONDS:
                self._tell(f"{victim['worker_id']} was not replaced")
                return None
            time.sleep(_LOOK_SECONDS)
