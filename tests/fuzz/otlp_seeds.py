"""Write seeds for otlp_answer_fuzz into the folder that is the first argument."""

from __future__ import annotations

import base64
import sys
from pathlib import Path


def field(number: int, content: bytes) -> bytes:
    """Encode a text or a message of fewer than 128 bytes."""
    return bytes([number << 3 | 2, len(content)]) + content


TYPE = b"type.googleapis.com/google.rpc.RetryInfo"
RETRY_INFO = field(1, b"\x08\x01\x10\x80\x94\xeb\xdc\x03")  # 1 s and 10^9 ns
STATUS = field(2, b"why") + field(3, field(1, TYPE) + field(2, RETRY_INFO))
PARTIAL = field(1, b"\x08\x02" + field(2, b"later"))
DATE = b"Sun, 06 Nov 1994 08:49:37 GMT"
SEEDS = {
    "protobuf": (b"application/x-protobuf", b"120", b"0", b"", b"", PARTIAL),
    "json": (
        b"application/json",
        DATE,
        b"8",
        b"no%20room",
        base64.b64encode(STATUS),
        b'{"partialSuccess":{"rejectedSpans":"2","errorMessage":"later"}}',
    ),
    "grpc": (b"", b"", b"0", b"", b"", b"\0\0\0\0" + bytes([len(PARTIAL)]) + PARTIAL),
    "plain": (b"text/plain", b"x", b"14", b"%E4", b"####", b"why"),
    "headers": (b"authorization=Basic%20dTpw,x=a%2Cb",),
    "address": (b"https://[::1]:4317/a/?b#c",),
}


def main() -> None:
    for name, parts in SEEDS.items():
        (Path(sys.argv[1]) / name).write_bytes(b"\0".join(parts))


if __name__ == "__main__":
    main()
