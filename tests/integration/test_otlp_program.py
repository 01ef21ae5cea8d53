"""snakepit-otlp against receivers that are there, secured, silent or not there.

What travels is checked elsewhere (test_otlp_metrics.py and so on), and the rules of
sending with a sender of its own (test_otlp_transport.py); here it is the program itself
that applies them.
"""

from __future__ import annotations

import os
import re
import select
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from harness import BUILD, ROOT, wait_until
from otlp_kit import SIGNALS, Answer, GrpcReceiver, HttpReceiver, Nobody, Receiver

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "lib"))
from readers import Segment

PROGRAM = BUILD / "bin/snakepit-otlp"
KINDS: dict[str, type[HttpReceiver | GrpcReceiver]] = {
    "http/protobuf": HttpReceiver,
    "http/json": HttpReceiver,
    "grpc": GrpcReceiver,
}
USAGE = 2


@pytest.fixture
def segment(tmp_path: Path) -> Iterator[Segment]:
    segment = Segment(tmp_path)
    segment.tell("step")
    yield segment
    segment.close()


def environment(**variables: str) -> dict[str, str]:
    inherited = {k: v for k, v in os.environ.items() if not k.startswith("OTEL_")}
    return {**inherited, **variables}


def once(
    segment: Segment, *options: str, **variables: str
) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [PROGRAM, "-n", str(segment.path), "--once", *options],
        env=environment(**variables),
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def signals_of(receiver: Receiver) -> set[str]:
    names = {signal.path: name for name, signal in SIGNALS.items()}
    return {names[attempt.signal.path] for attempt in receiver.attempts}


@pytest.mark.parametrize("protocol", KINDS)
def test_o06_o07_o09_every_signal_arrives_packed_and_secured(
    segment: Segment, tmp_path: Path, protocol: str
) -> None:
    certs = tmp_path / "certs"
    certs.mkdir()
    subprocess.run([ROOT / "tests/lib/make-certs", certs], check=True)
    receiver = KINDS[protocol](certs=certs, client_ca=True)
    try:
        done = once(
            segment,
            f"--endpoint={receiver.url}",
            f"--protocol={protocol}",
            "--compression=gzip",
            OTEL_EXPORTER_OTLP_CERTIFICATE=str(certs / "ca.pem"),
            OTEL_EXPORTER_OTLP_CLIENT_CERTIFICATE=str(certs / "client.pem"),
            OTEL_EXPORTER_OTLP_CLIENT_KEY=str(certs / "client.key"),
        )
        assert done.returncode == 0, done.stderr
        assert "metrics" in signals_of(receiver)
        assert "logs" in signals_of(receiver)
    finally:
        receiver.close()


def test_o05_o20_an_option_comes_before_the_environment(segment: Segment) -> None:
    wanted, other = HttpReceiver(), HttpReceiver()
    try:
        done = once(
            segment,
            f"--endpoint={wanted.url}",
            OTEL_EXPORTER_OTLP_ENDPOINT=other.url,
            OTEL_EXPORTER_OTLP_METRICS_ENDPOINT=f"{other.url}/v1/metrics",
        )
        assert done.returncode == 0, done.stderr
        assert wanted.attempts
        assert not other.attempts
    finally:
        wanted.close()
        other.close()


def test_o20_disabled_sends_nothing(segment: Segment) -> None:
    receiver = HttpReceiver()
    try:
        done = once(segment, f"--endpoint={receiver.url}", OTEL_SDK_DISABLED="true")
        assert done.returncode == 0, done.stderr
        assert "OTEL_SDK_DISABLED is true: nothing is sent" in done.stderr
        assert len(done.stderr.splitlines()) == 1
        assert not receiver.attempts
    finally:
        receiver.close()


def test_o20_a_configuration_file_is_refused(segment: Segment) -> None:
    done = once(segment, OTEL_CONFIG_FILE="/etc/otel.yaml")
    assert done.returncode == USAGE
    assert "OTEL_CONFIG_FILE is set" in done.stderr


@pytest.mark.parametrize(
    ("option", "word"),
    [
        ("--endpoint=collector:4318", "http://"),
        ("--protocol=thrift", "http/json"),
        ("--compression=zstd", "gzip"),
    ],
)
def test_o20_a_bad_option_is_an_error(segment: Segment, option: str, word: str) -> None:
    done = once(segment, option)
    assert done.returncode == USAGE
    assert option.partition("=")[0] in done.stderr
    assert word in done.stderr


@pytest.mark.parametrize("answers", ["nothing", "never"])
def test_o16_the_end_does_not_wait_for_a_receiver(
    segment: Segment, tmp_path: Path, answers: str
) -> None:
    silent = HttpReceiver(Answer(200, hang=True))
    url = silent.url if answers == "never" else Nobody().url
    log = tmp_path / "otlp.log"
    with log.open("w") as stderr:
        process = subprocess.Popen(
            [PROGRAM, "-n", segment.path, f"--endpoint={url}", "--interval=100ms"],
            env=environment(SNAKEPIT_OTLP_RETRY_WAIT="600000"),
            stderr=stderr,
        )
    try:
        if answers == "never":
            silent.wait_for(1)
        else:
            wait_until(lambda: "unreachable" in log.read_text(), 20, "a failure")
        process.send_signal(signal.SIGTERM)
        started = time.monotonic()
        assert process.wait(60) == 0
        # An attempt has 10 s, a request 30 s: the end has 1.5 s.
        assert time.monotonic() - started < 8
    finally:
        process.kill()
        process.wait()
        silent.close()


def is_full(pipe: int) -> bool:
    return not select.select([], [pipe], [], 0)[1]


@pytest.mark.parametrize("exporter", ["console", "otlp/stdout"])
def test_o16_the_end_does_not_wait_for_who_reads_the_output(
    segment: Segment, exporter: str
) -> None:
    read_end, write_end = os.pipe()
    process = subprocess.Popen(
        [PROGRAM, "-n", segment.path, f"--exporter={exporter}", "--interval=10ms"],
        env=environment(),
        stdout=write_end,
        stderr=subprocess.DEVNULL,
    )
    try:
        wait_until(lambda: is_full(write_end), 20, "a full pipe")
        process.send_signal(signal.SIGTERM)
        assert process.wait(20) == 0
    finally:
        process.kill()
        process.wait()
        os.close(write_end)
        os.close(read_end)


def test_o20_the_documents_name_every_variable() -> None:
    table = (ROOT / "reader/otlp/settings.c").read_text()
    page = (ROOT / "docs/otlp.md").read_text()
    # "    {"NAME", KIND, ...": those of signals are without what stands before them.
    names = re.findall(r'^ {4}\{"([A-Z_]+)",\s', table, re.MULTILINE)
    assert len(names) >= 29
    own = [name for name in names if not name.startswith(("OTEL_", "SNAKEPIT_"))]
    expected = {f"OTEL_EXPORTER_OTLP_{name}" for name in own} | (set(names) - set(own))
    rows = "\n".join(line for line in page.splitlines() if line.startswith("| `"))
    assert set(re.findall(r"`((?:OTEL|SNAKEPIT)_[A-Z_]+)`", rows)) == expected
