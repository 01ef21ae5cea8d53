"""Programs that are started for a while: from their start to their orderly end."""

from __future__ import annotations

import ctypes
import signal
import socket
import subprocess
import time
from pathlib import Path
from typing import Callable, Mapping, Optional, Sequence

__all__ = [
    "DemoError",
    "end",
    "free_port",
    "last_words",
    "must_live",
    "start",
    "wait_until",
]

_STOP_SECONDS = 30.0
_PR_SET_PDEATHSIG = 1


class DemoError(Exception):
    """It cannot go on; the text says why and what to do."""


def wait_until(look: Callable[[], bool], seconds: float, what: str) -> None:
    """Wait for a condition; raises DemoError when it does not come true in time."""
    deadline = time.monotonic() + seconds
    while not look():
        if time.monotonic() > deadline:
            msg = f"{what} did not happen within {seconds:g} s"
            raise DemoError(msg)
        time.sleep(0.05)


_libc = ctypes.CDLL(None)


def _end_with_parent() -> None:
    """Between fork and exec: SIGTERM when we die, however that comes."""
    _libc.prctl(_PR_SET_PDEATHSIG, signal.SIGTERM, 0, 0, 0)


def start(
    command: Sequence[str],
    log: Path,
    cwd: Path,
    env: Optional[Mapping[str, str]] = None,
) -> subprocess.Popen[bytes]:
    """Start a program that ends with us, and has all it says added to `log`."""
    # A session of its own: Ctrl-C is for us, who end the others in order.
    with log.open("ab") as out:
        return subprocess.Popen(
            command,
            cwd=cwd,
            env=env,
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=out,
            start_new_session=True,
            preexec_fn=_end_with_parent,  # noqa: PLW1509 - no threads yet
        )


def must_live(name: str, process: Optional[subprocess.Popen[bytes]]) -> None:
    """Raise DemoError when it has ended."""
    status = process.poll() if process else None
    if status is not None:
        msg = f"{name} ended by itself with status {status}"
        raise DemoError(msg)


def end(name: str, process: subprocess.Popen[bytes], expected: int = 0) -> str:
    """Send SIGTERM and wait; return what went wrong, or nothing."""
    if process.poll() is not None:
        return f"{name} had ended before with status {process.returncode}"
    process.send_signal(signal.SIGTERM)
    try:
        status = process.wait(_STOP_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
        return f"{name} did not stop within {_STOP_SECONDS:g} s and was killed"
    return "" if status == expected else f"{name} stopped with status {status}"


def free_port(preferred: int) -> int:
    """Return that port of 127.0.0.1, or another one where it is taken."""
    for port in (preferred, 0):
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            return int(probe.getsockname()[1])
    msg = "no TCP port is free on 127.0.0.1"
    raise DemoError(msg)


def last_words(log: Path, lines: int = 15) -> Sequence[str]:
    """Return the end of a log."""
    try:
        return log.read_text(errors="replace").splitlines()[-lines:]
    except OSError:
        return []
