"""snakepit-statsd and snakepit-otlp, with each allocation and system call failing once.

All that is there arrives, at the second attempt where the first failed, or the program
exits with status 1 and says what is wrong.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

import fault_runs
import pytest
from fault_runs import FULL, Judge, Ran
from otlp_kit import GrpcReceiver, HttpReceiver
from segments import BUILD, Segment
from statsd import Receiver

FAILURE, NOT_RUNNING = 1, 3


@pytest.fixture(scope="module")
def segment(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Segment]:
    segment = Segment(tmp_path_factory.mktemp("segment"))
    segment.tell("step")
    yield segment
    segment.close()


# Gives names of all that has arrived from a run since it was last asked.
Arrived = Callable[[Ran], set[str]]


def sent_or_said(arrived: Arrived) -> Judge:
    """Make a judge of runs that send what the first did, or fail with a reason."""
    first: set[str] = set()

    def judge(ran: Ran, _name: str) -> str:
        now = arrived(ran)
        if not first:
            assert ran.status == 0 and now, ran
            first.update(now)
        if ran.status == 0:
            missing = first - now
            return f"never sent, and nothing said: {missing}" if missing else ""
        if ran.status == FAILURE and ran.err.strip():
            return ""
        if ran.status == NOT_RUNNING and "no runtime to read: " in ran.err:
            return ""  # with the reason behind it
        return "neither sent nor status 1 with a reason"

    return judge


def drive(case: str, segment: Segment, arrived: Arrived, *words: str) -> set[str]:
    command = [str(BUILD / "bin" / words[0]), "-n", str(segment.path), "--once"]
    failed = fault_runs.drive(
        [*command, *words[1:]],
        sent_or_said(arrived),
        segment.path.parent,
        lasting=False,
    )
    fault_runs.keep(case, failed)
    return set(failed)


def lines_of(receiver: Receiver) -> set[str]:
    names = {f"{line.name} {sorted(line.labels)}" for line in receiver.read()}
    receiver.forget()
    return names


def items_of(receiver: HttpReceiver | GrpcReceiver) -> set[str]:
    """Name the metrics, and number the spans and the records of logs."""
    attempts = list(receiver.attempts)
    receiver.attempts.clear()
    found: set[str] = set()
    for attempt in attempts:
        text = str(attempt.request)
        found.update(re.findall(r'^ +name: "(snakepit\.[^"]+)"', text, re.MULTILINE))
        for what in ("spans", "log_records"):
            number = len(re.findall(rf"^ +{what} {{", text, re.MULTILINE))
            found.update(f"{what} {n}" for n in range(number))
    return found


def test_statsd(segment: Segment) -> None:
    receiver = Receiver()
    try:
        address = f"--statsd.address={receiver.address}"
        tried = drive(
            "statsd", segment, lambda _: lines_of(receiver), "snakepit-statsd", address
        )
    finally:
        receiver.close()
    assert fault_runs.untried("snakepit-statsd", tried) == set()


def drive_otlp(segment: Segment, protocol: str) -> set[str]:
    receiver: GrpcReceiver | HttpReceiver = (
        GrpcReceiver() if protocol == "grpc" else HttpReceiver()
    )
    try:
        return drive(
            f"otlp-{protocol.replace('/', '-')}",
            segment,
            lambda _: items_of(receiver),
            *("snakepit-otlp", f"--endpoint={receiver.url}"),
            *(f"--protocol={protocol}", "--compression=gzip"),
        )
    finally:
        receiver.close()


def test_otlp(segment: Segment) -> None:
    tried = drive_otlp(segment, "http/protobuf")
    assert fault_runs.untried("snakepit-otlp", tried) == set()


in_full = pytest.mark.skipif(not FULL, reason="twenty seconds each: SNP_CHAOS=full")


@in_full
@pytest.mark.parametrize("protocol", ["http/json", "grpc"])
def test_otlp_in_other_forms(segment: Segment, protocol: str) -> None:
    drive_otlp(segment, protocol)


@in_full
def test_otlp_to_stdout(segment: Segment) -> None:

    def printed(ran: Ran) -> set[str]:
        # Each span is there, but may be no example of a metric.
        found = set(re.findall(r'"(?:name|spanId)":"[^"]+"', ran.out))
        return found | {f"event {n}" for n in range(ran.out.count('"eventName"'))}

    drive("otlp-stdout", segment, printed, "snakepit-otlp", "--exporter=otlp/stdout")
