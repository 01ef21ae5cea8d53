// SPDX-License-Identifier: Apache-2.0
//! The lives of a row: counted in, retired (grace period), tombstone, recycled, published
//! again, counted in. Protocol: "Row directory entry" in shm/format/segment.md; writer's
//! side `snp_row_retire` and `take_tombstone` (rows.c), `snp_add` (write.h); read by
//! `gather_row` (gather.c).
//!
//! One word stands for all that a reader copies of a row. It holds whose it is beside a
//! count, so that a word of another life than the generation's shows.
//!
//! The grace period is that of a lock which the counting thread holds between two quiescent
//! states: a section that began before it ends before it, and one that begins after it finds
//! the pointer cleared. That is what `call_rcu` promises and no more: a section that overlaps
//! it otherwise finds the pointer cleared, too, and touches nothing.
//!
//! Bounds: one row with two lives; one counting thread with a section for each; one try of
//! the reader, since a further try is the same again.

use std::sync::atomic::AtomicU64 as Ghost;

use loom::sync::atomic::{AtomicU64, Ordering::*};
use loom::sync::{Arc, Mutex};
use loom::thread;

use crate::flaw::{fence_unless, order_unless, Flaw};

pub const FLAWS: &[Flaw] = &[
    Flaw::NoGracePeriod,
    Flaw::NoTakeoverFence,
    Flaw::NoReleaseFence,
    Flaw::NoAcquireFence,
    Flaw::NoRecheck,
    Flaw::RelaxedTombstone,
    Flaw::RelaxedPublish,
    Flaw::RelaxedLook,
];

const LIVE: u64 = 1;
const TOMBSTONE: u64 = 2;
const RECYCLING: u64 = 3;
const LIVES: usize = 2;

/// The word of a row in life `uid` (1 or 2) that was counted in `count` times.
fn word(uid: u64, count: u64) -> u64 {
    uid << 8 | count
}

fn uid_of_word(word: u64) -> u64 {
    word >> 8
}

fn uid_of_gen(gen: u64) -> u64 {
    1 + gen / 4
}

struct World {
    gen: AtomicU64,
    word: AtomicU64,
    /// The runtime's private pointer to the row: 0 is NULL, else the uid it points to.
    pointer: AtomicU64,
    /// Held by the counting thread between two quiescent states.
    section: Mutex<()>,
    /// How often the first life was counted in.
    counted: Ghost,
}

/// One turn of an event loop, which knows how often it counted in each life.
fn count(w: &World, counts: &mut [u64; LIVES], flaw: Option<Flaw>) {
    let _section = match flaw {
        Some(Flaw::NoGracePeriod) => None,
        _ => Some(w.section.lock().unwrap()),
    };
    let uid = w.pointer.load(Acquire);

    if uid == 0 {
        return;
    }
    // The recycling happened before the pointer was loaded; only with this fence does it
    // happen before the second look of a reader that has seen the store below.
    fence_unless(flaw, Flaw::NoTakeoverFence, Release);
    let count = &mut counts[uid as usize - 1];

    *count += 1;
    w.word.store(word(uid, *count), Relaxed);
    if uid == 1 {
        w.counted.store(*count, Relaxed);
    }
}

fn retire(w: &World, flaw: Option<Flaw>) {
    w.pointer.store(0, Release);
    if flaw != Some(Flaw::NoGracePeriod) {
        drop(w.section.lock().unwrap());
    }
    w.gen.store(
        TOMBSTONE,
        order_unless(flaw, Flaw::RelaxedTombstone, Release),
    );
}

fn recycle(w: &World, flaw: Option<Flaw>) {
    w.gen.store(RECYCLING, Relaxed);
    fence_unless(flaw, Flaw::NoReleaseFence, Release);
    w.word.store(word(2, 0), Relaxed);
    w.gen.store(
        RECYCLING + 2,
        order_unless(flaw, Flaw::RelaxedPublish, Release),
    );
    w.pointer.store(2, Release);
}

/// One try: generation and word of one life.
fn read(w: &World, flaw: Option<Flaw>) -> Option<(u64, u64)> {
    let gen = w.gen.load(order_unless(flaw, Flaw::RelaxedLook, Acquire));

    if gen % 4 != LIVE && gen % 4 != TOMBSTONE {
        return None;
    }
    let word = w.word.load(Relaxed);

    fence_unless(flaw, Flaw::NoAcquireFence, Acquire);
    if flaw != Some(Flaw::NoRecheck) && w.gen.load(Relaxed) != gen {
        return None;
    }
    Some((gen, word))
}

pub fn run(flaw: Option<Flaw>) {
    let w = Arc::new(World {
        gen: AtomicU64::new(LIVE),
        word: AtomicU64::new(word(1, 0)),
        pointer: AtomicU64::new(1),
        section: Mutex::new(()),
        counted: Ghost::new(0),
    });
    let counting = thread::spawn({
        let w = w.clone();
        move || {
            let mut counts = [0; LIVES];

            (0..LIVES).for_each(|_| count(&w, &mut counts, flaw));
        }
    });
    let control = thread::spawn({
        let w = w.clone();
        move || {
            retire(&w, flaw);
            recycle(&w, flaw);
        }
    });

    if let Some((gen, seen)) = read(&w, flaw) {
        assert!(uid_of_word(seen) == uid_of_gen(gen), "mixed row");
        if gen == TOMBSTONE {
            let last = word(1, w.counted.load(Relaxed));

            assert!(seen == last, "a tombstone's values are not final");
        }
    }
    counting.join().unwrap();
    control.join().unwrap();
}
