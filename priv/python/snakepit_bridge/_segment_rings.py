"""Rings of events: copied whole, each record checked by its number and checksum."""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING

from ._crc32c import crc32c_records
from ._segment_file import File, Region, Regions, RegionType, u64
from ._segment_values import Event, EventCursor

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ._segment_schema import Schema

__all__ = ["read_events"]

_RING_BYTES = 64
_EVENT = struct.Struct("<15Q")
_U32 = 0xFFFFFFFF
# Numbers of tables in ENUM.
_WORKER_STATE, _EVENT_KIND, _INITIATOR, _MOVE_REASON = 9, 11, 12, 13


def read_events(
    file: File, regions: Regions, schema: Schema, cursor: EventCursor
) -> list[Event]:
    """Return the events that are new to the cursor, by time, ring and number."""
    region = regions.get((RegionType.EVNT, 0))
    if not region:
        return []
    events = [
        _event(schema, ring, words)
        for ring in range(region.outer_count)
        for words in _records(file, region, ring, cursor)
    ]
    return sorted(events, key=lambda e: (e.mono_ns, e.ring, e.seq))


def _records(
    file: File, region: Region, ring: int, cursor: EventCursor
) -> Iterator[tuple[int, ...]]:
    """Yield the new records of a ring; those that are lost are counted."""
    start = region.block(ring)
    head = file.word(start)
    first = cursor.next.get(ring, 0)
    if first > head:  # another ring than the cursor was made for
        first = 0
    oldest = max(head - region.count, 0)
    cursor.lost += max(oldest - first, 0)
    cursor.next[ring] = head
    first = max(first, oldest)
    if first == head:
        return
    width = region.stride
    data = file.read(start + _RING_BYTES, region.count * width)
    checks = crc32c_records(data, width, (*range(8), *range(16, width)))
    for n in range(first, head):
        at = n % region.count * width
        if u64(data, at) == n + 1 and u64(data, at + 8) == checks[at // width]:
            yield _EVENT.unpack_from(data, at)
        else:
            cursor.lost += 1


def _event(schema: Schema, ring: int, words: tuple[int, ...]) -> Event:
    kind = words[3]
    trace_id = f"{words[12]:016x}{words[13]:016x}"
    return Event(
        ring=ring,
        seq=words[0] - 1,
        mono_ns=words[2],
        kind=schema.enum_text(_EVENT_KIND, kind & 0xFFFF),
        initiator=schema.enum_text(_INITIATOR, kind >> 16 & 0xFFFF),
        from_state=schema.enum_text(_WORKER_STATE, kind >> 32 & 0xFFFF),
        to_state=schema.enum_text(_WORKER_STATE, kind >> 48),
        reason=schema.enum_text(_MOVE_REASON, words[4]),
        pool_index=words[5] & _U32,
        slot=words[6] & _U32,
        pool_uid=words[7],
        incarnation=words[8],
        pid=words[9] & _U32,
        values=(words[10], words[11]),
        trace_id=trace_id if any(words[12:14]) else "",
        evidence=words[14],
    )
