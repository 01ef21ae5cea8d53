"""Read the segment at $1 every second, as a program of a user might."""

from __future__ import annotations

import sys
import time

from snakepit_bridge.segment import EventCursor, Segment

cursor = EventCursor()
with Segment(sys.argv[1]) as segment:
    while True:
        snapshot = segment.snapshot()
        assert all(series.value >= 0 for series in snapshot.series("snakepit.requests"))
        assert all(event.kind for event in segment.events(cursor))
        time.sleep(1)
