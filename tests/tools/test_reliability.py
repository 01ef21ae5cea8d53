"""docs/reliability.md: nothing is left out of it, its words are those of the sets."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import account
import case_report
import pytest

ROOT = Path(__file__).resolve().parents[2]
MADE = case_report.made()
SEEDS = (11, 12, 13)
FAULT = {"case": "inspect-json", "full": True, "failed": {"malloc": 300, "open": 21}}
UNIT = "test-logs/unit/shm/fault_test.log"
COUNT = {"passed": 9, "failed": 0, "skipped": 0}
COUNTS = {"models": COUNT, "unit": COUNT, "faults": COUNT}
RUN = {"called": "signal", "did": ["reaped", "replaced"], "lost": 1}


def value_of(table: str) -> set[str]:
    text = (ROOT / "shm" / "enums.def").read_text()
    return set(re.findall(rf'SNP_ENUM_VALUE\({table}, \w+, "(\w+)"\)', text))


def write(path: Path, what: object) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(what if isinstance(what, str) else json.dumps(what))


def case(number: int, **fields: Any) -> dict[str, Any]:
    runs = [
        {**RUN, "detected_ms": ms, "recovered_ms": None, "shown": {"exits{signal}": n}}
        for n, ms in enumerate((4.0, 8.0, 6.0), 1)
    ]
    return {
        "case": str(number), "name": f"test_{number}", "what": f"Fault {number}",
        "variant": "", "runs": runs, "result": "passed", "why": "", "full": True,
        **MADE, **fields,
    }  # fmt: skip


def soak(seed: int, **fields: Any) -> dict[str, Any]:
    fault = {
        "fault": "SIGKILL", "times": 40, "called": ["killed_external"],
        "did": [["reaped", "replaced"], ["reaped"]], "lost": 5,
        "detected_ms": [2.0, 30.0], "recovered_ms": [700.0, 900.0],
    }  # fmt: skip
    return {
        "seed": seed, "seconds": 600, "samples": 1000, "failed": "",
        "outcomes": {"ok": 9000, "UNAVAILABLE": 5}, "faults": [fault],
        "readers": {"SIGKILL of a reader": 30}, "arrived": {"pages": 500},
        "shown": {"exits{signal}": 40},
        "held": {"rss_kib": {"runtime": [40_000, 40_400]}},
        **MADE, **fields,
    }  # fmt: skip


@pytest.fixture
def build(tmp_path: Path) -> Path:
    """Give a folder as the long runs leave it when all went well."""
    for number in case_report.CASES:
        write(tmp_path / "chaos" / f"{number}.json", case(number))
    skipped = case(16, result="skipped", why="no cgroup v2", runs=[])
    write(tmp_path / "chaos" / "16.json", skipped)
    for seed in SEEDS:
        write(tmp_path / "soak" / f"{seed}.json", soak(seed))
    write(tmp_path / "faults" / "inspect-json.json", FAULT)
    write(tmp_path / UNIT, "[ RUN ] a\n27 calls\n[ RUN ] b\n30 calls\n")
    for source in (ROOT / "tests" / "fuzz").glob("*_fuzz.c"):
        log = "Done 700 runs in 60 second(s)\nstat::number_of_executed_units: 700\n"
        write(tmp_path / "fuzz" / f"{source.stem.removesuffix('_fuzz')}.log", log)
    counts = {"unit": COUNT, "segment_chaos": COUNT}
    write(tmp_path / "tsan" / "test-logs" / "counts.json", counts)
    write(tmp_path / "test-logs" / "counts.json", COUNTS)
    return tmp_path


def generate(build: Path) -> subprocess.CompletedProcess[str]:
    program = ROOT / "tests" / "lib" / "reliability.py"
    return subprocess.run(
        [sys.executable, program, "--output", build / "page.md"],
        env={**os.environ, "SNP_BUILD": str(build)},
        capture_output=True,
        text=True,
        check=False,
    )


def test_page_tells_what_the_runs_left(build: Path) -> None:
    done = generate(build)
    assert done.returncode == 0, done.stderr
    page = (build / "page.md").read_text()
    assert (
        "| 1 | Fault 1 | signal: reaped, replaced | 6.0 / 8.0 ms | - | 1 "
        "| exits{signal} +1..3 | 3 |" in page
    )
    assert (
        "| SIGKILL | killed_external: reaped, (replaced) | 2.0 / 30.0 ms "
        "| 700 / 900 ms | 15 | 120 |" in page
    )
    assert "case 16, Fault 16: no cgroup v2" in page
    assert "| inspect, the program | 1 | 321 |" in page
    assert "| shm, in C | 2 | 57 |" in page
    assert "seeds 11, 12, 13" in page
    assert MADE["version"] in page
    assert "**no**" not in page


def test_page_says_what_does_not_hold(build: Path) -> None:
    held = {"rss_kib": {"runtime": [40_000, 42_000]}}
    write(build / "soak" / "11.json", soak(11, held=held))
    assert generate(build).returncode == 0
    assert (
        "| Memory of runtime and readers within 2 % after warm-up | **no** "
        "| most: runtime, +5.0 % (seed 11) |" in (build / "page.md").read_text()
    )


def drop(path: str) -> Callable[[Path], None]:
    return lambda build: (build / path).unlink()


def put(path: str, what: object) -> Callable[[Path], None]:
    return lambda build: write(build / path, what)


BAD = {**COUNT, "failed": 3}
NONE = {"passed": 0, "failed": 0, "skipped": 4}
WRONG = {
    "case 7: no row": drop("chaos/7.json"),
    "case 7 test_7: failed": put("chaos/7.json", case(7, result="failed")),
    "run of chaos was a short one": put("chaos/7.json", case(7, full=False)),
    "2 soaks of 600 s, 3 are wanted: make soak": drop("soak/12.json"),
    "2 soaks of 600 s": put("soak/12.json", soak(12, seconds=60)),
    "SEED=12 failed: rows": put("soak/12.json", soak(12, failed="rows")),
    "SEED=14 failed: it did not end": put(
        "soak/14.json", {"seed": 14, "seconds": 600, "failed": "it did not end"}
    ),
    "no run of fault injection": drop("faults/inspect-json.json"),
    "no fault_test of any unit: make faults": drop(UNIT),
    "or a short one: make faults": put("faults/ls.json", {**FAULT, "full": False}),
    "fuzz target rpc_wire has not been run": drop("fuzz/rpc_wire.log"),
    "fuzz target rpc_wire found crash-1": put("fuzz/rpc_wire/crash-1", "x"),
    "fuzz target rpc_wire found leak-1": put("fuzz/rpc_wire/leak-1", "x"),
    "no run of unit: make race": drop("tsan/test-logs/counts.json"),
    "3 failed in unit: make race": put("tsan/test-logs/counts.json", {"unit": BAD}),
    "no run of models: make race": put(
        "test-logs/counts.json", {"unit": COUNT, "faults": COUNT}
    ),
    "all of models was skipped: make race": put(
        "test-logs/counts.json", {**COUNTS, "models": NONE}
    ),
    "no run of faults: make faults": drop("test-logs/counts.json"),
    "3 failed in faults: make faults": put(
        "test-logs/counts.json", {**COUNTS, "faults": BAD}
    ),
}


@pytest.mark.parametrize("text", WRONG)
def test_missing_run_is_an_error_and_nothing_is_written(build: Path, text: str) -> None:
    WRONG[text](build)
    done = generate(build)
    assert done.returncode == 1
    assert text in done.stderr
    assert len(done.stderr.splitlines()) == 1
    assert not (build / "page.md").exists()


@pytest.mark.parametrize(
    ("words", "table"),
    [
        (account.KINDS, "EVENT_KIND"),
        (account.STATES, "WORKER_STATE"),
        (account.BLAMES, "FAILURE_CODE"),
    ],
)
def test_there_is_a_word_for_each_value_of_a_set(
    words: dict[str, object], table: str
) -> None:
    assert set(words) == value_of(table)


def test_metrics_that_are_shown_exist() -> None:
    text = (ROOT / "shm" / "metrics.def").read_text()
    there = set(re.findall(r'"(snakepit\.[\w.]+)"', text))
    assert {*account.SHOWN, *account.COUNTED, *account.WELL} <= there


def look(verdict: str, **numbers: int) -> dict[str, Any]:
    """Give a report of one pool with failures by code, and calls that run."""
    failures = [
        {"labels": {"pool": "p", "code": code}, "value": value}
        for code, value in numbers.items()
        if code != "active"
    ]
    active = [{"labels": {"pool": "p"}, "value": numbers.get("active", 0)}]
    return {
        "writer": {"verdict": verdict},
        "metrics": [
            {"name": account.FAILURES, "series": failures},
            {"name": "snakepit.request.active", "series": active},
        ],
    }


def test_lost_is_what_the_runtime_or_a_worker_answers_for() -> None:
    before = account.cells(look("alive", UNAVAILABLE=5, CANCELLED=1))
    after = look("alive", UNAVAILABLE=7, CANCELLED=9, DEADLINE_EXCEEDED=4)
    assert account.account(before, after, []).lost == 2


def test_what_ran_in_a_dead_runtime_is_lost() -> None:
    found = account.account({}, look("dead", UNAVAILABLE=1, active=3), [])
    assert found.lost == 4
    assert found.shown == {"failures{UNAVAILABLE}": 1, "writer dead": 1}


def test_words_come_once_in_the_order_of_the_events() -> None:
    events: list[dict[str, Any]] = [
        {"kind": "worker_suspected"},
        {"kind": "worker_moved", "to": "killing", "incarnation": 1},
        {"kind": "worker_moved", "to": "exited", "incarnation": 1},
        {"kind": "worker_moved", "to": "starting", "incarnation": 2},
        {"kind": "worker_moved", "to": "ready", "incarnation": 2},
        {"kind": "worker_suspected"},
    ]
    wanted = ["suspected", "killed", "reaped", "replaced"]
    assert account.account({}, look("alive"), events).did == wanted
