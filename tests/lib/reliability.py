#!/usr/bin/env python3
"""Write docs/reliability.md from what the long runs left in build/.

    make chaos soak fuzz-all race reliability

A part that was not run, or not in full, is an error: nothing is written then.
"""

from __future__ import annotations

import datetime as dt
import json
import os
import platform
import re
import sys
from collections import Counter
from pathlib import Path
from typing import Any

import case_report

BUILD = case_report.FOLDER.parent
TARGET = case_report.ROOT / "docs" / "reliability.md"
RUNS, RUN_S = 3, 600  # soaks that are asked for, and how long each has to be
FUZZ = BUILD / "fuzz"
RACES = BUILD / "tsan" / "test-logs" / "counts.json"
MODELS = BUILD / "test-logs" / "counts.json"

INTRO = """\
<!-- Made by tests/lib/reliability.py from `make chaos soak fuzz-all race`. -->
# Reliability

What was done to Snakepit, what it did, and how soon. All of it is run by commands named
here, on real programs with real Python workers, and everything is asserted, not
only measured: a run that breaks a promise fails.

"""

SOAK = """\
## Faults at random

`make soak DURATION={seconds} SEED=...`: two pools, of processes and of threads, under
calls of all kinds (small, of a mebibyte, in sessions, streams that are read slowly or
left, deadlines and cancels), while the things below happen all the time. In the last
two fifths all readers are attached; one set of them is killed, stopped and restarted at
random, one is left alone. At every look (up to five a second) starts = exits + living
processes, requests = outcomes + active + queued, and no counter of the segment or of a
scrape has gone back. Each call has one outcome. At the end descriptors, threads,
processes, rows and files are those of the beginning, and memory has kept its level.

- *called*: the reason in the event that tells of it; workers are recycled all the time,
  so now and then somebody else was quicker.
- *noticed*, *made good*: from the deed to the first event about that worker, and to the
  next worker in its place that takes requests, with the start of a Python process in it
  and what it had to wait for, such as a pool that was being scaled or rolled: medians
  and 99th percentiles.
- *lost*: requests that were running in those workers and failed for that, each with the
  worker's name in its error. Nothing else was lost: what waited, was run by others.

"""

CHAOS = """\
## Faults one by one

`make chaos`: each row is a test in [tests/chaos](../tests/chaos) or
[tests/soak](../tests/soak) (31): it does one thing, and asserts what became of the
worker, what the cause is called, which metrics moved, that each request had exactly one
reply, and that all of it took no longer than a limit.

- *called*: the `reason` in the event that tells of it (`snakepit events`).
- *detected*: from the deed to that event; both times are CLOCK_MONOTONIC.
- *recovered*: from the deed to the next worker that takes requests, with the start of a
  Python process in it. A dash: there was nothing to notice or to replace.

`make test` runs every case with short limits. What the machine cannot do is tried, and
skipped with the reason.

"""

FUZZING = """\
## Foreign bytes

`make fuzz-all`: libFuzzer with ASan and UBSan on everything that reads what others
wrote. What they found before is among their seeds and in the tests.

"""

RACING = """\
## Races

`make race`: the C unit tests and the segment's stress under ThreadSanitizer, and models
of the segment's protocols, in which every interleaving is tried
([tests/models](../tests/models/README.md)).

"""


class Missing(Exception):  # noqa: N818 - what is wrong; the program says it and ends
    """A run that there must be is not there."""


def line(*fields: Any) -> str:
    return "| " + " | ".join(str(field) for field in fields) + " |"


def milliseconds(pair: list[float] | None) -> str:
    if not pair:
        return "-"
    return " / ".join(case_report.milliseconds(value) for value in pair)


def soaks() -> list[dict[str, Any]]:
    found = [json.loads(path.read_text()) for path in (BUILD / "soak").glob("*.json")]
    long = [run for run in found if run["seconds"] >= RUN_S]
    if len(long) < RUNS:
        message = f"{len(long)} soaks of {RUN_S} s, {RUNS} are wanted: make soak"
        raise Missing(message)
    return sorted(long, key=lambda run: int(run["seed"]))


def quantile_of_runs(rows: list[dict[str, Any]], key: str) -> list[float] | None:
    """Give the median of the medians, and the worst 99th percentile."""
    pairs = [row[key] for row in rows if row[key]]
    if not pairs:
        return None
    medians = sorted(pair[0] for pair in pairs)
    return [medians[len(medians) // 2], max(pair[1] for pair in pairs)]


def soak_section(runs: list[dict[str, Any]]) -> list[str]:
    lines = [SOAK.format(seconds=int(runs[0]["seconds"]))]
    head = (
        "fault",
        "times",
        "called",
        "noticed p50 / p99",
        "made good p50 / p99",
        "lost",
    )
    lines += [line(*head), "|---|---:|---|---:|---:|---:|"]
    faults = sorted({row["fault"] for run in runs for row in run["faults"]})
    for fault in faults:
        rows = [row for run in runs for row in run["faults"] if row["fault"] == fault]
        called = sorted({reason for row in rows for reason in row["called"]})
        noticed, good = (
            milliseconds(quantile_of_runs(rows, key))
            for key in ("detected_ms", "recovered_ms")
        )
        times, lost = (sum(row[key] for row in rows) for key in ("times", "lost"))
        lines += [line(fault, times, ", ".join(called) or "-", noticed, good, lost)]
    lines += [
        "",
        "A median is that of the runs' medians, a percentile the worst run's.",
    ]
    lines += ["", line("seed", "looks", "calls", "by outcome", "readers harmed",
                       "memory, second and last quarter")]  # fmt: skip
    lines += ["|---:|---:|---:|---|---|---|"]
    for run in runs:
        outcomes = Counter(run["outcomes"]).most_common()
        lines += [
            line(
                run["seed"], run["samples"], sum(run["outcomes"].values()),
                ", ".join(f"{name} {count}" for name, count in outcomes),
                ", ".join(f"{what} {n}" for what, n in sorted(run["readers"].items())),
                ", ".join(
                    f"{name} {once / 1024:.1f} / {then / 1024:.1f} MiB"
                    for name, (once, then) in run["held"]["rss_kib"].items()
                ),
            )
        ]  # fmt: skip
    return [*lines, ""]


def chaos_section() -> list[str]:
    found = case_report.rows()
    wrong = case_report.troubles(found)
    if wrong or not all(row["full"] for row in found):
        message = "; ".join(wrong) or "the run of chaos was a short one: make chaos"
        raise Missing(message)
    return [CHAOS, *case_report.markdown(found), ""]


def fuzz_section() -> list[str]:
    lines = [FUZZING, line("target", "inputs tried", "seconds", "found")]
    lines += ["|---|---:|---:|---|"]
    targets = sorted(
        path.stem.removesuffix("_fuzz")
        for path in (case_report.ROOT / "tests" / "fuzz").glob("*_fuzz.c")
    )
    for target in targets:
        log = FUZZ / f"{target}.log"
        text = log.read_text(errors="replace") if log.exists() else ""
        tried = re.search(r"number_of_executed_units: (\d+)", text)
        took = re.search(r"Done \d+ runs in (\d+) second", text)
        if not tried or not took:
            message = f"fuzz target {target} has not been run: make fuzz-all"
            raise Missing(message)
        crashes = len(list((FUZZ / target).glob("crash-*")))
        lines += [line(target, tried[1], took[1], crashes or "nothing")]
    return [*lines, ""]


def race_section() -> list[str]:
    lines = [RACING, line("what", "passed", "failed", "skipped")]
    lines += ["|---|---:|---:|---:|"]
    wanted = (
        ("C unit tests, ThreadSanitizer", RACES, "unit"),
        ("segment under stress, ThreadSanitizer", RACES, "segment_chaos"),
        ("models of the protocols", MODELS, "models"),
    )
    for what, path, suite in wanted:
        counts = json.loads(path.read_text()) if path.exists() else {}
        if suite not in counts:
            message = f"no run of {suite}: make race"
            raise Missing(message)
        count = counts[suite]
        lines += [line(what, count["passed"], count["failed"], count["skipped"])]
    return [*lines, ""]


def machine() -> str:
    model = re.search(r"model name\s*: (.*)", Path("/proc/cpuinfo").read_text())
    return (
        f"{platform.system()} {platform.release()}, {os.cpu_count()} cores"
        f"{' of ' + model[1] if model else ''}"
    )


def main() -> int:
    try:
        parts = [*soak_section(soaks()), *chaos_section()]
        parts += [*fuzz_section(), *race_section()]
    except Missing as error:
        print(f"reliability.py: {error}", file=sys.stderr)
        return 1
    date = f"{dt.datetime.now(dt.timezone.utc):%Y-%m-%d}"
    intro = INTRO + f"Run on {date}: {machine()}; others used the machine, too.\n"
    TARGET.write_text("\n".join([intro, *parts]).rstrip() + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
