#!/usr/bin/env python3
"""Write docs/reliability.md from what the long runs left in build/.

    make chaos soak fuzz-all race faults reliability

A part that was not run, not in full, or that failed is an error: nothing is written
then. --output writes to another file. The folder is $SNP_BUILD, or build/.
"""

from __future__ import annotations

import argparse
import datetime as dt
import json
import os
import platform
import re
import sys
from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import case_report
from account import changes_of, quantile, span, words_of
from case_report import Row, times
from soak_record import LONG_S

BUILD = case_report.FOLDER.parent
TARGET = case_report.ROOT / "docs" / "reliability.md"
RUNS = 3  # soaks that are asked for
FLAT = 1.02  # the memory of a process at the end, as a part of that after warm-up
SOAK_CASE = "31"  # a case of chaos that has a section of its own
FUZZ = BUILD / "fuzz"
FOUND = ("crash", "leak", "oom", "timeout")  # files of libFuzzer
FAULTS = BUILD / "faults"
UNITS = BUILD / "test-logs" / "unit"
RACES = BUILD / "tsan" / "test-logs" / "counts.json"
COUNTS = BUILD / "test-logs" / "counts.json"

INTRO = """\
<!-- Made by tests/lib/reliability.py from `make chaos soak fuzz-all race faults`. -->
# Reliability

What was done to Snakepit, what it did, how soon, and what was lost. Real programs with
real Python workers were run by the commands named here. Everything is asserted, not
only measured: a run that breaks a promise fails, and then this page is not written.

"""

HOLDS = """\
## What holds
"""

CHAOS = """\
## Faults one by one

`make chaos`: each row is a test in [tests/chaos](../tests/chaos). It does one thing and
asserts what became of the worker, what the cause is called, which metrics moved, that
each request had exactly one reply, and that all of it took no longer than a limit. What
is in the table was taken down by the test from the segment, with `snakepit-inspect`.

- *what the runtime did*: the reason in the event that tells of the fault, and the steps
  after it. `reaped`: saw the end of a process and freed what it held. `replaced`: a new
  worker takes requests. `fenced`: gets no more requests. `spared`: a kill that
  something spoke against. In brackets: not every time. A dash: there was nothing to do.
- *detected*: from the deed to that event; both times are CLOCK_MONOTONIC.
- *recovered*: from the deed to the next worker that takes requests, with the start of a
  Python process in it.
- *lost*: requests that failed and that the runtime or the worker has to answer for
  (UNAVAILABLE, INTERNAL, UNKNOWN, ABORTED), by the counters of failures. A deadline
  that passed, a full queue and a cancelled call are in the next column.
- *readers showed*: what changed for whoever reads the segment, between the deed and the
  end of the test. States are named where they are not `ready`, `ok` or `closed`.
- *n*: how many times it was done. Times are p50 / p99 by nearest rank: of less than a
  hundred values the p99 is the largest.

Three tests run at a time on this machine, so these are times of a busy one. `make test`
runs every case once, with short limits.
"""

SOAK = """\
## Faults at random

`make soak DURATION={seconds} SEED=...`: two pools, of processes and of threads, under
calls of all kinds (small, of a mebibyte, in sessions, streams that are read slowly or
left, deadlines and cancels), while the things below happen all the time. In the last
two fifths all readers are attached (Prometheus, OTLP, StatsD, `snakepit-top`, a
follower of events, the Python library); one set of them is killed, stopped and started
again at random, one is left alone. At every look (up to five a second) starts = exits +
living processes, requests = outcomes + active + queued, and no counter of the segment
or of a scrape has gone back. Each call has one outcome. At the end descriptors,
threads, processes, rows and files are those of the beginning, those of the readers too,
and memory has kept its level.

- *what the runtime did*: the reason in the event that tells of that worker's end (else
  an event about the pool), and the steps after it. Workers are recycled all the time:
  where somebody else was quicker (reasons of less than a fifth) a deed counts in *n*
  and *lost* alone. A dash: it was let be, and each call had its answer.
- *noticed*, *made good*: from the deed to that event, and to the next worker in its
  place that takes requests, with what it had to wait for, such as a pool that was being
  scaled or rolled. p50 / p99; the p50 is the median of the runs' medians, the p99 the
  worst run's.
- *lost*: requests that were running in those workers and failed for that, each with the
  worker's name in its error. What waited was run by others.
"""

FAULTING = """\
## Each allocation and system call

`make faults`: a program or a unit does its task while the Nth call of a function fails,
for each function that allocates or enters the kernel, and for N from 1 until there is
no such call. Whatever failed, a program did all and gave the same numbers (a sender:
all that it sends had arrived), or it exited with status 1 and said why, in one line
where it does not log. Those that have another word or status for that are listed in the
tests. None was killed, hung or left a file; of `fcntl`, which looks at the writer's
lock, no more than that is asserted ([tests/faults](../tests/faults),
`fault_test.c` in [tests/unit](../tests/unit)).
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

NOT_SHOWN = """\
## What is not shown here

- One machine, one kernel, one architecture, for hours: not weeks, not a network of
  hosts, not arm64.
- A process that the kernel cannot end (a worker in a file system that hangs), but for
  its state in `tests/unit/runtime/machine_test.c`; a host that loses power.
- The kernel's kill for lack of memory. Memory over the limits of a pool is shown; what
  is read of a cgroup after such a kill is tested in `tests/unit/runtime/oom_test.c`.
- In the soaks: steps of the clock, frozen and traced workers, memory pressure, and the
  end of the runtime itself. They are cases above.
- The suspend of a host and steps of the clock are told to the runtime by a library in
  its process; the machine itself is not put to sleep.
"""


class Missing(Exception):  # noqa: N818 - what is wrong; the program says it and ends
    """A run that there must be is not there."""


def line(*fields: Any) -> str:
    return "| " + " | ".join(str(field) for field in fields) + " |"


def table(head: Iterable[str], right: Iterable[int], rows: Iterable[Any]) -> list[str]:
    """Lay a table out; columns in `right` hold numbers."""
    names = list(head)
    numbers = set(right)
    rule = "".join("|---:" if n in numbers else "|---" for n in range(len(names)))
    return ["", line(*names), rule + "|", *(line(*row) for row in rows), ""]


# ---- soaks


def soaks() -> list[dict[str, Any]]:
    found = [json.loads(path.read_text()) for path in (BUILD / "soak").glob("*.json")]
    long = [run for run in found if run["seconds"] >= LONG_S]
    for run in long:
        if run["failed"]:
            message = f"the soak with SEED={run['seed']} failed: {run['failed']}"
            raise Missing(message)
    if len(long) < RUNS:
        message = f"{len(long)} soaks of {LONG_S} s, {RUNS} are wanted: make soak"
        raise Missing(message)
    return sorted(long, key=lambda run: int(run["seed"]))


def of_runs(rows: list[Row], key: str) -> str:
    """Give the median of the medians, and the worst 99th percentile."""
    pairs = [row[key] for row in rows if row[key]]
    if not pairs:
        return "-"
    p50 = quantile([pair[0] for pair in pairs], 0.5)
    return case_report.both(p50, max(pair[1] for pair in pairs))


def fault_row(fault: str, rows: list[Row]) -> tuple[Any, ...]:
    called = sorted({reason for row in rows for reason in row["called"]})
    did = words_of([did for row in rows for did in row["did"]])
    what = ": ".join(part for part in (", ".join(called), did) if part)
    count, lost = (sum(row[key] for row in rows) for key in ("times", "lost"))
    noticed, good = (of_runs(rows, key) for key in ("detected_ms", "recovered_ms"))
    return (fault, what or "-", noticed, good, lost, count)


def grown(run: dict[str, Any]) -> dict[str, float]:
    """Give the memory of each process in the end, as a part of that after warm-up."""
    return {name: then / once for name, (once, then) in run["held"]["rss_kib"].items()}


def percent(part: float) -> str:
    return f"{(part - 1) * 100:+.1f} %"


def soak_section(runs: list[dict[str, Any]]) -> list[str]:
    faults = sorted({row["fault"] for run in runs for row in run["faults"]})
    done = {
        fault: [row for run in runs for row in run["faults"] if row["fault"] == fault]
        for fault in faults
    }
    lines = [SOAK.format(seconds=int(runs[0]["seconds"]))]
    head = ("fault", "what the runtime did", "noticed", "made good", "lost", "n")
    lines += table(head, (2, 3, 4, 5), (fault_row(*item) for item in done.items()))
    lines += ["The runs, and memory in the last quarter against that in the second:"]
    rows = []
    for run in runs:
        outcomes = Counter(run["outcomes"])
        ends = ", ".join(f"{name} {n}" for name, n in outcomes.most_common())
        memory = ", ".join(
            f"{name} {percent(part)}" for name, part in grown(run).items()
        )
        rows += [(run["seed"], run["samples"], outcomes.total(), ends, memory)]
    lines += table(("seed", "looks", "calls", "by outcome", "memory"), (0, 1, 2), rows)
    lines += ["What was done to readers, and what arrived from them and was shown:"]
    rows = []
    for run in runs:
        told = (
            ", ".join(f"{what} {n}" for what, n in sorted(run[key].items()))
            for key in ("readers", "arrived")
        )
        rows += [(run["seed"], *told, changes_of([run["shown"]]))]
    return [*lines, *table(("seed", "harmed", "arrived", "showed"), (0,), rows)]


# ---- cases


def cases() -> list[Row]:
    found = case_report.rows()
    wrong = case_report.troubles(found)
    if wrong or not all(row["full"] for row in found):
        message = "; ".join(wrong) or "the run of chaos was a short one: make chaos"
        raise Missing(message)
    return [row for row in found if row["case"] != SOAK_CASE]


def case_row(row: Row, fault: str) -> tuple[Any, ...]:
    runs = row["runs"]
    called = ", ".join(dict.fromkeys(run["called"] for run in runs if run["called"]))
    did = words_of([run["did"] for run in runs])
    what = ": ".join(part for part in (called, did) if part)
    return (
        row["case"],
        fault,
        what or "-",
        times(row, "detected_ms"),
        times(row, "recovered_ms"),
        span([run["lost"] for run in runs]),
        changes_of([run["shown"] for run in runs]) or "-",
        len(runs),
    )


def chaos_section(found: list[Row]) -> list[str]:
    rows, last = [], ""
    for row in found:
        if row["result"] == "passed":
            what = "″" if row["what"] == last else row["what"]
            last = row["what"]
            variant = f" *{row['variant']}*" if row["variant"] else ""
            rows += [case_row(row, what + variant)]
    head = ("", "fault", "what the runtime did", "detected", "recovered", "lost",
            "readers showed", "n")  # fmt: skip
    return [CHAOS, *table(head, (0, 3, 4, 5, 7), rows)]


def not_shown(found: list[Row]) -> list[str]:
    lines = [NOT_SHOWN.rstrip()]
    if skipped := case_report.skips(found):
        lines += ["- Skipped on this machine:"]
    return [*lines, *(f"  - case {skip}" for skip in skipped), ""]


# ---- the rest


def count_of(suite: str, path: Path, target: str) -> dict[str, int]:
    """Give how many tests of a suite passed and were skipped, when it ran last."""
    counts = json.loads(path.read_text()) if path.exists() else {}
    if suite not in counts:
        message = f"no run of {suite}: {target}"
        raise Missing(message)
    count: dict[str, int] = counts[suite]
    if count["failed"]:
        message = f"{count['failed']} failed in {suite}: {target}"
        raise Missing(message)
    if not count["passed"]:
        message = f"all of {suite} was skipped: {target}"
        raise Missing(message)
    return count


def faults() -> list[tuple[str, int, int]]:
    """Give each program or unit, how many tasks it had, and how many calls failed."""
    rows = [json.loads(path.read_text()) for path in FAULTS.glob("*.json")]
    if not rows or not all(row["full"] for row in rows):
        message = "no run of fault injection, or a short one: make faults"
        raise Missing(message)
    for suite in ("faults", "unit"):  # a case that failed leaves no row
        count_of(suite, COUNTS, "make faults")
    found: dict[str, list[int]] = {}
    for row in rows:
        program = f"{row['case'].partition('-')[0]}, the program"
        found.setdefault(program, []).append(sum(row["failed"].values()))
    for log in UNITS.glob("*/fault_test.log"):
        calls = re.findall(r"^(\d+) calls$", log.read_text(), re.MULTILINE)
        found.setdefault(f"{log.parent.name}, in C", []).extend(map(int, calls))
    if not any(name.endswith("in C") for name in found):
        message = "no fault_test of any unit: make faults"
        raise Missing(message)
    return [(name, len(calls), sum(calls)) for name, calls in sorted(found.items())]


def faults_section(rows: list[tuple[str, int, int]]) -> list[str]:
    return [FAULTING, *table(("of", "tasks", "calls that failed"), (1, 2), rows)]


def fuzzed() -> list[tuple[str, int, int]]:
    """Give target, inputs and seconds of each fuzzer."""
    rows = []
    for source in sorted((case_report.ROOT / "tests" / "fuzz").glob("*_fuzz.c")):
        target = source.stem.removesuffix("_fuzz")
        log = FUZZ / f"{target}.log"
        text = log.read_text(errors="replace") if log.exists() else ""
        tried = re.search(r"number_of_executed_units: (\d+)", text)
        took = re.search(r"Done \d+ runs in (\d+) second", text)
        if not tried or not took:
            message = f"fuzz target {target} has not been run: make fuzz-all"
            raise Missing(message)
        if found := sorted(
            path for kind in FOUND for path in (FUZZ / target).glob(f"{kind}-*")
        ):
            message = f"fuzz target {target} found {found[0].name}"
            raise Missing(message)
        rows += [(target, int(tried[1]), int(took[1]))]
    return rows


def fuzz_section(rows: list[tuple[str, int, int]]) -> list[str]:
    found = [(*row, "nothing") for row in rows]
    head = ("target", "inputs tried", "seconds", "found")
    return [FUZZING, *table(head, (1, 2), found)]


def raced() -> list[tuple[str, int, int]]:
    """Give what was run, how many passed, how many were skipped."""
    wanted = (
        ("C unit tests, ThreadSanitizer", RACES, "unit"),
        ("segment under stress, ThreadSanitizer", RACES, "segment_chaos"),
        ("models of the protocols", COUNTS, "models"),
    )
    rows = []
    for what, path, suite in wanted:
        count = count_of(suite, path, "make race")
        rows += [(what, count["passed"], count["skipped"])]
    return rows


def race_section(rows: list[tuple[str, int, int]]) -> list[str]:
    return [RACING, *table(("what", "passed", "skipped"), (1, 2), rows)]


# ---- what holds


def holds(
    runs: list[dict[str, Any]],
    found: list[Row],
    failing: list[tuple[str, int, int]],
    tried: list[tuple[str, int, int]],
    races: list[tuple[str, int, int]],
) -> list[str]:
    """Say of each point whether it holds, and what shows it."""
    seeds = ", ".join(str(run["seed"]) for run in runs)
    looks, calls = (
        sum(run["samples"] for run in runs),
        sum(sum(run["outcomes"].values()) for run in runs),
    )
    most, who, seed = max(
        (part, name, run["seed"]) for run in runs for name, part in grown(run).items()
    )
    passed = [row for row in found if row["result"] == "passed"]
    numbers = {row["case"] for row in passed}
    deeds = sum(len(row["runs"]) for row in passed)
    skipped = len(found) - len(passed)
    harmed = sum(n for run in runs for n in run["readers"].values())
    rows = [
        (f"{RUNS} soaks of {LONG_S} s, each with its seed", True, f"seeds {seeds}"),
        ("Counters only grow, sums hold", True, f"{looks} looks"),
        ("One outcome for each request", True, f"{calls} calls"),
        ("No descriptor, process, socket, file or row is left over", True,
         "asserted at the end of each soak"),
        ("Memory of runtime and readers within 2 % after warm-up", most <= FLAT,
         f"most: {who}, {percent(most)} (seed {seed})"),
        ("Readers killed, stopped and restarted at random harm nobody", True,
         f"{harmed} deeds"),
        ("Each fault is noticed, named and made good", True,
         f"{len(numbers)} cases, {len(passed)} tests, {deeds} runs; {skipped} skipped"),
        ("Each allocation and system call may fail", True,
         f"{sum(row[2] for row in failing)} failing calls"),
        ("Foreign bytes do no harm", True, f"{sum(row[1] for row in tried)} inputs"),
        ("No data race", True, f"{sum(row[1] for row in races)} tests and models"),
    ]  # fmt: skip
    told = ((point, "yes" if good else "**no**", shown) for point, good, shown in rows)
    return [HOLDS, *table(("what", "holds", "shown by"), (), told)]


def machine() -> str:
    model = re.search(r"model name\s*: (.*)", Path("/proc/cpuinfo").read_text())
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / (1 << 30)
    return (
        f"{platform.system()} {platform.release()}, {platform.machine()}, "
        f"{os.cpu_count()} cores{' of ' + model[1] if model else ''}, "
        f"{memory:.0f} GiB, Python {platform.python_version()}"
    )


def of_what(rows: list[Row]) -> str:
    """Tell the dates and versions of runs."""
    days = sorted({row["at"] for row in rows})
    versions = sorted({row["version"] for row in rows})
    when = days[0] if len(days) == 1 else f"{days[0]} to {days[-1]}"
    return f"Snakepit {', '.join(versions)}, {when}"


def document() -> str:
    runs, found, failing = soaks(), cases(), faults()
    tried, races = fuzzed(), raced()
    parts = [
        *holds(runs, found, failing, tried, races),
        *chaos_section(found),
        *soak_section(runs),
        *faults_section(failing),
        *fuzz_section(tried),
        *race_section(races),
        *not_shown(found),
    ]
    today = f"{dt.datetime.now(dt.timezone.utc):%Y-%m-%d}"
    made = f"{of_what([*runs, *found])}; written on {today}.\n{machine()}.\n"
    text = "\n".join([INTRO + made, *parts])
    return re.sub(r"\n{3,}", "\n\n", text).rstrip() + "\n"


def main() -> int:
    parser = argparse.ArgumentParser(description="Write docs/reliability.md.")
    parser.add_argument("--output", type=Path, default=TARGET, metavar="FILE")
    arguments = parser.parse_args()
    try:
        text = document()
    except Missing as error:
        print(f"reliability.py: {error}", file=sys.stderr)
        return 1
    arguments.output.write_text(text)
    return 0


if __name__ == "__main__":
    sys.exit(main())
