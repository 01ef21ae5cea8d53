"""What callers saw: each call is opened once and closed with exactly one outcome."""

from __future__ import annotations

import threading
from collections import Counter
from dataclasses import dataclass
from typing import Dict, List, Tuple

__all__ = ["OK", "TOOL_ERROR", "Call", "Ledger", "LedgerError"]

OK = "OK"
TOOL_ERROR = "TOOL_ERROR"


class LedgerError(RuntimeError):
    """A call was opened or closed twice, or closed without being open."""


@dataclass(frozen=True)
class Call:
    """A call that ended. `pool` is "" where the runtime knows no such pool."""

    correlation_id: str
    pool: str
    tool: str
    code: str
    seconds: float


class Ledger:
    """Calls of many threads."""

    def __init__(self) -> None:
        """Start empty."""
        self._lock = threading.Lock()
        self._open: Dict[str, Tuple[str, str]] = {}
        self._closed: Dict[str, Call] = {}

    def open(self, correlation_id: str, pool: str, tool: str) -> None:
        """Note that a call is about to be made."""
        with self._lock:
            if correlation_id in self._open or correlation_id in self._closed:
                msg = f"{correlation_id} was opened twice"
                raise LedgerError(msg)
            self._open[correlation_id] = (pool, tool)

    def close(self, correlation_id: str, code: str, seconds: float) -> None:
        """Note how the call ended."""
        with self._lock:
            if correlation_id not in self._open:
                msg = f"{correlation_id} ended without being open"
                raise LedgerError(msg)
            pool, tool = self._open.pop(correlation_id)
            self._closed[correlation_id] = Call(
                correlation_id, pool, tool, code, seconds
            )

    def pending(self) -> List[str]:
        """Return the calls that have no outcome yet."""
        with self._lock:
            return sorted(self._open)

    def calls(self) -> List[Call]:
        """Return the calls that ended."""
        with self._lock:
            return list(self._closed.values())

    def counts(self) -> Counter[Tuple[str, str, str]]:
        """Count the calls that ended by pool, tool and code."""
        return Counter((call.pool, call.tool, call.code) for call in self.calls())
