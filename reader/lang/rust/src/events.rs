// SPDX-License-Identifier: Apache-2.0

use crate::error::Error;
use crate::format::*;
use crate::schema::Table;
use crate::segment::Segment;

/// A record of what happened, and to which worker.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Event {
    /// Number of its ring.
    pub ring: u32,
    /// Number within the ring, from 0.
    pub seq: u64,
    /// When, by the writer's CLOCK_MONOTONIC, in ns.
    pub mono_ns: u64,
    /// What.
    pub kind: String,
    /// Who caused it.
    pub initiator: String,
    /// State of the worker before.
    pub from: String,
    /// State of the worker after.
    pub to: String,
    /// Why.
    pub reason: String,
    /// Index of the pool's row, while that row has `pool_uid`.
    pub pool: u32,
    /// Uid of that row at that time.
    pub pool_uid: u64,
    /// Slot within the pool.
    pub slot: u32,
    /// Of the worker.
    pub incarnation: u64,
    /// Of the worker.
    pub pid: i32,
    /// By kind.
    pub values: [u64; 2],
    /// First and last half, each as a big-endian number; zeros = none.
    pub trace_id: [u64; 2],
    /// Number of its text plus 1; 0 = none.
    pub evidence: u64,
}

/// Where a reader is in the event rings. The default starts with the oldest events that
/// are kept.
#[derive(Clone, Debug, Default)]
pub struct Cursor {
    /// Events that were overwritten before they were read.
    pub lost: u64,
    /// By ring: the record to read next.
    next: Vec<u64>,
}

/// How often a ring is read that was overwritten as a whole meanwhile.
const RING_TRIES: usize = 4;

impl Segment {
    /// What happened since the cursor, in order of time. Moves the cursor.
    pub fn events(&self, cursor: &mut Cursor) -> Result<Vec<Event>, Error> {
        let result = self.read_rings(cursor);
        let mut events = self.completed(result)?;
        events.sort_by_key(|event| event.mono_ns);
        Ok(events)
    }

    fn read_rings(&self, cursor: &mut Cursor) -> Result<Vec<Event>, Error> {
        let mut events = Vec::new();
        for ring in 0..self.regions.evnt.outer_count {
            if ring == cursor.next.len() as u64 {
                cursor.next.push(0);
            }
            let before = events.len();
            for _ in 0..RING_TRIES {
                self.read_ring(ring as u32, cursor, &mut events)?;
                if events.len() > before {
                    break;
                }
            }
        }
        Ok(events)
    }

    /// Append the new records of one ring. They are copied in one go; the checksum of each
    /// says whether the writer was at it meanwhile.
    fn read_ring(
        &self,
        ring: u32,
        cursor: &mut Cursor,
        events: &mut Vec<Event>,
    ) -> Result<(), Error> {
        let r = &self.regions.evnt;
        let base = r.off + u64::from(ring) * r.outer_stride;
        let head = self.reader().word(base)?;
        let next = &mut cursor.next[ring as usize];
        if *next > head {
            *next = 0; // another ring than the cursor was made for
        }
        if head - *next > r.count {
            cursor.lost += head - r.count - *next;
            *next = head - r.count;
        }
        if *next == head {
            return Ok(());
        }
        let mut b = self
            .reader()
            .bytes(base + RING_HEADER, r.count * r.stride)?;
        for n in *next..head {
            let record = &mut b[(n % r.count * r.stride) as usize..][..r.stride as usize];
            if record_holds(record, n) {
                events.push(self.decode_event(&words(record), ring, n));
            } else {
                cursor.lost += 1;
            }
        }
        *next = head;
        Ok(())
    }

    fn decode_event(&self, w: &[u64], ring: u32, seq: u64) -> Event {
        let text = |table, n| self.schema.text(table, n).to_owned();
        let kind = w[3];
        Event {
            ring,
            seq,
            mono_ns: w[2],
            kind: text(Table::EventKind, kind & 0xFFFF),
            initiator: text(Table::Initiator, kind >> 16 & 0xFFFF),
            from: text(Table::WorkerState, kind >> 32 & 0xFFFF),
            to: text(Table::WorkerState, kind >> 48),
            reason: text(Table::MoveReason, w[4] & 0xFFFF_FFFF),
            pool: w[5] as u32,
            slot: w[6] as u32,
            pool_uid: w[7],
            incarnation: w[8],
            pid: w[9] as i32,
            values: [w[10], w[11]],
            trace_id: [w[12], w[13]],
            evidence: w[14],
        }
    }
}

/// Whether `b` is record `n` of its ring, and whole.
fn record_holds(b: &mut [u8], n: u64) -> bool {
    let expected = n.wrapping_add(1);
    if u64_at(b, 0) != expected {
        return false;
    }
    let sum = u64_at(b, 8);
    // What is summed: n + 1, then what follows the sum.
    b[8..16].copy_from_slice(&expected.to_le_bytes());
    sum == crc(&b[8..])
}
