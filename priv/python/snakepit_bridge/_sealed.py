"""Memory that the runtime made and that nobody can take away from under its reader."""

from __future__ import annotations

import fcntl
import mmap

__all__ = ["PageError", "map_sealed"]

_F_GET_SEALS = 1034
_F_SEAL_SHRINK = 2


class PageError(Exception):
    """The descriptor is not that of such memory; the text says why."""


def map_sealed(fd: int, size: int) -> memoryview:
    """Return the words of the memory behind `fd`; raises PageError or OSError."""
    try:
        seals = fcntl.fcntl(fd, _F_GET_SEALS)
    except OSError as exc:
        raise PageError(exc.strerror) from None
    if not seals & _F_SEAL_SHRINK:
        msg = "not sealed, it could shrink under its reader"
        raise PageError(msg)
    try:
        return memoryview(mmap.mmap(fd, size)).cast("Q")
    except ValueError as exc:  # it is shorter
        raise PageError(str(exc)) from None
