"""What is kept of a soak: a run that did not end well is one that failed, always."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
HEAD = """\
import os, pytest

@pytest.fixture
def ends_badly():
    yield
    raise ValueError("a process is left")

"""
# What a test does after it has begun, and what is said of its run.
RUNS = {
    "well": ("def test_x(record):", "pass", ""),
    "assertion": ("def test_x(record):", "assert False, 'rows'", "rows"),
    "error": ("def test_x(record):", "raise KeyError('pools')", "'pools'"),
    "failure": ("def test_x(record):", "pytest.fail('too late')", "too late"),
    "teardown": ("def test_x(ends_badly, record):", "pass", "a process is left"),
    "crash": ("def test_x(record):", "os._exit(9)", "it did not end"),
}


@pytest.mark.parametrize("how", RUNS)
def test_a_run_is_good_only_when_all_of_it_was(how: str, tmp_path: Path) -> None:
    head, body, failed = RUNS[how]
    suite = tmp_path / "soak"
    suite.mkdir()
    conftest = (ROOT / "tests" / "soak" / "conftest.py").read_text()
    (suite / "conftest.py").write_text(conftest)
    begin = "record.begin(7, seconds=600); record.add(samples=3)"
    (suite / "test_x.py").write_text(f"{HEAD}{head}\n    {begin}\n    {body}\n")
    subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider",
         "-c", ROOT / "tests" / "pytest.ini", suite],
        env={**os.environ, "SNP_BUILD": str(tmp_path / "build")},
        capture_output=True,
        check=False,
    )  # fmt: skip
    run = json.loads((tmp_path / "build" / "soak" / "7.json").read_text())
    assert run == {"seed": 7, "seconds": 600, "samples": 3, "failed": failed}
