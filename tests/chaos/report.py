#!/usr/bin/env python3
"""Keep what the cases of chaos measured, and print it.

report.py            print the last run; status 1 where a case failed or is missing
report.py --write    write docs/chaos.md from it; the run must have been a full one
"""

from __future__ import annotations

import argparse
import datetime as dt
import json
import os
import platform
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

INTRO = """\
<!-- Made by tests/chaos/report.py --write from a run of `make chaos`. -->
# What happens when things go wrong

Each row is a test in [tests/chaos](../tests/chaos): it does one thing
to a real `snakepitd` with real Python workers, and asserts what became of the worker,
what the cause is called, which metrics moved, that each request had exactly one reply,
and that all of it took no longer than a limit.

- *called*: the `reason` in the event that tells of it (`snakepit events`).
- *detected*: from the deed to that event; both times are CLOCK_MONOTONIC.
- *recovered*: from the deed to the next worker that takes requests, with the start of a
  Python process in it. A dash: there was nothing to notice or to replace.

`make test` runs every case with short limits, `make chaos` with those below; it prints
this table and keeps its rows in `build/chaos/`. What the machine cannot do is
tried, and skipped with the reason.
"""


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


def markdown(found: list[Row]) -> str:
    lines = ["| " + " | ".join(HEAD) + " |", "|---:|---|---|---:|---:|---|"]
    lines += ["| " + " | ".join(cells(row)) + " |" for row in found]
    skipped = skips(found)
    text = [INTRO, "## The table\n", *lines, ""]
    if skipped:
        text += ["Skipped there:\n"]
        text += [f"- {line}" for line in skipped]
        text += [""]
    text += [
        f"Run on {platform.system()} {platform.release()}, {os.cpu_count()} cores,"
    ]
    text += [f"{dt.datetime.now(dt.timezone.utc):%Y-%m-%d}; others used it, too.\n"]
    more = {
        (row["case"], row["meaning"]): None
        for row in found
        if row["meaning"].rstrip(".") != row["what"]
    }
    text += ["## More of some cases\n"]
    text += [f"- **{case}**: {meaning}" for case, meaning in more]
    return "\n".join(text) + "\n"


def main() -> int:
    parser = argparse.ArgumentParser(description="Print what chaos cases measured.")
    parser.add_argument("--write", action="store_true", help="write docs/chaos.md")
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
    if arguments.write:
        if not found or not all(row["full"] for row in found):
            print("report.py: not a full run; use make chaos", file=sys.stderr)
            return 1
        (ROOT / "docs" / "chaos.md").write_text(markdown(found))
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
