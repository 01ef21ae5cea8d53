"""The worker's signs of life, in the page that it shares with the runtime.

Its layout is runtime/beat/beat_page.h. A native thread beats for the process; here are
the beats that need the interpreter: its own, the event loop's, garbage collection, and
progress. Together they tell the runtime a worker that is busy from one that hangs.

Each word is stored through a memoryview of 8-byte items: an aligned store of 8 bytes,
which is one instruction on the platforms we run on, so the runtime sees whole words. A
word has one writing thread at a time. The runtime believes nothing it cannot check: a
worker that writes nonsense only makes itself look ill.
"""

from __future__ import annotations

import asyncio
import ctypes
import gc
import logging
import os
import random
import threading
import time
from contextlib import suppress
from enum import IntEnum

from ._sealed import PageError, map_sealed

__all__ = [
    "PAGE_BYTES",
    "Beats",
    "Word",
    "beats",
    "progress",
    "request_recycle",
    "start_beating",
]

_logger = logging.getLogger(__name__)

PAGE_BYTES = 4096
_MAGIC = int.from_bytes(b"SNPBEAT1", "little")

_FILES = "/proc/self/fd"

_INTERPRETER_S = 1.0
_LOOP_S = 0.5
_JITTER = 0.1  # of the interval, so that the workers of a host do not beat in step

Word = IntEnum(
    "Word",
    [
        "MAGIC",
        "INCARNATION",
        "INTERVAL_MS",
        "PROCESS_SEQ",
        "PROCESS_NS",
        "INTERPRETER_SEQ",
        "INTERPRETER_NS",
        "INTERPRETER_LATE_NS",
        "GC_PAUSE_NS",
        "GC_COLLECTIONS",
        "THREADS",
        "LOOP_SEQ",
        "LOOP_NS",
        "PROGRESS_SEQ",
        "PROGRESS_NS",
        "RECYCLE_WISH",
        "ABANDONED",
        "LOOP_LATE_NS",
        "OPEN_FILES",
    ],
    start=0,
)


class Beats:
    """What beats, and where to: a page, or memory of its own that nobody reads.

    All methods may be called from any thread. A child made by fork() does not beat.
    """

    def __init__(self) -> None:
        """Beat to nowhere."""
        self._words = _nowhere()
        self._progressing = threading.Lock()
        self._gc_began = 0

    def attach(self, fd: int) -> None:
        """Beat to the page behind `fd` from now on; raises PageError or OSError."""
        self._words = _map_page(fd)
        os.register_at_fork(after_in_child=self.detach)

    def detach(self) -> None:
        """Beat to nowhere again."""
        self._words = _nowhere()

    def start_interpreter_beat(self) -> None:
        """Start the thread that beats, and count garbage collections."""
        gc.callbacks.append(self._on_gc)
        threading.Thread(
            target=self._beat_interpreter, name="snakepit-beat", daemon=True
        ).start()

    async def beat_loop(self) -> None:
        """Beat for the running event loop, until cancelled."""
        late_ns = 0
        while True:
            self._words[Word.LOOP_LATE_NS] = late_ns
            self._stamp(Word.LOOP_SEQ)
            pause_s = _about(_LOOP_S)
            planned_ns = time.monotonic_ns() + int(pause_s * 1e9)
            await asyncio.sleep(pause_s)
            late_ns = max(0, time.monotonic_ns() - planned_ns)

    def progress(self) -> None:
        """Note that something came forward."""
        # Whoever finds the lock taken can leave: progress is being noted. To wait might
        # be for ever, in a finalizer that runs in the middle of this very function.
        if self._progressing.acquire(blocking=False):
            try:
                self._stamp(Word.PROGRESS_SEQ)
            finally:
                self._progressing.release()

    def request_recycle(self) -> None:
        """Ask for a replacement."""
        self._words[Word.RECYCLE_WISH] = 1

    def abandoned(self, places: int) -> None:
        """Say how many places are taken by calls that nobody waits for."""
        self._words[Word.ABANDONED] = places

    def _stamp(self, seq: Word) -> None:
        words = self._words
        words[seq + 1] = time.monotonic_ns()
        words[seq] += 1

    def _beat_interpreter(self) -> None:
        late_ns = 0
        while True:
            self._words[Word.INTERPRETER_LATE_NS] = late_ns
            self._words[Word.THREADS] = threading.active_count()
            self._words[Word.OPEN_FILES] = _open_files()
            self._stamp(Word.INTERPRETER_SEQ)
            pause_s = _about(_INTERPRETER_S)
            planned_ns = time.monotonic_ns() + int(pause_s * 1e9)
            time.sleep(pause_s)
            late_ns = max(0, time.monotonic_ns() - planned_ns)

    def _on_gc(self, phase: str, info: object) -> None:
        del info
        if phase == "start":
            self._gc_began = time.monotonic_ns()
        else:
            words = self._words
            words[Word.GC_PAUSE_NS] += time.monotonic_ns() - self._gc_began
            words[Word.GC_COLLECTIONS] += 1


def progress() -> None:
    """Tell the runtime that the current work comes forward.

    For work that takes long between its calls and chunks: with it the runtime waits on,
    also beyond the time that a worker has to start when `initialize()` calls it.
    """
    beats.progress()


def request_recycle() -> None:
    """Ask the runtime to replace this worker by a fresh one when its calls are done."""
    beats.request_recycle()


def start_beating(
    page_fd: int | None, lifeline_fd: int | None, library: str | None
) -> bool:
    """Start all beats but the event loop's; says whether the lifeline is watched.

    What cannot be used is logged and left out: it never stops a worker. A page's
    descriptor is closed; one that turns out to be something else is left alone.
    """
    if page_fd is not None:
        try:
            beats.attach(page_fd)
        except (OSError, PageError) as exc:
            _logger.warning("no beat page: descriptor %d: %s", page_fd, exc)
            page_fd = None
    watched = library is not None and _start_native(library, page_fd, lifeline_fd)
    if page_fd is not None:
        os.close(page_fd)
        beats.start_interpreter_beat()
    return watched


def _start_native(library: str, page_fd: int | None, lifeline_fd: int | None) -> bool:
    if page_fd is None and lifeline_fd is None:
        return False
    try:
        start = ctypes.CDLL(library).snp_beat_start
    except (OSError, AttributeError) as exc:
        _logger.warning("no native beat: %s", exc)
        return False
    start.argtypes = (ctypes.c_int, ctypes.c_int)
    start.restype = ctypes.c_int
    error = start(
        -1 if page_fd is None else page_fd, -1 if lifeline_fd is None else lifeline_fd
    )
    if error < 0:
        _logger.warning("no native beat: %s", os.strerror(-error))
    return error == 0 and lifeline_fd is not None


def _map_page(fd: int) -> memoryview:
    words = map_sealed(fd, PAGE_BYTES)
    if words[Word.MAGIC] != _MAGIC:
        msg = "no beat page in it"
        raise PageError(msg)
    return words


def _nowhere() -> memoryview:
    return memoryview(bytearray(PAGE_BYTES)).cast("Q")


def _open_files() -> int:
    with suppress(OSError):
        # The size is their number since Linux 6.2. The one that lists them is not ours.
        return os.stat(_FILES).st_size or len(os.listdir(_FILES)) - 1
    return 0


def _about(seconds: float) -> float:
    return seconds * random.uniform(1 - _JITTER, 1 + _JITTER)  # noqa: S311 - no secret


beats = Beats()  # of this process
