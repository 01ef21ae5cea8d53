"""snakepit-statsd with a real segment and a receiver that keeps every datagram."""

from __future__ import annotations

import functools
import os
import re
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "lib"))
from readers import BUILD, DEADLINE_S, ROOT, Segment, inspect_json, wait_for
from statsd import Receiver, Statsd, counters_of, totals

FAST = "--statsd.interval=100ms"
NEVER = "--statsd.interval=60m"  # but once at the end

Start = Callable[..., Statsd]


@pytest.fixture
def segment(tmp_path: Path) -> Iterator[Segment]:
    segment = Segment(tmp_path)
    yield segment
    segment.close()


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    receiver = Receiver()
    yield receiver
    receiver.close()


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    """Start senders that end with the test, and end well."""
    senders: list[Statsd] = []

    def run(segment: Path, address: str, *options: str) -> Statsd:
        log = tmp_path / f"statsd{len(senders)}.log"
        target = ["-n", str(segment), f"--statsd.address={address}"]
        senders.append(Statsd(log, *target, *options))
        return senders[-1]

    yield run
    for sender in senders:
        assert sender.stop() == 0, sender.text()


def has_come(receiver: Receiver, datagrams: int) -> bool:
    receiver.read()
    return len(receiver.datagrams) >= datagrams


def once(
    segment: Path, address: str, *options: str
) -> subprocess.CompletedProcess[str]:
    target = ["-n", str(segment), f"--statsd.address={address}", "--once"]
    return subprocess.run(
        [str(BUILD / "bin/snakepit-statsd"), *target, *options],
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )


def assert_documented(names: set[str]) -> None:
    """D04: what is sent is what the documents list, no more and no less."""
    metrics = (ROOT / "docs/metrics.md").read_text()
    listed = re.findall(r"^- StatsD: (`.+)$", metrics, re.MULTILINE)
    expected = {name.strip("`") for line in listed for name in line.split(", ")}
    page = (ROOT / "docs/statsd.md").read_text()
    own = re.findall(r"^\| `(snakepit\.[a-z.]+)` \|", page, re.MULTILINE)
    assert own
    assert names == expected | set(own)


# ---- what is in a datagram -----------------------------------------------------------


@pytest.mark.parametrize(("kind", "limit"), [("udp", 1432), ("unix", 8192)])
def test_s01_datagrams_are_short_and_no_line_is_split(
    tmp_path: Path, kind: str, limit: int
) -> None:
    """Every series comes once and whole, whatever pools and tools are called (S08)."""
    segment = Segment(tmp_path, "hostile", "4", "2", "4", "hostile")
    receiver = Receiver(tmp_path / "dsd.socket" if kind == "unix" else None)
    try:
        done = once(
            segment.path, receiver.address, "--statsd.send-zero", "--collector.diag"
        )
        assert done.returncode == 0, done.stderr
        said = done.stdout
        lines = receiver.read()
        sizes = [len(datagram) for datagram in receiver.datagrams]
        assert max(sizes) <= limit
        assert max(sizes) > limit - 700, "datagrams are not filled"
        assert said.startswith(f"{len(lines)} lines in {len(sizes)} datagrams sent to")
        counters = [line for line in lines if line.type == "c"]
        own = [line for line in counters if line.name.startswith("snakepit.statsd.")]
        expected = 0
        for metric in inspect_json(segment.path)["metrics"]:
            if metric["kind"] == "counter":
                expected += len(metric["series"])
            elif metric["kind"] == "histogram":
                expected += 2 * len(metric["series"])
        assert len({line[:2] for line in counters}) == len(counters)
        assert len(counters) - len(own) == expected
        assert len(own) == 3
        assert_documented({line.name for line in lines})
    finally:
        receiver.close()
        segment.close()


def test_s09_latencies_are_milliseconds(
    segment: Segment, receiver: Receiver, start: Start
) -> None:
    before = counters_of(inspect_json(segment.path))
    sender = start(segment.path, receiver.address, NEVER, "--statsd.histograms=timings")
    segment.tell("step")
    assert sender.stop() == 0
    lines = [
        line for line in receiver.read() if line.name == "snakepit.request.duration"
    ]
    growth = counters_of(inspect_json(segment.path))
    growth.subtract(before)
    for labels in {line.labels for line in lines}:
        of_tool = [line for line in lines if line.labels == labels]
        assert {line.type for line in of_tool} == {"ms"}
        count = sum(int(1 / line.rate) for line in of_tool)
        total = sum(float(line.value) * int(1 / line.rate) for line in of_tool)
        assert count == growth["snakepit.request.duration.count", labels]
        exact = growth["snakepit.request.duration.sum_ms", labels]
        # A value is the middle of a bucket that is 9.05 % wide.
        assert total == pytest.approx(exact, rel=0.046, abs=2)
    assert len({line.labels for line in lines}) >= 2


# ---- counters add up -----------------------------------------------------------------


def test_s02_deltas_sum_to_the_segments_counters_over_restarts(
    segment: Segment, receiver: Receiver, start: Start, tmp_path: Path
) -> None:
    """Ours, twice, then the runtime's: nothing is lost, nothing told twice."""
    baseline = counters_of(inspect_json(segment.path))
    first = start(segment.path, receiver.address, FAST)
    for _ in range(5):
        segment.tell("step")
        receiver.read()
        flushed = len(receiver.datagrams) + 4  # at least one flush more
        wait_for("another flush", functools.partial(has_come, receiver, flushed))
    segment.tell("step")
    assert first.stop() == 0  # flushes what came last
    second = start(segment.path, receiver.address, FAST)
    segment.tell("step")
    first_run = counters_of(inspect_json(segment.path))
    segment.close()
    again = Segment(tmp_path)
    try:
        wait_for("the restart to be seen", lambda: "incarnation 2" in second.text())
        for _ in range(3):
            again.tell("step")
        assert second.stop() == 0
        second_run = counters_of(inspect_json(again.path))
    finally:
        again.close()
    expected = first_run - baseline + second_run
    told = totals(receiver.read())
    assert len(expected) > 20
    assert told == expected


def test_s02_runtime_replaced_between_two_flushes(
    segment: Segment, receiver: Receiver, start: Start, tmp_path: Path
) -> None:
    """What the old one counted last is told before the new one's first counts."""
    baseline = counters_of(inspect_json(segment.path))
    sender = start(segment.path, receiver.address, NEVER)
    segment.tell("step")
    expected = counters_of(inspect_json(segment.path)) - baseline
    segment.close()
    again = Segment(tmp_path)
    try:
        again.tell("step")
        assert sender.stop() == 0
        expected += counters_of(inspect_json(again.path))
    finally:
        again.close()
    assert totals(receiver.read()) == expected


def test_a_runtime_that_comes_after_us_is_told_from_zero(
    receiver: Receiver, start: Start, tmp_path: Path
) -> None:
    sender = start(tmp_path / "test.seg", receiver.address, NEVER)
    assert "no runtime to read" in sender.text()
    segment = Segment(tmp_path)
    try:
        segment.tell("step")
        assert sender.stop() == 0
        assert totals(receiver.read()) == counters_of(inspect_json(segment.path))
    finally:
        segment.close()


def test_who_reads_the_log_may_leave_first(
    segment: Segment, receiver: Receiver
) -> None:
    """What is said into a closed pipe does not keep the last flush from being sent."""
    baseline = counters_of(inspect_json(segment.path))
    target = ["-n", str(segment.path), f"--statsd.address={receiver.address}", NEVER]
    with subprocess.Popen(
        [str(BUILD / "bin/snakepit-statsd"), *target], stderr=subprocess.PIPE
    ) as sender:
        assert sender.stderr is not None
        assert b"runtime is alive" in sender.stderr.readline()
        sender.stderr.close()
        segment.tell("step")
        sender.terminate()
        assert sender.wait(timeout=30) == 0
    expected = counters_of(inspect_json(segment.path)) - baseline
    assert totals(receiver.read()) == expected


# ---- receivers that come and go ------------------------------------------------------


@pytest.mark.parametrize("kind", ["udp", "unix"])
def test_s06_receiver_down_then_back_loses_no_count(
    segment: Segment, start: Start, tmp_path: Path, kind: str
) -> None:
    path = tmp_path / "dsd.socket" if kind == "unix" else None
    before = Receiver(path)
    baseline = counters_of(inspect_json(segment.path))
    sender = start(segment.path, before.address, FAST)
    segment.tell("step")
    # All of it: what is closed with the socket unread counts as told.
    expected = counters_of(inspect_json(segment.path)) - baseline
    wait_for("the flush", lambda: totals(before.read()) == expected)
    before.close()
    segment.tell("step")
    wait_for("the refusal to be noticed", lambda: "cannot send to" in sender.text())
    segment.tell("step")
    after = Receiver(path, 0 if path else before.port)
    try:
        wait_for("sending to go on", lambda: "again, " in sender.text())
        assert sender.stop() == 0
        lines = after.read()
        told = totals(before.lines()) + totals(lines)
        assert told == counters_of(inspect_json(segment.path)) - baseline
        dropped = [line for line in lines if line.name.endswith("packets.dropped")]
        assert sum(int(line.value) for line in dropped) > 0
        # A line each for the change, not one for each flush.
        assert sender.text().count("cannot send to") == 1
        assert sender.text().count("sending to") == 2
    finally:
        after.close()


def test_s06_unix_socket_replaced_in_one_step(
    segment: Segment, start: Start, tmp_path: Path
) -> None:
    path = tmp_path / "dsd.socket"
    old = Receiver(path)
    sender = start(segment.path, old.address, FAST)
    segment.tell("step")
    wait_for("a flush", lambda: len(totals(old.read())) > 10)
    old.close()
    new = Receiver(path)
    try:
        wait_for("the new socket to be found", lambda: len(new.read()) > 50)
        assert sender.stop() == 0
    finally:
        new.close()


def test_runtime_that_is_gone_leaves_its_counters_alone(
    segment: Segment, receiver: Receiver, start: Start
) -> None:
    sender = start(segment.path, receiver.address, FAST)
    wait_for("gauges", lambda: any(line.type == "g" for line in receiver.read()))
    segment.kill()
    wait_for("the death to be noticed", lambda: "runtime is dead" in sender.text())
    receiver.forget()

    def down() -> bool:
        return any(
            line.name == "snakepit.up" and line.value == "0" for line in receiver.read()
        )

    wait_for("snakepit.up 0", down)
    receiver.forget()
    wait_for("snakepit.up 0", down)
    names = {line.name for line in receiver.lines() if line.type == "g"}
    assert names == {"snakepit.up", "snakepit.start_time"}


# ---- by hand -------------------------------------------------------------------------


def test_once_says_how_it_went(
    segment: Segment, receiver: Receiver, tmp_path: Path
) -> None:
    good = once(segment.path, receiver.address)
    assert good.returncode == 0, good.stderr
    assert good.stdout.endswith(f"sent to udp {receiver.address}, 0 datagrams failed\n")
    assert receiver.read()
    absent = once(tmp_path / "nothing.seg", receiver.address)
    assert absent.returncode == 3
    assert "no runtime to read" in absent.stderr
    receiver.close()
    refused = once(segment.path, receiver.address)
    assert refused.returncode == 1
    assert "Connection refused" in refused.stderr
    wrong = once(segment.path, "nowhere")
    assert wrong.returncode == 2
    assert "'nowhere' is no address" in wrong.stderr


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root: port 53, a mount")
def test_a_resolver_without_an_answer_does_not_hold_the_end_up(
    tmp_path: Path, segment: Segment
) -> None:
    resolv = tmp_path / "resolv.conf"
    resolv.write_text("nameserver 127.0.0.77\noptions timeout:30 attempts:2\n")
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as mute:
        mute.bind(("127.0.0.77", 53))
        mute.settimeout(DEADLINE_S)
        command = (
            f"mount --bind {resolv} /etc/resolv.conf && "
            f"exec {BUILD}/bin/snakepit-statsd -n {segment.path} {NEVER} "
            "--statsd.address=receiver.example:8125"
        )
        probe = ["unshare", "-m", "true"]
        if subprocess.run(probe, check=False, capture_output=True).returncode != 0:
            pytest.skip("no mount namespaces here")
        with subprocess.Popen(
            ["unshare", "-m", "sh", "-c", command], stderr=subprocess.PIPE, text=True
        ) as process:
            assert process.stderr is not None
            try:
                assert "runtime is" in process.stderr.readline()
                process.terminate()
                assert mute.recv(512)  # it was asked, by the last flush
                assert process.wait(timeout=20) == 0  # the resolver gives up after 60
            finally:
                process.kill()
            assert "cannot send to udp receiver.example:8125" in process.stderr.read()
