// SPDX-License-Identifier: Apache-2.0

//! Reads a Snakepit segment: the memory-mapped file in which a runtime keeps its metrics,
//! rows and events. The format is described in `shm/format/segment.md`.
//!
//! [`Segment::open`] checks a file and everything in it that does not change.
//! [`Segment::snapshot`] then copies the values of one moment; what it returns stays valid
//! after the runtime ended and the segment was closed.
//!
//! ```no_run
//! use snakepit_segment::{Segment, Tier};
//!
//! # fn main() -> Result<(), snakepit_segment::Error> {
//! let mut segment = Segment::open("/run/snakepit/prod.seg")?;
//! let snapshot = segment.snapshot(Tier::Snap)?;
//! for metric in snapshot.metrics() {
//!     for series in snapshot.series(metric) {
//!         println!("{} {:?} {:?}", metric.name, series.labels, series.number());
//!     }
//! }
//! # Ok(())
//! # }
//! ```
//!
//! There are two tiers that say the same. [`Tier::Snap`] is the copy that the writer makes
//! under a checksum at each heartbeat: it is read with `pread`, so nothing the writer or
//! the owner of the file does can disturb the reader. [`Tier::Live`] is the cells
//! themselves, now, through a mapping and atomic loads.
//!
//! Nothing in the file is trusted. A file that is truncated while it is read gives an
//! error of kind [`ErrorKind::Damaged`]. For the live tier, and only for it, the first
//! live snapshot installs a handler of SIGBUS that turns faults in the mapping into that
//! error and passes on all others. Readers write nothing and take no lock.
//!
//! The crate needs 64-bit little-endian Linux, as the writer does, and nothing but `std`.

#![warn(missing_docs, unsafe_op_in_unsafe_fn)]

#[cfg(not(all(
    target_os = "linux",
    target_endian = "little",
    any(
        target_arch = "x86_64",
        target_arch = "aarch64",
        target_arch = "riscv64"
    )
)))]
compile_error!("segments are read on 64-bit little-endian Linux");

mod directory;
mod error;
mod events;
mod format;
mod image;
mod live;
mod mapping;
mod schema;
mod segment;
mod series;
mod snapshot;
mod sys;
mod verdict;

#[cfg(test)]
mod tests;

pub use error::{Error, ErrorKind};
pub use events::{Cursor, Event};
pub use image::{Heartbeat, Tier};
pub use schema::{Enum, Level, Metric, MetricKind, RowKind, ValueType};
pub use segment::{Info, Segment};
pub use series::{Histogram, Label, Series, Value};
pub use snapshot::{Row, Snapshot, Worker, WriterState};
pub use verdict::Verdict;
