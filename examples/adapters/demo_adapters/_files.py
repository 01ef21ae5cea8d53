"""Reading files that a caller names: regular ones, of bounded size, never waiting."""

from __future__ import annotations

import os
import stat
from typing import List

__all__ = ["MAX_FILE_BYTES", "read_bytes", "read_text", "regular_files"]

MAX_FILE_BYTES = 16 * 1024 * 1024


def read_bytes(path: object) -> bytes:
    """Return the content of a regular file; raises ValueError for anything else.

    Symbolic links are followed: most licence texts are links.
    """
    name = _checked(path)
    try:
        with open(name, "rb", opener=_open_without_waiting) as file:
            status = os.fstat(file.fileno())
            if not stat.S_ISREG(status.st_mode):
                msg = f"{name!r} is not a regular file"
                raise ValueError(msg)
            # The size is what it was a moment ago, and 0 in /proc: the read decides.
            data = file.read(MAX_FILE_BYTES + 1)
    except OSError as exc:
        msg = f"cannot read {name!r}: {exc.strerror}"
        raise ValueError(msg) from None
    if len(data) > MAX_FILE_BYTES:
        msg = f"{name!r} is larger than {MAX_FILE_BYTES} bytes"
        raise ValueError(msg)
    return data


def read_text(path: object) -> str:
    """Return the file's text; raises ValueError when it is not UTF-8."""
    data = read_bytes(path)
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError as exc:
        msg = f"{path!r} is not UTF-8 text: byte {exc.start} is {data[exc.start]:#04x}"
        raise ValueError(msg) from None


def regular_files(directory: str, suffix: str = "") -> List[str]:
    """Return the regular files of a directory, sorted; none when there is no directory.

    Links are left out: they would name the same text twice.
    """
    try:
        with os.scandir(directory) as entries:
            return sorted(
                entry.path
                for entry in entries
                if entry.name.endswith(suffix) and entry.is_file(follow_symlinks=False)
            )
    except OSError:
        return []


def _open_without_waiting(path: str, flags: int) -> int:
    """Open a FIFO, too, at once, even when nobody writes to it."""
    return os.open(path, flags | os.O_NONBLOCK)


def _checked(path: object) -> str:
    if not isinstance(path, str) or not path:
        msg = f"path must be text, not {path!r}"
        raise ValueError(msg)
    if "\0" in path:
        msg = "path must not hold a NUL character"
        raise ValueError(msg)
    if not os.path.isabs(path):
        msg = f"path must be absolute, not {path!r}: a worker has no directory of yours"
        raise ValueError(msg)
    return path
