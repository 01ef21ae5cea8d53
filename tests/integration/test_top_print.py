"""snakepit-top without a terminal: once, as JSON, and what is wrong with a command."""

from __future__ import annotations

import json
import re
import subprocess
from pathlib import Path

import pytest
from readers import DEADLINE_S, Segment
from top_kit import TOP, segment, top

__all__ = ["segment"]


# ---- once and JSON -------------------------------------------------------------------


def test_once_prints_text_without_escapes(segment: Segment) -> None:
    done = top("-n", str(segment.path), "--once")
    assert (done.returncode, done.stderr) == (0, "")
    assert "\x1b" not in done.stdout
    assert re.search(r"^ default1/3 +busy +1007 ", done.stdout, re.MULTILINE)


def test_output_that_is_no_terminal_gets_it_once(segment: Segment) -> None:
    done = top("-n", str(segment.path))
    assert done.returncode == 0
    assert "demo  LIVE" in done.stdout


def test_once_has_rates_of_a_quarter_second(segment: Segment) -> None:
    segment.tell("load on")
    data = json.loads(top("-n", str(segment.path), "--json").stdout)
    assert data["total"]["req_s"] > 0
    assert data["total"]["p99_ns"] > 0
    assert 200e6 < data["interval_ns"] < 5e9


def test_once_of_a_dead_runtime_shows_its_last_state(segment: Segment) -> None:
    segment.tell("step")
    segment.kill()
    done = top("-n", str(segment.path), "--once")
    assert done.returncode == 0
    assert "DEAD" in done.stdout and "default1/3" in done.stdout
    assert re.search(r"req/s -  p50 -", done.stdout)
    assert re.fullmatch(
        r'snakepit-top: the runtime of "demo" is dead \(\d+ s ago\); '
        r"this is its last state\n",
        done.stderr,
    )


def test_once_prints_columns_asked_for_in_their_order(segment: Segment) -> None:
    done = top("-n", str(segment.path), "--once", "-o", "pid,worker", "-s", "-pid")
    lines = done.stdout.split("\n")
    assert lines[0].split() == ["PID▼", "WORKER"]
    assert lines[1].split() == ["1007", "default1/3"]
    assert len(lines) == 1 + 8 + 1


def test_json_has_the_fields_that_help_lists(segment: Segment) -> None:
    data = json.loads(top("-n", str(segment.path), "--json").stdout)
    listed = re.findall(r"^  (\S+) ", top("-o", "help").stdout, re.MULTILINE)
    pools = {name.removeprefix("pool.") for name in listed if name.startswith("pool.")}
    workers = {name for name in listed if not name.startswith("pool.")}
    assert data["schema"] == 1
    assert data["verdict"] == "live"
    assert data["pid"] == segment.process.pid
    assert [set(pool) for pool in data["pools"]] == [pools] * 2
    assert [set(worker) for worker in data["workers"]] == [workers] * 8
    assert set(data["total"]) == pools
    assert data["total"]["requests"] == sum(p["requests"] for p in data["pools"])
    assert data["workers"][1]["worker"] == "default/1"
    assert data["workers"][1]["status"] == "busy"
    assert data["events"][0]["to"] == "ready"


def test_json_of_hostile_names_is_valid(snp_dir: Path) -> None:
    segment = Segment(snp_dir, "hostile", "8", "2", "1", "hostile")
    try:
        data = json.loads(top("-n", str(segment.path), "--json").stdout)
        assert len({pool["pool"] for pool in data["pools"]}) == 8
        text = top("-n", str(segment.path), "--once").stdout
        assert not re.search(r"[\x00-\x09\x0b-\x1f\x7f-\x9f]", text)
    finally:
        segment.close()


# ---- mistakes ------------------------------------------------------------------------


def assert_complaint(
    done: subprocess.CompletedProcess[str], code: int, *words: str
) -> None:
    assert done.returncode == code, done.stderr
    assert done.stdout == ""
    assert done.stderr.count("\n") == 1
    assert done.stderr.startswith("snakepit-top: ")
    for word in words:
        assert word in done.stderr


def test_no_such_instance_is_3_and_says_where_it_looked(snp_dir: Path) -> None:
    assert_complaint(top("--once", SNAKEPIT_DIR=str(snp_dir)), 3, str(snp_dir))
    done = top("-n", "nope", SNAKEPIT_DIR=str(snp_dir))
    assert_complaint(done, 3, "nope")


@pytest.mark.usefixtures("segment")
def test_several_instances_is_2_and_lists_them(snp_dir: Path) -> None:
    other = Segment(snp_dir, "other")
    try:
        done = top("--once", SNAKEPIT_DIR=str(snp_dir))
        assert_complaint(done, 2, "demo", "other")
        done = top("--once", SNAKEPIT_DIR=str(snp_dir), SNAKEPIT_INSTANCE="other")
        assert done.returncode == 0
    finally:
        other.close()


def test_foreign_file_is_4(tmp_path: Path) -> None:
    path = tmp_path / "foreign.seg"
    path.write_bytes(b"#!/bin/sh\n" * 1000)
    path.chmod(0o640)
    assert_complaint(top("-n", str(path), "--json"), 4, str(path))


def test_other_major_version_is_4(tmp_path: Path, segment: Segment) -> None:
    path = tmp_path / "future.seg"
    data = bytearray(segment.path.read_bytes())
    data[0x0C:0x0E] = (99).to_bytes(2, "little")
    path.write_bytes(data)
    path.chmod(0o640)
    assert_complaint(top("-n", str(path), "--once"), 4, str(path), "99")


def test_usage_mistakes_are_2() -> None:
    assert_complaint(top("--frobnicate"), 2, "--frobnicate", "--help")
    assert_complaint(top("-d", "0"), 2, "0.05")
    assert_complaint(top("-o", "nope"), 2, "-o help")


def test_help_and_version() -> None:
    assert "snakepit-top -n prod -d 0.5" in top("--help").stdout
    assert re.fullmatch(r"snakepit-top \d+\.\d+\.\d+\n", top("--version").stdout)
    with Path("/dev/full").open("w") as full:
        done = subprocess.run(
            [str(TOP), "--version"],
            stdout=full,
            stderr=subprocess.PIPE,
            timeout=DEADLINE_S,
            check=False,
        )
    assert done.returncode == 1
