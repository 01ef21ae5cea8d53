"""tests/run counts what happened: each way a test program can go wrong is a failure."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PRELUDE = """
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>
#include <cmocka.h>

static void passes(void **s) { (void)s; printf("an unfinished line"); }
static void fails(void **s) { (void)s; assert_int_equal(1, 2); }
static void skips(void **s) { (void)s; print_message("skip: not today\\n"); skip(); }
static void crashes(void **s) { (void)s; abort(); }
static void hangs(void **s) { (void)s; for (;;) pause(); }
static void leaves(void **s) { (void)s; exit(0); }
static int refuse(void **s) { (void)s; return -1; }
static int child(void **s)
{
	(void)s;
	if (fork() == 0)
		for (;;)
			pause();
	return 0;
}
"""
CASES = {
    # name: (main's body, passed, failed, skipped, words the report must have)
    "good": ("RUN(NULL, T(passes), T(skips), T(passes));", 2, 0, 1, "skips: not today"),
    "failing": ("RUN(NULL, T(passes), T(fails));", 1, 1, 0, "failed fails"),
    "two_groups": (
        "RUN(NULL, T(passes), T(fails)); RUN(NULL, T(fails), T(passes));",
        2, 2, 0, "failed fails",
    ),
    "crashing": (
        "RUN(NULL, T(passes), T(crashes), T(passes));",
        1, 2, 0, "crashes: killed by SIGABRT during this test",
    ),
    "hanging": ("RUN(NULL, T(passes), T(hangs));", 1, 1, 0, "hangs: killed after 2 s"),
    "leaving": (
        "RUN(NULL, T(leaves), T(passes));",
        0, 2, 0, "leaves: exit status 0 during this test",
    ),
    "test_setup": (
        "RUN(NULL, cmocka_unit_test_setup(passes, refuse), T(passes));",
        1, 1, 0, "failed passes",
    ),
    "group_setup": ("RUN(refuse, T(passes), T(passes));", 0, 2, 0, "2 of 2 tests did"),
    "late_status": (
        "RUN(NULL, T(passes)); return 23;",
        1, 1, 0, "exit status 23 although its tests passed",
    ),
    "silent": ("", 0, 1, 0, "no tests in it"),
    "orphan": ("RUN(child, T(passes));", 1, 0, 0, "ok"),
}  # fmt: skip


def build_program(path: Path, body: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    source = path.with_suffix(".c")
    source.write_text(
        PRELUDE + "#define T(f) cmocka_unit_test(f)\n"
        "#define RUN(setup, ...) do { const struct CMUnitTest t[] = {__VA_ARGS__}; \\\n"
        '  failed += cmocka_run_group_tests_name("a/b", t, setup, NULL); } while (0)\n'
        "int main(void) { int failed = 0; " + body + " return failed; }\n"
    )
    subprocess.run(["gcc", "-w", "-o", path, source, "-lcmocka"], check=True)


def run(
    *arguments: str, program: Path = ROOT / "tests" / "run"
) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, program, *arguments],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )


def run_unit(build: Path, timeout_s: int = 50) -> subprocess.CompletedProcess[str]:
    return run("--build", str(build), "--only", "unit", "--timeout", str(timeout_s))


def last_line(result: subprocess.CompletedProcess[str]) -> str:
    return result.stdout.splitlines()[-1]


@pytest.mark.parametrize("case", CASES)
def test_unit_program_is_counted_exactly(case: str, tmp_path: Path) -> None:
    body, passed, failed, skipped, words = CASES[case]
    build_program(tmp_path / "tests" / "unit" / "x" / f"{case}_test", body)

    result = run_unit(tmp_path, 2 if case == "hanging" else 50)

    assert last_line(result) == f"{passed} passed, {failed} failed, {skipped} skipped"
    assert words in result.stdout
    assert result.returncode == (1 if failed else 0)


def test_unit_programs_are_added_up(tmp_path: Path) -> None:
    for case in ("good", "failing", "crashing"):
        path = tmp_path / "tests" / "unit" / "x" / f"{case}_test"
        build_program(path, CASES[case][0])

    result = run_unit(tmp_path)

    assert last_line(result) == "4 passed, 3 failed, 1 skipped"
    assert result.returncode == 1
    kept = json.loads((tmp_path / "test-logs" / "counts.json").read_text())
    assert kept == {"unit": {"passed": 4, "failed": 3, "skipped": 1}}


def test_counts_of_a_suite_are_those_of_its_last_run(tmp_path: Path) -> None:
    kept = tmp_path / "test-logs" / "counts.json"
    kept.parent.mkdir()
    kept.write_text('{"unit": {"passed": 7}, "suite": {"passed": 9}}')
    program = tree_with_suite(tmp_path, "def test_a(): pass\n")
    run("--build", str(tmp_path), "--only", "suite", program=program)
    assert json.loads(kept.read_text()) == {
        "unit": {"passed": 7},
        "suite": {"passed": 1, "failed": 0, "skipped": 0},
    }


def test_a_build_without_test_programs_fails(tmp_path: Path) -> None:
    result = run_unit(tmp_path)

    assert last_line(result) == "0 passed, 1 failed, 0 skipped"
    assert result.returncode == 1


def test_what_a_program_left_running_is_killed(tmp_path: Path) -> None:
    program = tmp_path / "tests" / "unit" / "x" / "orphan_test"
    build_program(program, CASES["orphan"][0])

    run_unit(tmp_path)

    alive = [p for p in Path("/proc").glob("[0-9]*/exe") if _runs(p, program)]
    assert alive == []


def _runs(exe: Path, program: Path) -> bool:
    try:
        return exe.readlink() == program and _is_alive(exe.parent)
    except OSError:
        return False


def _is_alive(process: Path) -> bool:
    return (process / "stat").read_text().rpartition(")")[2].split()[0] != "Z"


# ---- pytest suites, in a tree of their own ------------------------------------------


def tree_with_suite(tree: Path, text: str) -> Path:
    suite = tree / "tests" / "suite"
    suite.mkdir(parents=True)
    (suite / "test_it.py").write_text(text)
    (tree / ".venv").symlink_to(sys.prefix)
    program = tree / "tests" / "run"
    shutil.copy(ROOT / "tests" / "run", program)
    return program


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("def test_a(): pass\n", "1 passed, 0 failed, 0 skipped"),
        (
            """
import pytest
def test_a(): assert 0
def test_b(): pytest.skip('no moon')
def test_c(): pass
""",
            "1 passed, 1 failed, 1 skipped",
        ),
        (
            # Fails, and then breaks its clean-up: still one test.
            """
import pytest
@pytest.fixture
def f():
    yield
    assert 0
def test_a(f): assert 0
""",
            "0 passed, 1 failed, 0 skipped",
        ),
        ("import os\ndef test_a(): os._exit(0)\n", "0 passed, 1 failed, 0 skipped"),
        ("import nothing_of_that_name\n", "0 passed, 1 failed, 0 skipped"),
        ("", "0 passed, 1 failed, 0 skipped"),
    ],
    ids=["passing", "mixed", "failing_twice", "leaving", "not_importable", "empty"],
)
def test_pytest_suite_is_counted_exactly(
    text: str, expected: str, tmp_path: Path
) -> None:
    program = tree_with_suite(tmp_path, text)
    result = run("--build", str(tmp_path), "--only", "suite", program=program)

    assert last_line(result) == expected
    assert result.returncode == (0 if " 0 failed" in expected else 1)
    if " 0 skipped" not in expected:
        assert "test_b: no moon" in result.stdout


def test_files_of_a_long_suite_run_side_by_side(tmp_path: Path) -> None:
    program = tree_with_suite(tmp_path, "def test_a(): pass\n")
    folder = tmp_path / "tests" / "integration"
    folder.mkdir()
    for mine, other in (("one", "two"), ("two", "one")):
        (folder / f"test_{mine}.py").write_text(
            "import pathlib, time\n"
            "def test_a():\n"
            f"    pathlib.Path({os.fspath(tmp_path / mine)!r}).touch()\n"
            "    end = time.monotonic() + 20\n"
            f"    while not pathlib.Path({os.fspath(tmp_path / other)!r}).exists():\n"
            "        assert time.monotonic() < end, 'the other file does not run'\n"
        )

    result = run("--build", str(tmp_path), "--only", "integration", program=program)

    assert last_line(result) == "2 passed, 0 failed, 0 skipped"


def test_a_file_of_a_long_suite_runs_alone(tmp_path: Path) -> None:
    program = tree_with_suite(tmp_path, "def test_a(): pass\n")
    folder = tmp_path / "tests" / "integration"
    folder.mkdir()
    (folder / "test_one.py").write_text("def test_a(): pass\n")
    (folder / "test_two.py").write_text("def test_a(): assert 0\n")

    result = run(
        *("--build", str(tmp_path), "--only", "integration/test_one", "--lanes", "1"),
        program=program,
    )

    assert last_line(result) == "1 passed, 0 failed, 0 skipped"


def test_a_missing_venv_is_a_failure(tmp_path: Path) -> None:
    program = tree_with_suite(tmp_path, "def test_a(): pass\n")
    (tmp_path / ".venv").unlink()

    result = run("--build", str(tmp_path), "--only", "suite", program=program)

    assert last_line(result) == "0 passed, 1 failed, 0 skipped"
    assert "run tools/install-deps" in result.stdout


def test_tests_see_the_build_and_no_snakepit_of_the_user(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SNAKEPIT_DIR", "/somewhere/else")
    program = tree_with_suite(
        tmp_path,
        "import os\n"
        "def test_a():\n"
        "    assert 'SNAKEPIT_DIR' not in os.environ\n"
        f"    assert os.environ['SNP_BUILD'] == {os.fspath(tmp_path)!r}\n"
        "    assert 'detect_leaks=1' in os.environ['ASAN_OPTIONS']\n",
    )

    result = run("--build", str(tmp_path), "--only", "suite", program=program)

    assert last_line(result) == "1 passed, 0 failed, 0 skipped"
