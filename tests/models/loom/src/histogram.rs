// SPDX-License-Identifier: Apache-2.0
//! Bucket, then sum: `snp__hist_add` (write.h), read by `sum_banks` (gather.c).
//!
//! Bounds: one writer, two observations in different buckets, one look.

use loom::sync::atomic::{AtomicU64, Ordering::*};
use loom::sync::Arc;
use loom::thread;

use crate::flaw::{order_unless, Flaw};

pub const FLAWS: &[Flaw] = &[Flaw::RelaxedSum, Flaw::RelaxedLook, Flaw::SumReadLast];

/// Observation k lands in bucket k.
const VALUES: [u64; 2] = [1, 2];

#[derive(Default)]
struct Histogram {
    bucket: [AtomicU64; 2],
    sum: AtomicU64,
}

fn add_all(h: &Histogram, flaw: Option<Flaw>) {
    let mut sum = 0;

    for (bucket, value) in h.bucket.iter().zip(VALUES) {
        sum += value;
        bucket.store(1, Relaxed);
        h.sum
            .store(sum, order_unless(flaw, Flaw::RelaxedSum, Release));
    }
}

/// The sum, and the sum that the buckets account for.
fn read(h: &Histogram, flaw: Option<Flaw>) -> (u64, u64) {
    let order = order_unless(flaw, Flaw::RelaxedLook, Acquire);
    let accounted = || {
        (0..VALUES.len())
            .map(|k| h.bucket[k].load(order) * VALUES[k])
            .sum()
    };

    if flaw == Some(Flaw::SumReadLast) {
        let buckets = accounted();
        return (h.sum.load(order), buckets);
    }
    let sum = h.sum.load(order);
    (sum, accounted())
}

pub fn run(flaw: Option<Flaw>) {
    let h = Arc::new(Histogram::default());
    let writer = thread::spawn({
        let h = h.clone();
        move || add_all(&h, flaw)
    });

    let (sum, accounted) = read(&h, flaw);
    assert!(sum <= accounted, "the sum is ahead of the buckets");
    writer.join().unwrap();
}
