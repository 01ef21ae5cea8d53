// SPDX-License-Identifier: Apache-2.0

use std::fs::{File, Metadata, OpenOptions};
use std::io;
use std::os::unix::fs::{FileExt, MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Instant;

use crate::directory::Regions;
use crate::error::{damaged, Error, ErrorKind};
use crate::format::*;
use crate::mapping::Mapping;
use crate::schema::Schema;
use crate::sys;

/// What the header says about a segment; it never changes.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Info {
    /// Where it was opened.
    pub path: PathBuf,
    /// Name of the instance.
    pub instance: String,
    /// New for each start of the runtime.
    pub uuid: [u8; 16],
    /// Major and minor version of the format.
    pub version: (u16, u16),
    /// Starts of this instance in a row, from 1.
    pub incarnation: u64,
    /// Process id in the writer's pid namespace.
    pub pid: i32,
    /// Size in bytes.
    pub size: u64,
    /// Start of the writer by its CLOCK_MONOTONIC, in ns.
    pub start_mono_ns: u64,
    /// The same in ns since the epoch.
    pub start_time_ns: u64,
    /// The writer shows that it is alive this often.
    pub heartbeat_interval_ms: u32,
    /// A heartbeat that is older than this says that the writer hangs.
    pub stale_after_ms: u32,
    /// Looking more often shows little that is new.
    pub scrape_hint_ms: u32,
}

/// An open segment.
pub struct Segment {
    pub(crate) info: Info,
    pub(crate) file: File,
    identity: (u64, u64),
    /// The part of the header that does not change.
    pub(crate) header: Arc<[u8]>,
    pub(crate) regions: Regions,
    pub(crate) schema: Arc<Schema>,
    /// Made for the first live snapshot.
    pub(crate) mapping: Option<Mapping>,
    /// The heartbeat that `verdict` saw last, and when.
    pub(crate) seen: Option<(u64, Instant)>,
}

impl Segment {
    /// Open the segment at `path` and check its header, directory and schema. Symbolic
    /// links are not followed. A segment whose writer is gone opens like any other.
    pub fn open(path: impl AsRef<Path>) -> Result<Self, Error> {
        let path = path.as_ref();
        let file = OpenOptions::new()
            .read(true)
            .custom_flags(sys::O_NOFOLLOW | sys::O_NONBLOCK)
            .open(path)
            .map_err(|e| Error::opening(e).at(path))?;
        let reader = Reader { file: &file };
        let size = reader.size_of_segment().map_err(|e| e.at(path))?;
        match reader.attach(size) {
            Ok((header, regions, schema)) => Ok(Segment {
                identity: reader.identity().map_err(|e| Error::from(e).at(path))?,
                info: read_info(path, size, &header),
                file,
                header,
                regions,
                schema: Arc::new(schema),
                mapping: None,
                seen: None,
            }),
            Err(e) => Err(reader.explain(e, size).at(path)),
        }
    }

    /// What the header says.
    pub fn info(&self) -> &Info {
        &self.info
    }

    /// Whether the path leads to another file now, or to none: the runtime was started
    /// again, or is gone for good; or whether there are more metrics now.
    pub fn is_replaced(&self) -> bool {
        let unlinked = self.file.metadata().map_or(true, |now| now.nlink() == 0);
        unlinked
            || std::fs::metadata(&self.info.path)
                .map_or(true, |now| (now.dev(), now.ino()) != self.identity)
            || self
                .reader()
                .word(OFF_DESC_USED)
                .map_or(true, |used| used != self.schema.used)
    }

    /// Open the file that the path leads to now, if it is replaced, and say whether it
    /// was. After an error the segment is the one it was.
    pub fn reattach(&mut self) -> Result<bool, Error> {
        if !self.is_replaced() {
            return Ok(false);
        }
        *self = Segment::open(&self.info.path)?;
        Ok(true)
    }

    pub(crate) fn reader(&self) -> Reader<'_> {
        Reader { file: &self.file }
    }

    /// Complete what became of a look at this segment. Damage in a file that became
    /// shorter is a consequence of that, and so may be what was read without an error.
    pub(crate) fn completed<T>(&self, result: Result<T, Error>) -> Result<T, Error> {
        let result = match result {
            Ok(_) if self.reader().is_truncated(self.info.size) => Err(damaged("file")),
            Ok(value) => Ok(value),
            Err(e) => Err(self.reader().explain(e, self.info.size)),
        };
        result.map_err(|e| e.at(&self.info.path))
    }
}

/// Reads a segment with `pread`, which cannot fault.
#[derive(Clone, Copy)]
pub(crate) struct Reader<'a> {
    file: &'a File,
}

impl Reader<'_> {
    /// `len` bytes from `off` on, which the caller has checked against the size.
    pub(crate) fn bytes(self, off: u64, len: u64) -> io::Result<Vec<u8>> {
        let mut b = vec![0; len as usize];
        self.file.read_exact_at(&mut b, off)?;
        Ok(b)
    }

    pub(crate) fn word(self, off: u64) -> io::Result<u64> {
        let mut b = [0; 8];
        self.file.read_exact_at(&mut b, off)?;
        Ok(u64::from_le_bytes(b))
    }

    fn identity(self) -> io::Result<(u64, u64)> {
        let metadata = self.file.metadata()?;
        Ok((metadata.dev(), metadata.ino()))
    }

    fn is_truncated(self, size: u64) -> bool {
        self.file.metadata().map_or(false, |now| now.len() < size)
    }

    fn explain(self, error: Error, size: u64) -> Error {
        if error.kind() == ErrorKind::Damaged && self.is_truncated(size) {
            return error.in_file("file");
        }
        error
    }

    fn size_of_segment(self) -> Result<u64, Error> {
        let metadata = self.file.metadata()?;
        let (user, owner) = (sys::effective_user(), metadata.uid());
        let size = metadata.len();
        let wrong = if !Metadata::is_file(&metadata) {
            Some((ErrorKind::Denied, "path"))
        } else if metadata.mode() & 0o002 != 0 {
            Some((ErrorKind::Denied, "mode"))
        } else if user != 0 && owner != 0 && owner != user {
            Some((ErrorKind::Denied, "owner"))
        } else if !(HEADER_BYTES..=MAX_BYTES).contains(&size) {
            Some((ErrorKind::Damaged, "file"))
        } else {
            None
        };
        wrong.map_or(Ok(size), |(kind, field)| Err(Error::new(kind, field)))
    }

    fn attach(self, size: u64) -> Result<(Arc<[u8]>, Regions, Schema), Error> {
        // First, because with any state but INIT all that follows is complete.
        let state = self.word(OFF_STATE)?;
        let header: Arc<[u8]> = self.bytes(0, IMMUTABLE as u64)?.into();
        check_header(&header, size)?;
        if state == STATE_INIT {
            return Err(Error::new(ErrorKind::NotReady, "state"));
        }
        let (dir_off, dir_count) = (u64_at(&header, 0x88), u64_at(&header, 0x90));
        let directory = self.bytes(dir_off, dir_count * REGION_BYTES as u64)?;
        if u64::from(u32_at(&header, 0xF4)) != crc(&directory) {
            return Err(damaged("dir_crc"));
        }
        let regions = Regions::parse(&directory, size)?;
        let schema = Schema::read(self, &regions)?;
        Ok((header, regions, schema))
    }
}

fn check_header(h: &[u8], size: u64) -> Result<(), Error> {
    let require = |holds: bool, kind: ErrorKind, field: &'static str| {
        if holds {
            Ok(())
        } else {
            Err(Error::new(kind, field))
        }
    };
    let (dir_off, dir_count) = (u64_at(h, 0x88), u64_at(h, 0x90));
    require(h[..8] == MAGIC, ErrorKind::Damaged, "magic")?;
    require(u32_at(h, 0x08) == ENDIAN, ErrorKind::Damaged, "endian")?;
    require(u16_at(h, 0x0C) == MAJOR, ErrorKind::Version, "ver_major")?;
    require(u64_at(h, 0x18) == 0, ErrorKind::Version, "feat_incompat")?;
    let sum = u64::from(u32_at(h, 0xF0));
    require(sum == crc(&h[..0xF0]), ErrorKind::Damaged, "hdr_crc")?;
    require(u64_at(h, 0x28) == size, ErrorKind::Damaged, "map_size")?;
    let counted = (1..=DIR_MAX).contains(&dir_count);
    require(counted, ErrorKind::Damaged, "dir_count")?;
    let fits = dir_off % 8 == 0 && fits_in(dir_off, dir_count * REGION_BYTES as u64, size);
    require(fits, ErrorKind::Damaged, "dir_off")?;
    let interval = u32_at(h, 0xA0) != 0;
    require(interval, ErrorKind::Damaged, "heartbeat_interval_ms")?;
    require(u32_at(h, 0xA4) != 0, ErrorKind::Damaged, "stale_after_ms")
}

fn read_info(path: &Path, size: u64, h: &[u8]) -> Info {
    let mut uuid = [0; 16];
    uuid.copy_from_slice(&h[0x30..0x40]);
    Info {
        path: path.to_owned(),
        instance: padded_text(&h[0xB0..0xF0]).unwrap_or_else(|| "?".to_owned()),
        uuid,
        version: (u16_at(h, 0x0C), u16_at(h, 0x0E)),
        incarnation: u64_at(h, 0x50),
        pid: u32_at(h, 0x58) as i32,
        size,
        start_mono_ns: u64_at(h, 0x78),
        start_time_ns: u64_at(h, 0x80),
        heartbeat_interval_ms: u32_at(h, 0xA0),
        stale_after_ms: u32_at(h, 0xA4),
        scrape_hint_ms: u32_at(h, 0xA8),
    }
}
