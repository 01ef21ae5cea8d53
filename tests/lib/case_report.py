#!/usr/bin/env python3
"""Keep what the cases of chaos measured, and print it.

case_report.py            print the last run; status 1 where a case failed or is missing
case_report.py --clear    forget it
"""

from __future__ import annotations

import argparse
import datetime as dt
import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from account import quantile, span

if TYPE_CHECKING:
    import pytest

ROOT = Path(__file__).resolve().parents[2]
FOLDER = Path(os.environ.get("SNP_BUILD", ROOT / "build")) / "chaos"
HEAD = ("case", "fault", "runs", "detected p50 / p99", "recovered p50 / p99", "lost")
WIDTHS = (5, 64, 4, 20, 20, 6)
CASES = (*range(1, 17), *range(18, 23), 24, *range(27, 53))
Row = dict[str, Any]


def made() -> dict[str, str]:
    """Tell for a row when it was made, and of which version and commit."""
    done = subprocess.run(
        ["git", "-C", str(ROOT), "describe", "--always", "--dirty", "--abbrev=10"],
        capture_output=True,
        text=True,
        check=False,
    )
    found = re.search(
        r"^VERSION := (.*)", (ROOT / "Makefile").read_text(), re.MULTILINE
    )
    assert found
    commit = done.stdout.strip() if done.returncode == 0 else "no commit"
    today = dt.datetime.now(dt.timezone.utc)
    return {"at": f"{today:%Y-%m-%d}", "version": f"{found[1]} ({commit})"}


def keep(
    item: pytest.Item,
    number: str,
    result: pytest.TestReport,
    runs: Sequence[dict[str, Any]] = (),
    *,
    full: bool = os.environ.get("SNP_CHAOS") == "full",
) -> None:
    """Write down what the runs of one test measured and how the last ended."""
    function = getattr(item, "function", None)
    variant = re.search(r"\[(.*)\]$", item.name)
    reason = result.longrepr[2] if isinstance(result.longrepr, tuple) else ""
    row = {
        "case": str(number),
        "name": item.name,
        "what": (function.__doc__ or item.name).strip().split("\n")[0].rstrip("."),
        "variant": variant[1] if variant else "",
        "runs": list(runs),
        "result": result.outcome,
        "why": reason.removeprefix("Skipped: "),
        "full": full,
        **made(),
    }
    FOLDER.mkdir(parents=True, exist_ok=True)
    name = re.sub(r"[^\w.-]+", "_", f"{number}-{item.name}")
    (FOLDER / f"{name}.json").write_text(json.dumps(row, indent=1) + "\n")


def rows() -> list[Row]:
    """Read all rows there are, in the order of the cases."""
    found = [json.loads(path.read_text()) for path in FOLDER.glob("*.json")]
    return sorted(found, key=lambda row: (int(row["case"]), row["name"]))


def milliseconds(value: float) -> str:
    if value < 100:
        return f"{value:.1f} ms"
    return f"{value:.0f} ms" if value < 10_000 else f"{value / 1000:.1f} s"


def both(p50: float, p99: float) -> str:
    """Give two times, with one unit where they have the same."""
    low, high = milliseconds(p50), milliseconds(p99)
    if low == high:
        return low
    number, unit = low.split(" ")
    return f"{number if high.endswith(f' {unit}') else low} / {high}"


def times(row: Row, key: str) -> str:
    """Give p50 / p99 of one kind of time over the runs of a case."""
    values = [run[key] for run in row["runs"] if run[key] is not None]
    return both(quantile(values, 0.5), quantile(values, 0.99)) if values else "-"


def title(row: Row) -> str:
    return f"{row['what']} ({row['variant']})" if row["variant"] else str(row["what"])


def cells(row: Row) -> tuple[str, ...]:
    lost = span([run["lost"] for run in row["runs"]]) if row["runs"] else "-"
    detected, recovered = (times(row, key) for key in ("detected_ms", "recovered_ms"))
    result = str(len(row["runs"])) if row["result"] == "passed" else row["result"]
    return (row["case"], title(row), result, detected, recovered, lost)


def table(found: list[Row]) -> list[str]:
    lines = [HEAD, *map(cells, found)]
    text = ["  ".join(f"{cell:{w}}" for cell, w in zip(line, WIDTHS)) for line in lines]
    return [line.rstrip() for line in text]


def troubles(found: list[Row]) -> list[str]:
    """Say what of a run is no good: cases without a row, rows that failed."""
    there = {int(row["case"]) for row in found}
    failed = [
        f"{row['case']} {row['name']}" for row in found if row["result"] == "failed"
    ]
    return [f"case {n}: no row" for n in CASES if n not in there] + [
        f"case {name}: failed" for name in failed
    ]


def skips(found: list[Row]) -> list[str]:
    return [
        f"{row['case']}, {title(row)}: {row['why']}"
        for row in found
        if row["result"] == "skipped"
    ]


def main() -> int:
    parser = argparse.ArgumentParser(description="Print what chaos cases measured.")
    parser.add_argument("--clear", action="store_true", help="forget the last run")
    arguments = parser.parse_args()
    if arguments.clear:
        shutil.rmtree(FOLDER, ignore_errors=True)
        return 0
    found = rows()
    print("\n".join(table(found)))
    for line in skips(found):
        print(f"skipped {line}")
    wrong = troubles(found)
    for line in wrong:
        print(line, file=sys.stderr)
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
