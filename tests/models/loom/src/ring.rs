// SPDX-License-Identifier: Apache-2.0
//! The rings of events, spans, evidence and history: `snp__ring_append` (ring_write.h), read
//! by `snp__ring_copy` (ring_read.c).
//!
//! The release of seq and its acquire are not needed while those of head are there: a reader
//! looks at no record above a head that it acquired. So no flaw weakens them.
//!
//! Bounds: RECORDS records of two payload words into CAPACITY entries, so that entries
//! are overwritten; one pass of the reader from an empty cursor.

use std::sync::atomic::AtomicU64 as Ghost;

use loom::sync::atomic::{AtomicU64, Ordering::*};
use loom::sync::Arc;
use loom::thread;

use crate::flaw::{fence_unless, order_unless, Flaw};

pub const FLAWS: &[Flaw] = &[
    Flaw::NoReleaseFence,
    Flaw::NoAcquireFence,
    Flaw::NoRecheck,
    Flaw::RelaxedHead,
];

const CAPACITY: u64 = 2;
const RECORDS: u64 = 4;

#[derive(Default)]
struct Event {
    seq: AtomicU64,
    word: [AtomicU64; 2],
}

#[derive(Default)]
struct Ring {
    head: AtomicU64,
    event: [Event; CAPACITY as usize],
    /// Records that the writer has begun.
    begun: Ghost,
}

/// Append a record each of whose words is its number plus one.
fn record(ring: &Ring, n: u64, flaw: Option<Flaw>) {
    let event = &ring.event[(n % CAPACITY) as usize];

    ring.begun.store(n + 1, Relaxed);
    event.seq.store(0, Relaxed);
    fence_unless(flaw, Flaw::NoReleaseFence, Release);
    event.word[0].store(n + 1, Relaxed);
    event.word[1].store(n + 1, Relaxed);
    event.seq.store(n + 1, Release);
    ring.head
        .store(n + 1, order_unless(flaw, Flaw::RelaxedHead, Release));
}

/// The words of record n; None when it was overwritten.
fn copy(event: &Event, n: u64, flaw: Option<Flaw>) -> Option<[u64; 2]> {
    if event.seq.load(Acquire) != n + 1 {
        return None;
    }
    let words = [event.word[0].load(Relaxed), event.word[1].load(Relaxed)];

    fence_unless(flaw, Flaw::NoAcquireFence, Acquire);
    if flaw != Some(Flaw::NoRecheck) && event.seq.load(Relaxed) != n + 1 {
        return None;
    }
    Some(words)
}

pub fn run(flaw: Option<Flaw>) {
    let ring = Arc::new(Ring::default());
    let writer = thread::spawn({
        let ring = ring.clone();
        move || (0..RECORDS).for_each(|n| record(&ring, n, flaw))
    });

    let head = ring.head.load(Acquire);
    for n in head.saturating_sub(CAPACITY)..head {
        match copy(&ring.event[(n % CAPACITY) as usize], n, flaw) {
            Some(words) => assert!(words == [n + 1; 2], "mixed record"),
            None => assert!(
                ring.begun.load(Relaxed) > n + CAPACITY,
                "lost, but never overwritten"
            ),
        }
    }
    writer.join().unwrap();
}
