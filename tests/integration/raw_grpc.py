"""One unary gRPC call by hand: with metadata that no client library would send.

grpcio keeps one `traceparent` of several, so what happens to several needs this. No
compression of headers, one stream, small messages.
"""

from __future__ import annotations

import socket
from collections.abc import Iterator
from pathlib import Path

PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
DATA, HEADERS, RST_STREAM, SETTINGS, PING, GOAWAY = 0, 1, 3, 4, 6, 7
ACK = END_STREAM = 0x1
END_HEADERS = 0x4
STREAM = 1


def _frame(kind: int, flags: int, stream: int, payload: bytes = b"") -> bytes:
    head = bytes([kind, flags]) + stream.to_bytes(4, "big")
    return len(payload).to_bytes(3, "big") + head + payload


def _text(text: str) -> bytes:
    """Length and bytes, as HPACK wants them without Huffman's code."""
    data, length = text.encode(), b""
    rest = len(data) - 127
    if rest < 0:
        return bytes([len(data)]) + data
    while rest >= 128:
        length += bytes([rest % 128 + 128])
        rest //= 128
    return b"\x7f" + length + bytes([rest]) + data


def _frames(connection: socket.socket) -> Iterator[tuple[int, int, bytes]]:
    with connection.makefile("rb") as stream:
        while head := stream.read(9):
            yield head[3], head[4], stream.read(int.from_bytes(head[:3], "big"))


def call(
    path: Path, method: str, message: bytes, metadata: list[tuple[str, str]]
) -> bytes:
    """Call `method` of the server at a unix socket; give the answer's message."""
    headers = [
        (":method", "POST"),
        (":scheme", "http"),
        (":path", f"/{method}"),
        (":authority", "localhost"),
        ("te", "trailers"),
        ("content-type", "application/grpc"),
        *metadata,
    ]
    block = b"".join(b"\0" + _text(key) + _text(value) for key, value in headers)
    body = b"\0" + len(message).to_bytes(4, "big") + message
    answer = b""
    with socket.socket(socket.AF_UNIX) as connection:
        connection.settimeout(20)
        connection.connect(str(path))
        connection.sendall(PREFACE + _frame(SETTINGS, 0, 0))
        connection.sendall(_frame(HEADERS, END_HEADERS, STREAM, block))
        connection.sendall(_frame(DATA, END_STREAM, STREAM, body))
        for kind, flags, payload in _frames(connection):
            if kind in (SETTINGS, PING) and not flags & ACK:
                connection.sendall(_frame(kind, ACK, 0, payload * (kind == PING)))
            assert kind not in (RST_STREAM, GOAWAY), payload
            answer += payload * (kind == DATA)
            if kind in (DATA, HEADERS) and flags & END_STREAM:
                break
    assert len(answer) >= 5, "no message came back"
    return answer[5:]
