"""The Node.js reader: its own tests, and a living writer."""

from __future__ import annotations

import os
import re
import subprocess

import pytest
from living import living_segment
from readers import ROOT, why_missing

NODE = ROOT / "reader/lang/node"
TEAR_SECONDS = "2"


@pytest.fixture(autouse=True)
def _node_is_there() -> None:
    reason = why_missing("node")
    if reason:
        pytest.skip(reason)


def run_tests(environment: dict[str, str], *files: str) -> str:
    """Run tests of the package; return what they print, as TAP."""
    done = subprocess.run(
        ["node", "--test", "--test-reporter=tap", *files],
        cwd=NODE,
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_its_own_tests_pass() -> None:
    printed = run_tests({}, "test/segment.test.js")
    assert int(re.findall(r"^# pass (\d+)$", printed, re.MULTILINE)[-1]) > 0


def test_every_look_at_a_living_segment_is_whole() -> None:
    with living_segment(hasty=True) as segment:
        printed = run_tests(
            {"SEGMENT": str(segment.path), "SECONDS": TEAR_SECONDS},
            "test/living.test.js",
        )
    assert "# skipped 0" in printed


def test_every_file_is_of_sound_syntax() -> None:
    for file in NODE.rglob("*.js"):
        subprocess.run(["node", "--check", file], check=True)
