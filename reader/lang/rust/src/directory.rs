// SPDX-License-Identifier: Apache-2.0

use std::collections::HashSet;

use crate::error::{damaged, Error};
use crate::format::*;

const DESC: u32 = 1;
const STRT: u32 = 2;
const KEYS: u32 = 3;
const ENUM: u32 = 4;
const BNDS: u32 = 5;
const ROWD: u32 = 7;
const ROWC: u32 = 8;
const BANK: u32 = 9;
const SNAP: u32 = 10;
const INFL: u32 = 11;
const EVNT: u32 = 12;
const EVID: u32 = 13;
const SPAN: u32 = 14;
const HIST: u32 = 15;
const TEXT: u32 = 16;
const THRD: u32 = 17;
const LEDG: u32 = 18;

/// A directory entry that fits the file. The default stands for a region that is not
/// there: it has no entries.
#[derive(Clone, Copy, Default)]
pub(crate) struct Region {
    pub(crate) kind: u32,
    region_type: u32,
    pub(crate) off: u64,
    pub(crate) len: u64,
    pub(crate) stride: u64,
    pub(crate) count: u64,
    pub(crate) outer_stride: u64,
    pub(crate) outer_count: u64,
}

/// The regions that this crate uses, by row kind where they have one.
#[derive(Default)]
pub(crate) struct Regions {
    pub(crate) desc: Region,
    pub(crate) strt: Region,
    pub(crate) keys: Region,
    pub(crate) enums: Region,
    pub(crate) bnds: Region,
    pub(crate) snap: Region,
    pub(crate) evnt: Region,
    pub(crate) text: Region,
    pub(crate) rowd: [Region; ROW_KINDS],
    pub(crate) rowc: [Region; ROW_KINDS],
    pub(crate) bank: [Region; ROW_KINDS],
    pub(crate) ledg: [Region; ROW_KINDS],
}

impl Region {
    pub(crate) fn exists(&self) -> bool {
        self.region_type != 0
    }

    fn parse(b: &[u8]) -> Self {
        Region {
            region_type: u32_at(b, 0),
            kind: u32_at(b, 4),
            off: u64_at(b, 8),
            len: u64_at(b, 16),
            stride: u64_at(b, 24),
            count: u64_at(b, 32),
            outer_stride: u64_at(b, 40),
            outer_count: u64_at(b, 48),
        }
    }

    fn is_ring(&self) -> bool {
        (EVNT..=HIST).contains(&self.region_type)
    }

    /// Whether every byte that the entry can lead to lies inside the file, and its
    /// entries have the size and alignment of their type.
    fn fits(&self, size: u64) -> bool {
        let head = if self.is_ring() { RING_HEADER } else { 0 };
        self.off % 8 == 0
            && fits_in(self.off, self.len, size)
            && self.stride_fits()
            && self.len >= head
            && self.count <= (self.len - head) / self.stride
            && self.blocks_fit(size - self.off - self.len)
    }

    fn stride_fits(&self) -> bool {
        let least = match self.region_type {
            STRT => return self.stride == 1,
            ENUM => return self.stride == 4,
            BNDS => return self.stride == 8,
            KEYS => {
                return (KEY_BYTES..=MAX_BYTES).contains(&self.stride)
                    && self.stride % 4 == 0
            }
            DESC => DESC_BYTES,
            ROWD => ROW_BYTES,
            ROWC | LEDG => LATCH_BYTES,
            BANK => 8,
            SNAP => SNAP_BYTES,
            INFL => 256,
            SPAN => 384,
            EVNT => EVENT_BYTES,
            EVID => 4096,
            HIST if self.kind as usize == POOL => 192,
            HIST => 64,
            TEXT => 1024,
            THRD => 128,
            _ => return (1..=MAX_BYTES).contains(&self.stride),
        };
        (least..=MAX_BYTES).contains(&self.stride) && self.stride % 8 == 0
    }

    /// `room` is what follows the first block in the file.
    fn blocks_fit(&self, room: u64) -> bool {
        let needs_entries = self.is_ring() || matches!(self.region_type, INFL | SNAP);
        let least_blocks = if self.region_type == SNAP { 2 } else { 1 };
        if self.outer_count < least_blocks || needs_entries && self.count == 0 {
            return false;
        }
        self.outer_count == 1
            || self.outer_stride >= self.len
                && self.outer_stride % 8 == 0
                && (self.outer_stride == 0
                    || self.outer_count - 1 <= room / self.outer_stride)
    }
}

/// Sizes or places of the parts that the rows of a kind have in an image, 0 without one.
#[derive(Clone, Copy, Default)]
pub(crate) struct Parts {
    pub(crate) record: u64,
    pub(crate) text: u64,
    pub(crate) cells: u64,
    pub(crate) sums: u64,
    pub(crate) ledger: u64,
}

impl Regions {
    /// Parse the entries in `b`.
    pub(crate) fn parse(b: &[u8], size: u64) -> Result<Self, Error> {
        let mut all = Regions::default();
        let mut seen = HashSet::new();
        for entry in b.chunks_exact(REGION_BYTES) {
            let region = Region::parse(entry);
            if !region.fits(size) || !seen.insert((region.region_type, region.kind)) {
                return Err(damaged("directory"));
            }
            if let Some(place) = all.place(&region) {
                *place = region;
            }
        }
        if !all.desc.exists() || !all.strt.exists() || !all.has_cells_for_rows() {
            return Err(damaged("directory"));
        }
        Ok(all)
    }

    /// Where a region is remembered; nowhere, if it is not used.
    fn place(&mut self, region: &Region) -> Option<&mut Region> {
        let kind = region.kind as usize;
        if kind >= ROW_KINDS {
            return None;
        }
        match region.region_type {
            ROWD => Some(&mut self.rowd[kind]),
            ROWC => Some(&mut self.rowc[kind]),
            BANK => Some(&mut self.bank[kind]),
            LEDG => Some(&mut self.ledg[kind]),
            TEXT if kind == WORKER => Some(&mut self.text),
            _ if kind != 0 => None,
            DESC => Some(&mut self.desc),
            STRT => Some(&mut self.strt),
            KEYS => Some(&mut self.keys),
            ENUM => Some(&mut self.enums),
            BNDS => Some(&mut self.bnds),
            SNAP => Some(&mut self.snap),
            EVNT => Some(&mut self.evnt),
            _ => None,
        }
    }

    /// What a snapshot allocates then never exceeds the file, whatever the watermarks
    /// say.
    fn has_cells_for_rows(&self) -> bool {
        (0..ROW_KINDS).all(|kind| {
            let enough = |r: &Region| !r.exists() || r.count >= self.rows(kind);
            [&self.rowc[kind], &self.bank[kind], &self.ledg[kind]]
                .into_iter()
                .all(enough)
        })
    }

    /// For how many rows of a kind there is room.
    pub(crate) fn rows(&self, kind: usize) -> u64 {
        match kind {
            PROCESS => 1,
            _ => self.rowd[kind].count,
        }
    }

    /// Bytes of each part.
    pub(crate) fn parts(&self, kind: usize) -> Parts {
        let mut sizes = Parts::default();
        if self.rowc[kind].exists() {
            sizes.record = RECORD_BYTES;
            sizes.cells = self.rowc[kind].stride - LATCH_BYTES;
        }
        if kind == WORKER && self.text.exists() {
            sizes.text = TEXT_BYTES;
        }
        sizes.sums = self.bank[kind].stride;
        if self.ledg[kind].exists() {
            sizes.ledger = RECORD_BYTES;
        }
        sizes
    }
}
