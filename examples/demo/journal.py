"""What the runtime's log says about requests and workers."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any, Dict, Iterable, List

from .ledger import Call

__all__ = ["Ended", "Journal", "read_journal"]


@dataclass(frozen=True)
class Ended:
    """A worker process that ended."""

    pool: str
    pid: int
    reason: str


@dataclass
class Journal:
    """The log's lines that matter here."""

    requests: List[Call] = field(default_factory=list)
    ended: List[Ended] = field(default_factory=list)

    def by_correlation_id(self) -> Dict[str, List[Call]]:
        """Group the requests; each id should have exactly one."""
        groups: Dict[str, List[Call]] = {}
        for call in self.requests:
            groups.setdefault(call.correlation_id, []).append(call)
        return groups


def read_journal(lines: Iterable[str]) -> Journal:
    """Read JSON lines; what is none (a crash's last words) is left out."""
    journal = Journal()
    for line in lines:
        try:
            entry = json.loads(line)
        except ValueError:
            continue
        if isinstance(entry, dict):
            _take(journal, entry)
    return journal


def _take(journal: Journal, entry: Dict[str, Any]) -> None:
    # Workers log, too, into the same stream: `component` is the runtime's own.
    kind = entry.get("component"), entry.get("msg")
    if kind == ("pool", "request finished"):
        journal.requests.append(
            Call(
                entry["correlation_id"],
                entry["pool"],
                entry["tool"],
                entry["code"],
                entry["duration_ms"] / 1000,
            )
        )
    elif kind == ("worker", "worker ended"):
        pool = entry["worker"].partition("/")[0]
        journal.ended.append(Ended(pool, entry["worker_pid"], entry["reason"]))
