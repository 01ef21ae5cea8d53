"""The runtime's side of a worker's beat page and stacks file."""

from __future__ import annotations

import fcntl
import mmap
import os
from typing import TYPE_CHECKING

from worker_process import wait_for

from snakepit_bridge._beat import PAGE_BYTES, Word

if TYPE_CHECKING:
    from typing_extensions import Self

_F_ADD_SEALS = 1033
_F_SEAL_SHRINK = 2
_MAGIC = int.from_bytes(b"SNPBEAT1", "little")


def make_memfd(size: int, seals: int = _F_SEAL_SHRINK) -> int:
    fd = os.memfd_create("test", os.MFD_ALLOW_SEALING)
    os.ftruncate(fd, size)
    fcntl.fcntl(fd, _F_ADD_SEALS, seals)
    return fd


class BeatPage:
    """A page as the runtime makes it, and a file for stacks."""

    def __init__(self, interval_ms: int = 5) -> None:
        self.fd = make_memfd(PAGE_BYTES)
        self.stacks_fd = os.memfd_create("stacks")
        self._words = memoryview(mmap.mmap(self.fd, PAGE_BYTES)).cast("Q")
        self._words[Word.MAGIC] = _MAGIC
        self._words[Word.INTERVAL_MS] = interval_ms

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        os.close(self.fd)
        os.close(self.stacks_fd)

    def arguments(self) -> dict[str, object]:
        """Return what a worker has to be started with to use it."""
        given = ["--beat-fd", str(self.fd), "--stacks-fd", str(self.stacks_fd)]
        return {"arguments": given, "inherit": [self.fd, self.stacks_fd]}

    def __getitem__(self, word: Word) -> int:
        return self._words[word]

    def wait(self, word: Word) -> None:
        """Wait until there is such a beat at all."""
        wait_for(word.name, lambda: self[word])

    def wait_more(self, word: Word, more: int = 1) -> None:
        """Wait until the word has grown by this much."""
        goal = self[word] + more
        wait_for(f"{word.name} of {goal}", lambda: self[word] >= goal)

    def stacks(self) -> str:
        size = os.fstat(self.stacks_fd).st_size
        return os.pread(self.stacks_fd, size, 0).decode()
