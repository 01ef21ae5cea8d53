"""snakepit-top for programs: filters, repeated output, CSV, and checks of health."""

from __future__ import annotations

import csv
import json
import os
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from readers import BUILD, DEADLINE_S, Segment, wait_for

TOP = BUILD / "bin/snakepit-top"


@pytest.fixture
def segment(snp_dir: Path) -> Iterator[Segment]:
    made = Segment(snp_dir, "demo")
    yield made
    made.close()


def top(segment: Segment, *words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [str(TOP), "-n", str(segment.path), *words],
        capture_output=True,
        text=True,
        timeout=DEADLINE_S,
        check=False,
        env={**os.environ, "LC_ALL": "C.UTF-8"},
    )


# ---- what is shown -------------------------------------------------------------------


def test_a_filter_selects_workers_in_every_form(segment: Segment) -> None:
    everyone = json.loads(top(segment, "--json").stdout)["workers"]
    busy = [w["worker"] for w in everyone if w["status"] == "busy"]
    assert 0 < len(busy) < len(everyone)
    found = json.loads(top(segment, "--json", "-F", "status=busy").stdout)
    assert [w["worker"] for w in found["workers"]] == busy
    text = top(segment, "--once", "-o", "worker", "-F", "status=busy").stdout
    assert sorted(text.split()[1:]) == sorted(busy)
    table = top(segment, "--csv", "-o", "worker", "-F", "status=busy").stdout
    assert [row["worker"] for row in csv.DictReader(table.splitlines())] == busy


def test_a_filter_may_ask_about_the_pool(segment: Segment) -> None:
    pools = json.loads(top(segment, "--json").stdout)["pools"]
    chosen = pools[1]["pool"]
    found = json.loads(top(segment, "--json", "-F", f"pool.pool={chosen}").stdout)
    assert {w["pool"] for w in found["workers"]} == {chosen}


def test_csv_has_all_columns_of_workers_and_nothing_for_unknown(
    segment: Segment,
) -> None:
    segment.kill()
    rows = list(csv.DictReader(top(segment, "--csv").stdout.splitlines()))
    data = json.loads(top(segment, "--json").stdout)
    assert len(rows) == len(data["workers"])
    assert set(rows[0]) == {"time_ns", *data["workers"][0]}
    assert {row["req_s"] for row in rows} == {""}
    assert [row["pid"] for row in rows] == [str(w["pid"]) for w in data["workers"]]


def test_csv_without_its_header(segment: Segment) -> None:
    done = top(segment, "--csv", "--no-header", "-o", "pool.pool,pool.workers")
    assert len(done.stdout.splitlines()) == 2
    assert "pool" not in done.stdout.splitlines()[0].split(",")


# ---- all instances -------------------------------------------------------------------


def test_all_instances_have_a_row_each(segment: Segment, snp_dir: Path) -> None:
    other = Segment(snp_dir, "another")
    try:
        segment.kill()
        words = [str(TOP), "--all"]
        env = {**os.environ, "SNAKEPIT_DIR": str(snp_dir)}
        text = subprocess.check_output([*words, "--once"], text=True, env=env)
        rows = [line.split()[:2] for line in text.splitlines()]
        assert rows == [["INSTANCE", "STATE"], ["another", "LIVE"], ["demo", "DEAD"]]
        data = json.loads(subprocess.check_output([*words, "--json"], env=env))
        alone = json.loads(top(segment, "--json").stdout)
        assert data["instances"][1]["path"] == alone["path"]
        assert data["instances"][1]["total"]["requests"] == alone["total"]["requests"]
    finally:
        other.close()


# ---- again and again -----------------------------------------------------------------


def test_as_often_as_asked(segment: Segment) -> None:
    segment.tell("load on")
    lines = top(segment, "--jsonl", "-N", "3", "-d", "0.05").stdout.splitlines()
    looks = [json.loads(line) for line in lines]
    assert len(looks) == 3
    assert looks[0]["time_ns"] < looks[1]["time_ns"] < looks[2]["time_ns"]
    requests = [look["total"]["requests"] for look in looks]
    assert requests == sorted(requests)
    text = top(segment, "-N", "2", "-d", "0.05").stdout
    assert text.count("demo  LIVE") == 2


def test_jsonl_goes_on_until_the_reader_leaves(segment: Segment) -> None:
    with subprocess.Popen(
        [str(TOP), "-n", str(segment.path), "--jsonl", "-d", "0.05"],
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None
        for _ in range(4):
            assert json.loads(process.stdout.readline())["schema"] == 1
        process.stdout.close()
        assert process.wait(timeout=DEADLINE_S) == -13  # SIGPIPE


def test_the_first_look_has_rates_of_the_samples(segment: Segment) -> None:
    def rate() -> float | None:
        data = json.loads(top(segment, "--json").stdout)
        value: float | None = data["total"]["req_s"]
        return value if data["interval_ns"] == 1_000_000_000 else None

    # As soon as the runtime has taken two samples, a second apart.
    assert wait_for("samples", lambda: rate() is not None)


def test_the_end_of_the_runtime_ends_it_if_asked(segment: Segment) -> None:
    with subprocess.Popen(
        [str(TOP), "-n", str(segment.path), "--jsonl", "-d", "0.05", "--exit-on-end"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        lines = process.stdout
        assert json.loads(lines.readline())["verdict"] == "live"
        segment.kill()
        wait_for("its end", lambda: json.loads(lines.readline())["verdict"] == "dead")
        assert process.wait(timeout=DEADLINE_S) == 4
        assert "is dead" in process.stderr.read()


# ---- checks --------------------------------------------------------------------------


def test_a_check_that_holds_is_0(segment: Segment) -> None:
    done = top(segment, "--check", "workers>0 and queue_percent<=100%")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == "demo ok: workers>0 and queue_percent<=100%\n"


def test_a_check_that_does_not_hold_is_1_and_says_why(segment: Segment) -> None:
    done = top(segment, "--check", "workers>0 and workers<3")
    assert (done.returncode, done.stderr) == (1, "")
    assert done.stdout == "demo failed: workers is 4, not < 3\n"


def test_a_dead_runtime_passes_no_check(segment: Segment) -> None:
    segment.kill()
    done = top(segment, "--check", "workers>0")
    assert (done.returncode, done.stdout) == (1, "demo failed: the runtime is DEAD\n")


def test_a_check_has_to_hold_all_the_time_it_is_given(segment: Segment) -> None:
    begin = time.monotonic()
    done = top(segment, "--check", "workers>0", "--for", "0.6", "-d", "0.1")
    assert done.returncode == 0
    assert time.monotonic() - begin >= 0.6
    with subprocess.Popen(
        [TOP, "-n", segment.path, "--check", "workers>0", "--for", "600", "-d", "0.05"],
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None
        segment.kill()
        assert process.stdout.readline() == "demo failed: the runtime is DEAD\n"
        assert process.wait(timeout=DEADLINE_S) == 1


def test_a_bad_expression_is_2_with_a_caret_under_it(segment: Segment) -> None:
    done = top(segment, "-F", "status=busy and rs>2G")
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.splitlines()[1:] == [
        "  status=busy and rs>2G",
        "                  ^~",
    ]
    assert 'no field "rs"' in done.stderr
    assert top(segment, "--check", "p99<").returncode == 2
