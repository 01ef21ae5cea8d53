// SPDX-License-Identifier: Apache-2.0

mod damage;
mod fake;
mod reading;
mod writer;

use crate::{Segment, Snapshot, Tier};
use fake::Fake;

const TIERS: [Tier; 2] = [Tier::Snap, Tier::Live];

fn open(fake: &Fake) -> Segment {
    Segment::open(&fake.path).unwrap()
}

fn snapshot(fake: &Fake, tier: Tier) -> Snapshot {
    open(fake).snapshot(tier).unwrap()
}
