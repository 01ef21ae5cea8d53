"""How snakepit-otlp's batches travel: rows O05 to O17, O19 and O20 of the checklist.

Times are scaled down by settings. What must come late is measured by the receiver; what
must come soon has a bound far below the wait it would otherwise be.
"""

from __future__ import annotations

import email.utils
import gzip
import os
import re
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import grpc
import pytest
from harness import BUILD, ROOT, wait_until
from otlp_kit import (
    SIGNALS,
    Answer,
    GrpcReceiver,
    HttpReceiver,
    Nobody,
    Receiver,
    Sender,
    retry_info,
    status_body,
)

LONG_MS = "30000"  # the longest wait; it is drawn from 24 s on
SOON_S = 15.0  # far from long, and far from what a busy machine takes

Receive = Callable[..., Any]
Send = Callable[..., Sender]

HTTP, GRPC = "http/protobuf", "grpc"
BOTH = pytest.mark.parametrize("protocol", [HTTP, GRPC])
KINDS: dict[str, type[HttpReceiver | GrpcReceiver]] = {
    HTTP: HttpReceiver,
    "http/json": HttpReceiver,
    GRPC: GrpcReceiver,
}
OK = {HTTP: Answer(200), "http/json": Answer(200), GRPC: Answer(0)}
LATER = {HTTP: Answer(503), "http/json": Answer(503), GRPC: Answer(14)}


@pytest.fixture(scope="module")
def certs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give a folder of certificates (tests/lib/make-certs)."""
    folder = tmp_path_factory.mktemp("certs")
    subprocess.run([ROOT / "tests/lib/make-certs", folder], check=True)
    return folder


@pytest.fixture
def receive() -> Iterator[Receive]:
    """Start receivers that end with the test."""
    receivers: list[Receiver] = []

    def start(protocol: str, *script: Answer, **options: Any) -> Receiver:
        receivers.append(KINDS[protocol](*script, **options))
        return receivers[-1]

    yield start
    for receiver in receivers:
        receiver.close()


@pytest.fixture
def send(tmp_path: Path) -> Iterator[Send]:
    """Start senders to a receiver; they end with the test, and end well."""
    senders: list[Sender] = []

    def start(
        receiver: Any, protocol: str, signal: str = "traces", **variables: str
    ) -> Sender:
        common = {
            "OTEL_EXPORTER_OTLP_ENDPOINT": receiver.url,
            "OTEL_EXPORTER_OTLP_PROTOCOL": protocol,
            "SNAKEPIT_OTLP_RETRY_WAIT": "10",
        }
        log = tmp_path / f"sender{len(senders)}.log"
        senders.append(Sender(log, signal, **{**common, **variables}))
        return senders[-1]

    yield start
    for sender in senders:
        sender.close()


def seconds_until(sender: Sender) -> tuple[float, dict[str, Any]]:
    """Wait for how a batch went, and say how long that took."""
    started = time.monotonic()
    result = sender.result()
    return time.monotonic() - started, result


# ---- addresses, forms, headers -------------------------------------------------------


def test_o05_a_generic_endpoint_gets_the_path_and_keeps_its_query(
    receive: Receive, send: Send
) -> None:
    receiver = receive(HTTP)
    base = f"{receiver.url}/base/?tenant=a"
    for signal in SIGNALS:
        sender = send(receiver, HTTP, signal, OTEL_EXPORTER_OTLP_ENDPOINT=base)
        assert sender.send()["outcome"] == "sent"
        assert receiver.attempts[-1].path == f"/base/v1/{signal}?tenant=a"


def test_secrets_of_an_address_are_not_logged(receive: Receive, send: Send) -> None:
    receiver = receive(HTTP, Answer(400))
    base = f"{receiver.url}/?key=secret"
    wrong = "http://me:secret@host"
    sender = send(
        receiver,
        HTTP,
        OTEL_EXPORTER_OTLP_ENDPOINT=base,
        OTEL_EXPORTER_OTLP_TRACES_ENDPOINT=wrong,
    )
    assert sender.send()["outcome"] == "dropped"
    assert receiver.attempts[0].path.endswith("?key=secret")
    assert f"{receiver.url}/v1/traces: 400" in sender.text()
    assert "secret" not in sender.text()


def test_o05_a_signals_own_endpoint_is_used_as_it_is(
    receive: Receive, send: Send
) -> None:
    receiver = receive(HTTP)
    own = f"{receiver.url}/own/v1/traces"
    sender = send(receiver, HTTP, OTEL_EXPORTER_OTLP_TRACES_ENDPOINT=own)
    assert sender.send()["outcome"] == "sent"
    assert receiver.attempts[0].path == "/own/v1/traces"


@pytest.mark.parametrize("signal", SIGNALS)
def test_o06_all_protocols_carry_the_same_message(
    receive: Receive, send: Send, signal: str
) -> None:
    requests = []
    for protocol, kind in KINDS.items():
        receiver = receive(protocol)
        assert isinstance(receiver, kind)
        result = send(receiver, protocol, signal).send(items=7, length=100)
        assert (result["outcome"], result["sent"]) == ("sent", 7)
        (attempt,) = receiver.attempts
        assert attempt.signal is SIGNALS[signal]
        requests.append(attempt.request)
    assert requests[0] == requests[1] == requests[2]


@pytest.mark.parametrize("protocol", KINDS)
def test_o07_gzip_decodes(receive: Receive, send: Send, protocol: str) -> None:
    receiver = receive(protocol)
    sender = send(receiver, protocol, OTEL_EXPORTER_OTLP_COMPRESSION="gzip")
    for length in (1, 100_000):
        assert sender.send(items=10, length=length)["outcome"] == "sent"
    for attempt in receiver.attempts:
        assert attempt.items == 10
        if protocol != GRPC:  # whose server undoes it itself
            assert attempt.headers["content-encoding"] == "gzip"
    assert int(receiver.attempts[1].headers["content-length"]) < 20_000


@BOTH
def test_o08_headers_arrive_decoded(
    receive: Receive, send: Send, protocol: str
) -> None:
    receiver = receive(protocol)
    headers = "authorization=Basic%20dTpw%3D%3D,x-tenant=a%2Cb"
    sender = send(receiver, protocol, OTEL_EXPORTER_OTLP_HEADERS=headers)
    assert sender.send()["outcome"] == "sent"
    arrived = receiver.attempts[0].headers
    assert arrived["authorization"] == "Basic dTpw=="
    assert arrived["x-tenant"] == "a,b"


@BOTH
def test_o19_the_user_agent_names_program_and_exporter(
    receive: Receive, send: Send, protocol: str
) -> None:
    receiver = receive(protocol)
    assert send(receiver, protocol).send()["outcome"] == "sent"
    agent = receiver.attempts[0].headers["user-agent"]
    assert re.match(r"snakepit-otlp/[\d.]+ OTel-OTLP-Exporter-C/[\d.]+$", agent)


def test_connection_is_kept(receive: Receive, send: Send) -> None:
    receiver = receive(HTTP, LATER[HTTP], OK[HTTP])
    sender = send(receiver, HTTP)
    for _ in range(3):
        assert sender.send()["outcome"] == "sent"
    assert len({attempt.peer for attempt in receiver.attempts}) == 1


# ---- TLS -----------------------------------------------------------------------------


def authority(certs: Path) -> dict[str, str]:
    return {"OTEL_EXPORTER_OTLP_CERTIFICATE": str(certs / "ca.pem")}


def identity(certs: Path, name: str) -> dict[str, str]:
    return {
        "OTEL_EXPORTER_OTLP_CLIENT_CERTIFICATE": str(certs / f"{name}.pem"),
        "OTEL_EXPORTER_OTLP_CLIENT_KEY": str(certs / f"{name}.key"),
    }


@BOTH
def test_o09_a_certificate_of_the_given_authority_is_trusted(
    receive: Receive, send: Send, certs: Path, protocol: str
) -> None:
    receiver = receive(protocol, LATER[protocol], OK[protocol], certs=certs)
    sender = send(receiver, protocol, **authority(certs))
    for _ in range(2):
        assert sender.send()["outcome"] == "sent"
    assert len({attempt.peer for attempt in receiver.attempts}) == 1


@BOTH
@pytest.mark.parametrize("trusted", ["nobody", "system", "other"])
def test_o09_other_certificates_are_refused(
    receive: Receive, send: Send, certs: Path, protocol: str, trusted: str
) -> None:
    files = {"nobody": "absent.pem", "other": "other.pem"}
    variables = {}
    if trusted in files:
        variables["OTEL_EXPORTER_OTLP_CERTIFICATE"] = str(certs / files[trusted])
    receiver = receive(protocol, certs=certs)
    result = send(receiver, protocol, **variables).send()
    assert (result["outcome"], result["error"]) == ("dropped", "unusable")
    assert result["attempts"] == 1
    assert receiver.attempts == []


@BOTH
def test_o09_a_certificate_for_another_host_is_refused(
    receive: Receive, send: Send, certs: Path, protocol: str
) -> None:
    receiver = receive(protocol, certs=certs, host="127.0.0.2")
    sender = send(receiver, protocol, **authority(certs))
    result = sender.send()
    assert (result["outcome"], result["error"]) == ("dropped", "unusable")
    assert receiver.attempts == []
    assert "127.0.0.2" in sender.text()


@BOTH
def test_o09_mutual_tls(
    receive: Receive, send: Send, certs: Path, protocol: str
) -> None:
    receiver = receive(protocol, certs=certs, client_ca=True)
    known = {**authority(certs), **identity(certs, "client")}
    assert send(receiver, protocol, **known).send()["outcome"] == "sent"
    stranger = {**authority(certs), **identity(certs, "stranger")}
    for variables in (authority(certs), stranger):
        sender = send(receiver, protocol, OTEL_BSP_EXPORT_TIMEOUT="300", **variables)
        assert sender.send()["outcome"] == "dropped"
    assert len(receiver.attempts) == 1


@BOTH
def test_o09_a_key_that_is_not_of_the_certificate_is_refused(
    receive: Receive, send: Send, certs: Path, protocol: str
) -> None:
    receiver = receive(protocol, certs=certs)
    files = {**authority(certs), **identity(certs, "client")}
    files["OTEL_EXPORTER_OTLP_CLIENT_KEY"] = str(certs / "stranger.key")
    result = send(receiver, protocol, **files).send()
    assert (result["outcome"], result["error"]) == ("dropped", "unusable")


# ---- what is tried again -------------------------------------------------------------

HTTP_AGAIN = {429, 502, 503, 504}
HTTP_REFUSED = {301, 400, 401, 403, 404, 413, 415, 500, 501, 505}
GRPC_AGAIN = {1, 4, 10, 11, 14, 15}


def expect_refused(
    receiver: Receiver, sender: Sender, answer: Answer, error: str
) -> None:
    receiver.script = [answer]
    receiver.attempts.clear()
    result = sender.send()
    assert len(receiver.attempts) == result["attempts"] == 1
    assert (result["outcome"], result["drop"]) == ("dropped", "refused")
    assert result["error"] == error


def expect_again(
    receiver: Receiver, sender: Sender, answer: Answer, ok: Answer
) -> None:
    receiver.script = [answer, ok]
    receiver.attempts.clear()
    result = sender.send()
    assert len(receiver.attempts) == result["attempts"] == 2
    assert (result["outcome"], result["error"]) == ("sent", "")


@pytest.mark.parametrize("protocol", [HTTP, "http/json"])
def test_o10_http_statuses(receive: Receive, send: Send, protocol: str) -> None:
    receiver = receive(protocol)
    sender = send(receiver, protocol)
    for status in HTTP_AGAIN:
        expect_again(receiver, sender, Answer(status), OK[protocol])
    for status in HTTP_REFUSED:
        expect_refused(receiver, sender, Answer(status), str(status))


def test_o10_grpc_codes(receive: Receive, send: Send) -> None:
    receiver = receive(GRPC)
    sender = send(receiver, GRPC)
    for code in grpc.StatusCode:
        number = int(code.value[0])
        answer = Answer(number, message="so be it")
        if number in GRPC_AGAIN:
            expect_again(receiver, sender, answer, OK[GRPC])
        elif number != 0:
            expect_refused(receiver, sender, answer, code.name)


def test_o10_resource_exhausted_is_tried_again_where_it_says_when(
    receive: Receive, send: Send
) -> None:
    receiver = receive(GRPC)
    sender = send(receiver, GRPC)
    no_delay = ("grpc-status-details-bin", status_body("quota"))
    expect_refused(
        receiver, sender, Answer(8, headers=[no_delay]), "RESOURCE_EXHAUSTED"
    )
    delay = Answer(8, headers=[retry_info(0.01)])
    expect_again(receiver, sender, delay, OK[GRPC])


def test_o10_a_connection_that_breaks_is_tried_again(
    receive: Receive, send: Send
) -> None:
    receiver = receive(HTTP, Answer(200, drop=True), OK[HTTP])
    result = send(receiver, HTTP).send()
    assert (result["outcome"], result["attempts"]) == ("sent", 2)


@BOTH
def test_o10_a_receiver_that_is_not_there_is_given_up(
    send: Send, protocol: str
) -> None:
    result = send(Nobody(), protocol, OTEL_BSP_EXPORT_TIMEOUT="200").send(items=4)
    assert (result["outcome"], result["drop"]) == ("dropped", "given_up")
    assert (result["dropped"], result["error"]) == (4, "unreachable")
    assert result["attempts"] >= 2


def test_a_port_of_grpc_is_named_as_such(receive: Receive, send: Send) -> None:
    sender = send(receive(GRPC), HTTP)
    result = sender.send()
    assert (result["outcome"], result["error"]) == ("dropped", "unusable")
    assert "set OTEL_EXPORTER_OTLP_PROTOCOL=grpc" in sender.text()


@pytest.mark.parametrize(
    ("protocol", "answer", "text"),
    [
        (HTTP, Answer(400, body=status_body("bad span 7\n")), "400: bad span 7"),
        ("http/json", Answer(400, body=b'{"message": "bad span"}'), "400: bad span"),
        (
            HTTP,
            Answer(401, headers=[("Content-Type", "text/plain")], body=b"who?\r\n"),
            "401: who?",
        ),
        (HTTP, Answer(400, body=b"\xff\xff"), "400"),
        (
            GRPC,
            Answer(3, message="b\u00e4d % span"),
            "INVALID_ARGUMENT: b\u00e4d % span",
        ),
    ],
)
def test_why_it_was_refused_is_logged(
    receive: Receive, send: Send, protocol: str, answer: Answer, text: str
) -> None:
    receiver = receive(protocol, answer)
    sender = send(receiver, protocol)
    assert sender.send()["outcome"] == "dropped"
    assert re.search(rf'level=error msg="traces to {receiver.url}\S*: ', sender.text())
    assert f"{text}" in sender.text()
    assert "3 spans dropped: refused" in sender.text()


# ---- when it is tried again ----------------------------------------------------------


def test_o11_retry_after_in_seconds(receive: Receive, send: Send) -> None:
    answer = Answer(429, headers=[("Retry-After", "1")])
    receiver = receive(HTTP, answer, OK[HTTP])
    assert send(receiver, HTTP).send()["outcome"] == "sent"
    assert receiver.gaps()[0] >= 1.0 - 0.01


def test_o11_retry_after_as_a_date(receive: Receive, send: Send) -> None:
    due = int(time.time()) + 2
    date = email.utils.formatdate(due, usegmt=True)
    answer = Answer(503, headers=[("Retry-After", date)])
    receiver = receive(HTTP, answer, OK[HTTP])
    assert send(receiver, HTTP).send()["outcome"] == "sent"
    assert len(receiver.attempts) == 2
    assert time.time() >= due


def test_o11_retry_info(receive: Receive, send: Send) -> None:
    receiver = receive(GRPC, Answer(14, headers=[retry_info(0.3)]), OK[GRPC])
    assert send(receiver, GRPC).send()["outcome"] == "sent"
    assert receiver.gaps()[0] >= 0.3 - 0.01


@BOTH
def test_o12_partial_success_is_counted_and_logged_once(
    receive: Receive, send: Send, protocol: str
) -> None:
    part = Answer(OK[protocol].status, rejected=2, warning="too old")
    receiver = receive(protocol, part)
    sender = send(receiver, protocol)
    for _ in range(3):
        result = sender.send(items=5)
        assert (result["outcome"], result["attempts"]) == ("sent", 1)
        assert (result["sent"], result["rejected"], result["dropped"]) == (3, 2, 0)
    assert len(receiver.attempts) == 3
    assert sender.text().count("2 of 5 spans rejected: too old") == 1


@BOTH
def test_o12_a_warning_rejects_nothing(
    receive: Receive, send: Send, protocol: str
) -> None:
    receiver = receive(protocol, Answer(OK[protocol].status, warning="be brief"))
    sender = send(receiver, protocol)
    result = sender.send(items=5)
    assert (result["sent"], result["rejected"]) == (5, 0)
    assert re.search(r"level=warn msg=.*be brief", sender.text())


@BOTH
def test_o13_waits_grow_and_differ(receive: Receive, send: Send, protocol: str) -> None:
    receiver = receive(protocol, *[LATER[protocol]] * 5, OK[protocol])
    sender = send(receiver, protocol, SNAKEPIT_OTLP_RETRY_WAIT="40")
    assert sender.send()["attempts"] == 6
    for i, gap in enumerate(receiver.gaps()):
        assert gap >= 0.8 * 0.040 * 1.5**i - 0.001
    assert sender.text().count("trying again") == 1
    assert sender.text().count("spans are taken again") == 1


@BOTH
def test_o14_an_attempt_ends_in_time(
    receive: Receive, send: Send, protocol: str
) -> None:
    hang = Answer(OK[protocol].status, hang=True)
    receiver = receive(protocol, hang, OK[protocol])
    sender = send(receiver, protocol, OTEL_EXPORTER_OTLP_TIMEOUT="250")
    result = sender.send()
    assert result["outcome"] == "sent"
    assert result["attempts"] >= 2  # on a busy machine the second may be late as well
    assert result["duration"] >= 0.25
    if protocol == GRPC:
        assert receiver.attempts[0].deadline_s is not None
        assert receiver.attempts[0].deadline_s <= 0.26
    assert "timeout" in sender.text()


@pytest.mark.parametrize(("protocol", "items"), [(HTTP, 63), (GRPC, 3)])
def test_o15_what_is_large_is_sent(
    receive: Receive, send: Send, protocol: str, items: int
) -> None:
    # The server of gRPC takes 4 MiB.
    receiver = receive(protocol)
    result = send(receiver, protocol).send(items=items, length=1 << 20)
    assert result["outcome"] == "sent"
    assert receiver.attempts[0].items == items


@BOTH
def test_o15_what_is_too_large_is_not_sent(
    receive: Receive, send: Send, protocol: str
) -> None:
    receiver = receive(protocol)
    sender = send(receiver, protocol, OTEL_EXPORTER_OTLP_COMPRESSION="gzip")
    result = sender.send(items=65, length=1 << 20)
    assert (result["outcome"], result["drop"]) == ("dropped", "too_large")
    assert (result["dropped"], result["attempts"]) == (65, 0)
    assert receiver.attempts == []
    assert sender.send()["outcome"] == "sent"


@pytest.mark.parametrize(
    ("protocol", "answer"),
    [
        (HTTP, Answer(200, body=bytes((4 << 20) + 1))),
        (
            HTTP,
            Answer(
                503,
                body=gzip.compress(bytes((4 << 20) + 1)),
                headers=[("Content-Encoding", "gzip")],
            ),
        ),
        (GRPC, Answer(0, warning="x" * ((4 << 20) + 1))),
    ],
    ids=["http", "http-packed", "grpc"],
)
def test_o15_an_answer_that_is_too_large_is_refused(
    receive: Receive, send: Send, protocol: str, answer: Answer
) -> None:
    receiver = receive(protocol, answer, OK[protocol])
    sender = send(receiver, protocol)
    result = sender.send()
    assert (result["outcome"], result["attempts"]) == ("dropped", 1)
    assert result["error"] == "response_too_large"
    assert sender.send()["outcome"] == "sent"


@pytest.mark.parametrize("status", [301, 307, 308])
def test_a_redirect_is_not_followed(receive: Receive, send: Send, status: int) -> None:
    """Neither what is sent nor the token goes where an answer points."""
    elsewhere = receive(HTTP, OK[HTTP])
    receiver = receive(
        HTTP, Answer(status, headers=[("Location", f"{elsewhere.url}/v1/traces")])
    )
    result = send(receiver, HTTP).send()
    assert (result["outcome"], result["error"]) == ("dropped", str(status))
    assert len(receiver.attempts) == 1
    assert elsewhere.attempts == []


# ---- the end -------------------------------------------------------------------------


@BOTH
def test_o16_stopping_ends_a_wait(send: Send, protocol: str) -> None:
    variables = {
        "SNAKEPIT_OTLP_RETRY_WAIT": LONG_MS,
        "OTEL_BSP_EXPORT_TIMEOUT": "0",
    }
    sender = send(Nobody(), protocol, **variables)
    sender.order("send 3 10")
    wait_until(lambda: "trying again" in sender.text(), 20, "the first failure")
    sender.order("stop 200")
    took, result = seconds_until(sender)
    assert (result["outcome"], result["drop"]) == ("stopped", "stopped")
    assert took < SOON_S
    # And what comes afterwards does not wait either.
    assert sender.send()["outcome"] == "stopped"


@BOTH
def test_o16_stopping_ends_an_attempt_at_the_deadline(
    receive: Receive, send: Send, protocol: str
) -> None:
    receiver = receive(protocol, Answer(OK[protocol].status, hang=True))
    variables = {"OTEL_EXPORTER_OTLP_TIMEOUT": "0", "OTEL_BSP_EXPORT_TIMEOUT": "0"}
    sender = send(receiver, protocol, **variables)
    sender.order("send 3 10")
    receiver.wait_for(1)
    sender.order("stop 300")
    took, result = seconds_until(sender)
    assert result["outcome"] == "stopped"
    assert 0.3 - 0.05 <= took < SOON_S


@BOTH
def test_o16_what_waits_is_tried_once_more_at_the_end(
    receive: Receive, send: Send, protocol: str
) -> None:
    receiver = receive(protocol, LATER[protocol], OK[protocol])
    variables = {
        "SNAKEPIT_OTLP_RETRY_WAIT": LONG_MS,
        "OTEL_BSP_EXPORT_TIMEOUT": "0",
    }
    sender = send(receiver, protocol, **variables)
    sender.order("send 3 10")
    wait_until(lambda: "trying again" in sender.text(), 20, "the first failure")
    sender.order("stop 60000")
    took, result = seconds_until(sender)
    assert (result["outcome"], result["attempts"]) == ("sent", 2)
    assert took < SOON_S


@BOTH
def test_o17_one_request_at_a_time(receive: Receive, send: Send, protocol: str) -> None:
    receiver = receive(protocol, LATER[protocol], OK[protocol])
    sender = send(receiver, protocol)
    for _ in range(20):
        sender.order("send 1 1000")
    for _ in range(20):
        assert sender.result()["outcome"] == "sent"
    assert receiver.most_at_once == 1
    assert len(receiver.attempts) == 21


# ---- settings ------------------------------------------------------------------------


def test_o20_bad_values_are_logged_and_ignored(receive: Receive, send: Send) -> None:
    receiver = receive(HTTP)
    variables = {
        "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": "somewhere",
        "OTEL_EXPORTER_OTLP_COMPRESSION": "zstd",
        "OTEL_EXPORTER_OTLP_HEADERS": "secret",
    }
    sender = send(receiver, HTTP, **variables)
    assert sender.send()["outcome"] == "sent"
    for name, value in variables.items():
        assert re.search(rf"level=warn msg=\"{name}: ", sender.text())
        assert (value in sender.text()) == (value != "secret")


def test_o20_a_configuration_file_is_refused() -> None:
    done = subprocess.run(
        [BUILD / "tests/otlp_send", "traces"],
        env={**os.environ, "OTEL_CONFIG_FILE": "/etc/otel.yaml"},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 1
    assert "OTEL_CONFIG_FILE is set" in done.stderr
