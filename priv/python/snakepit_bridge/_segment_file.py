"""The file of a segment: opened with care, its header and directory checked.

Everything is read with pread: a file that becomes shorter meanwhile is an error here,
where a memory map would end the process.
"""

from __future__ import annotations

import dataclasses
import errno
import os
import stat
import struct
from typing import NamedTuple, NoReturn

from ._crc32c import crc32c

__all__ = [
    "LATCH_BYTES",
    "METERS",
    "POOL",
    "PROC",
    "RECORD_BYTES",
    "ROW_KINDS",
    "TOOL",
    "WORKER",
    "File",
    "Header",
    "Region",
    "RegionType",
    "Regions",
    "SegmentError",
    "read_header",
    "read_regions",
    "text_of",
    "u64",
]

_MAGIC = b"\x93SNKM\r\n\x1a"
_ENDIAN = 0x01020304
_MAJOR = 1
_HEADER_BYTES = 4096
_MAX_BYTES = 1 << 32
_DIR_MAX = 64
_REGION_BYTES = 64
_RING_BYTES = 64
_SNAP_BYTES = 512
_CHECKED_BYTES = 0xF0

LATCH_BYTES = 320
RECORD_BYTES = 128
METERS = range(0x300, 0x340)

PROC, POOL, WORKER, TOOL = range(4)
ROW_KINDS = 4


class SegmentError(Exception):
    """A segment that cannot be read.

    `kind` is `missing`, `denied`, `damaged`, `version` or `not_ready` (try again soon),
    `field` what is wrong with it, in the words of the format's section 7.
    """

    def __init__(self, kind: str, field: str, path: str, text: str) -> None:
        """Say what is wrong with the file at `path`."""
        super().__init__(f"{path} {text}")
        self.kind = kind
        self.field = field
        self.path = path


# ---- the file ------------------------------------------------------------------------


class File:
    """A file that may be a segment, open for reading."""

    def __init__(self, path: str | os.PathLike[str]) -> None:
        """Open it, but no link, nothing that blocks and nothing that others write."""
        self.path = os.fspath(path)
        flags = os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK
        try:
            self.fd = os.open(self.path, flags)
        except OSError as exc:
            self._refuse_open(exc)
        try:
            self.status = os.fstat(self.fd)
            self._check()
        except BaseException:
            os.close(self.fd)
            raise

    def refuse(self, kind: str, field: str, text: str) -> NoReturn:
        """Raise the error that says why."""
        raise SegmentError(kind, field, os.fsdecode(self.path), text)

    def damaged(self, field: str, text: str = "") -> NoReturn:
        """Raise the error that most are."""
        self.refuse("damaged", field, text or f"is damaged ({field})")

    def _refuse_open(self, exc: OSError) -> NoReturn:
        if exc.errno in (errno.ENOENT, errno.ENOTDIR):
            self.refuse("missing", "path", "does not exist")
        if exc.errno == errno.ELOOP:
            self.refuse("denied", "path", "is a symbolic link")
        if exc.errno in (errno.EACCES, errno.EPERM):
            self.refuse("denied", "path", "cannot be read: permission denied")
        if exc.errno in (errno.ENXIO, errno.ENODEV):  # a socket
            self.refuse("denied", "path", "is not a regular file")
        raise exc

    def _check(self) -> None:
        status = self.status
        if not stat.S_ISREG(status.st_mode):
            self.refuse("denied", "path", "is not a regular file")
        if status.st_mode & stat.S_IWOTH:
            self.refuse("denied", "mode", "is writable by everybody")
        user = os.geteuid()
        if user != 0 and status.st_uid not in (0, user):
            self.refuse("denied", "owner", "belongs to somebody else")
        if not _HEADER_BYTES <= status.st_size <= _MAX_BYTES:
            text = f"is not a segment: it has {status.st_size} bytes"
            self.damaged("file", text)

    @property
    def size(self) -> int:
        """Bytes that the file had when it was opened; it never changes."""
        return self.status.st_size

    def read(self, offset: int, length: int) -> bytes:
        """Read exactly that many bytes, which were in the file when it was opened."""
        parts = []
        while length > 0:
            part = os.pread(self.fd, length, offset)
            if not part:
                self.damaged("file", "became shorter while it was read")
            parts.append(part)
            offset += len(part)
            length -= len(part)
        return parts[0] if len(parts) == 1 else b"".join(parts)

    def word(self, offset: int) -> int:
        """Read the 64-bit word at an offset."""
        return u64(self.read(offset, 8))

    def close(self) -> None:
        """Close it; nothing else works afterwards."""
        if self.fd >= 0:
            os.close(self.fd)
            self.fd = -1


def u64(data: bytes, offset: int = 0) -> int:
    """Return the 64-bit word at an offset."""
    return int.from_bytes(data[offset : offset + 8], "little")


def text_of(data: bytes) -> str:
    """Return the text up to the first NUL or the end; "" where it is not UTF-8."""
    try:
        return data.partition(b"\0")[0].decode("utf-8")
    except UnicodeDecodeError:
        return ""


# ---- header --------------------------------------------------------------------------


class Header(NamedTuple):
    """The part of the header that never changes."""

    magic: bytes
    endian: int
    ver_major: int
    ver_minor: int
    compat_major_min: int
    reserved0: int
    header_size: int
    feat_incompat: int
    feat_compat: int
    map_size: int
    instance_uuid: bytes
    boot_id: bytes
    incarnation: int
    pid: int
    uid: int
    pid_start_ticks: int
    pidns_inode: int
    timens_inode: int
    start_monotonic_ns: int
    start_realtime_ns: int
    dir_off: int
    dir_count: int
    schema_hash: int
    heartbeat_interval_ms: int
    stale_after_ms: int
    scrape_hint_ms: int
    reuse_quarantine_ms: int
    name: bytes
    hdr_crc: int
    dir_crc: int


_HEADER = struct.Struct("<8sI4HI3Q16s16sQ2I8Q4I64s2I")
_STATE_OFF = 0x100
_STATE_INIT = 0


def _check_version(file: File, header: Header) -> None:
    if header.magic != _MAGIC:
        file.damaged("magic", "is not a Snakepit segment (magic)")
    if header.endian != _ENDIAN:
        file.damaged("endian")
    if header.ver_major != _MAJOR:
        text = (
            f"has format {header.ver_major}.{header.ver_minor}, this is a reader of"
            f" {_MAJOR}.x"
        )
        file.refuse("version", "ver_major", text)
    if header.feat_incompat:
        text = f"needs features {header.feat_incompat:#x}, unknown to this reader"
        file.refuse("version", "feat_incompat", text)


def read_header(file: File) -> Header:
    """Read and check the header, in the order in which every reader checks it."""
    # The state first: all else is complete once it is not INIT.
    state = file.word(_STATE_OFF)
    data = file.read(0, _STATE_OFF)
    header = Header(*_HEADER.unpack_from(data))
    _check_version(file, header)
    if header.hdr_crc != crc32c(data[:_CHECKED_BYTES]):
        file.damaged("hdr_crc")
    if header.map_size != file.size:
        file.damaged("map_size")
    if not 1 <= header.dir_count <= _DIR_MAX:
        file.damaged("dir_count")
    if header.dir_off % 8 or not _inside(
        header.dir_off, header.dir_count * _REGION_BYTES, file.size
    ):
        file.damaged("dir_off")
    for field in ("heartbeat_interval_ms", "stale_after_ms"):
        if getattr(header, field) == 0:
            file.damaged(field)
    if state == _STATE_INIT:
        file.refuse("not_ready", "state", "is still being built; try again")
    return header


# ---- directory -----------------------------------------------------------------------


class RegionType:
    """Numbers of the regions that this reader looks at, or checks."""

    DESC, STRT, KEYS, ENUM, BNDS = 1, 2, 3, 4, 5
    ROWD, ROWC, BANK, SNAP, INFL = 7, 8, 9, 10, 11
    EVNT, EVID, SPAN, HIST, TEXT, THRD, LEDG = range(12, 19)


@dataclasses.dataclass(frozen=True)
class Region:
    """An entry of the directory."""

    type: int
    kind: int
    off: int
    len: int
    stride: int
    count: int
    outer_stride: int
    outer_count: int
    version: int
    reserved: int

    def block(self, index: int) -> int:
        """Return where a block starts."""
        return self.off + index * self.outer_stride


Regions = dict[tuple[int, int], Region]

_REGION = struct.Struct("<2I6Q2I")
# Bytes of an entry, and the multiple that its stride must be of.
_ENTRY = {
    RegionType.DESC: (128, 8),
    RegionType.KEYS: (16, 4),
    RegionType.ROWD: (384, 8),
    RegionType.ROWC: (LATCH_BYTES, 8),
    RegionType.BANK: (8, 8),
    RegionType.SNAP: (_SNAP_BYTES, 8),
    RegionType.INFL: (256, 8),
    RegionType.EVNT: (128, 8),
    RegionType.EVID: (4096, 8),
    RegionType.SPAN: (384, 8),
    RegionType.TEXT: (1024, 8),
    RegionType.THRD: (128, 8),
    RegionType.LEDG: (LATCH_BYTES, 8),
}
_POOL_SAMPLE_BYTES, _SAMPLE_BYTES = 192, 64
_WORDS = {RegionType.STRT: 1, RegionType.ENUM: 4, RegionType.BNDS: 8}
_HALVES = 2
_RINGS = (RegionType.EVNT, RegionType.EVID, RegionType.SPAN, RegionType.HIST)


def _inside(off: int, length: int, size: int) -> bool:
    return length <= size and off <= size - length


def _stride_fits(region: Region) -> bool:
    if region.type in _WORDS:
        return region.stride == _WORDS[region.type]
    if region.type == RegionType.HIST:
        least = _POOL_SAMPLE_BYTES if region.kind == POOL else _SAMPLE_BYTES
        multiple = 8
    else:
        least, multiple = _ENTRY.get(region.type, (1, 1))
    return least <= region.stride <= _MAX_BYTES and region.stride % multiple == 0


def _region_fits(region: Region, size: int) -> bool:
    if region.off % 8 or region.outer_count == 0 or not _stride_fits(region):
        return False
    # Integers of Python do not wrap, so products need no care.
    length = region.len
    if region.outer_count > 1:
        if region.outer_stride % 8 or region.outer_stride < length:
            return False
        length += (region.outer_count - 1) * region.outer_stride
    ring = region.type in _RINGS
    if (ring or region.type in (RegionType.INFL, RegionType.SNAP)) and not region.count:
        return False
    if region.type == RegionType.SNAP and region.outer_count < _HALVES:
        return False
    entries = region.count * region.stride + (_RING_BYTES if ring else 0)
    return entries <= region.len and _inside(region.off, length, size)


def _cells_for_all_rows(regions: Regions) -> bool:
    for kind in range(ROW_KINDS):
        directory = regions.get((RegionType.ROWD, kind))
        rows = 1 if kind == PROC else directory.count if directory else 0
        for cells in (RegionType.ROWC, RegionType.BANK, RegionType.LEDG):
            region = regions.get((cells, kind))
            if region and region.count < rows:
                return False
    return True


def read_regions(file: File, header: Header) -> Regions:
    """Read and check the directory; regions are found by type and row kind."""
    data = file.read(header.dir_off, header.dir_count * _REGION_BYTES)
    if header.dir_crc != crc32c(data):
        file.damaged("dir_crc")
    regions: Regions = {}
    for index, fields in enumerate(_REGION.iter_unpack(data)):
        region = Region(*fields)
        if not _region_fits(region, file.size):
            text = f"is damaged: region {index} (type {region.type}) does not fit"
            file.damaged("directory", text)
        if regions.setdefault((region.type, region.kind), region) is not region:
            text = f"is damaged: region {index} (type {region.type}) is there twice"
            file.damaged("directory", text)
    if (RegionType.DESC, 0) not in regions or (RegionType.STRT, 0) not in regions:
        file.damaged("directory", "is damaged: no descriptors or no strings")
    if not _cells_for_all_rows(regions):
        file.damaged("directory", "is damaged: fewer cells than rows")
    return regions
