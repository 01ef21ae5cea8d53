"""snakepit-top and what was: recordings, comparisons, and the end of a runtime."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from readers import BUILD, DEADLINE_S, Segment

TOP = BUILD / "bin/snakepit-top"


@pytest.fixture
def segment(snp_dir: Path) -> Iterator[Segment]:
    made = Segment(snp_dir, "demo")
    yield made
    made.close()


def run(*words: str | Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [str(TOP), *map(str, words)],
        capture_output=True,
        text=True,
        timeout=DEADLINE_S,
        check=False,
        env={**os.environ, "LC_ALL": "C.UTF-8", "TZ": "UTC0"},
    )


def record(segment: Segment, file: Path, frames: int = 3) -> list[dict[str, object]]:
    """Return what was recorded, as it was printed meanwhile."""
    done = run(
        *("-n", segment.path, "--record", file, "--jsonl"),
        *("-N", str(frames), "-d", "0.05"),
    )
    assert (done.returncode, done.stderr) == (0, "")
    return [json.loads(line) for line in done.stdout.splitlines()]


# ---- recordings ----------------------------------------------------------------------


def test_a_replay_prints_what_was_printed(segment: Segment, tmp_path: Path) -> None:
    seen = record(segment, tmp_path / "a.rec")
    done = run("--replay", tmp_path / "a.rec", "--jsonl")
    assert (done.returncode, done.stderr) == (0, "")
    assert [json.loads(line) for line in done.stdout.splitlines()][-3:] == seen
    once = json.loads(run("--replay", tmp_path / "a.rec", "--json").stdout)
    assert once == seen[-1]


def test_a_replay_is_the_same_picture_each_time(
    segment: Segment, tmp_path: Path
) -> None:
    record(segment, tmp_path / "a.rec")
    words = ("--replay", tmp_path / "a.rec", "--dump-frame", "100x30")
    first = run(*words)
    assert (first.returncode, first.stderr) == (0, "")
    assert len(first.stdout.splitlines()) == 30
    assert run(*words).stdout == first.stdout
    assert "REPLAY" in first.stdout
    filtered = run(*words, "--keys", "2\\status=busy\r").stdout
    assert "default/1" in filtered
    assert "default/0" not in filtered


def test_a_replay_in_lines_ends_with_the_recording(
    segment: Segment, tmp_path: Path
) -> None:
    record(segment, tmp_path / "a.rec")
    done = run("--replay", tmp_path / "a.rec", "--plain")
    assert (done.returncode, done.stderr) == (0, "")
    assert "demo: LIVE, " in done.stdout.splitlines()[0]
    segment.kill()
    done = run("--post-mortem", segment.path, "--plain")
    assert (done.returncode, done.stderr) == (0, "")
    assert "demo: DEAD, " in done.stdout.splitlines()[0]


def test_a_recording_is_not_written_over(segment: Segment, tmp_path: Path) -> None:
    file = tmp_path / "a.rec"
    file.write_text("mine")
    done = run("-n", segment.path, "--record", file, "--once")
    assert done.returncode == 1
    assert f"there is a file {file} already" in done.stderr
    assert file.read_text() == "mine"


def test_of_a_damaged_recording_what_is_whole_is_shown(
    segment: Segment, tmp_path: Path
) -> None:
    file = tmp_path / "a.rec"
    seen = record(segment, file)
    data = bytearray(file.read_bytes())
    data[-5] ^= 0xFF
    file.write_bytes(data)
    done = run("--replay", file, "--json")
    assert done.returncode == 4
    assert json.loads(done.stdout) == seen[-2]
    assert "is damaged (checksum); the" in done.stderr
    assert len(done.stderr.splitlines()) == 1
    file.write_bytes(data[:50])
    done = run("--replay", file, "--once")
    assert (done.returncode, done.stdout) == (4, "")
    assert "frame 1 at byte 40 is cut off; nothing of it can be shown" in done.stderr


def test_what_is_no_recording_is_said_to_be_none(tmp_path: Path) -> None:
    file = tmp_path / "letter"
    file.write_text("Dear maintainers, here is what I saw last night.\n" * 3)
    done = run("--replay", file, "--once")
    assert (done.returncode, done.stdout) == (4, "")
    assert done.stderr == f"snakepit-top: {file} is no recording of snakepit-top\n"
    assert run("--replay", tmp_path / "none", "--once").returncode == 3


# ---- comparisons ---------------------------------------------------------------------


def test_a_recording_differs_from_itself_in_nothing(
    segment: Segment, tmp_path: Path
) -> None:
    record(segment, tmp_path / "a.rec")
    done = run("--diff", tmp_path / "a.rec", tmp_path / "a.rec")
    assert (done.returncode, done.stderr) == (0, "")
    lines = done.stdout.splitlines()
    assert lines[0].split() == ["POOL", "COLUMN", "BEFORE", "AFTER", "CHANGE"]
    assert {line.split()[0] for line in lines[1:]} == {"(all)", "default", "default1"}
    assert all(line.endswith(" =") for line in lines[1:])


def test_a_change_is_said_in_percent(segment: Segment, tmp_path: Path) -> None:
    record(segment, tmp_path / "a.rec")
    segment.tell("step")
    words = ("-n", segment.path, "--diff", tmp_path / "a.rec")
    asked = ("-o", "pool.requests,pool.workers", "--json")
    data = json.loads(run(*words, *asked).stdout)
    total = {c["column"]: c for c in data["changes"] if c["pool"] is None}
    assert total["workers"]["change_percent"] == 0
    requests = total["requests"]
    assert requests["after"] > requests["before"] > 0
    expected = 100 * (requests["after"] / requests["before"] - 1)
    assert requests["change_percent"] == pytest.approx(expected)
    assert data["frames_after"] == 1
    text = run(*words, "-o", "pool.requests").stdout
    assert f"{expected:+.1f}%" in text


def test_what_is_not_there_is_compared_with_nothing(
    segment: Segment, tmp_path: Path
) -> None:
    record(segment, tmp_path / "a.rec")
    assert run("--diff", tmp_path / "a.rec", tmp_path / "b.rec").returncode == 3
    missing = tmp_path / "none.seg"
    done = run("-n", missing, "--diff", tmp_path / "a.rec")
    assert (done.returncode, done.stdout) == (3, "")
    assert str(missing) in done.stderr


# ---- the end of a runtime ------------------------------------------------------------


def test_a_post_mortem_is_the_same_each_time(segment: Segment) -> None:
    segment.kill()
    done = run("--post-mortem", segment.path, "--json")
    assert (done.returncode, done.stderr) == (0, "")
    data = json.loads(done.stdout)
    assert data["verdict"] == "dead"
    assert data["heartbeat_age_ns"] == 0
    assert data["events"]
    assert run("--post-mortem", "-n", segment.path, "--json").stdout == done.stdout


def test_a_runtime_that_lives_has_no_post_mortem(segment: Segment) -> None:
    done = run("--post-mortem", segment.path, "--once")
    assert (done.returncode, done.stdout) == (1, "")
    assert 'the runtime of "demo"' in done.stderr
    assert "has not ended" in done.stderr


def test_a_runtime_that_was_restarted_has_that_of_the_run_before(
    segment: Segment, snp_dir: Path
) -> None:
    segment.kill()
    died = json.loads(run("--post-mortem", segment.path, "--json").stdout)
    successor = Segment(snp_dir, "demo")
    try:
        done = run("--post-mortem", "-n", segment.path, "--json")
        assert (done.returncode, done.stderr) == (0, "")
        assert json.loads(done.stdout)["uuid"] == died["uuid"]
    finally:
        successor.close()


# ---- what does not go together -------------------------------------------------------


@pytest.mark.parametrize(
    ("words", "complaint"),
    [
        (("--replay", "x", "-n", "y"), "-n names one instance"),
        (("--replay", "x", "--record", "y"), "--record is of a running instance"),
        (("--replay", "x", "--check", "workers>0"), "--check is of a running instance"),
        (("--replay", "x", "--all"), "one of --all, --replay"),
        (("--keys", "q"), "--keys belongs to --dump-frame"),
        (("--dump-frame", "80"), "is not columns x rows"),
        (("somewhere",), "unexpected 'somewhere'; name an instance with -n"),
    ],
)
def test_what_makes_no_sense_is_2(words: tuple[str, ...], complaint: str) -> None:
    done = run(*words)
    assert (done.returncode, done.stdout) == (2, "")
    assert complaint in done.stderr
