"""Readers in other namespaces than the writer: pids and clocks mean something else."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from readers import BUILD, wait_for
from segments import Segment


def unshare(*flags: str) -> list[str]:
    """Return the words that start a program in namespaces of its own, or skip."""
    words = ["unshare", *flags, "--fork"]
    probe = subprocess.run([*words, "true"], capture_output=True, check=False)
    if probe.returncode != 0:
        pytest.skip(f"{' '.join(words)}: {probe.stderr.decode().strip()}")
    return words


@pytest.fixture
def segment(tmp_path: Path) -> Iterator[Segment]:
    segment = Segment(tmp_path)
    yield segment
    segment.close()


def writer_seen_from(words: list[str], path: Path) -> dict[str, Any]:
    done = subprocess.run(
        [*words, str(BUILD / "bin/snakepit-inspect"), "-n", str(path), "--json"],
        capture_output=True,
        text=True,
        check=False,
        timeout=30,
    )
    assert done.returncode == 0, done.stderr
    writer: dict[str, Any] = json.loads(done.stdout)["writer"]
    return writer


def test_another_pid_namespace_changes_no_verdict(segment: Segment) -> None:
    """The writer's pid means nobody there, or somebody else; the lock is the truth."""
    words = unshare("--pid", "--mount-proc")
    assert writer_seen_from(words, segment.path)["verdict"] == "alive"
    segment.kill()
    assert writer_seen_from(words, segment.path)["verdict"] == "dead"


@pytest.mark.parametrize("offset_s", ["100000", "-1000"])
def test_another_time_namespace_changes_no_age(segment: Segment, offset_s: str) -> None:
    """Monotonic times of there and here do not compare."""
    if float(Path("/proc/uptime").read_text().split()[0]) < 2000:
        pytest.skip("the machine is not up for long enough to go back")
    words = unshare("--time", "--monotonic", offset_s)
    writer = writer_seen_from(words, segment.path)
    assert writer["verdict"] == "alive"
    assert writer["heartbeat_age_ms"] < 5000


def test_a_dead_writer_ages_on_any_clock(segment: Segment) -> None:
    segment.kill()
    words = unshare("--time", "--monotonic", "100000")

    def age_ms() -> int:
        age: int = writer_seen_from(words, segment.path)["heartbeat_age_ms"]
        return age

    wait_for("the last heartbeat to be old", lambda: 300 < age_ms() < 60000)
