"""The summary that people read."""

from __future__ import annotations

from collections import defaultdict
from typing import Dict, List, Sequence, Tuple

from .ledger import OK, Ledger
from .samples import Samples
from .verdict import Check

__all__ = ["check_lines", "table", "traffic_table"]


def table(rows: Sequence[Sequence[str]]) -> List[str]:
    """Align columns, the first two to the left, numbers to the right."""
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
    return [
        "  ".join(
            cell.ljust(width) if i < 2 else cell.rjust(width)  # noqa: PLR2004
            for i, (cell, width) in enumerate(zip(row, widths))
        ).rstrip()
        for row in rows
    ]


def traffic_table(ledger: Ledger, segment: Samples, metrics: Samples) -> List[str]:
    """Show calls by pool and tool: what we saw, and what two others counted."""
    calls: Dict[Tuple[str, str], int] = defaultdict(int)
    failed: Dict[Tuple[str, str], int] = defaultdict(int)
    seconds: Dict[Tuple[str, str], float] = defaultdict(float)
    for call in ledger.calls():
        where = call.pool, call.tool
        calls[where] += 1
        failed[where] += call.code != OK
        seconds[where] += call.seconds
    rows = [
        ("POOL", "TOOL", "CALLS", "SEGMENT", "/METRICS", "FAILED", "SEGMENT", "MEAN")
    ]
    for pool, tool in sorted(calls):
        if not pool:
            continue
        labels = {"pool": pool, "method": tool}
        requests = "snakepit_requests_total"
        rows.append(
            (
                pool,
                tool,
                str(calls[pool, tool]),
                f"{segment.value(requests, **labels):g}",
                f"{metrics.value(requests, **labels):g}",
                str(failed[pool, tool]),
                f"{segment.total('snakepit_request_failures_total', **labels):g}",
                f"{1000 * seconds[pool, tool] / calls[pool, tool]:.1f} ms",
            )
        )
    return table(rows)


def check_lines(checks: Sequence[Check]) -> List[str]:
    """Show each comparison on a line, what did not agree below it."""
    width = max(len(check.name) for check in checks)
    lines = []
    for check in checks:
        word = "ok  " if check.good else "FAIL"
        lines.append(f"{word}  {check.name.ljust(width)}  {check.summary}")
        lines.extend(f"      {' ' * width}  {problem}" for problem in check.problems)
    return lines
