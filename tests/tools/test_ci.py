""".ci/run adds up what its parts say, and a part that says nothing is a failure."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
GOOD = {
    "tools/install-deps": "echo installed",
    "all": "echo built",
    "unit-bins": "echo built",
    "test": "echo '10 passed, 0 failed, 2 skipped'",
    "lint": "echo '5 passed, 0 failed, 1 skipped'",
    "tests/run": "echo '3 passed, 0 failed, 0 skipped'",
    "tests/fuzz/run": "echo '4 passed, 0 failed, 0 skipped'",
}


def ci(tree: Path, parts: dict[str, str]) -> subprocess.CompletedProcess[str]:
    """Run .ci/run in a tree whose parts are one line of shell each."""
    makefile = []
    for name, line in parts.items():
        if "/" in name:
            script(tree / name, f"#!/bin/sh\n{line}\n")
        else:
            makefile.append(f".PHONY: {name}\n{name}:\n\t@{line}\n")
    (tree / "Makefile").write_text("".join(makefile))
    (tree / ".ci").mkdir()
    shutil.copy(ROOT / ".ci" / "run", tree / ".ci" / "run")
    return subprocess.run(
        [tree / ".ci" / "run"], capture_output=True, text=True, check=False, timeout=60
    )


def script(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    path.chmod(0o755)


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({}, "25 passed, 0 failed, 3 skipped"),
        ({"test": "echo '8 passed, 2 failed, 2 skipped'; exit 1"},
         "23 passed, 2 failed, 3 skipped"),
        ({"lint": "echo '5 passed, 0 failed, 1 skipped'; exit 1"},
         "25 passed, 1 failed, 3 skipped"),
        ({"lint": "echo all is well"}, "20 passed, 1 failed, 2 skipped"),
        ({"lint": "echo all is well, I believe: '5 passed, 0 failed, 0 skipped'"},
         "20 passed, 1 failed, 2 skipped"),
        ({"all": "exit 1"}, "25 passed, 1 failed, 3 skipped"),
        ({"unit-bins": "exit 1"}, "19 passed, 3 failed, 3 skipped"),
        ({"tools/install-deps": "exit 1"}, "0 passed, 1 failed, 0 skipped"),
    ],
    ids=["good", "failing_tests", "lying_status", "no_counts", "counts_in_prose",
         "no_build", "no_unit_programs", "no_packages"],
)  # fmt: skip
def test_the_last_line_adds_up(
    changes: dict[str, str], expected: str, tmp_path: Path
) -> None:
    result = ci(tmp_path, {**GOOD, **changes})

    assert result.stdout.splitlines()[-1] == expected
    assert result.returncode == (0 if " 0 failed" in expected else 1)


def test_warnings_are_errors_in_every_part(tmp_path: Path) -> None:
    says_ci = "test \"$$CI\" = 1 && echo '1 passed, 0 failed, 0 skipped'"

    result = ci(tmp_path, {**GOOD, "test": says_ci})

    assert result.stdout.splitlines()[-1] == "16 passed, 0 failed, 1 skipped"
