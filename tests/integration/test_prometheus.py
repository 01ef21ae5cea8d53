"""snakepit-prometheus with a real segment, and scraped by Debian's Prometheus."""

from __future__ import annotations

import concurrent.futures
import os
import signal
import socket
import struct
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "lib"))
from peers import Prometheus
from readers import (
    BUILD,
    SANITIZED,
    Exporter,
    Samples,
    Segment,
    inspect_json,
    parse_page,
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

Start = Callable[..., Exporter]


@pytest.fixture
def segment(tmp_path: Path) -> Iterator[Segment]:
    segment = Segment(tmp_path)
    yield segment
    segment.close()


@pytest.fixture
def prometheus(tmp_path: Path) -> Iterator[Callable[[int], Prometheus]]:
    started: list[Prometheus] = []

    def run(target: int) -> Prometheus:
        started.append(Prometheus(tmp_path, target))
        return started[-1]

    yield run
    for server in started:
        server.stop()


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    """Start exporters that end with the test, and end well."""
    exporters: list[Exporter] = []

    def run(*options: str, address: str = "127.0.0.1:0") -> Exporter:
        log = tmp_path / f"exporter{len(exporters)}.log"
        exporters.append(Exporter(log, *options, address=address))
        return exporters[-1]

    yield run
    for exporter in exporters:
        assert exporter.stop() == 0, exporter.log.read_text()


def value(samples: Samples, name: str, **labels: str) -> float:
    return samples[name, tuple(sorted(labels.items()))]


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


def test_pages_and_status_codes(segment: Segment, start: Start) -> None:
    exporter = start("-n", str(segment.path))
    status, headers, body = exporter.request("/")
    assert (status, headers["Content-Type"]) == (200, "text/html; charset=utf-8")
    assert b'<a href="/metrics">' in body
    assert exporter.request("/-/healthy")[::2] == (200, b"healthy\n")
    assert exporter.request("/-/ready")[::2] == (200, b"ready\n")
    assert exporter.request("/nothing")[0] == 404
    assert exporter.request("/metrics/")[0] == 404
    for method in ("POST", "PUT", "DELETE", "OPTIONS"):
        status, headers, _ = exporter.request("/metrics", method)
        assert (status, headers["Allow"]) == (405, "GET, HEAD")
    status, headers, body = exporter.request("/metrics", "HEAD")
    assert (status, headers["Content-Type"], body) == (200, CONTENT_TYPE, b"")
    assert int(headers["Content-Length"]) > 10000


def test_telemetry_path_can_be_chosen(segment: Segment, start: Start) -> None:
    exporter = start("-n", str(segment.path), "--web.telemetry-path=/m")
    assert exporter.request("/m")[0] == 200
    assert exporter.request("/metrics")[0] == 404
    assert b'<a href="/m">' in exporter.request("/")[2]
    exporter = start("-n", str(segment.path), "--web.telemetry-path=/")
    assert exporter.request("/")[1]["Content-Type"] == CONTENT_TYPE


def test_ipv6_and_several_addresses(segment: Segment, start: Start) -> None:
    try:
        socket.create_server(("::1", 0), family=socket.AF_INET6).close()
    except OSError:
        pytest.skip("this machine has no IPv6 loopback")
    exporter = start(
        "-n",
        str(segment.path),
        "--web.listen-address=127.0.0.1:0",
        address="[::1]:0",
    )
    assert exporter.host == "::1"
    assert exporter.request("/metrics")[0] == 200
    lines = exporter.log.read_text()
    assert lines.count("listening on") == 2
    exporter = start("-n", str(segment.path), address=":0")
    for host in ("127.0.0.1", "::1"):
        exporter.host = host
        assert exporter.request("/metrics")[0] == 200


def test_concurrent_scrapes_all_answer(start: Start, tmp_path: Path) -> None:
    segment = Segment(tmp_path, "big", "4", "50", "50")
    exporter = start("-n", str(segment.path))
    segment.tell("load on")
    with concurrent.futures.ThreadPoolExecutor(100) as pool:
        pages = list(pool.map(lambda _: exporter.page(), range(100)))
    assert {len(parse_page(page)) for page in pages} == {len(parse_page(pages[0]))}
    segment.close()


def test_silent_clients_hold_up_nobody(segment: Segment, start: Start) -> None:
    exporter = start("-n", str(segment.path))
    silent = [
        socket.create_connection((exporter.host, exporter.port)) for _ in range(50)
    ]
    for connection in silent:
        connection.sendall(b"GET /metrics HTTP/1.1\r\nX-Slow: ")
    assert value(exporter.samples(), "snakepit_up") == 1
    for connection in silent:
        connection.close()


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


def test_foreign_file_is_no_runtime(start: Start, tmp_path: Path) -> None:
    path = tmp_path / "foreign.seg"
    path.write_bytes(os.urandom(100000))
    path.chmod(0o640)
    exporter = start("-n", str(path))
    assert value(exporter.samples(), "snakepit_up") == 0
    assert b"not a Snakepit segment" in exporter.request("/-/ready")[2]


def test_other_major_version_is_said(
    segment: Segment, start: Start, tmp_path: Path
) -> None:
    other = tmp_path / "other.seg"
    data = bytearray(segment.path.read_bytes())
    struct.pack_into("<H", data, 0x0C, 2)
    other.write_bytes(data)
    other.chmod(0o640)
    exporter = start("-n", str(other))
    assert value(exporter.samples(), "snakepit_up") == 0
    status, _, body = exporter.request("/-/ready")
    assert status == 503
    assert b"format 2.0" in body
    assert "format 2.0" in exporter.log.read_text()


def test_log_says_changes_once(segment: Segment, start: Start) -> None:
    exporter = start("-n", str(segment.path))
    for _ in range(20):
        exporter.page()
    segment.kill()
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


def test_segment_is_never_mapped_writable(segment: Segment, start: Start) -> None:
    exporter = start("-n", str(segment.path))
    exporter.page()
    maps = Path(f"/proc/{exporter.process.pid}/maps").read_text().splitlines()
    mapped = [line.split()[1] for line in maps if line.endswith(str(segment.path))]
    assert mapped
    assert all(mode.startswith("r--") for mode in mapped)
    fds = Path(f"/proc/{exporter.process.pid}/fd")
    (fd,) = [fd for fd in fds.iterdir() if os.readlink(fd) == str(segment.path)]
    info = Path(f"/proc/{exporter.process.pid}/fdinfo/{fd.name}").read_text()
    flags = int(
        next(x for x in info.splitlines() if x.startswith("flags")).split()[1], 8
    )
    assert flags & os.O_ACCMODE == os.O_RDONLY


# ---- Debian's Prometheus -------------------------------------------------------------


def test_prometheus_stores_what_inspect_prints(
    segment: Segment, start: Start, prometheus: Callable[[int], Prometheus]
) -> None:
    exporter = start("-n", str(segment.path), "--collector.diag")
    server = prometheus(exporter.port)
    target = wait_for("a scrape", server.target, 30)
    assert (target["health"], target["lastError"]) == ("up", "")

    segment.tell("step")
    segment.tell("freeze")  # from here on nothing changes
    series = series_of(inspect_json(segment.path))
    probe = ("snakepit_requests_total", (("method", "word_stats"), ("pool", "default")))

    def scraped() -> Samples:
        stored = server.stored('{__name__=~"snakepit_.+"}')
        # Empty labels do not exist for Prometheus.
        return stored if stored.get(probe) == series[probe] else {}

    stored = wait_for("the last values to be scraped", scraped, 30)
    for (name, labels), number in series.items():
        key = (name, tuple(pair for pair in labels if pair[1]))
        assert stored[key] == number, key
    page = exporter.samples()
    (samples_scraped,) = server.stored("scrape_samples_scraped").values()
    assert samples_scraped == len(page)
    assert server.target()["lastError"] == ""


def test_prometheus_drops_the_gauges_of_a_dead_runtime(
    segment: Segment, start: Start, prometheus: Callable[[int], Prometheus]
) -> None:
    server = prometheus(start("-n", str(segment.path)).port)
    wait_for("the workers", lambda: server.stored("snakepit_workers"), 30)
    segment.kill()
    wait_for("the workers to go", lambda: not server.stored("snakepit_workers"), 30)
    assert list(server.stored("snakepit_up").values()) == [0]
    assert server.stored("snakepit_requests_total")
