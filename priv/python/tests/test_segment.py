"""snakepit_bridge.segment on the segment that all readers are tested with.

What every reader has to say of odd and broken segments is in tests/conformance; here is
what only a user of this module sees.
"""

from __future__ import annotations

import decimal
import fcntl
import gzip
import hashlib
import json
import os
import struct
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from snakepit_bridge import _segment_file
from snakepit_bridge._crc32c import crc32c, crc32c_records
from snakepit_bridge.segment import (
    EventCursor,
    Histogram,
    Segment,
    SegmentError,
    Verdict,
)

if TYPE_CHECKING:
    from collections.abc import Callable

PACKAGE = Path(__file__).resolve().parents[1]
GOLDEN = PACKAGE.parents[1] / "tests/golden/segments"
BOOT_ID_OFF, HDR_CRC_OFF, SNAP_SEQ_OFF, HB_SEQ_OFF = 0x40, 0xF0, 0x340, 0x1C0


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Return the path of a fresh copy of the full golden segment."""
    file = tmp_path / "full.seg"
    file.write_bytes(gzip.decompress((GOLDEN / "full.seg.gz").read_bytes()))
    file.chmod(0o640)
    return file


def poke(path: Path, offset: int, data: bytes) -> None:
    with path.open("r+b") as file:
        file.seek(offset)
        file.write(data)


def forget_boot(path: Path) -> None:
    """Make the segment one of this boot, as far as anybody knows."""
    poke(path, BOOT_ID_OFF, bytes(16))
    header = path.read_bytes()[:HDR_CRC_OFF]
    poke(path, HDR_CRC_OFF, struct.pack("<I", crc32c(header)))


# ---- checksums -----------------------------------------------------------------------


def bitwise_crc(data: bytes) -> int:
    register = 0xFFFFFFFF
    for byte in data:
        register ^= byte
        for _ in range(8):
            register = register >> 1 ^ (0x82F63B78 if register & 1 else 0)
    return register ^ 0xFFFFFFFF


def test_crc32c_gives_the_known_answers() -> None:
    # RFC 3720, B.4
    assert crc32c(b"") == 0
    assert crc32c(b"123456789") == 0xE3069283
    assert crc32c(bytes(32)) == 0x8A9136AA
    assert crc32c(b"\xff" * 32) == 0x62A8AB43
    assert crc32c(bytes(range(32))) == 0x46DD794E


@pytest.mark.parametrize("size", [1, 2047, 2048, 2049, 4096, 5001, 20000])
def test_crc32c_of_long_messages_is_that_of_short_ones(size: int) -> None:
    data = hashlib.shake_128(b"noise").digest(size)
    assert crc32c(data) == bitwise_crc(data)


def test_crc32c_of_records_is_that_of_each() -> None:
    data = hashlib.shake_128(b"noise").digest(7 * 24)
    columns = (*range(8), *range(16, 24))
    expected = [
        bitwise_crc(data[at : at + 8] + data[at + 16 : at + 24])
        for at in range(0, len(data), 24)
    ]
    assert crc32c_records(data, 24, columns) == expected


# ---- looking -------------------------------------------------------------------------


def test_info_is_what_the_header_says(path: Path) -> None:
    with Segment(path) as seg:
        assert seg.info.path == str(path)
        assert seg.info.instance == "full"
        assert seg.info.version == (1, 0)
        assert seg.info.pid == 4711
        assert seg.info.size_bytes == path.stat().st_size


def test_rows_know_their_pool(path: Path) -> None:
    with Segment(path) as seg:
        snapshot = seg.snapshot()
    assert [pool.name for pool in snapshot.pools] == ["default", "search"]
    assert [tool.pool for tool in snapshot.tools] == ["default"] * 2 + ["search"] * 2
    worker = snapshot.workers[1]
    assert (worker.worker_id, worker.pid) == ("default/1#2", 1001)
    assert worker.last_error.endswith("ImportError: café")


def test_series_have_labels_and_values_in_the_unit(path: Path) -> None:
    with Segment(path) as seg:
        snapshot = seg.snapshot()
        by_tool = list(snapshot.series("snakepit.requests"))
        assert by_tool[0].labels == {"pool": "default", "method": "café"}
        assert isinstance(by_tool[0].value, int)
        by_outcome = list(snapshot.series("snakepit.pool.request.outcomes"))
        assert by_outcome[0].labels == {"pool": "default", "outcome": "ok"}
        assert [series.value for series in by_outcome[:2]] == [80, 11]
        (started,) = snapshot.series("snakepit_start_time_seconds")
        assert started.decimal == decimal.Decimal(seg.info.start_time_ns) / 10**9
        assert isinstance(started.value, float)
        states = [series.state for series in snapshot.series("snakepit.worker.state")]
        assert set(states) <= set(seg.metric("snakepit.worker.state").enum.values)  # type: ignore[union-attr]
        with pytest.raises(KeyError):
            list(snapshot.series("no.such.metric"))


def test_workers_are_counted_by_status(path: Path) -> None:
    with Segment(path) as seg:
        snapshot = seg.snapshot()
    counted = {
        (series.labels["pool"], series.labels["state"]): series.value
        for series in snapshot.series("snakepit.workers")
    }
    for pool in snapshot.pools:
        statuses = [w.status for w in snapshot.workers if w.pool == pool.name]
        for status in ("starting", "idle", "busy", "draining", "down"):
            assert counted[pool.name, status] == statuses.count(status)


def test_a_snapshot_outlives_the_segment(path: Path) -> None:
    with Segment(path) as seg:
        snapshot = seg.snapshot()
    path.unlink()
    for metric in snapshot.metrics:
        assert list(snapshot.series(metric)) is not None
    assert snapshot.time_ns(0) == 0
    assert snapshot.time_ns(snapshot.heartbeat.mono_ns) == snapshot.heartbeat.real_ns


def histogram(*counts: int) -> Histogram:
    return Histogram((1000, 2000, 4000), counts, 0, 900)


@pytest.mark.parametrize(
    ("counts", "q", "expected"),
    [
        ((0, 0, 0, 0), 0.5, 0),
        ((5, 0, 0, 0), 0.5, 900),
        ((0, 1, 0, 0), 0.0, 1414),
        ((0, 1, 0, 0), 1.0, 1414),
        ((1, 0, 99, 0), 0.01, 900),
        ((1, 0, 99, 0), 0.02, 2828),
        ((0, 0, 0, 1), 0.5, 4000),
    ],
)
def test_quantile(counts: tuple[int, ...], q: float, expected: int) -> None:
    assert histogram(*counts).quantile_ns(q) == expected


def test_buckets_are_those_in_use() -> None:
    shown = histogram(1, 0, 2, 3)
    assert list(shown.buckets()) == [(1000, 1), (4000, 2), (None, 3)]
    assert shown.count == 6


# ---- events --------------------------------------------------------------------------


def test_a_cursor_goes_on_where_it_was(path: Path) -> None:
    cursor = EventCursor()
    with Segment(path) as seg:
        events = seg.events(cursor)
        assert [e.mono_ns for e in events] == sorted(e.mono_ns for e in events)
        assert len(events) + cursor.lost == sum(cursor.next.values())
        assert seg.events(cursor) == []
        assert seg.events() == events
        assert seg.snapshot().pool_name(events[-1]) == "search"


def test_what_the_cursor_missed_is_counted(path: Path) -> None:
    cursor = EventCursor()
    with Segment(path) as seg:
        seg.events(cursor)
        ring = 0
        cursor.next[ring] -= 3
        assert [e.seq for e in seg.events(cursor)] == [
            cursor.next[ring] - 3 + i for i in range(3)
        ]
        before = cursor.lost
        cursor.next[ring] = 0
        capacity = len(seg.events(cursor))
        assert cursor.lost - before == cursor.next[ring] - capacity


# ---- files that change ---------------------------------------------------------------


@pytest.mark.parametrize("size", [0, 4096, 100000])
def test_a_file_cut_short_is_damage(path: Path, size: int) -> None:
    with Segment(path) as seg:
        seg.snapshot()
        os.truncate(path, size)
        for look in (seg.snapshot, seg.events):
            with pytest.raises(SegmentError) as caught:
                look()
            assert (caught.value.kind, caught.value.field) == ("damaged", "file")


def test_reattach_follows_the_path(path: Path) -> None:
    with Segment(path) as seg:
        assert not seg.replaced()
        assert not seg.reattach()
        other = path.with_name("other")
        packed = (GOLDEN / "closed.seg.gz").read_bytes()
        other.write_bytes(gzip.decompress(packed))
        other.rename(path)
        assert seg.replaced()
        assert seg.reattach()
        assert seg.info.instance == "closed"
        assert seg.verdict() is Verdict.CLOSED
        path.unlink()
        assert seg.replaced()
        with pytest.raises(SegmentError):
            seg.reattach()
        assert seg.snapshot().state == "closed"


def test_a_half_that_is_torn_is_read_again(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    read = _segment_file.File.read
    torn = iter([b"\xff"])

    def tearing(file: _segment_file.File, offset: int, length: int) -> bytes:
        data = read(file, offset, length)
        if length > 10000:
            data = data[:-1] + next(torn, data[-1:])
        return data

    with Segment(path) as seg:
        monkeypatch.setattr(_segment_file.File, "read", tearing)
        assert seg.snapshot().stats.retries == 1


# ---- refusals ------------------------------------------------------------------------


def test_errors_say_what_and_where(path: Path) -> None:
    with pytest.raises(SegmentError) as caught:
        Segment(path.with_name("nothing"))
    error = caught.value
    assert (error.kind, error.field) == ("missing", "path")
    assert error.path in str(error)
    with pytest.raises(OSError, match="too long"):
        Segment("x" * 5000)


@pytest.mark.parametrize(("user", "outcome"), [(0, ""), (12345, ""), (54321, "owner")])
def test_only_own_files_and_those_of_root_are_read(
    path: Path, monkeypatch: pytest.MonkeyPatch, user: int, outcome: str
) -> None:
    fstat = os.fstat

    def owned(fd: int) -> os.stat_result:
        fields = list(fstat(fd))
        fields[4] = 12345
        return os.stat_result(fields)

    monkeypatch.setattr(os, "fstat", owned)
    monkeypatch.setattr(os, "geteuid", lambda: user)
    if outcome:
        with pytest.raises(SegmentError) as caught:
            Segment(path)
        assert caught.value.field == outcome
    else:
        Segment(path).close()


def test_a_refused_file_is_closed(path: Path) -> None:
    poke(path, 0, b"x")
    before = os.listdir("/proc/self/fd")
    with pytest.raises(SegmentError):
        Segment(path)
    assert os.listdir("/proc/self/fd") == before


# ---- the writer ----------------------------------------------------------------------


def lock(fd: int, kind: int) -> None:
    """Take or give back the lock that a writer holds."""
    fcntl.fcntl(fd, fcntl.F_OFD_SETLK, struct.pack("@hhqqi4x", kind, 0, 0, 0, 0))


def test_the_lock_tells_dead_from_alive(path: Path) -> None:
    with Segment(path) as seg:
        assert seg.verdict() is Verdict.OLD
    forget_boot(path)
    with Segment(path) as seg, path.open("r+b") as writer:
        assert seg.verdict() is Verdict.DEAD
        lock(writer.fileno(), fcntl.F_WRLCK)
        assert seg.verdict() is Verdict.ALIVE
        lock(writer.fileno(), fcntl.F_UNLCK)
        assert seg.verdict() is Verdict.DEAD


def test_two_looks_tell_hung_from_alive(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    forget_boot(path)
    now = [100.0]
    monkeypatch.setattr(time, "monotonic", lambda: now[0])
    with Segment(path) as seg, path.open("r+b") as writer:
        lock(writer.fileno(), fcntl.F_WRLCK)
        stale_s = seg.info.stale_after_ms / 1000
        assert seg.verdict() is Verdict.ALIVE
        now[0] += stale_s * 0.99
        assert seg.verdict() is Verdict.ALIVE
        now[0] += stale_s * 0.02
        assert seg.verdict() is Verdict.HUNG
        seq = struct.unpack("<Q", os.pread(writer.fileno(), 8, HB_SEQ_OFF))[0]
        poke(path, HB_SEQ_OFF, struct.pack("<Q", seq + 2))
        assert seg.verdict() is Verdict.ALIVE


# ---- the module ----------------------------------------------------------------------


def run_python(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, *arguments],
        env={**os.environ, "PYTHONPATH": str(PACKAGE)},
        capture_output=True,
        text=True,
        check=False,
    )


def test_only_the_standard_library_is_needed(path: Path) -> None:
    script = """
import sys
for name in ("grpc", "google", "google.protobuf"):
    sys.modules[name] = None
from snakepit_bridge.segment import Segment
print(Segment(sys.argv[1]).info.instance)
"""
    done = run_python("-c", script, path)
    assert done.stdout == "full\n", done.stderr


def test_the_program_prints_a_line_a_path(path: Path) -> None:
    missing = path.with_name("missing")
    done = run_python("-m", "snakepit_bridge.segment", path, missing, path)
    first, second, third = map(json.loads, done.stdout.splitlines())
    assert first["segment"]["instance"] == third["segment"]["instance"] == "full"
    assert second["error"]["kind"] == "missing"
    assert str(missing) in done.stderr
    assert done.returncode == 3
    assert run_python("-m", "snakepit_bridge.segment").returncode == 2


def wrong_calls() -> list[Callable[[Segment], object]]:
    return [Segment.snapshot, Segment.events, Segment.verdict]


@pytest.mark.parametrize("call", wrong_calls())
def test_a_closed_segment_is_of_no_use(
    path: Path, call: Callable[[Segment], object]
) -> None:
    seg = Segment(path)
    seg.close()
    seg.close()
    with pytest.raises(OSError, match="descriptor"):
        call(seg)
