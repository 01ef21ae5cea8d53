"""snakepit-prometheus with a real segment, and scraped by Debian's Prometheus."""

from __future__ import annotations

import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "lib"))
from harness import wait_until
from peers import Prometheus
from prometheus_kit import Start, segment, start, value
from readers import (
    BUILD,
    SANITIZED,
    Samples,
    Segment,
    inspect_json,
    series_of,
    states_of,
    wait_for,
)

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8; escaping=underscores"
OPENMETRICS = (
    "application/openmetrics-text; version=1.0.0; charset=utf-8; escaping=underscores"
)
PROTOBUF = (
    "application/vnd.google.protobuf; proto=io.prometheus.client.MetricFamily; "
    "encoding=delimited; escaping=underscores"
)
# Measured: what Prometheus 2.42 and 3 send, and what a scraper might send by mistake.
ACCEPTS = [
    (None, CONTENT_TYPE),
    ("*/*", CONTENT_TYPE),
    ("", CONTENT_TYPE),
    ("text/plain;version=0.0.4", CONTENT_TYPE),
    (
        (
            "application/openmetrics-text;version=1.0.0,application/openmetrics-text;"
            "version=0.0.1;q=0.75,text/plain;version=0.0.4;q=0.5,*/*;q=0.1"
        ),
        OPENMETRICS,
    ),
    (
        (
            "application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;"
            "encoding=delimited,application/openmetrics-text;version=1.0.0;q=0.8"
        ),
        PROTOBUF,
    ),
    ("application/openmetrics-text;version=2.0.0", CONTENT_TYPE),
    ("text/plain;version=1.0.0;escaping=allow-utf-8", CONTENT_TYPE),
    ("text/plain;q=0", CONTENT_TYPE),
    ("image/png", CONTENT_TYPE),
    ("/;q=0.1", CONTENT_TYPE),
    (";;;,,,q=q", CONTENT_TYPE),
]

__all__ = ["segment", "start"]


@pytest.fixture
def prometheus(tmp_path: Path) -> Iterator[Callable[[int], Prometheus]]:
    started: list[Prometheus] = []

    def run(target: int) -> Prometheus:
        started.append(Prometheus(tmp_path, target))
        return started[-1]

    yield run
    for server in started:
        server.stop()


# ---- the page ------------------------------------------------------------------------


def test_page_equals_inspect(segment: Segment, start: Start) -> None:
    exporter = start("-n", str(segment.path), "--collector.diag")
    samples = exporter.samples()
    assert value(samples, "snakepit_up") == 1
    report = inspect_json(segment.path)
    series = series_of(report)
    assert len(series) > 150
    for key, number in series.items():
        assert samples[key] == number, key
    # A state is one line for each value there is.
    states = states_of(report)
    assert {name for name, _ in states} > {"snakepit_worker_state"}
    for (name, labels), state in states.items():
        lines = {
            next(text for key, text in found if (key, text) not in labels): number
            for (metric, found), number in samples.items()
            if metric == name and set(labels) <= set(found)
        }
        assert [text for text, number in lines.items() if number == 1] == [state]
        assert len(lines) >= 3


def test_histograms_equal_inspect(segment: Segment, start: Start) -> None:
    samples = start("-n", str(segment.path)).samples()
    compared = 0
    for metric in inspect_json(segment.path)["metrics"]:
        if metric["kind"] != "histogram":
            continue
        name = metric["prometheus_name"]
        for series in metric["series"]:
            labels = series["labels"]
            assert value(samples, name + "_count", **labels) == series["count"]
            assert value(samples, name + "_sum", **labels) == series["sum_ns"] / 1e9
            for (found, pairs), number in samples.items():
                le = dict(pairs).get("le")
                if found != name + "_bucket" or dict(pairs) != {**labels, "le": le}:
                    continue
                bound = float(le or "nan")
                below = sum(
                    bucket["count"]
                    for bucket in series["buckets"]
                    if bucket["le_ns"] is not None and bucket["le_ns"] <= bound * 1e9
                )
                assert number == (series["count"] if le == "+Inf" else below), le
                compared += 1
    assert compared > 50


def test_promtool_accepts_the_page(start: Start, tmp_path: Path) -> None:
    """P03: text 0.0.4 without a complaint, names of any bytes included."""
    for instance, shape in (("plain", []), ("hostile", ["4", "2", "4", "hostile"])):
        segment = Segment(tmp_path, instance, *shape)
        page = start("-n", str(segment.path), "--collector.diag").page()
        done = subprocess.run(
            ["promtool", "check", "metrics"],
            input=page,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        segment.close()


def test_hostile_names_arrive_unchanged(start: Start, tmp_path: Path) -> None:
    """P07: label values of every byte round-trip."""
    segment = Segment(tmp_path, "hostile", "4", "1", "4", "hostile")
    samples = start("-n", str(segment.path)).samples()
    pools = [pool["name"] for pool in inspect_json(segment.path)["pools"]]
    assert set(map(chr, range(1, 128))) <= set("".join(pools))
    for pool in pools:
        assert value(samples, "snakepit_worker_limit", pool=pool) == 1
    segment.close()


def test_page_under_load_is_always_consistent(segment: Segment, start: Start) -> None:
    """P08: +Inf is _count and nothing falls beside a writer at full speed."""
    exporter = start("-n", str(segment.path))
    segment.tell("load on")
    before: Samples = {}
    for _ in range(100):
        samples = exporter.samples()
        for (name, labels), number in samples.items():
            pairs = dict(labels)
            if name.endswith(("_total", "_bucket")):
                assert number >= before.get((name, labels), 0), (name, labels)
            if pairs.get("le") == "+Inf":
                del pairs["le"]
                count = value(samples, name.replace("_bucket", "_count"), **pairs)
                assert number == count
        for pool in ("default", "default1"):
            # The promise of the pool's ledger.
            outcomes = "snakepit_pool_request_outcomes_total"
            assert value(samples, "snakepit_pool_requests_total", pool=pool) == (
                value(samples, outcomes, pool=pool, outcome="ok")
                + value(samples, outcomes, pool=pool, outcome="error")
                + value(samples, "snakepit_request_active", pool=pool)
                + value(samples, "snakepit_pool_queue_depth", pool=pool)
            )
        before = samples
    assert value(before, "snakepit_up") == 1


# ---- HTTP ----------------------------------------------------------------------------


@pytest.mark.parametrize(("accept", "content_type"), ACCEPTS)
def test_p01_negotiation_never_fails_a_scrape(
    accept: str | None, content_type: str, segment: Segment, start: Start
) -> None:
    """P01, P02: every Accept has an answer of a declared type, and it may be cached."""
    exporter = start("-n", str(segment.path))
    headers = {} if accept is None else {"Accept": accept}
    status, answer, body = exporter.request("/metrics", headers=headers)
    assert (status, answer["Content-Type"]) == (200, content_type)
    assert answer["Vary"] == "Accept, Accept-Encoding"
    assert b"snakepit_up" in body


# ---- the runtime comes and goes ------------------------------------------------------


def test_starts_before_the_runtime_and_finds_it(start: Start, tmp_path: Path) -> None:
    path = tmp_path / "test.seg"
    exporter = start("-n", str(path))
    samples = exporter.samples()
    assert value(samples, "snakepit_up") == 0
    success = "snakepit_scrape_collector_success"
    assert value(samples, success, collector="segment") == 0
    assert value(samples, success, collector="process") == 1
    status, _, body = exporter.request("/-/ready")
    assert status == 503
    assert str(path) in body.decode()
    assert exporter.request("/-/healthy")[0] == 200
    segment = Segment(tmp_path)
    assert value(exporter.samples(), "snakepit_up") == 1
    assert exporter.request("/-/ready")[0] == 200
    segment.close()


def test_killed_runtime_is_down_and_keeps_its_counters(
    segment: Segment, start: Start
) -> None:
    """P16: 200, snakepit_up 0, no gauges of workers, not ready but healthy."""
    exporter = start("-n", str(segment.path), "--collector.diag")
    before = exporter.samples()
    segment.kill()
    after = exporter.samples()
    assert value(after, "snakepit_up") == 0
    assert exporter.request("/-/ready")[::2] == (503, b"not ready: runtime is dead\n")
    assert exporter.request("/-/healthy")[0] == 200
    kept = {key: v for key, v in before.items() if key[0].endswith("_total")}
    kept = {key: v for key, v in kept.items() if not key[0].startswith("process_")}
    assert len(kept) > 100
    for key, number in kept.items():
        assert after[key] == number, key
    gone = {name for name, _ in before} - {name for name, _ in after}
    assert {
        "snakepit_workers",
        "snakepit_worker_info",
        "snakepit_request_active",
    } <= gone
    assert all(not name.endswith("_total") for name in gone)


def test_hung_runtime_is_not_up(segment: Segment, start: Start) -> None:
    exporter = start("-n", str(segment.path))
    segment.tell("freeze")
    wait_for("snakepit_up 0", lambda: value(exporter.samples(), "snakepit_up") == 0)
    assert exporter.request("/-/ready")[::2] == (503, b"not ready: runtime is hung\n")
    assert ("snakepit_worker_limit", (("pool", "default"),)) in exporter.samples()


def test_restarted_runtime_is_found_again(segment: Segment, start: Start) -> None:
    """P15: counters begin anew with a new runtime."""
    exporter = start("-n", str(segment.path))
    for _ in range(3):
        segment.tell("step")
    labels = {"pool": "default", "method": "word_stats"}
    assert value(exporter.samples(), "snakepit_requests_total", **labels) == 40
    segment.kill()
    successor = Segment(segment.path.parent)
    samples = exporter.samples()
    assert value(samples, "snakepit_up") == 1
    assert value(samples, "snakepit_requests_total", **labels) == 10
    successor.close()


def test_log_says_changes_once(segment: Segment, start: Start) -> None:
    exporter = start("-n", str(segment.path))
    for _ in range(20):
        exporter.page()
    segment.kill()
    # Asked this often, it may look some milliseconds later.
    wait_for("snakepit_up 0", lambda: value(exporter.samples(), "snakepit_up") == 0)
    for _ in range(20):
        exporter.page()
    lines = exporter.log.read_text().splitlines()
    assert sum("runtime is alive" in line for line in lines) == 1
    assert sum("runtime is dead" in line for line in lines) == 1
    assert len(lines) == 3


# ---- the program ---------------------------------------------------------------------


@pytest.mark.parametrize("sig", [signal.SIGTERM, signal.SIGINT])
def test_stops_at_once_also_beside_an_idle_client(
    sig: signal.Signals, segment: Segment, start: Start
) -> None:
    exporter = start("-n", str(segment.path))
    with socket.create_connection((exporter.host, exporter.port)) as idle:
        exporter.page()
        begin = time.monotonic()
        assert exporter.stop(sig) == 0
        assert time.monotonic() - begin < 10  # the client might stay for 60 s
        assert idle.recv(1) == b""


def test_taken_port_is_a_failure(segment: Segment, start: Start) -> None:
    exporter = start("-n", str(segment.path))
    address = f"127.0.0.1:{exporter.port}"
    done = subprocess.run(
        [str(BUILD / "bin/snakepit-prometheus"), f"--web.listen-address={address}"],
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    assert done.returncode == 1
    assert address in done.stderr.replace("'", "")
    assert len(done.stderr.splitlines()) == 1


def test_wrong_usage_exits_2() -> None:
    done = subprocess.run(
        [str(BUILD / "bin/snakepit-prometheus"), "--bogus"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 2
    assert "--bogus" in done.stderr
    assert "--help" in done.stderr


def test_five_hundred_scrapes_cost_nothing_lasting(
    segment: Segment, start: Start
) -> None:
    exporter = start("-n", str(segment.path))
    segment.tell("load on")
    for _ in range(50):
        exporter.page()
    before = exporter.samples()
    for _ in range(500):
        exporter.page()
    after = exporter.samples()
    name = "process_open_fds"
    assert value(after, name) <= value(before, name) + 2  # a connection may linger
    name = "process_resident_memory_bytes"
    assert SANITIZED or value(after, name) <= value(before, name) + 512 * 1024


# ---- Debian's Prometheus -------------------------------------------------------------


def test_prometheus_stores_what_inspect_prints(
    segment: Segment, start: Start, prometheus: Callable[[int], Prometheus]
) -> None:
    exporter = start("-n", str(segment.path), "--collector.diag")
    server = prometheus(exporter.port)
    wait_until(server.is_up, 30, "a scrape")
    segment.tell("step")
    segment.tell("freeze")  # from here on nothing changes
    series = series_of(inspect_json(segment.path))
    page = exporter.samples()

    def agrees() -> bool:
        stored = server.stored('{__name__=~"snakepit_.+"}')
        for (name, labels), number in series.items():
            # Empty labels do not exist for Prometheus.
            key = (name, tuple(pair for pair in labels if pair[1]))
            assert stored[key] == number, key
        counts = server.stored("scrape_samples_scraped").values()
        return list(counts) == [len(page)] and server.is_up()

    wait_until(agrees, 30, "the last values to be scraped")


def test_prometheus_drops_the_gauges_of_a_dead_runtime(
    segment: Segment, start: Start, prometheus: Callable[[int], Prometheus]
) -> None:
    server = prometheus(start("-n", str(segment.path)).port)
    wait_for("the workers", lambda: server.stored("snakepit_workers"), 30)
    segment.kill()
    wait_for(
        "the workers to go, and nothing else",
        lambda: (
            server.stored("snakepit_requests_total")
            and not server.stored("snakepit_workers")
            and list(server.stored("snakepit_up").values()) == [0]
        ),
        30,
    )
