"""Read what a Snakepit runtime keeps in its segment: metrics, workers, events.

Any process that may read the file can look, also when the runtime is busy, hung or
dead; the runtime never learns of it. Only the standard library is needed. ::

    from snakepit_bridge.segment import Segment

    with Segment("/run/snakepit/prod.seg") as segment:
        print(segment.info.instance, segment.verdict().value)
        snapshot = segment.snapshot()
        for series in snapshot.series("snakepit.requests"):
            print(series.labels, series.value)
        for series in snapshot.series("snakepit.request.duration"):
            print(series.labels, series.histogram.quantile_ns(0.99))
        for event in segment.events():
            print(snapshot.time_ns(event.mono_ns), event.kind, event.to_state)

A snapshot is a copy that stays as it is. This reader takes it from the SNAP tier, the
copy with a checksum that the writer makes every `info.heartbeat_interval_ms`: Python
has no ordered loads, which the live cells would need. A segment belongs to one thread
at a time. Times are integers of nanoseconds since 1970 where a name says `time_ns`.

As a program it prints segments as JSON, like `snakepit-inspect --json --events`::

    python -m snakepit_bridge.segment PATH...
"""

from __future__ import annotations

import enum
import fcntl
import os
import struct
import time
import uuid
from typing import TYPE_CHECKING, NamedTuple, final

from ._segment_file import File, SegmentError, read_header, read_regions, text_of
from ._segment_rings import read_events
from ._segment_schema import DESC_USED_OFF, EnumTable, Metric, read_schema
from ._segment_snapshot import HB_SEQ_OFF, STATE_OFF, Snapshot, Source
from ._segment_values import (
    Event,
    EventCursor,
    Heartbeat,
    Histogram,
    Row,
    Series,
    Stats,
    WorkerRow,
)

if TYPE_CHECKING:
    from types import TracebackType

__all__ = [
    "EnumTable",
    "Event",
    "EventCursor",
    "Heartbeat",
    "Histogram",
    "Metric",
    "Row",
    "Segment",
    "SegmentError",
    "SegmentInfo",
    "Series",
    "Snapshot",
    "Stats",
    "Verdict",
    "WorkerRow",
]

_STATE_CLOSED, _STATE_SUPERSEDED = 3, 4
_BOOT_ID = "/proc/sys/kernel/random/boot_id"
# struct flock of the C library.
_FLOCK = struct.Struct("@hhqqi4x")


class Verdict(enum.Enum):
    """What became of the writer."""

    CLOSED = "closed"  # it ended cleanly
    OLD = "old"  # the file is from an earlier boot
    DEAD = "dead"  # it ended without saying so
    HUNG = "hung"  # it lives, but its heartbeat stands still
    ALIVE = "alive"


class SegmentInfo(NamedTuple):
    """What the header says; it never changes."""

    path: str
    instance: str
    uuid: str
    version: tuple[int, int]
    incarnation: int
    pid: int
    size_bytes: int
    start_time_ns: int
    heartbeat_interval_ms: int
    stale_after_ms: int
    scrape_hint_ms: int


@final
class Segment:
    """A segment, attached: its file is open and its schema has been read.

    Raises SegmentError where the file is not one that can be read, and OSError where
    the operating system has other reasons. Close it, or use it in a `with` statement.
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        """Attach to the segment at `path`."""
        self._attach(path)

    def _attach(self, path: str | os.PathLike[str]) -> None:
        file = File(path)
        try:
            header = read_header(file)
            regions = read_regions(file, header)
            schema = read_schema(file, regions)
        except BaseException:
            file.close()
            raise
        self._source = Source(file, regions, schema)
        self._header = header
        self._seen_heartbeat: tuple[int, float] | None = None
        self.info = SegmentInfo(
            path=os.fsdecode(file.path),
            instance=text_of(header.name) or ("?" if header.name[0] else ""),
            uuid=str(uuid.UUID(bytes=header.instance_uuid)),
            version=(header.ver_major, header.ver_minor),
            incarnation=header.incarnation,
            pid=header.pid,
            size_bytes=file.size,
            start_time_ns=header.start_realtime_ns,
            heartbeat_interval_ms=header.heartbeat_interval_ms,
            stale_after_ms=header.stale_after_ms,
            scrape_hint_ms=header.scrape_hint_ms,
        )

    def close(self) -> None:
        """Detach; snapshots stay as they are."""
        self._source.file.close()

    def __enter__(self) -> Segment:
        return self

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    @property
    def metrics(self) -> tuple[Metric, ...]:
        """All metrics; those of one Prometheus name stand together."""
        return self._source.schema.metrics

    def metric(self, name: str) -> Metric:
        """Return a metric by either of its names; KeyError where there is none."""
        return self._source.schema.metric(name)

    # ---- the writer --------------------------------------------------------------

    def replaced(self) -> bool:
        """Whether the path now leads to another file, or there are more metrics now.

        That is so when the runtime was restarted, or an adapter brought metrics of its
        own.
        """
        try:
            now = os.stat(self._source.file.path)
        except OSError:
            return True
        mine = self._source.file.status
        if (now.st_dev, now.st_ino) != (mine.st_dev, mine.st_ino):
            return True
        source = self._source
        return source.file.word(DESC_USED_OFF) != source.schema.described

    def reattach(self) -> bool:
        """Attach anew where replaced() says so; whether it was so.

        What is attached stays attached when that fails.
        """
        if not self.replaced():
            return False
        before = self._source.file
        self._attach(before.path)
        before.close()
        return True

    def verdict(self) -> Verdict:
        """Say what became of the writer.

        Only a second look after `info.stale_after_ms` can tell hung from alive.
        """
        file = self._source.file
        state = file.word(STATE_OFF)
        if state in (_STATE_CLOSED, _STATE_SUPERSEDED):
            return Verdict.CLOSED
        if self._is_from_earlier_boot():
            return Verdict.OLD
        if not self._is_locked():
            return Verdict.DEAD
        seq, now = file.word(HB_SEQ_OFF), time.monotonic()
        if not self._seen_heartbeat or self._seen_heartbeat[0] != seq:
            self._seen_heartbeat = (seq, now)
        silent_ms = (now - self._seen_heartbeat[1]) * 1000
        return Verdict.HUNG if silent_ms >= self.info.stale_after_ms else Verdict.ALIVE

    def _is_from_earlier_boot(self) -> bool:
        try:
            with open(_BOOT_ID, encoding="ascii") as boot_id:
                now = uuid.UUID(boot_id.read().strip()).bytes
        except (OSError, ValueError):
            return False
        return self._header.boot_id not in (bytes(16), now)

    def _is_locked(self) -> bool:
        """Whether anybody holds the writer's lock, or nobody can say."""
        question = _FLOCK.pack(fcntl.F_RDLCK, os.SEEK_SET, 0, 0, 0)
        try:
            answer = fcntl.fcntl(self._source.file.fd, fcntl.F_OFD_GETLK, question)
        except OSError:
            return True
        return bool(_FLOCK.unpack(answer)[0] != fcntl.F_UNLCK)

    # ---- looking -----------------------------------------------------------------

    def snapshot(self) -> Snapshot:
        """Copy all rows and values, from the SNAP tier."""
        return Snapshot(self._source)

    def events(self, cursor: EventCursor | None = None) -> list[Event]:
        """Return the events that are new to the cursor (without one: all), by time."""
        return read_events(*self._source, cursor or EventCursor())


if __name__ == "__main__":
    import sys

    from snakepit_bridge._segment_json import main

    sys.exit(main(sys.argv[1:]))
