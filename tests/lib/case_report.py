#!/usr/bin/env python3
"""Keep what the cases of chaos measured, and print it.

case_report.py            print the last run; status 1 where a case failed or is missing
case_report.py --clear    forget it
"""

from __future__ import annotations

import argparse
import json
import os
import re
import shutil
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pytest

ROOT = Path(__file__).resolve().parents[2]
FOLDER = Path(os.environ.get("SNP_BUILD", ROOT / "build")) / "chaos"
HEAD = ("case", "what", "called", "detected", "recovered", "result")
WIDTHS = (5, 46, 20, 10, 10, 7)
CASES = (*range(1, 17), *range(18, 23), 24, *range(27, 53))
Row = dict[str, Any]


def keep(item: pytest.Item, number: str, result: pytest.TestReport) -> None:
    """Write down what one test measured and how it ended."""
    trial = getattr(item, "funcargs", {}).get("trial")
    function = getattr(item, "function", None)
    variant = re.search(r"\[(.*)\]$", item.name)
    reason = result.longrepr[2] if isinstance(result.longrepr, tuple) else ""
    row = {
        "case": str(number),
        "name": item.name,
        "what": (function.__doc__ or item.name).strip().split("\n")[0].rstrip("."),
        "variant": variant[1] if variant else "",
        "meaning": " ".join((function.__doc__ or "").split()),
        "called": getattr(trial, "label", ""),
        "detected_ms": getattr(trial, "detected_ms", None),
        "recovered_ms": getattr(trial, "recovered_ms", None),
        "result": result.outcome,
        "why": reason.removeprefix("Skipped: "),
        "full": os.environ.get("SNP_CHAOS") == "full",
    }
    FOLDER.mkdir(parents=True, exist_ok=True)
    name = re.sub(r"[^\w.-]+", "_", f"{number}-{item.name}")
    (FOLDER / f"{name}.json").write_text(json.dumps(row, indent=1) + "\n")


def rows() -> list[Row]:
    """Read all rows there are, in the order of the cases."""
    found = [json.loads(path.read_text()) for path in FOLDER.glob("*.json")]
    return sorted(found, key=lambda row: (int(row["case"]), row["name"]))


def milliseconds(value: float | None) -> str:
    if value is None:
        return "-"
    if value < 100:
        return f"{value:.1f} ms"
    return f"{value:.0f} ms" if value < 10_000 else f"{value / 1000:.1f} s"


def cells(row: Row) -> tuple[str, ...]:
    what = row["what"] + (f" ({row['variant']})" if row["variant"] else "")
    detected, recovered = (
        milliseconds(row[key]) for key in ("detected_ms", "recovered_ms")
    )
    result = "ok" if row["result"] == "passed" else str(row["result"])
    return (row["case"], what, row["called"] or "-", detected, recovered, result)


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
        f"{row['case']}, {row['what']}: {row['why']}"
        for row in found
        if row["result"] == "skipped"
    ]


def markdown(found: list[Row]) -> list[str]:
    """Give the table of a run, what was skipped, and more words on some cases."""
    lines = ["| " + " | ".join(HEAD) + " |", "|---:|---|---|---:|---:|---|"]
    lines += ["| " + " | ".join(cells(row)) + " |" for row in found]
    skipped = skips(found)
    if skipped:
        lines += ["", "Skipped there:", "", *(f"- {line}" for line in skipped)]
    more = {
        (row["case"], row["meaning"]): None
        for row in found
        if row["meaning"].rstrip(".") != row["what"]
    }
    return [*lines, "", "More of some cases:", ""] + [
        f"- **{case}**: {meaning}" for case, meaning in more
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
