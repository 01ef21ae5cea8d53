// SPDX-License-Identifier: Apache-2.0

use std::sync::atomic::{fence, Ordering};

use crate::directory::{Region, Regions};
use crate::error::{damaged, Error};
use crate::format::*;
use crate::image::{Image, Table, LATCH_TRIES};
use crate::mapping::Loads;

const ROW_TRIES: usize = 4;

/// Copies rows from a mapping that the writer is writing to.
pub(crate) struct Gatherer<'a> {
    cells: Loads<'a>,
    regions: &'a Regions,
    pub(crate) image: Image,
}

/// Copy everything.
pub(crate) fn gather(cells: Loads<'_>, regions: &Regions) -> Result<Image, Error> {
    let mut gatherer = Gatherer::plan(cells, regions)?;
    let meters: Vec<_> = (0..METERS_BYTES / 8)
        .map(|i| cells.relaxed(OFF_METERS + 8 * i))
        .collect();
    gatherer.image.meters = meters;
    for kind in 0..ROW_KINDS {
        for row in 0..gatherer.image.tables[kind].count {
            if !gatherer.gather_row(kind, row) {
                gatherer.image.skipped += 1;
            }
        }
    }
    gatherer.drop_replaced_pools();
    Ok(gatherer.image)
}

impl<'a> Gatherer<'a> {
    /// Lay out an image for the rows there are.
    pub(crate) fn plan(cells: Loads<'a>, regions: &'a Regions) -> Result<Self, Error> {
        let mut image = Image::default();
        let mut size = 0;
        for kind in 0..ROW_KINDS {
            let count = match kind {
                PROCESS => 1,
                _ if !regions.rowd[kind].exists() => 0,
                _ => cells.acquire(OFF_ROW_HIGH + 8 * kind as u64),
            };
            if count > regions.rows(kind) {
                return Err(damaged("rows"));
            }
            let mut parts = regions.parts(kind);
            let mut stride = ROW_BYTES;
            for part in [
                &mut parts.record,
                &mut parts.text,
                &mut parts.cells,
                &mut parts.sums,
                &mut parts.ledger,
            ] {
                let bytes = *part;
                *part = if bytes == 0 { 0 } else { stride };
                stride += bytes;
            }
            image.tables[kind] = Table {
                off: size,
                count,
                stride,
                parts,
            };
            size += count * stride;
        }
        image.words = vec![0; (size / 8) as usize];
        Ok(Gatherer {
            cells,
            regions,
            image,
        })
    }

    /// False for a row that would not settle; its generation is 0 then.
    pub(crate) fn gather_row(&mut self, kind: usize, row: u64) -> bool {
        if kind == PROCESS {
            self.image.part_mut(kind, row, 0, 8)[0] = 1;
            return self.gather_values(kind, row);
        }
        self.image.part_mut(kind, row, 0, 8)[0] = 0;
        let r = &self.regions.rowd[kind];
        let off = r.off + row * r.stride;
        for _ in 0..ROW_TRIES {
            let gen = self.cells.acquire(off);
            if !gen_is_present(gen) {
                return true;
            }
            let entry = self.image.part_mut(kind, row, 8, ROW_BYTES - 8);
            copy(self.cells, off + 8, entry);
            if !self.gather_values(kind, row) {
                continue;
            }
            fence(Ordering::Acquire);
            if self.cells.relaxed(off) == gen {
                self.image.part_mut(kind, row, 0, 8)[0] = gen;
                return true;
            }
            self.image.retries += 1;
        }
        false
    }

    /// Leave out a pool whose row has got another life since it was copied: it would lend
    /// its name to the rows of the next one.
    pub(crate) fn drop_replaced_pools(&mut self) {
        let r = &self.regions.rowd[POOL];
        for row in 0..self.image.tables[POOL].count {
            let now = self.cells.relaxed(r.off + row * r.stride);
            let gen = &mut self.image.part_mut(POOL, row, 0, 8)[0];
            if *gen != 0 && now / 4 != *gen / 4 {
                *gen = 0;
                self.image.skipped += 1;
            }
        }
    }

    fn gather_values(&mut self, kind: usize, row: u64) -> bool {
        let (cells, parts) = (self.cells, self.image.tables[kind].parts);
        let r = self.regions.rowc[kind];
        if r.exists() {
            let off = r.off + row * r.stride;
            if !self.gather_record(kind, row, off, parts.record) {
                return false;
            }
            let len = r.stride - LATCH_BYTES;
            let values = self.image.part_mut(kind, row, parts.cells, len);
            copy(cells, off + LATCH_BYTES, values);
        }
        let r = self.regions.text;
        if kind == WORKER && row < r.count {
            let off = r.off + row * r.stride;
            let retries = &mut self.image.retries;
            let mut text = [0; (TEXT_BYTES / 8) as usize];
            if !copy_latch(cells, off, off + 16, &mut text, retries) {
                return false;
            }
            self.image
                .part_mut(kind, row, parts.text, TEXT_BYTES)
                .copy_from_slice(&text);
        }
        let r = self.regions.ledg[kind];
        if r.exists()
            && !self.gather_record(kind, row, r.off + row * r.stride, parts.ledger)
        {
            return false;
        }
        let r = self.regions.bank[kind];
        if r.exists() {
            let sums = self.image.part_mut(kind, row, parts.sums, r.stride);
            sum_banks(cells, &r, row, sums);
        }
        true
    }

    /// Copy the latched record at `off` to a part of a row.
    fn gather_record(&mut self, kind: usize, row: u64, off: u64, part: u64) -> bool {
        let mut record = [0; (RECORD_BYTES / 8) as usize];
        let retries = &mut self.image.retries;
        if !copy_latch(self.cells, off, off + 64, &mut record, retries) {
            return false;
        }
        self.image
            .part_mut(kind, row, part, RECORD_BYTES)
            .copy_from_slice(&record);
        true
    }
}

fn copy(cells: Loads<'_>, off: u64, to: &mut [u64]) {
    for (i, word) in to.iter_mut().enumerate() {
        *word = cells.relaxed(off + 8 * i as u64);
    }
}

/// Copy the current one of the two copies at `copies`; false where it would not settle.
pub(crate) fn copy_latch(
    cells: Loads<'_>,
    seq_off: u64,
    copies: u64,
    to: &mut [u64],
    retries: &mut u64,
) -> bool {
    for _ in 0..LATCH_TRIES {
        let seq = cells.acquire(seq_off);
        copy(cells, copies + (seq & 1) * 8 * to.len() as u64, to);
        fence(Ordering::Acquire);
        if cells.relaxed(seq_off) == seq {
            return true;
        }
        *retries += 1;
    }
    false
}

/// Add up the row's entry of every bank. From the last word to the first: a histogram's
/// sum stands behind its buckets and is stored after them, so a sum counted here has its
/// bucket counted too.
pub(crate) fn sum_banks(cells: Loads<'_>, r: &Region, row: u64, to: &mut [u64]) {
    let banks = cells.acquire(OFF_BANK_HIGH).min(r.outer_count);
    for (i, word) in to.iter_mut().enumerate().rev() {
        *word = 0;
        for bank in 0..banks {
            let off = r.off + bank * r.outer_stride + row * r.stride + 8 * i as u64;
            *word = word.wrapping_add(cells.acquire(off));
        }
    }
}
