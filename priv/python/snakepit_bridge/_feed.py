"""The memory in which a worker counts its adapter's metrics: a small segment.

It is of the format of shm/format/segment.md, with one writer, this process, and one
row, the process itself. The runtime made it as a sealed memfd and adds what is new of
it to its own segment once a second, and once more when the worker is gone: nothing is
lost however it ends. Where there is no runtime the same bytes are private memory.

The runtime believes none of it. Its side is runtime/worker/feed.c, which expects the
regions where they are put here.
"""

from __future__ import annotations

import math
import os
import struct
import time
from typing import TYPE_CHECKING

from ._sealed import map_sealed

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = [
    "COUNTER",
    "FEED_BYTES",
    "GAUGE",
    "HISTOGRAM",
    "LONG_STEP_NS",
    "NO_VALUE",
    "SUM_WORD",
    "UPPER_NS",
    "Feed",
    "FeedFullError",
]

COUNTER, GAUGE, HISTOGRAM = 1, 3, 4
NO_VALUE = 0xFFFFFFFFFFFFFFFF  # a NaN: the gauge was never set

# Inclusive upper bounds of a histogram's words but the last, eight an octave: 10^9
# times the eighth roots of powers of two, rounded down. What is rounded down twice, by
# roots and by shifts, is as if it were once.
_BUCKETS, _SCALE, _IDX_MIN = 256, 3, -160
_ROOTS = tuple(
    math.isqrt(math.isqrt(math.isqrt(10**72 << 8 * 64 + eighth))) for eighth in range(8)
)
UPPER_NS = tuple(_ROOTS[k % 8] >> 64 + 20 - k // 8 for k in range(_BUCKETS + 1))
SUM_WORD = _BUCKETS + 2
LONG_STEP_NS = 64
_LONG_OCTAVES = 6

# Regions: type, offset, bytes, bytes an entry. DESC, STRT, BNDS, BANK.
_WORD = 8
_DESC_OFF, _DESC_BYTES = 0x2000, 128
_STRT_OFF, _STRT_BYTES = 0x4000, 0x6000
_BNDS_OFF, _BNDS_BYTES = 0xA000, 0x3000
_CELLS_OFF, _CELLS_BYTES = 0xD000, 0x9000
FEED_BYTES = _CELLS_OFF + _CELLS_BYTES
_METRICS_MAX = 64
_REGIONS = (
    (1, _DESC_OFF, _METRICS_MAX * _DESC_BYTES, _DESC_BYTES),
    (2, _STRT_OFF, _STRT_BYTES, 1),
    (5, _BNDS_OFF, _BNDS_BYTES, _WORD),
    (9, _CELLS_OFF, _CELLS_BYTES, _CELLS_BYTES),
)

_HEADER = struct.Struct("<8sI4HI3Q16s16sQ2I8Q4I64s")
_REGION = struct.Struct("<2I6Q2I")
_DESC = struct.Struct("<I8B3I3Ii3I4IiHbB2HQ3I")
_HEARTBEAT = struct.Struct("<7Q")
_CRC_OFF, _DIR_OFF, _HEARTBEAT_OFF = 0xF0, 0x1000, 0x200
_STATE, _DESC_USED, _STRT_USED, _BANK_HIGH, _ROW_HIGH = (
    off // _WORD for off in (0x100, 0x180, 0x188, 0x190, 0x198)
)
_LIVE = 1
_U64, _F64 = 1, 3
_BANK, _PROC, _INFO = 1, 0, 1


class FeedFullError(Exception):
    """There is no room for one more metric."""


class Feed:
    """The words of the memory, and what is where in it.

    declare() and the moves belong under a lock of the caller's; words may be counted in
    by whoever owns the metric.
    """

    def __init__(self) -> None:
        """Count in private memory, which nobody reads."""
        self.words = _private()
        self._metrics = 0
        self._strings = _WORD  # reference 0 is the empty string
        self._cells = 0

    def attach(self, fd: int) -> None:
        """Count in the memory behind `fd` from now on; raises PageError or OSError."""
        self._move(map_sealed(fd, FEED_BYTES))

    def detach(self) -> None:
        """Go on in private memory, with what was counted so far."""
        self._move(_private())

    def declare(self, kind: int, name: str, unit: str, text: str) -> Callable[[], int]:
        """Make a metric and return what publishes it and says its first word.

        Two steps, so that the caller can release and take a lock between them: what the
        first one stores is then seen before what the second one does.
        """
        cell_bytes = _WORD * (SUM_WORD + 1 if kind == HISTOGRAM else 1)
        strings = [encoded.encode() for encoded in (name, unit, text)]
        room = sum(_string_bytes(string) for string in strings)
        if (
            self._metrics == _METRICS_MAX
            or self._cells + cell_bytes > _CELLS_BYTES
            or self._strings + room > _STRT_BYTES
        ):
            raise FeedFullError
        if self._metrics == 0:
            self._begin()
        at = (_CELLS_OFF + self._cells) // _WORD
        if kind == GAUGE:
            self.words[at] = NO_VALUE
        self._describe(kind, unit, [self._add_string(string) for string in strings])
        self._cells += cell_bytes
        self._metrics += 1

        def publish() -> int:
            self.words[_STRT_USED] = self._strings
            self.words[_DESC_USED] = self._metrics
            self.words[_STATE] = _LIVE
            return at

        return publish

    def _move(self, words: memoryview) -> None:
        if self._metrics:
            words[:] = self.words
        self.words = words

    # ---- the bytes ---------------------------------------------------------------

    def _put(self, off: int, data: bytes) -> None:
        self.words.cast("B")[off : off + len(data)] = data

    def _add_string(self, string: bytes) -> int:
        at = self._strings
        if not string:
            return 0
        self._put(_STRT_OFF + at, struct.pack("<I", len(string)) + string)
        self._strings += _string_bytes(string)
        return at // _WORD

    def _describe(self, kind: int, unit: str, strings: list[int]) -> None:
        name, unit_ref, text = strings
        histogram, time_like = kind == HISTOGRAM, unit == "s"
        octaves = 0 if time_like or not histogram else _LONG_OCTAVES
        stride = _WORD * (SUM_WORD + 1 if histogram else 1)
        nanoseconds = histogram or (time_like and kind == COUNTER)
        fields = (
            *(self._metrics + 1, kind, _F64 if kind == GAUGE else _U64, _BANK, 0),
            *(_PROC, _INFO, 0, 0, self._cells, 1, stride),
            *(name, name, unit_ref, -9 if nanoseconds else 0, text, 0, 0, 0),
            *(0, 0, 0, _IDX_MIN + octaves * 2**_SCALE if histogram else 0),
            *((_BUCKETS, _SCALE) if histogram else (0, 0)),
            *(0, 0, 0, UPPER_NS[0] << octaves if histogram else 0),
            *(0, 0, len(UPPER_NS) if octaves else 0),
        )
        self._put(_DESC_OFF + self._metrics * _DESC_BYTES, _DESC.pack(*fields))

    def _begin(self) -> None:
        """Write what all readers need, before the first metric."""
        # Its tables take long to make, and most workers have no metrics.
        from ._crc32c import crc32c  # noqa: PLC0415

        regions = b"".join(
            _REGION.pack(kind, 0, off, size, stride, size // stride, 0, 1, 1, 0)
            for kind, off, size, stride in _REGIONS
        )
        now, real = time.monotonic_ns(), time.time_ns()
        header = _HEADER.pack(
            *(b"\x93SNKM\r\n\x1a", 0x01020304, 1, 0, 1, 0, 0x380, 0, 0, FEED_BYTES),
            *(_uuid4(), bytes(16), 1, os.getpid(), os.geteuid(), 0, 0, 0),
            *(now, real, _DIR_OFF, len(_REGIONS), 0, 1000, 10000, 1000, 1000),
            b"snakepit-worker",
        )
        checks = struct.pack("<2I", crc32c(header), crc32c(regions))
        beat = _HEARTBEAT.pack(0, now, real, 0, 0, 0, 0)
        self._put(0, header + checks)
        self._put(_DIR_OFF, regions)
        self._put(_HEARTBEAT_OFF, beat + struct.pack("<Q", crc32c(beat)))
        bounds = [*UPPER_NS, *(bound << _LONG_OCTAVES for bound in UPPER_NS)]
        self._put(_BNDS_OFF, struct.pack(f"<{len(bounds)}Q", *bounds))
        self.words[_BANK_HIGH] = self.words[_ROW_HIGH] = 1


def _uuid4() -> bytes:
    random = bytearray(os.urandom(16))  # the module for it takes long to import
    random[6] = random[6] & 0x0F | 0x40
    random[8] = random[8] & 0x3F | 0x80
    return bytes(random)


def _private() -> memoryview:
    return memoryview(bytearray(FEED_BYTES)).cast("Q")


def _string_bytes(string: bytes) -> int:
    return (4 + len(string) + 1 + 7) // 8 * 8 if string else 0
