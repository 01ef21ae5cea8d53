// SPDX-License-Identifier: Apache-2.0

use crate::directory::{Parts, Regions};
use crate::error::{damaged, Error, ErrorKind};
use crate::format::*;
use crate::segment::Reader;

/// Where a snapshot comes from. Both tiers say the same, the first up to one heartbeat
/// interval later.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Tier {
    /// The writer's checksummed copy.
    #[default]
    Snap,
    /// The cells themselves, now.
    Live,
}

/// The writer's last sign of life, and the pair of its clocks then.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Heartbeat {
    /// Heartbeats so far.
    pub seq: u64,
    /// CLOCK_MONOTONIC in ns.
    pub mono_ns: u64,
    /// Ns since the epoch.
    pub wall_ns: u64,
}

pub(crate) const LATCH_TRIES: usize = 1000;
const SNAP_TRIES: u64 = 16;

/// A private copy of all rows and values, in the layout of a half of SNAP. Both tiers
/// make one; everything after that is the same.
#[derive(Default)]
pub(crate) struct Image {
    pub(crate) words: Vec<u64>,
    pub(crate) tables: [Table; ROW_KINDS],
    /// Header words from `OFF_METERS` on.
    pub(crate) meters: Vec<u64>,
    /// Rows left out because they were changing.
    pub(crate) skipped: u64,
    pub(crate) retries: u64,
}

/// Where the rows of a kind are: offsets in bytes, those of parts within an entry.
#[derive(Clone, Copy, Default)]
pub(crate) struct Table {
    pub(crate) off: u64,
    pub(crate) count: u64,
    pub(crate) stride: u64,
    pub(crate) parts: Parts,
}

impl Table {
    /// Word index of a part of a row.
    fn at(&self, row: u64, off: u64) -> usize {
        ((self.off + row * self.stride + off) / 8) as usize
    }
}

impl Image {
    /// `bytes` of the part of a row that starts at `off`.
    pub(crate) fn part(&self, kind: usize, row: u64, off: u64, bytes: u64) -> &[u64] {
        &self.words[self.tables[kind].at(row, off)..][..(bytes / 8) as usize]
    }

    pub(crate) fn part_mut(
        &mut self,
        kind: usize,
        row: u64,
        off: u64,
        bytes: u64,
    ) -> &mut [u64] {
        &mut self.words[self.tables[kind].at(row, off)..][..(bytes / 8) as usize]
    }

    // ---- SNAP ---------------------------------------------------------------------------

    pub(crate) fn read_snap(reader: Reader<'_>, regions: &Regions) -> Result<Self, Error> {
        let r = &regions.snap;
        for retries in 0..SNAP_TRIES {
            let seq = match r.exists() {
                true => reader.word(OFF_SNAP_SEQ)?,
                false => 0,
            };
            if seq == 0 {
                return Err(Error::new(ErrorKind::NotReady, "snap"));
            }
            let off = r.off + (seq & 1) * r.outer_stride;
            if let Some(half) = read_half(reader, off, r.stride, seq)? {
                return Image::from_half(&half, regions, retries);
            }
        }
        Err(damaged("snap"))
    }

    fn from_half(half: &[u8], regions: &Regions, retries: u64) -> Result<Self, Error> {
        let mut image = Image {
            words: words(half),
            meters: words(&half[64..128]),
            skipped: u64_at(half, 56),
            retries,
            ..Image::default()
        };
        for kind in 0..ROW_KINDS {
            let b = &half[128 + kind * SNAP_TABLE_BYTES..];
            let table = Table {
                off: u64_at(b, 0),
                count: u64_at(b, 8),
                stride: u64_at(b, 16),
                parts: Parts {
                    record: u64_at(b, 24),
                    text: u64_at(b, 32),
                    cells: u64_at(b, 40),
                    sums: u64_at(b, 48),
                    ledger: u64_at(b, 56),
                },
            };
            if !table.fits(kind, regions, half.len() as u64) {
                return Err(damaged("snap"));
            }
            image.tables[kind] = table;
        }
        Ok(image)
    }
}

/// None where the half is not whole: the writer was at it.
fn read_half(
    reader: Reader<'_>,
    off: u64,
    room: u64,
    seq: u64,
) -> Result<Option<Vec<u8>>, Error> {
    let len = u64_at(&reader.bytes(off, SNAP_BYTES)?, 16);
    if len < SNAP_BYTES || len > room || len % 8 != 0 {
        return Ok(None);
    }
    let half = reader.bytes(off, len)?;
    let whole = u64_at(&half, 0) == crc(&half[8..]) && u64_at(&half, 8) == seq;
    Ok(whole.then_some(half))
}

impl Table {
    /// Whether the half holds the parts that rows of the kind have, and no others.
    fn fits(&self, kind: usize, regions: &Regions, len: u64) -> bool {
        let size = regions.parts(kind);
        let part_fits = |off: u64, size: u64| {
            if size == 0 {
                return off == 0;
            }
            off % 8 == 0 && off >= ROW_BYTES && fits_in(off, size, self.stride)
        };
        if self.count == 0 {
            return kind != PROCESS;
        }
        self.off % 8 == 0
            && self.off >= SNAP_BYTES
            && self.off <= len
            && self.stride % 8 == 0
            && self.stride >= ROW_BYTES
            && self.count <= regions.rows(kind)
            && self.count <= (len - self.off) / self.stride
            && part_fits(self.parts.record, size.record)
            && part_fits(self.parts.text, size.text)
            && part_fits(self.parts.cells, size.cells)
            && part_fits(self.parts.sums, size.sums)
            && part_fits(self.parts.ledger, size.ledger)
    }
}

// ---- heartbeat --------------------------------------------------------------------------

pub(crate) fn read_heartbeat(reader: Reader<'_>) -> Result<Heartbeat, Error> {
    for _ in 0..LATCH_TRIES {
        let seq = reader.word(OFF_HB_SEQ)?;
        let b = reader.bytes(OFF_HB + (seq & 1) * HB_BYTES, 64)?;
        if reader.word(OFF_HB_SEQ)? != seq {
            continue;
        }
        if u64_at(&b, 56) != crc(&b[..56]) {
            break;
        }
        return Ok(Heartbeat {
            seq: u64_at(&b, 0),
            mono_ns: u64_at(&b, 8),
            wall_ns: u64_at(&b, 16),
        });
    }
    Err(damaged("heartbeat"))
}
