"""snakepit-inspect on what is not metrics: records, tiers, retired rows, failures."""

from __future__ import annotations

import json
import os
import re
import struct
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "lib"))
from readers import BUILD, DEADLINE_S, Segment, inspect, inspect_json, wait_for

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture
def segment(tmp_path: Path) -> Iterator[Segment]:
    segment = Segment(tmp_path)
    yield segment
    segment.close()


# ---- the parts -----------------------------------------------------------------------


def test_all_has_every_part_in_the_documented_order(segment: Segment) -> None:
    data = inspect_json(segment.path, "--all")
    assert list(data) == [
        *("schema", "segment", "writer", "stats"),
        *("pools", "workers", "tools", "metrics"),
        *("events_lost", "events", "in_flight", "spans_lost", "spans"),
        *("history", "threads"),
    ]
    text = inspect(segment.path, "--all").stdout
    headings = [line for line in text.splitlines() if line and "  " not in line]
    assert headings == [
        *("segment", "writer", "stats", "pools", "workers"),
        *("events", "in flight", "spans", "history", "threads"),
    ]


@pytest.mark.parametrize(
    ("flag", "keys"),
    [
        ("--events", {"events_lost", "events"}),
        ("--evidence", {"events_lost", "events"}),
        ("--in-flight", {"in_flight"}),
        ("--spans", {"spans_lost", "spans"}),
        ("--history", {"history"}),
        ("--threads", {"threads"}),
    ],
)
def test_a_flag_adds_its_part_alone(
    segment: Segment, flag: str, keys: set[str]
) -> None:
    plain = set(inspect_json(segment.path))
    assert set(inspect_json(segment.path, flag)) - plain == keys


def test_evidence_is_shown_with_its_event(segment: Segment) -> None:
    segment.tell("step")
    (first, second) = inspect_json(segment.path, "--evidence")["events"]
    assert first["evidence"] != second["evidence"]
    assert (first["evidence_kind"], first["evidence_text"]) == (
        "output",
        "last words of round 1\n",
    )
    assert second["evidence_text"] == "last words of round 2\n"
    assert "evidence_text" not in inspect_json(segment.path, "--events")["events"][0]
    text = inspect(segment.path, "--evidence").stdout
    assert "pid 1000\n    output\n    | last words of round 1\n" in text


def test_events_of_one_pool_or_worker(segment: Segment) -> None:
    segment.tell("step")
    every = inspect_json(segment.path, "--evidence")["events"]
    assert [event["slot"] for event in every] == [0, 0]
    for chosen, expected in (
        ("default", every),
        ("default/0", every),
        ("default/1", []),
        ("default1", []),
    ):
        options = ("--evidence", "-w", chosen)
        assert inspect_json(segment.path, *options)["events"] == expected
    refused = inspect(segment.path, "--log", "-w", "defualt/0")
    assert (refused.returncode, refused.stdout) == (1, "")
    assert "no pool 'defualt'; did you mean 'default'?" in refused.stderr
    for option in ("default/", "/0", "default/x", "default/-1"):
        refused = inspect(segment.path, "--log", "-w", option)
        assert refused.returncode == 2
        assert f"--worker '{option}': expected POOL or POOL/SLOT" in refused.stderr
    assert inspect(segment.path, "-w", "default").returncode == 2


def test_follow_goes_on_until_the_runtime_ends(
    segment: Segment, tmp_path: Path
) -> None:
    said = tmp_path / "said"
    with said.open("w") as out:
        following = subprocess.Popen(
            [BUILD / "bin/snakepit-inspect", "-n", segment.path, "--log", "--follow"],
            stdout=out,
        )
    wait_for("what was there", lambda: said.read_text().count("last words of") == 1)
    segment.tell("step")
    wait_for("what came", lambda: "| last words of round 2" in said.read_text())
    segment.tell("step")
    segment.close()
    assert following.wait(DEADLINE_S) == 0
    text = said.read_text()
    rounds = [f"last words of round {number}" for number in (1, 2, 3)]
    assert [text.count(round_) for round_ in rounds] == [1, 1, 1]
    for options in (("-f",), ("--log", "--json", "-f")):
        refused = inspect(segment.path, *options)
        assert refused.returncode == 2
        assert "--follow belongs to --log, as text" in refused.stderr


def test_evidence_that_was_overwritten_is_null(segment: Segment) -> None:
    for _ in range(70):
        segment.tell("step")
    data = inspect_json(segment.path, "--evidence")
    assert data["events_lost"] == 7
    assert len(data["events"]) == 64
    texts = [event["evidence_text"] for event in data["events"]]
    kept = [text for text in texts if text is not None]
    assert texts == [None] * (64 - len(kept)) + kept
    assert kept[-1] == "last words of round 71\n"
    assert len(kept) < 64
    assert data["events"][0]["evidence_kind"] is None
    assert data["events"][0]["evidence"] != 0


def test_log_is_events_and_nothing_else(segment: Segment) -> None:
    data = inspect_json(segment.path, "--log")
    assert list(data) == ["schema", "events_lost", "events"]
    assert data["events"][0]["evidence_text"] == "last words of round 1\n"
    lines = inspect(segment.path, "--log").stdout.splitlines()
    assert re.fullmatch(
        r"  \d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z  worker_moved by worker"
        r"  default/0#1  warming -> ready  answered  pid 1000",
        lines[0],
    )
    assert lines[1:] == ["    output", "    | last words of round 1"]


def test_in_flight_shows_the_requests_that_run(segment: Segment) -> None:
    data = inspect_json(segment.path, "--in-flight")
    assert [(r["pool"], r["slot"]) for r in data["in_flight"]] == [
        ("default", 1),
        ("default1", 1),
    ]
    request = data["in_flight"][0]
    assert request["tool"] == "word_stats"
    assert request["incarnation"] == data["workers"][request["worker"]]["incarnation"]
    assert request["correlation_id"] == "request-ä"
    assert re.fullmatch(r"0af7651916cd43dd[0-9a-f]{16}", request["trace_id"])
    assert request["received_time"] <= request["start_time"]
    assert request["deadline_time"] == pytest.approx(request["start_time"] + 30)
    assert 0 < request["running_ns"] < 30e9
    text = inspect(segment.path, "--in-flight").stdout
    assert re.search(
        r"\nin flight\n  default/1#2  word_stats  for \S+s  until  \S+Z"
        r"  id request-ä  trace 0af7651916cd43dd[0-9a-f]{16}\n",
        text,
    )


def test_spans_show_requests_and_their_attempts(segment: Segment) -> None:
    for _ in range(2):
        segment.tell("step")
    data = inspect_json(segment.path, "--spans")
    assert data["spans_lost"] == 0
    assert [span["kind"] for span in data["spans"]] == ["request", "attempt"] * 3
    request, attempt = data["spans"][4:]  # each third round fails
    assert request["status"] == attempt["status"] == "TOOL_ERROR"
    assert data["spans"][0]["status"] == "OK"
    assert request["duration_ns"] == 5000000
    assert attempt["duration_ns"] == 4000000
    assert attempt["parent_span_id"] == request["span_id"] == f"{6:016x}"
    assert request["parent_span_id"] == ""
    assert attempt["trace_id"] == request["trace_id"] == f"0af7651916cd43dd{3:016x}"
    assert request["slot"] == 1
    assert request["flags"] == 0x401
    assert request["method"] == "snakepit.pool.v1.Pool/Execute"
    assert attempt["method"] == "snakepit.bridge.BridgeService/ExecuteTool"
    assert [span["error"] for span in data["spans"]] == [False] * 4 + [True] * 2
    assert request["session_id"] == "session-ä"
    text = inspect(segment.path, "--spans").stdout
    assert re.search(
        r"\n  \S+Z  request 1  default/1#1  word_stats  TOOL_ERROR in 5ms"
        r"  queued 1ms  id request-ä  trace \w{32}\n",
        text,
    )


@pytest.mark.parametrize("part", ["in-flight", "spans"])
def test_a_record_has_its_tools_name_however_new_the_tool_is(
    tmp_path: Path, part: str
) -> None:
    calls = 300
    segment = Segment(tmp_path, "calls", "1", "1", "1", f"calls={calls}")
    segment.tell("calls on")
    shown = ""
    while shown != f"call{calls - 1}":
        data = inspect_json(segment.path, f"--{part}")
        for record in data[part.replace("-", "_")]:
            if record["correlation_id"].startswith("call"):
                shown = record["correlation_id"]
                assert record["tool"] == shown
    segment.close()


def test_history_follows_pools_and_workers(segment: Segment) -> None:
    def history() -> dict[str, Any]:
        data: dict[str, Any] = inspect_json(segment.path, "--history")["history"]
        return data

    def first_with_samples() -> dict[str, Any]:
        now = history()
        return now if now["pools"][0]["samples"] else {}

    def sample_of_the_step() -> dict[str, Any]:
        samples = history()["pools"][0]["samples"]
        return next((sample for sample in samples if sample["requests"] == 20), {})

    first = wait_for("a first sample", first_with_samples)
    segment.tell("step")
    later = wait_for("a sample of the step", sample_of_the_step)
    assert [pool["name"] for pool in first["pools"]] == ["default", "default1"]
    start = first["pools"][0]["samples"][0]
    assert start["requests"] == 10
    assert start["failures"] == 2
    assert start["active"] == 1
    assert later["mono_ns"] - start["mono_ns"] >= 10**9
    assert len(later["octaves"]) == 32
    assert sum(later["octaves"]) == 2 * 10  # two tools, ten observations each
    assert [(w["pool"], w["slot"]) for w in first["workers"]] == [
        ("default", 0),
        ("default", 1),
        ("default1", 0),
        ("default1", 1),
    ]
    assert first["workers"][0]["samples"][0]["state"] == "ready"
    assert first["workers"][0]["samples"][0]["memory_bytes"] == 123456789
    text = inspect(segment.path, "--history").stdout
    assert re.search(
        r"\nhistory\n  default\n    \S+Z  queue 0  active 1  requests 10  failures 2\n",
        text,
    )


def test_threads_name_who_counts(segment: Segment) -> None:
    (thread,) = inspect_json(segment.path, "--threads")["threads"]
    assert thread["bank"] == 0
    assert thread["tid"] == segment.process.pid
    assert thread["name"] == "segment_writer"
    assert (thread["busy_since_time"], thread["busy_ns"]) == (0, 0)
    text = inspect(segment.path, "--threads").stdout
    assert f"bank 0  tid {segment.process.pid}  segment_writer  waits\n" in text


# ---- rows and tiers ------------------------------------------------------------------


def test_retired_rows_say_when_and_why(segment: Segment) -> None:
    segment.tell("retire tool 1")
    data = inspect_json(segment.path)
    live, retired = data["tools"][:2]
    assert live["retired"] is False
    assert (live["retire_reason"], live["retired_time"]) == ("", 0)
    assert retired["retired"] is True
    assert retired["retire_reason"] not in ("", "none", "?")
    assert live["born_time"] <= retired["retired_time"]
    segment.tell("retire worker 0")
    text = inspect(segment.path).stdout
    assert re.search(r"\n  default/0#1  .*  retired \S+Z \(\w+\)\n", text)


def values_of(data: dict[str, Any]) -> dict[str, Any]:
    """Leave out what the two tiers may differ in: the look itself."""
    return {key: data[key] for key in ("pools", "workers", "tools", "metrics")}


def test_tiers_say_the_same(segment: Segment) -> None:
    segment.tell("step")
    segment.tell("retire tool 3")
    segment.close()  # nothing moves any more
    live = inspect_json(segment.path, "--tier", "live")
    snap = inspect_json(segment.path, "--tier", "snap")
    assert values_of(snap) == values_of(live)
    assert inspect(segment.path, "--csv", "--tier", "snap").returncode == 0


def test_stop_reason_and_absent_meters(segment: Segment) -> None:
    data = inspect_json(segment.path)
    assert data["writer"]["stop_reason"] == "none"
    assert list(data["stats"]) == [
        *("snapshot_ns", "retries", "rows_skipped"),
        *("rows_dropped", "banks_exhausted", "text_truncated"),
    ]


# ---- failures as JSON ----------------------------------------------------------------


def error_of(path: Path, code: int, *options: str) -> dict[str, Any]:
    done = inspect(path, "--json", *options)
    assert done.returncode == code, done.stderr
    data = json.loads(done.stdout)
    assert list(data) == ["schema", "error"]
    assert list(data["error"]) == ["kind", "field", "message"]
    assert data["error"]["message"] in done.stderr
    assert len(done.stderr.splitlines()) == 1
    error: dict[str, Any] = data["error"]
    return error


def patched(segment: Segment, path: Path, offset: int, value: bytes) -> Path:
    data = bytearray(segment.path.read_bytes())
    data[offset : offset + len(value)] = value
    path.write_bytes(data)
    path.chmod(0o640)
    return path


def test_failures_are_json_too(segment: Segment, tmp_path: Path) -> None:
    other = tmp_path / "other.seg"
    assert error_of(other, 3)["kind"] == "missing"
    error = error_of(patched(segment, other, 0xB0, b"x"), 4)
    assert (error["kind"], error["field"]) == ("damaged", "hdr_crc")
    error = error_of(patched(segment, other, 0x0C, b"\x02"), 4)
    assert (error["kind"], error["field"]) == ("version", "ver_major")
    other.chmod(0o666)
    error = error_of(other, 1)
    assert (error["kind"], error["field"]) == ("denied", "mode")


def test_failures_of_a_question_are_json_too(segment: Segment) -> None:
    error = error_of(segment.path, 1, "--field", "snakepit.nothing")
    assert (error["kind"], error["field"]) == ("failed", None)
    error = error_of(segment.path, 2, "--field", "snakepit.requests")
    assert error["kind"] == "usage"


def test_unknown_tier_is_wrong_usage(segment: Segment) -> None:
    done = inspect(segment.path, "--tier", "bank")
    assert (done.returncode, done.stdout) == (2, "")
    assert "no tier 'bank'" in done.stderr


# ---- verify --------------------------------------------------------------------------


class Region(NamedTuple):
    """An entry of the directory, as the format has it."""

    type: int
    kind: int
    off: int
    len: int
    stride: int
    entries: int
    outer_stride: int
    outer_count: int
    version: int
    reserved: int


ROWD, BANK, EVNT, EVID, SPAN, HIST = 7, 9, 12, 13, 14, 15
POOL, WORKER, TOOL = 1, 2, 3
RING_BYTES = 64


def region(path: Path, kind: int, row_kind: int = 0) -> Region:
    data = path.read_bytes()
    off, count = struct.unpack_from("<QQ", data, 0x88)
    entries = (
        Region(*struct.unpack_from("<IIQQQQQQII", data, off + 64 * i))
        for i in range(count)
    )
    return next(e for e in entries if (e.type, e.kind) == (kind, row_kind))


def add_one(path: Path, offset: int) -> None:
    with path.open("r+b") as file:
        file.seek(offset)
        (word,) = struct.unpack("<Q", file.read(8))
        file.seek(offset)
        file.write(struct.pack("<Q", word + 1))


def verify(path: Path, code: int) -> list[str]:
    done = inspect(path, "--verify")
    assert done.returncode == code, done.stdout + done.stderr
    return done.stdout.splitlines()


def test_verify_accepts_the_living_the_dead_and_the_closed(tmp_path: Path) -> None:
    for end in ("live", "kill", "close"):
        segment = Segment(tmp_path, end)
        for _ in range(3):
            segment.tell("step")
        segment.tell("retire tool 0")
        if end != "live":
            getattr(segment, end)()
        (line,) = verify(segment.path, 0)
        assert line.startswith("ok: ")
        if end != "close":
            segment.close()


def test_verify_accepts_rows_that_come_and_go(tmp_path: Path) -> None:
    segment = Segment(tmp_path, "churn", "2", "2", "2", "quarantine=1")
    segment.tell("churn on")
    for _ in range(10):
        verify(segment.path, 0)
    segment.close()


@pytest.mark.parametrize(
    ("kind", "row_kind", "name"),
    [
        (EVNT, 0, "events, ring 0: record 0"),
        (EVID, 0, "evidence, ring 0: record 0"),
        (SPAN, 0, "spans, ring 0: record 0"),
        (HIST, POOL, "history of pools, row 0: sample 0"),
        (HIST, WORKER, "history of workers, row 0: sample 0"),
    ],
)
def test_verify_finds_records_that_are_not_whole(
    segment: Segment, kind: int, row_kind: int, name: str
) -> None:
    wait_for(
        "a sample",
        lambda: inspect_json(segment.path, "--history")["history"]["pools"][0][
            "samples"
        ],
    )
    segment.close()
    where = region(segment.path, kind, row_kind)
    add_one(segment.path, where.off + RING_BYTES + 16)
    assert verify(segment.path, 4) == [f"fault: {name} is not whole"]


def test_verify_holds_the_tiers_against_each_other(segment: Segment) -> None:
    segment.close()
    verify(segment.path, 0)
    cells = region(segment.path, BANK, TOOL)
    add_one(segment.path, cells.off)  # the first counter of the first tool
    (line,) = verify(segment.path, 4)
    assert re.fullmatch(
        r"fault: snakepit\.requests\{pool=default,method=word_stats\}:"
        r" snap 10, then live 11",
        line,
    )


def test_verify_finds_a_uid_that_is_there_twice(segment: Segment) -> None:
    segment.close()
    rows = region(segment.path, ROWD, TOOL)
    with segment.path.open("r+b") as file:
        file.seek(rows.off + 8)
        uid = file.read(8)
        file.seek(rows.off + rows.stride + 8)
        file.write(uid)
    lines = verify(segment.path, 4)
    assert [line for line in lines if "has the uid of another row" in line]


def test_verify_says_when_the_segment_cannot_be_read(tmp_path: Path) -> None:
    foreign = tmp_path / "foreign.seg"
    foreign.write_bytes(os.urandom(8192))
    foreign.chmod(0o640)
    assert verify(foreign, 4) == []
