"""A worker's program that says hello and then speaks bad HTTP/2, as $ODD says.

Where the file $GATE is not there it becomes the real worker instead.
"""

from __future__ import annotations

import json
import os
import signal
import socket
import sys
from pathlib import Path

SERVER = Path(__file__).resolve().parents[3] / "priv" / "python" / "grpc_server.py"


def frame(kind: int, flags: int, stream: int, payload: bytes) -> bytes:
    return (
        len(payload).to_bytes(3, "big")
        + bytes([kind, flags])
        + stream.to_bytes(4, "big")
        + payload
    )


SETTINGS, ACK = frame(4, 0, 0, b""), frame(4, 1, 0, b"")
SAYS = {
    "mute": b"",
    "garbage": os.urandom(4096),
    "goaway": SETTINGS + ACK + frame(7, 0, 0, (0).to_bytes(4, "big") + bytes(4)),
    "headers": SETTINGS
    + ACK
    + b"".join(frame(9 if i else 1, 0, 1, b"\x00\x7f\x80" * 5000) for i in range(200)),
    "resets": SETTINGS
    + ACK
    + b"".join(frame(3, 0, i, (8).to_bytes(4, "big")) for i in range(1, 20_001, 2)),
}


def option(name: str) -> str:
    return sys.argv[sys.argv.index(name) + 1]


def main() -> None:
    if not os.path.exists(os.environ["GATE"]):
        words = [sys.executable, str(SERVER), *sys.argv[1:]]
        os.execv(words[0], words)  # noqa: S606 - no shell is wanted
    signal.signal(signal.SIGTERM, lambda *_: os._exit(0))
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(option("--address").removeprefix("unix:"))
    listener.listen()
    version = ".".join(map(str, sys.version_info[:3]))
    hello = {
        "ready": True,
        "pid": os.getpid(),
        "python": version,
        "protocol": 1,
        "capacity": int(option("--max-workers")),
    }
    ready, line = int(option("--ready-fd")), json.dumps(hello).encode() + b"\n"
    for byte in line:  # it may come in pieces
        os.write(ready, bytes([byte]))
    os.close(ready)
    kept = []
    while True:
        peer, _ = listener.accept()
        kept.append(peer)
        try:
            peer.sendall(SAYS[os.environ["ODD"]])
        except OSError:
            continue  # it hung up, as it should


main()
