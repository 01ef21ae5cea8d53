"""snakepit-inspect against real segments: contents, formats, exit codes."""

from __future__ import annotations

import csv
import io
import os
import re
import struct
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "lib"))
from readers import BUILD, ROOT, SANITIZED, Segment, inspect, inspect_json

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture
def segment(tmp_path: Path) -> Iterator[Segment]:
    segment = Segment(tmp_path)
    yield segment
    segment.close()


@pytest.fixture
def hostile(tmp_path: Path) -> Iterator[Segment]:
    """Pools and tools whose names hold every ASCII character but NUL, and more."""
    segment = Segment(tmp_path, "hostile", "4", "1", "4", "hostile")
    yield segment
    segment.close()


# ---- contents ------------------------------------------------------------------------


def test_json_has_the_documented_shape(segment: Segment) -> None:
    data = inspect_json(segment.path, "--events")
    assert list(data) == [
        "schema",
        "segment",
        "writer",
        "stats",
        "pools",
        "workers",
        "tools",
        "metrics",
        "events_lost",
        "events",
    ]
    assert data["schema"] == 1
    assert data["segment"]["path"] == str(segment.path)
    assert data["segment"]["instance"] == "test"
    assert data["segment"]["version"] == "1.0"
    assert data["segment"]["pid"] == segment.process.pid
    assert data["segment"]["size_bytes"] == segment.path.stat().st_size
    assert data["writer"]["verdict"] == "alive"
    assert data["writer"]["heartbeat_age_ms"] < 5000
    assert [pool["name"] for pool in data["pools"]] == ["default", "default1"]
    assert [(w["pool"], w["slot"]) for w in data["workers"]] == [
        ("default", 0),
        ("default", 1),
        ("default1", 0),
        ("default1", 1),
    ]
    assert data["workers"][0]["worker_id"] == "default/0#1"
    assert data["workers"][0]["python"] == "3.11.2"
    (event,) = data["events"]
    assert (event["from"], event["to"], event["reason"]) == (
        "warming",
        "ready",
        "answered",
    )


def test_json_without_events_has_no_events(segment: Segment) -> None:
    assert "events" not in inspect_json(segment.path)


def test_json_follows_the_writer(segment: Segment) -> None:
    def requests() -> int:
        data = inspect_json(segment.path)
        metric = next(m for m in data["metrics"] if m["name"] == "snakepit.requests")
        return sum(series["value"] for series in metric["series"])

    before = requests()
    segment.tell("step")
    assert requests() == before + 4 * 10


def test_json_histogram_adds_up(segment: Segment) -> None:
    metric = next(
        m
        for m in inspect_json(segment.path)["metrics"]
        if m["name"] == "snakepit.request.duration"
    )
    assert metric["kind"] == "histogram"
    for series in metric["series"]:
        observed = [(i + 1) * 2 * 1234567 for i in range(10)]
        assert series["count"] == 10
        assert series["sum_ns"] == sum(observed)
        assert sum(bucket["count"] for bucket in series["buckets"]) == 10
        bounds = [bucket["le_ns"] for bucket in series["buckets"]]
        assert bounds == sorted(bounds)
        # Half a bucket of 9 % is the promise; a whole one is the limit anyhow.
        assert series["quantiles"]["p50"] == pytest.approx(observed[4], rel=0.1)
        assert series["quantiles"]["p99"] == pytest.approx(observed[9], rel=0.1)


def test_text_is_grouped_and_safe_on_a_terminal(hostile: Segment) -> None:
    done = inspect(hostile.path, "--events")
    assert done.returncode == 0
    for group in ("segment", "writer", "stats", "pools", "workers", "events"):
        assert f"\n{group}\n" in "\n" + done.stdout
    assert "snakepit.requests  counter, {request}\n" in done.stdout
    bad = {c for c in done.stdout if c != "\n" and not c.isprintable()}
    assert not bad


def test_hostile_names_survive_json_and_csv(hostile: Segment) -> None:
    data = inspect_json(hostile.path)
    names = "".join(pool["name"] for pool in data["pools"])
    assert set(map(chr, range(1, 128))) <= set(names)
    done = inspect(hostile.path, "--csv")
    rows = list(csv.DictReader(io.StringIO(done.stdout, newline="")))
    scalars = sum("value" in s for m in data["metrics"] for s in m["series"])
    facts = sum(len(data[group]) for group in ("segment", "writer", "stats"))
    assert sum(row["field"] == "value" for row in rows) == scalars + facts
    assert all(None not in row and None not in row.values() for row in rows)


# ---- one value -----------------------------------------------------------------------


def test_field_prints_one_value(segment: Segment) -> None:
    def field(name: str) -> str:
        done = inspect(segment.path, "--field", name)
        assert done.returncode == 0, done.stderr
        return done.stdout

    labels = "{pool=default,method=word_stats}"
    assert field("snakepit.requests" + labels) == "10\n"
    assert field("snakepit_requests_total" + labels) == "10\n"
    assert field('snakepit.requests{rpc.method="word_stats",pool=default}') == "10\n"
    assert field("snakepit.request.duration" + labels) == "10\n"
    assert field("snakepit.request.duration" + labels + ":sum") == "0.13580237\n"
    assert float(field("snakepit.request.duration" + labels + ":p99")) > 0.02
    assert field("writer.verdict") == "alive\n"
    assert field("segment.pid") == f"{segment.process.pid}\n"


def test_field_finds_everything_the_csv_lists(hostile: Segment) -> None:
    rows = list(
        csv.DictReader(io.StringIO(inspect(hostile.path, "--csv").stdout, newline=""))
    )
    chosen = [r for r in rows if r["name"] in ("snakepit.requests", "segment.uuid")]
    assert len(chosen) == 17
    for row in chosen:
        done = inspect(hostile.path, "--field", row["name"] + row["labels"])
        assert (done.returncode, done.stdout) == (0, row["value"] + "\n"), row


@pytest.mark.parametrize(
    ("field", "code", "says"),
    [
        ("snakepit.requests", 2, "4 series match"),
        ("snakepit.requests{pool=default", 2, "not a field"),
        ("snakepit.requests{pool=}", 2, "not a field"),
        ('snakepit.requests{pool="x\\q"}', 2, "not a field"),
        ("snakepit.start_time:p99", 2, "no part"),
        ("snakepit.nothing", 1, "nothing matches"),
        ("snakepit.requests{pool=nowhere}", 1, "nothing matches"),
        ("writer.nothing", 1, "nothing matches"),
    ],
)
def test_field_that_is_none_is_refused(
    segment: Segment, field: str, code: int, says: str
) -> None:
    done = inspect(segment.path, "--field", field)
    assert (done.returncode, done.stdout) == (code, "")
    assert says in done.stderr
    assert len(done.stderr.splitlines()) == 1


# ---- filters -------------------------------------------------------------------------


def filtered(segment: Segment, expression: str) -> list[tuple[str, str, str]]:
    """(name, labels, field) of what the CSV has left."""
    done = inspect(segment.path, "--csv", "-F", expression)
    assert done.returncode == 0, done.stderr
    rows = csv.DictReader(io.StringIO(done.stdout, newline=""))
    return [(row["name"], row["labels"], row["field"]) for row in rows]


@pytest.mark.parametrize(
    ("expression", "left"),
    [
        ("name=writer.verdict", [("writer.verdict", "", "value")]),
        (
            "worker=default1/1 and name~last_pong",
            [("snakepit.heartbeat.last_pong.timestamp", "{pool=default1,worker=1}")],
        ),
        (
            "pool=default and method=word_stats and value=10",
            [("snakepit.requests", "{pool=default,method=word_stats}")],
        ),
        (
            "kind=counter and pool=default and reason=full and value>0",
            [("snakepit.pool.queue.rejections", "{pool=default,reason=full}")],
        ),
        ("name=snakepit.worker.state and not state=ready", []),
        (
            "prometheus_name=snakepit_worker_state and state=ready and slot=0",
            [
                ("snakepit.worker.state", "{pool=default,worker=0}"),
                ("snakepit.worker.state", "{pool=default1,worker=0}"),
            ],
        ),
        ("count>=10 and p99>60ms", []),
        ("p99<20ns and pool=-", []),
    ],
)
def test_filter_leaves_the_series_it_describes(
    segment: Segment, expression: str, left: list[tuple[str, ...]]
) -> None:
    found = filtered(segment, expression)
    assert [row[: len(want)] for row, want in zip(found, left, strict=True)] == left


def test_filter_is_the_same_in_every_format(segment: Segment) -> None:
    expression = 'pool=default and (slot=1 or name~"^snakepit.pool.queue")'
    data = inspect_json(segment.path, "-F", expression)
    assert data["segment"]["instance"] == "test"
    assert (data["pools"], data["tools"]) == ([], [])
    assert [worker["worker_id"] for worker in data["workers"]] == ["default/1#2"]
    series = {(m["name"], len(m["series"])) for m in data["metrics"]}
    names = {name for name, _, _ in filtered(segment, expression)}
    assert {name for name, _ in series} == names
    assert all(nr > 0 for _, nr in series)
    text = inspect(segment.path, "-F", expression).stdout
    assert text.startswith("workers\n  default/1#2  ")
    titles = {line.split()[0] for line in text.split("\n\n")[1:]}
    assert titles == names


def test_filter_and_its_opposite_are_everything(segment: Segment) -> None:
    segment.kill()  # so that nothing changes, but facts about this look
    for expression in (
        "pool=default",
        'value>9 and name~"^snakepit"',
        "p50>1ms",
        'status="idle"',
        "unit=s",
    ):
        both = filtered(segment, expression) + filtered(segment, f"not ({expression})")
        assert sorted(both) == sorted(filtered(segment, "name!=-"))
        assert filtered(segment, expression)


@pytest.mark.parametrize(
    ("options", "says", "pointer"),
    [
        (["pool=a and slto=1"], 'no field "slto"; did you mean "slot"?', 11),
        (["p99>50"], "p99_ns is a duration", 4),
        (["status>3"], "status is a text", 6),
        (["pool=a)"], 'its "(" is missing', 6),
        (["pool=a", "--log"], "--filter belongs to a list", None),
        (["pool=a", "--verify"], "--filter belongs to a list", None),
        (["pool=a", "--field", "writer.verdict"], "--filter belongs to a list", None),
    ],
)
def test_filter_that_is_none_is_pointed_at(
    options: list[str], says: str, pointer: int | None
) -> None:
    done = inspect("nowhere", "-F", *options)
    assert (done.returncode, done.stdout) == (2, "")
    lines = done.stderr.splitlines()
    assert says in lines[0]
    if pointer is None:
        assert len(lines) == 1
    else:
        assert lines[1] == "  " + options[0]
        assert lines[2].rstrip("~") == " " * (2 + pointer) + "^"


def test_filter_fields_are_documented() -> None:
    table = (ROOT / "reader/inspect/fields.def").read_text()
    page = (ROOT / "docs/inspect.md").read_text()
    rows = re.findall(r'INSPECT_FIELD\((\w+), \w+,\s*"([^"]*)"\)', table)
    assert len(rows) == table.count("\nINSPECT_FIELD(")
    for field, help_text in rows:
        assert f"| `{field}` | {help_text} |\n" in page


# ---- what can be wrong ---------------------------------------------------------------


def test_verify_accepts_a_busy_segment(segment: Segment) -> None:
    segment.tell("load on")
    for _ in range(20):
        done = inspect(segment.path, "--verify")
        assert done.returncode == 0, done.stdout
        assert done.stdout.startswith("ok: ")


def test_verify_finds_a_sum_no_bucket_can_hold(segment: Segment) -> None:
    # The sum of snakepit.request.duration is the one word with this known value, in a
    # bank for each of the four tools first, then in one half or both of SNAP.
    word = struct.pack("<Q", 135802370)
    data = segment.path.read_bytes()
    assert data.count(word) in (8, 12)
    with segment.path.open("r+b") as file:
        file.seek(data.index(word))
        file.write(struct.pack("<Q", 10**15))
    done = inspect(segment.path, "--verify")
    assert done.returncode == 4
    assert "snakepit.request.duration" in done.stdout
    assert "sum is more than its buckets can hold" in done.stdout


def test_dead_writer_is_readable_and_said_to_be_dead(segment: Segment) -> None:
    segment.kill()
    data = inspect_json(segment.path)
    assert data["writer"]["verdict"] == "dead"
    assert data["writer"]["state"] == "live"
    assert data["metrics"][0]["series"][0]["value"] == 10


def test_closed_writer_is_readable_and_said_to_be_closed(segment: Segment) -> None:
    segment.close()
    data = inspect_json(segment.path)
    assert (data["writer"]["verdict"], data["writer"]["state"]) == ("closed", "closed")


def one_line(done: subprocess.CompletedProcess[str], code: int, *words: str) -> None:
    assert done.returncode == code, done.stderr
    assert done.stdout == ""
    assert done.stderr.startswith("snakepit-inspect: ")
    assert len(done.stderr.splitlines()) == 1
    for word in words:
        assert word in done.stderr


def test_missing_instance_exits_3(tmp_path: Path) -> None:
    one_line(inspect(tmp_path / "none.seg"), 3, "none.seg")
    env = {**os.environ, "SNAKEPIT_DIR": str(tmp_path)}
    one_line(inspect("none", env=env), 3, "none")


def test_several_instances_exit_2_and_are_listed(tmp_path: Path) -> None:
    segments = [Segment(tmp_path, name) for name in ("one", "two")]
    env = {**os.environ, "SNAKEPIT_DIR": str(tmp_path)}
    env.pop("SNAKEPIT_INSTANCE", None)
    command = [str(BUILD / "bin/snakepit-inspect"), "--field", "segment.instance"]
    done = subprocess.run(command, capture_output=True, text=True, env=env, check=False)
    one_line(done, 2, "one", "two", "-n")
    assert inspect("two", "--field", "segment.instance", env=env).stdout == "two\n"
    env["SNAKEPIT_INSTANCE"] = "one"
    done = subprocess.run(command, capture_output=True, text=True, env=env, check=False)
    assert done.stdout == "one\n"
    for segment in segments:
        segment.close()


def test_foreign_file_exits_4(tmp_path: Path) -> None:
    foreign = tmp_path / "foreign.seg"
    foreign.write_bytes(os.urandom(100000))
    foreign.chmod(0o640)
    one_line(inspect(foreign), 4, "foreign.seg", "not a")
    foreign.write_bytes(b"")
    one_line(inspect(foreign), 4, "foreign.seg", "not a")


def test_other_major_version_exits_4(segment: Segment, tmp_path: Path) -> None:
    other = tmp_path / "other.seg"
    data = bytearray(segment.path.read_bytes())
    struct.pack_into("<H", data, 0x0C, 2)
    other.write_bytes(data)
    other.chmod(0o640)
    one_line(inspect(other), 4, "other.seg", "format 2.0")


def test_unreadable_file_exits_1(segment: Segment) -> None:
    segment.path.chmod(0)
    # Root reads anything unless it gives up the capability to.
    drop = ["setpriv", "--bounding-set=-dac_override,-dac_read_search"]
    done = subprocess.run(
        [
            *(drop if os.geteuid() == 0 else []),
            str(BUILD / "bin/snakepit-inspect"),
            "-n",
            str(segment.path),
        ],
        capture_output=True,
        text=True,
        check=False,
    )
    one_line(done, 1, "permission denied")


def test_wrong_usage_exits_2() -> None:
    for options in (["--bogus"], ["--field"], ["extra"]):
        command = [str(BUILD / "bin/snakepit-inspect"), *options]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        one_line(done, 2, "--help")


@pytest.mark.parametrize("form", ["--json", "--csv", "--text"])
def test_full_disk_is_a_failure(tmp_path: Path, form: str) -> None:
    # Large enough for CSV to be written in several pieces.
    segment = Segment(tmp_path, "large", "2", "50", "2")
    with open("/dev/full", "wb") as full:
        done = subprocess.run(
            [str(BUILD / "bin/snakepit-inspect"), "-n", str(segment.path), form],
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            check=False,
        )
    segment.close()
    assert done.returncode == 1
    assert "cannot write" in done.stderr
    assert len(done.stderr.splitlines()) == 1


def test_csv_of_many_rows_is_whole(tmp_path: Path) -> None:
    segment = Segment(tmp_path, "large", "2", "50", "2")
    segment.close()
    data = inspect_json(segment.path)
    text = inspect(segment.path, "--csv").stdout
    assert len(text) > 2 * 65536  # several times what is written at once
    rows = list(csv.DictReader(io.StringIO(text, newline="")))
    listed = {
        (row["name"], row["labels"]): row["value"]
        for row in rows
        if row["field"] in ("value", "count")
    }
    for metric in data["metrics"]:
        for series in metric["series"]:
            inside = ",".join(f"{k}={v}" for k, v in series["labels"].items())
            labels = f"{{{inside}}}" if inside else ""
            value = series.get("value", series.get("count"))
            if metric["kind"] == "info":
                continue  # its values hold characters that are quoted
            assert float(listed[metric["name"], labels]) == value, series


def test_hundred_readers_leave_no_trace(segment: Segment) -> None:
    proc = Path("/proc") / str(segment.process.pid)

    def rss_kb() -> int:
        status = (proc / "status").read_text().splitlines()
        return int(next(line for line in status if line.startswith("VmRSS")).split()[1])

    segment.tell("load on")
    segment.tell("step")
    fds, rss = sorted(os.listdir(proc / "fd")), rss_kb()
    for _ in range(100):
        assert inspect_json(segment.path)["stats"]["rows_skipped"] == 0
    assert sorted(os.listdir(proc / "fd")) == fds
    # 256 KiB: the kernel's own counting is that coarse.
    assert SANITIZED or abs(rss_kb() - rss) <= 256
