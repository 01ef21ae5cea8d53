"""snakepit-statsd and snakepit-otlp, with each allocation and system call failing once.

All that is there arrives, at the second attempt where the first failed, or the program
exits with status 1 and says what is wrong.
"""

from __future__ import annotations

from collections.abc import Iterator

import fault_runs
import pytest
from fault_runs import FULL, Ran
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


def sent_or_said(ran: Ran, _name: str) -> str:
    """Judge one run."""
    if ran.status == 0:
        return ""
    if ran.status == FAILURE and ran.err.strip():
        return ""
    if ran.status == NOT_RUNNING and "no runtime to read: " in ran.err:
        return ""  # with the reason behind it
    return "neither sent nor status 1 with a reason"


def drive(case: str, segment: Segment, *words: str) -> set[str]:
    command = [str(BUILD / "bin" / words[0]), "-n", str(segment.path), "--once"]
    failed = fault_runs.drive(
        [*command, *words[1:]], sent_or_said, segment.path.parent, lasting=False
    )
    fault_runs.keep(case, failed)
    return set(failed)


def test_statsd(segment: Segment) -> None:
    receiver = Receiver()
    try:
        address = f"--statsd.address={receiver.address}"
        tried = drive("statsd", segment, "snakepit-statsd", address)
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
    drive("otlp-stdout", segment, "snakepit-otlp", "--exporter=otlp/stdout")
