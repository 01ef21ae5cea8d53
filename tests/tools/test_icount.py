"""The hot path takes few enough instructions, and no rows lie in the cache's trap.

tools/check-hot-path counts the machine code of each function; here the shipped inline
functions run, and each instruction is counted.
"""

from __future__ import annotations

import os
import platform
import shlex
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
BUILD = ROOT / "build"
HEADERS = ROOT / "shm" / "include" / "snakepit"

pytestmark = pytest.mark.skipif(
    platform.machine() != "x86_64", reason="the budgets are for x86-64"
)


def run(*command: str | Path, **env: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [str(word) for word in command],
        cwd=ROOT,
        env={name: v for name, v in os.environ.items() if "MAKE" not in name} | env,
        capture_output=True,
        text=True,
        check=False,
    )


def make(*words: str) -> str:
    done = run("make", "-s", "--no-print-directory", "SAN=", *words)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def gate(build: Path, *programs: str) -> subprocess.CompletedProcess[str]:
    done = run("tests/bench/run", "--build", build, *programs, BENCH_GATE="1")
    if "ptrace is not allowed here" in done.stdout:
        pytest.skip("ptrace is not allowed here")
    return done


@pytest.fixture(scope="module", autouse=True)
def programs() -> None:
    make("build/bench/icount", "build/bench/bench_size", "build/bench/bench_trace")


def test_hot_path_stays_within_its_instruction_budget() -> None:
    done = gate(BUILD, "icount")
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.count(" met") == 3, done.stdout


def test_t15_tracing_stays_within_its_instruction_budget() -> None:
    done = run(BUILD / "bench/bench_trace", "--instructions")
    if done.stdout.startswith("skip"):
        pytest.skip("ptrace is not allowed here")
    assert done.returncode == 0, done.stdout + done.stderr
    rows = [line.split("\t") for line in done.stdout.splitlines()]
    counts = {row[1]: (float(row[3]), float(row[-1])) for row in rows}
    assert len(counts) == 4
    for name, (instructions, limit) in counts.items():
        assert 0 < instructions <= limit, name


LOADS_NINE_TIMES = """{
	uint64_t v = 0;
	for (int i = 0; i < 9; i++)
		v = atomic_load_explicit(cell, memory_order_relaxed);"""
RECORDS_TWICE = """for (int i = 0; i < 2; i++)
		snp__hist_add(h, snp__hist_word(ns + (uint64_t)i), ns);"""


@pytest.mark.parametrize(
    ("old", "new", "missed"),
    [
        (
            "{\n\tuint64_t v = atomic_load_explicit(cell, memory_order_relaxed);",
            LOADS_NINE_TIMES,
            ["snp_add", "snp_hist_record", "finished call"],
        ),
        (
            "snp__hist_add(h, snp__hist_word(ns), ns);",
            RECORDS_TWICE,
            ["snp_hist_record", "finished call"],
        ),
    ],
    ids=["add", "record"],
)
def test_hot_path_that_takes_more_is_found(
    tmp_path: Path, old: str, new: str, missed: list[str]
) -> None:
    text = (HEADERS / "write.h").read_text()
    assert old in text
    header = tmp_path / "snakepit" / "write.h"
    header.parent.mkdir()
    header.write_text(text.replace(old, new))
    program = tmp_path / "bench" / "icount"
    program.parent.mkdir()
    show_flags = "flags: ; @echo $(CPPFLAGS) $(INC_shm) $(CFLAGS)"
    flags = shlex.split(make(f"--eval={show_flags}", "flags"))
    bench = ROOT / "tests" / "bench"
    parts = ("icount.c", "steps.c", "work.c", "segment.c", "bench.c")
    done = run(
        "gcc", f"-I{tmp_path}", f"-I{bench}",
        *(flag for flag in flags if flag not in ("-MMD", "-MP")),
        *(bench / name for name in parts),
        "build/lib/libsnp-shm.a", "-lm", "-o", program,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr

    done = gate(tmp_path, "icount")
    assert done.returncode == 1, done.stdout
    found = [line for line in done.stdout.splitlines() if "NOT MET" in line]
    assert len(found) == len(missed), done.stdout
    for line, name in zip(found, missed):
        assert line.startswith(f"instructions: {name} "), done.stdout


def test_no_row_stride_is_a_multiple_of_the_page() -> None:
    done = gate(BUILD, "bench_size")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "row strides that are multiples of 4 KiB" in done.stdout
