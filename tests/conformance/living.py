"""A living writer for tear tests: it counts as fast as it can, while rows change."""

from __future__ import annotations

import contextlib
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

from segments import Segment


@contextlib.contextmanager
def living_segment(*, hasty: bool = False) -> Iterator[Segment]:
    """Yield a segment whose writer is under load; rows are retired and recycled.

    A hasty one also makes a SNAP copy as often as it can, so that a reader which does
    not check what it has read finds torn ones.
    """
    directory = Path(tempfile.mkdtemp(dir="/dev/shm"))
    try:
        segment = Segment(directory, "living", "2", "3", "2", "quarantine=20")
        for command in ("load on", "churn on", *(["haste on"] if hasty else [])):
            segment.tell(command)
        try:
            yield segment
        finally:
            segment.close()
    finally:
        shutil.rmtree(directory)
