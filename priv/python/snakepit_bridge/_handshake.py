"""How a worker tells its runtime that it serves, and learns of the runtime's end."""

from __future__ import annotations

import json
import logging
import os
import platform
import threading
from contextlib import suppress

__all__ = [
    "announce_on_fd",
    "announce_port",
    "enter_own_process_group",
    "keep_from_children",
    "watch_lifeline",
]

_logger = logging.getLogger(__name__)

_PROTOCOL = 1
_EXIT_ORPHANED = 0


def announce_on_fd(fd: int, capacity: int) -> None:
    """Write the ready line to the pipe `fd` and close it."""
    line = {
        "ready": True,
        "pid": os.getpid(),
        "python": platform.python_version(),
        "protocol": _PROTOCOL,
        "capacity": capacity,
    }
    try:
        os.write(fd, json.dumps(line).encode("ascii") + b"\n")  # < PIPE_BUF: at once
    finally:
        os.close(fd)


def announce_port(path: str, port: int) -> None:
    """Write `port` to the file `path`, which appears complete or not at all."""
    scratch = f"{path}.{os.getpid()}.tmp"
    fd = os.open(scratch, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        os.write(fd, str(port).encode("ascii"))
        os.fsync(fd)
    finally:
        os.close(fd)
    os.replace(scratch, path)


def watch_lifeline(fd: int) -> None:
    """Leave the process as soon as the pipe `fd` has no writer any more.

    Only the runtime holds the other end, so that is when it died, in whatever way.
    """
    threading.Thread(
        target=_await_end, args=(fd,), name="snakepit-lifeline", daemon=True
    ).start()


def _await_end(fd: int) -> None:
    try:
        while os.read(fd, 64):
            pass
    except OSError as exc:  # closed or never open: that says nothing of the runtime
        _logger.warning("the lifeline is not watched any longer: %s", exc)
        return
    # No cleanup: there is nobody left to answer to, and adapter code may hang.
    os._exit(_EXIT_ORPHANED)


def keep_from_children(*fds: int | None) -> None:
    """Keep the handshake's descriptors out of processes that the adapter starts."""
    for fd in fds:
        if fd is not None:
            with suppress(OSError):  # not open: whoever needs it will say so
                os.set_inheritable(fd, False)  # noqa: FBT003 - os has no keyword


def enter_own_process_group() -> None:
    """Become the leader of a session, so that the host can signal all descendants."""
    try:
        os.setsid()
    except PermissionError:
        _logger.debug("already a process group leader")
