// SPDX-License-Identifier: Apache-2.0
//! The two-copy latch: `snp_latch_publish` (write.h), `inflight_publish` (records.c), texts
//! and heartbeats; read by `snp__latch_load` (gather.c).
//!
//! Bounds: three publications, so that both copies are overwritten; two words a copy;
//! one try of the reader, since a further try is the same again.

use loom::sync::atomic::{AtomicU64, Ordering::*};
use loom::sync::Arc;
use loom::thread;

use crate::flaw::{fence_unless, order_unless, Flaw};

pub const FLAWS: &[Flaw] = &[
    Flaw::NoReleaseFence,
    Flaw::NoAcquireFence,
    Flaw::NoRecheck,
    Flaw::RelaxedPublish,
    Flaw::RelaxedLook,
];

const PUBLICATIONS: u64 = 3;
const WORDS: usize = 2;

#[derive(Default)]
struct Latch {
    seq: AtomicU64,
    copy: [[AtomicU64; WORDS]; 2],
}

/// Publish a record each of whose words is the number of the publication.
fn publish(latch: &Latch, seq: u64, flaw: Option<Flaw>) {
    fence_unless(flaw, Flaw::NoReleaseFence, Release);
    for word in &latch.copy[(seq & 1) as usize] {
        word.store(seq, Relaxed);
    }
    latch
        .seq
        .store(seq, order_unless(flaw, Flaw::RelaxedPublish, Release));
}

/// One try: the sequence number and the words that belong to it.
fn read(latch: &Latch, flaw: Option<Flaw>) -> Option<(u64, [u64; WORDS])> {
    let seq = latch
        .seq
        .load(order_unless(flaw, Flaw::RelaxedLook, Acquire));
    let copy = &latch.copy[(seq & 1) as usize];
    let words = [copy[0].load(Relaxed), copy[1].load(Relaxed)];

    fence_unless(flaw, Flaw::NoAcquireFence, Acquire);
    if flaw != Some(Flaw::NoRecheck) && latch.seq.load(Relaxed) != seq {
        return None;
    }
    Some((seq, words))
}

pub fn run(flaw: Option<Flaw>) {
    let latch = Arc::new(Latch::default());
    let writer = thread::spawn({
        let latch = latch.clone();
        move || (1..=PUBLICATIONS).for_each(|seq| publish(&latch, seq, flaw))
    });

    if let Some((seq, words)) = read(&latch, flaw) {
        assert!(words == [seq; WORDS], "mixed record");
    }
    writer.join().unwrap();
}
