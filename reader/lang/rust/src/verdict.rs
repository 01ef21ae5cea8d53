// SPDX-License-Identifier: Apache-2.0

use std::fmt;
use std::os::unix::fs::MetadataExt;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use crate::error::Error;
use crate::format::*;
use crate::image::Heartbeat;
use crate::segment::Segment;
use crate::sys;

/// What became of the writer, in the order in which it is found out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Verdict {
    /// Ended cleanly.
    Closed,
    /// The file is from an earlier boot.
    Old,
    /// Nobody holds the writer's lock.
    Dead,
    /// The lock is held, but the heartbeat stands still.
    Hung,
    /// At work.
    Alive,
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Verdict::Closed => "closed",
            Verdict::Old => "old",
            Verdict::Dead => "dead",
            Verdict::Hung => "hung",
            Verdict::Alive => "alive",
        })
    }
}

impl Segment {
    /// Judge the writer now. [`Verdict::Hung`] needs two calls that are at least
    /// [`stale_after_ms`](crate::Info::stale_after_ms) apart without a heartbeat between
    /// them; earlier calls say [`Verdict::Alive`].
    pub fn verdict(&mut self) -> Result<Verdict, Error> {
        let words = (|| {
            let state = self.reader().word(OFF_STATE)?;
            Ok((state, self.reader().word(OFF_HB_SEQ)?))
        })();
        let (state, seq) = self.completed(words)?;
        if state == STATE_CLOSED || state == STATE_SUPERSEDED {
            return Ok(Verdict::Closed);
        }
        let here = kernel_boot_id();
        if here.map_or(false, |id| {
            self.boot_id() != [0; 16] && self.boot_id() != id
        }) {
            return Ok(Verdict::Old);
        }
        if !sys::is_locked(&self.file) {
            return Ok(Verdict::Dead);
        }
        match self.seen {
            Some((seen, at)) if seen == seq => {
                let stale = Duration::from_millis(self.info.stale_after_ms.into());
                Ok(if at.elapsed() >= stale {
                    Verdict::Hung
                } else {
                    Verdict::Alive
                })
            }
            _ => {
                self.seen = Some((seq, Instant::now()));
                Ok(Verdict::Alive)
            }
        }
    }

    /// How long ago a heartbeat was. By the monotonic clock where it is the writer's own,
    /// which steps of the wall clock do not touch.
    pub fn heartbeat_age(&self, heartbeat: &Heartbeat) -> Duration {
        let age_ns = if self.shares_clock() {
            sys::monotonic_now().saturating_sub(heartbeat.mono_ns)
        } else {
            let now = SystemTime::now().duration_since(UNIX_EPOCH);
            let now_ns = now.map_or(0, |now| now.as_nanos() as u64);
            now_ns.saturating_sub(heartbeat.wall_ns)
        };
        Duration::from_nanos(age_ns)
    }

    fn boot_id(&self) -> &[u8] {
        &self.header[0x40..0x50]
    }

    fn shares_clock(&self) -> bool {
        let namespace = std::fs::metadata("/proc/self/ns/time");
        namespace.map_or(false, |now| now.ino() == u64_at(&self.header, 0x70))
            && kernel_boot_id().map_or(false, |id| self.boot_id() == id)
    }
}

/// None where the kernel does not say.
fn kernel_boot_id() -> Option<[u8; 16]> {
    let text = std::fs::read_to_string("/proc/sys/kernel/random/boot_id").ok()?;
    let digits: String = text.trim().split('-').collect();
    let id = u128::from_str_radix(&digits, 16).ok()?;
    (digits.len() == 32).then_some(id.to_be_bytes())
}
