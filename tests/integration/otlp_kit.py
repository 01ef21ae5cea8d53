"""A receiver of OTLP that answers as it is told, over HTTP and over gRPC.

Each attempt takes the next `Answer` of the script (the last one stays) and is recorded
as an `Attempt`, with the message decoded by the official classes.
"""

from __future__ import annotations

import dataclasses
import gzip
import json
import os
import signal
import socket
import ssl
import subprocess
import threading
import time
from collections.abc import Sequence
from concurrent import futures
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import grpc
from google.protobuf import any_pb2, duration_pb2, json_format
from google.protobuf.message import Message
from google.rpc import (  # type: ignore[import-untyped]
    error_details_pb2,
    status_pb2,
)
from harness import BUILD, wait_until
from opentelemetry.proto.collector.logs.v1 import logs_service_pb2
from opentelemetry.proto.collector.metrics.v1 import metrics_service_pb2
from opentelemetry.proto.collector.trace.v1 import trace_service_pb2

__all__ = [
    "SIGNALS",
    "Answer",
    "Attempt",
    "GrpcReceiver",
    "HttpReceiver",
    "Nobody",
    "Receiver",
    "Sender",
    "retry_info",
    "status_body",
]

DEADLINE_S = 20


@dataclasses.dataclass(frozen=True)
class Signal:
    """What one signal is called on the wire, and its messages."""

    path: str
    service: str
    request: type[Message]
    response: type[Message]
    items: str  # the field of the request that is repeated
    rejected: str  # the field of partial success


SIGNALS = {
    "metrics": Signal(
        "/v1/metrics",
        "opentelemetry.proto.collector.metrics.v1.MetricsService",
        metrics_service_pb2.ExportMetricsServiceRequest,
        metrics_service_pb2.ExportMetricsServiceResponse,
        "resource_metrics",
        "rejected_data_points",
    ),
    "traces": Signal(
        "/v1/traces",
        "opentelemetry.proto.collector.trace.v1.TraceService",
        trace_service_pb2.ExportTraceServiceRequest,
        trace_service_pb2.ExportTraceServiceResponse,
        "resource_spans",
        "rejected_spans",
    ),
    "logs": Signal(
        "/v1/logs",
        "opentelemetry.proto.collector.logs.v1.LogsService",
        logs_service_pb2.ExportLogsServiceRequest,
        logs_service_pb2.ExportLogsServiceResponse,
        "resource_logs",
        "rejected_log_records",
    ),
}


@dataclasses.dataclass(frozen=True)
class Answer:
    """What the receiver says: an HTTP status, or the number of a gRPC code."""

    status: int
    headers: Sequence[tuple[str, str | bytes]] = ()  # trailers, for gRPC
    body: bytes = b""
    message: str = ""  # of gRPC
    rejected: int = 0
    warning: str = ""
    hang: bool = False  # until the client goes away, or the receiver is closed
    drop: bool = False  # the connection, without an answer (HTTP)

    def response(self, signal: Signal) -> Message:
        response = signal.response()
        if self.rejected or self.warning:
            partial = response.partial_success  # type: ignore[attr-defined]
            setattr(partial, signal.rejected, self.rejected)
            partial.error_message = self.warning
        return response


@dataclasses.dataclass
class Attempt:
    at: float  # monotonic
    signal: Signal
    path: str
    headers: dict[str, str]
    body: bytes  # as it came
    request: Message | None
    peer: str
    deadline_s: float | None = None  # of gRPC

    @property
    def items(self) -> int:
        assert self.request is not None
        return len(getattr(self.request, self.signal.items))


def status_body(message: str, delay_s: float | None = None) -> bytes:
    """Make a google.rpc.Status, with RetryInfo if a delay is given."""
    status = status_pb2.Status(code=14, message=message)
    other = any_pb2.Any(type_url="type.googleapis.com/google.rpc.Help", value=b"\xff")
    status.details.append(other)
    if delay_s is not None:
        delay = duration_pb2.Duration()
        delay.FromNanoseconds(int(delay_s * 1e9))
        status.details.add().Pack(error_details_pb2.RetryInfo(retry_delay=delay))
    return bytes(status.SerializeToString())


def retry_info(delay_s: float) -> tuple[str, bytes]:
    """Make the trailer by which gRPC asks for a delay."""
    return "grpc-status-details-bin", status_body("not now", delay_s)


class Receiver:
    """What both kinds share: the script, and the record of attempts."""

    url: str

    def __init__(self, script: Sequence[Answer]) -> None:
        self.script = list(script)
        self.attempts: list[Attempt] = []
        self.most_at_once = 0
        self.closing = threading.Event()
        self._at_once = 0
        self._lock = threading.Lock()

    def take(self, attempt: Attempt) -> Answer:
        with self._lock:
            self.attempts.append(attempt)
            self._at_once += 1
            self.most_at_once = max(self.most_at_once, self._at_once)
            return self.script.pop(0) if len(self.script) > 1 else self.script[0]

    def close(self) -> None:
        raise NotImplementedError

    def given(self) -> None:
        with self._lock:
            self._at_once -= 1

    def gaps(self) -> list[float]:
        """Seconds from attempt to attempt."""
        times = [attempt.at for attempt in self.attempts]
        return [b - a for a, b in zip(times, times[1:])]

    def wait_for(self, attempts: int) -> None:
        wait_until(
            lambda: len(self.attempts) >= attempts, DEADLINE_S, f"{attempts} attempts"
        )


def _decode(signal: Signal, body: bytes, content_type: str) -> Message:
    request = signal.request()
    if content_type == "application/json":
        json_format.ParseDict(json.loads(body), request)
    else:
        request.ParseFromString(body)
    return request


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    wbufsize = -1  # an answer leaves in one piece
    server: _Server

    def do_POST(self) -> None:
        receiver = self.server.receiver
        at = time.monotonic()
        body = self.body()
        headers = {name.lower(): value for name, value in self.headers.items()}
        path = self.path.partition("?")[0]
        signal = next(s for s in SIGNALS.values() if path.endswith(s.path))
        plain = body
        if headers.get("content-encoding") == "gzip":
            plain = gzip.decompress(body)
        request = _decode(signal, plain, headers["content-type"])
        peer = f"{self.client_address[0]}:{self.client_address[1]}"
        answer = receiver.take(
            Attempt(at, signal, self.path, headers, body, request, peer)
        )
        try:
            self.give(answer, signal, headers["content-type"])
        finally:
            receiver.given()

    def body(self) -> bytes:
        """Read all of it, in chunks where the SDK of Node.js sends it so."""
        if "chunked" not in self.headers.get("Transfer-Encoding", ""):
            return self.rfile.read(int(self.headers["Content-Length"]))
        body = b""
        while size := int(self.rfile.readline(), 16):
            body += self.rfile.read(size)
            self.rfile.readline()
        self.rfile.readline()
        return body

    def give(self, answer: Answer, signal: Signal, content_type: str) -> None:
        if answer.hang:
            self.server.receiver.closing.wait()
        if answer.hang or answer.drop:
            self.close_connection = True
            return
        body = answer.body
        if not body and answer.status == 200:
            response = answer.response(signal)
            body = response.SerializeToString()
            if content_type == "application/json":
                body = json_format.MessageToJson(response).encode()
        self.send_response(answer.status)
        names = {name.lower() for name, _ in answer.headers}
        if "content-type" not in names:
            self.send_header("Content-Type", content_type)
        for name, value in answer.headers:
            self.send_header(name, str(value))
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: Any) -> None:
        """Nothing: what matters is recorded."""


class _Server(ThreadingHTTPServer):
    receiver: HttpReceiver

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Clients may go away at any time."""


class HttpReceiver(Receiver):
    """OTLP/HTTP on a port of 127.0.0.1, over TLS if there are certificates."""

    def __init__(
        self,
        *script: Answer,
        certs: Path | None = None,
        client_ca: bool = False,
        host: str = "127.0.0.1",
    ) -> None:
        super().__init__(script or (Answer(200),))
        self.server = _Server((host, 0), _Handler)
        self.server.receiver = self
        scheme = "http"
        if certs:
            scheme = "https"
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(certs / "server.pem", certs / "server.key")
            if client_ca:
                context.load_verify_locations(certs / "ca.pem")
                context.verify_mode = ssl.CERT_REQUIRED
            self.server.socket = context.wrap_socket(
                self.server.socket, server_side=True, do_handshake_on_connect=False
            )
        self.port = int(self.server.server_address[1])
        self.url = f"{scheme}://{host}:{self.port}"
        self.thread = threading.Thread(target=self.server.serve_forever, args=(0.02,))
        self.thread.start()

    def close(self) -> None:
        self.closing.set()
        self.server.shutdown()
        self.thread.join()
        self.server.server_close()


class GrpcReceiver(Receiver):
    """OTLP/gRPC, the same."""

    def __init__(
        self,
        *script: Answer,
        certs: Path | None = None,
        client_ca: bool = False,
        host: str = "127.0.0.1",
    ) -> None:
        super().__init__(script or (Answer(0),))
        self.server = grpc.server(futures.ThreadPoolExecutor(8))
        for signal_ in SIGNALS.values():
            self.server.add_generic_rpc_handlers((self._service(signal_),))
        if certs:
            credentials = grpc.ssl_server_credentials(
                [
                    (
                        (certs / "server.key").read_bytes(),
                        (certs / "server.pem").read_bytes(),
                    )
                ],
                (certs / "ca.pem").read_bytes() if client_ca else None,
                client_ca,
            )
            self.port = self.server.add_secure_port(f"{host}:0", credentials)
        else:
            self.port = self.server.add_insecure_port(f"{host}:0")
        scheme = "https" if certs else "http"
        self.url = f"{scheme}://{host}:{self.port}"
        self.server.start()

    def _service(self, signal_: Signal) -> grpc.GenericRpcHandler:
        def export(request: bytes, context: grpc.ServicerContext) -> bytes:
            return self._export(signal_, request, context)

        return grpc.method_handlers_generic_handler(
            signal_.service, {"Export": grpc.unary_unary_rpc_method_handler(export)}
        )

    def _export(
        self, signal_: Signal, body: bytes, context: grpc.ServicerContext
    ) -> bytes:
        at = time.monotonic()
        headers = {str(k): str(v) for k, v in context.invocation_metadata()}
        remaining = context.time_remaining()
        path = f"/{signal_.service}/Export"
        request = _decode(signal_, body, "")
        attempt = Attempt(
            at, signal_, path, headers, body, request, context.peer(), remaining
        )
        answer = self.take(attempt)
        try:
            if answer.hang:
                gone = threading.Event()
                context.add_callback(gone.set)
                while not self.closing.is_set() and not gone.wait(0.02):
                    pass
            if answer.headers:
                context.set_trailing_metadata(tuple(answer.headers))
            code = next(c for c in grpc.StatusCode if c.value[0] == answer.status)
            context.set_code(code)
            context.set_details(answer.message)
            return answer.body or answer.response(signal_).SerializeToString()
        finally:
            self.given()

    def close(self) -> None:
        self.closing.set()
        self.server.stop(0).wait()


class Nobody:
    """An address where connections are refused."""

    def __init__(self) -> None:
        with socket.create_server(("127.0.0.1", 0)) as probe:
            self.url = f"http://127.0.0.1:{probe.getsockname()[1]}"


class Sender:
    """The sender of snakepit-otlp on its own: tests/lib/otlp_send.c."""

    def __init__(self, log: Path, signal_: str = "traces", **variables: str) -> None:
        inherited = {k: v for k, v in os.environ.items() if not k.startswith("OTEL_")}
        self.log = log
        with log.open("w") as stderr:
            self.process = subprocess.Popen(
                [BUILD / "tests" / "otlp_send", signal_],
                env={**inherited, **variables},
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=stderr,
                text=True,
            )

    def order(self, line: str) -> None:
        assert self.process.stdin
        self.process.stdin.write(line + "\n")
        self.process.stdin.flush()

    def result(self) -> dict[str, Any]:
        assert self.process.stdout
        line = self.process.stdout.readline()
        assert line, self.text()
        result: dict[str, Any] = json.loads(line)
        return result

    def send(self, items: int = 3, length: int = 10) -> dict[str, Any]:
        self.order(f"send {items} {length}")
        return self.result()

    def text(self) -> str:
        return self.log.read_text()

    def close(self) -> None:
        if self.process.poll() is None:
            assert self.process.stdin
            self.process.stdin.close()
            try:
                status = self.process.wait(DEADLINE_S)
            except subprocess.TimeoutExpired:
                self.process.send_signal(signal.SIGKILL)
                self.process.wait()
                raise
            assert status == 0, self.text()
