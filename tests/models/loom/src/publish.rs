// SPDX-License-Identifier: Apache-2.0
//! A row's first life: `take_fresh` (rows.c), read by `snp__gather_plan` and `gather_row`
//! (gather.c).
//!
//! The generation and the watermark are both stored with release; for a first life either
//! would do, so the broken variant weakens both. That the generation alone must do is
//! shown by `row`, where the watermark does not move.
//!
//! Bounds: two rows of two words, one look.

use loom::sync::atomic::{AtomicU64, Ordering::*};
use loom::sync::Arc;
use loom::thread;

use crate::flaw::{order_unless, Flaw};

pub const FLAWS: &[Flaw] = &[Flaw::RelaxedPublish];

const ROWS: usize = 2;

#[derive(Default)]
struct Row {
    gen: AtomicU64,
    uid: AtomicU64,
    name: AtomicU64,
}

#[derive(Default)]
struct Directory {
    high: AtomicU64,
    row: [Row; ROWS],
}

fn declare(dir: &Directory, index: u64, flaw: Option<Flaw>) {
    let row = &dir.row[index as usize];
    let order = order_unless(flaw, Flaw::RelaxedPublish, Release);

    row.uid.store(index + 1, Relaxed);
    row.name.store(index + 1, Relaxed);
    row.gen.store(1, order);
    dir.high.store(index + 1, order);
}

pub fn run(flaw: Option<Flaw>) {
    let dir = Arc::new(Directory::default());
    let writer = thread::spawn({
        let dir = dir.clone();
        move || (0..ROWS).for_each(|index| declare(&dir, index as u64, flaw))
    });

    let high = dir.high.load(Acquire);
    for index in 0..high {
        let row = &dir.row[index as usize];

        if row.gen.load(Acquire) == 1 {
            let words = (row.uid.load(Relaxed), row.name.load(Relaxed));

            assert!(words == (index + 1, index + 1), "a row is half filled");
        }
    }
    writer.join().unwrap();
}
