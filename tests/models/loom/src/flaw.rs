// SPDX-License-Identifier: Apache-2.0
//! What a broken variant leaves out or weakens.

use loom::sync::atomic::{fence, Ordering};

#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Flaw {
    /// Retire does not wait for writers that still hold the row.
    NoGracePeriod,
    /// A thread counts in a row that it took over without a release fence before.
    NoTakeoverFence,
    /// The writer has no release fence between its mark and what the mark is for.
    NoReleaseFence,
    /// The reader has no acquire fence between its copy and the second look.
    NoAcquireFence,
    /// The reader takes its copy without a second look.
    NoRecheck,
    /// What makes a record visible is stored relaxed.
    RelaxedPublish,
    /// The tombstone is stored relaxed.
    RelaxedTombstone,
    /// What tells a reader that there is more is stored relaxed.
    RelaxedHead,
    /// The reader's first look is relaxed.
    RelaxedLook,
    /// The sum is stored relaxed, after the bucket.
    RelaxedSum,
    /// The reader loads the buckets first.
    SumReadLast,
}

impl Flaw {
    pub fn name(self) -> &'static str {
        match self {
            Flaw::NoGracePeriod => "no-grace-period",
            Flaw::NoTakeoverFence => "no-takeover-fence",
            Flaw::NoReleaseFence => "no-release-fence",
            Flaw::NoAcquireFence => "no-acquire-fence",
            Flaw::NoRecheck => "no-recheck",
            Flaw::RelaxedPublish => "relaxed-publish",
            Flaw::RelaxedTombstone => "relaxed-tombstone",
            Flaw::RelaxedHead => "relaxed-head",
            Flaw::RelaxedLook => "relaxed-look",
            Flaw::RelaxedSum => "relaxed-sum",
            Flaw::SumReadLast => "sum-read-last",
        }
    }
}

/// A fence that one flaw leaves out.
pub fn fence_unless(flaw: Option<Flaw>, left_out_by: Flaw, order: Ordering) {
    if flaw != Some(left_out_by) {
        fence(order);
    }
}

/// An order that one flaw weakens to relaxed.
pub fn order_unless(flaw: Option<Flaw>, weakened_by: Flaw, order: Ordering) -> Ordering {
    if flaw == Some(weakened_by) {
        Ordering::Relaxed
    } else {
        order
    }
}
