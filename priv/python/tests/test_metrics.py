"""What an adapter counts: its metrics, the memory they are in, and who shares it."""

from __future__ import annotations

import logging
import math
import os
import re
import threading
from pathlib import Path

import pytest
from beat_page import make_memfd

from snakepit_bridge import _feed, metrics
from snakepit_bridge.segment import Segment

_ROOT = Path(__file__).resolve().parents[3]


@pytest.fixture(autouse=True)
def registry(monkeypatch: pytest.MonkeyPatch) -> metrics._Registry:
    """Have no metrics yet."""
    fresh = metrics._Registry()
    monkeypatch.setattr(metrics, "_registry", fresh)
    return fresh


def feed_as_file(registry: metrics._Registry, path: Path) -> Segment:
    path.write_bytes(registry._feed.words.tobytes())
    path.chmod(0o600)
    return Segment(path)


# ---- the contract with the runtime ---------------------------------------------------


def test_places_are_those_of_the_header() -> None:
    header = (_ROOT / "runtime/worker/feed.h").read_text()
    found = dict(re.findall(r"#define FEED_(\w+)\s+(0x\w+|\d+)", header))
    places = {"BYTES": _feed.FEED_BYTES}
    for region, off, size, stride in _feed._REGIONS:
        name = {1: "DESC", 2: "STRT", 5: "BNDS", 9: "CELLS"}[region]
        places |= {f"{name}_OFF": off, f"{name}_BYTES": size}
        places |= {"METRICS_MAX": size // stride} if name == "DESC" else {}
    assert {name: int(value, 0) for name, value in found.items()}.items() <= (
        places.items()
    )
    assert places["CELLS_OFF"] + places["CELLS_BYTES"] == _feed.FEED_BYTES


def test_buckets_are_those_of_the_runtime() -> None:
    table = (_ROOT / "shm/src/hist_table.c").read_text()
    bounds = [int(bound) for bound in re.findall(r"UINT64_C\((\d+)\)", table)]
    assert list(_feed.UPPER_NS) == bounds


def test_limits_are_those_of_the_runtime() -> None:
    header = (_ROOT / "shm/include/snakepit/write.h").read_text()
    found = dict(re.findall(r"#define SNP_ADAPTER_(\w+)_BYTES\s+(\d+)", header))
    limits = {
        "NAME": metrics._NAME_MAX,
        "UNIT": metrics._UNIT_MAX,
        "HELP": metrics._TEXT_MAX,
    }
    assert {name: int(value) - 1 for name, value in found.items()} == limits


# ---- counting ------------------------------------------------------------------------


def test_counters_only_grow() -> None:
    tokens = metrics.counter("tokens", unit="{token}")
    tokens.add()
    tokens.add(41)
    with pytest.raises(ValueError, match="tokens only grows"):
        tokens.add(-1)
    with pytest.raises(TypeError, match=r"tokens takes whole numbers, not 0\.5"):
        tokens.add(0.5)
    assert tokens.value == 42


def test_seconds_may_have_parts() -> None:
    busy = metrics.counter("busy", unit="s")
    busy.add(0.25)
    busy.add(0.5)
    assert busy.value == 0.75


def test_gauges_say_what_was_set_last() -> None:
    loss = metrics.gauge("loss")
    assert math.isnan(loss.value)
    loss.set(3)
    loss.set(-0.5)
    assert loss.value == -0.5


@pytest.mark.parametrize("unit", ["s", "{item}"])
def test_histograms_count_and_sum(unit: str) -> None:
    sizes = metrics.histogram("sizes", unit=unit)
    for value in (0, 0.5, 2, 1e9):
        sizes.record(value)
    with pytest.raises(ValueError, match="sizes takes no value below 0"):
        sizes.record(-1)
    assert sizes.count == 4
    assert sizes.sum == 1e9 + 2.5


def test_a_sum_begins_anew() -> None:
    sizes = metrics.histogram("sizes", unit="{item}")
    for _ in range(3):
        sizes.record(1e10)
    assert sizes.count == 3
    assert sizes.sum == pytest.approx(3e10 - 2**64 / 1e9)


def test_no_thread_loses_a_count() -> None:
    tokens, sizes = metrics.counter("tokens"), metrics.histogram("sizes", unit="")
    start = threading.Barrier(4)

    def count() -> None:
        start.wait()
        for _ in range(2000):
            tokens.add(1)
            sizes.record(1)

    threads = [threading.Thread(target=count) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert tokens.value == sizes.count == sizes.sum == 8000


def test_who_counts_may_be_interrupted_by_a_count() -> None:
    tokens = metrics.counter("tokens")
    with tokens._lock:  # as in the middle of add(), where a finalizer may run
        tokens.add(1)
    assert tokens.value == 1


# ---- declaring -----------------------------------------------------------------------


def test_the_same_declaration_is_the_same_metric(
    caplog: pytest.LogCaptureFixture,
) -> None:
    first = metrics.counter("tokens", unit="{token}", description="Made.")
    assert metrics.counter("tokens", unit="{token}") is first
    assert not caplog.records


def test_another_kind_or_unit_is_one_error_and_counts_nowhere(
    caplog: pytest.LogCaptureFixture,
) -> None:
    tokens = metrics.counter("tokens", unit="{token}")
    for _ in range(2):
        metrics.gauge("tokens").set(3)
        metrics.counter("tokens", unit="s").add(1.5)
    assert tokens.value == 0
    assert [record.levelno for record in caplog.records] == [logging.ERROR] * 2
    assert caplog.messages[0] == (
        "metric 'tokens' (gauge, unit '') counts nowhere: it is there already, as"
        " 'tokens' (counter, unit '{token}')"
    )


@pytest.mark.parametrize(
    ("name", "unit"),
    [
        *((name, "") for name in ("", "9a", "a b", "a-b", "a__b", "_a", "a.", "ä")),
        *((name, "") for name in ("up", "snakepit.x", "process_x", "a_total", "a.sum")),
        *(("a", unit) for unit in ("ms", "{}", "{a b}", "seconds", "{" + 23 * "a")),
        ("a" * 64, ""),
    ],
)
def test_what_cannot_be_exported_is_refused(
    name: str, unit: str, caplog: pytest.LogCaptureFixture
) -> None:
    metrics.gauge(name, unit=unit).set(1)
    assert len(caplog.records) == 1
    assert "counts nowhere: " in caplog.text


def test_a_counter_ends_in_total_only_once(caplog: pytest.LogCaptureFixture) -> None:
    metrics.counter("jobs.total").add(1)
    assert not caplog.records
    metrics.counter("jobs.count.total").add(1)
    assert "exporters add _count themselves" in caplog.text


def test_a_feed_is_full_at_some_point(caplog: pytest.LogCaptureFixture) -> None:
    many = [metrics.counter(f"c{i}") for i in range(70)]
    for metric in many:
        metric.add(1)
    assert len(caplog.records) == 6
    assert "no room" in caplog.text


def test_names_without_end_fill_neither_log_nor_memory(
    caplog: pytest.LogCaptureFixture,
) -> None:
    for i in range(1000):
        metrics.counter(f"request_{i}").add(1)
    assert len(caplog.records) == 101
    assert caplog.messages[-1] == "more metrics count nowhere; they are not named here"
    assert len(metrics._registry._refused) == 100
    again = metrics.counter("request_999")
    assert (again.name, again.value) == ("request_999", 0)


def test_a_long_description_is_cut() -> None:
    metrics.counter("tokens", description="ä" * 500 + "\0")
    metrics.counter("more", description="\0x")


# ---- the memory ----------------------------------------------------------------------


def test_a_feed_is_a_segment(registry: metrics._Registry, tmp_path: Path) -> None:
    metrics.counter("tokens", unit="{token}", description="Made.").add(7)
    metrics.counter("busy", unit="s").add(1.5)
    metrics.gauge("loss").set(0.25)
    metrics.histogram("wait").record(0.1)
    metrics.histogram("sizes", unit="{item}").record(32)
    with feed_as_file(registry, tmp_path / "feed.seg") as segment:
        snapshot = segment.snapshot()
        found = {metric.name: [*snapshot.series(metric)] for metric in segment.metrics}
        tokens = segment.metric("tokens")
    assert (tokens.kind, tokens.unit, tokens.help) == ("counter", "{token}", "Made.")
    assert [found[name][0].value for name in ("tokens", "busy", "loss")] == [
        7,
        1.5,
        0.25,
    ]
    for name, value in (("wait", 0.1), ("sizes", 32)):
        histogram = found[name][0].histogram
        assert histogram is not None
        assert histogram.count == 1
        assert histogram.sum_ns == value * 1e9
        assert histogram.quantile_ns(0.5) == pytest.approx(value * 1e9, rel=0.05)


def test_what_was_counted_goes_along_to_the_runtime(
    registry: metrics._Registry,
) -> None:
    tokens = metrics.counter("tokens")
    tokens.add(1)
    fd = make_memfd(_feed.FEED_BYTES)
    shared = os.dup(fd)
    metrics.start_feeding(fd)
    tokens.add(1)
    at = 8 * tokens._at
    assert int.from_bytes(os.pread(shared, 8, at), "little") == 2
    registry.detach()  # as in the child of a fork
    tokens.add(1)
    assert tokens.value == 3
    assert int.from_bytes(os.pread(shared, 8, at), "little") == 2
    os.close(shared)


@pytest.mark.parametrize(
    ("size", "seals"), [(_feed.FEED_BYTES, 0), (4096, 2)], ids=["unsealed", "short"]
)
def test_what_is_no_feed_is_left_alone(
    size: int, seals: int, caplog: pytest.LogCaptureFixture
) -> None:
    fd = make_memfd(size, seals)
    metrics.start_feeding(fd)
    assert "metrics are not shown" in caplog.text
    os.close(fd)
    metrics.counter("tokens").add(1)
