// SPDX-License-Identifier: Apache-2.0

use std::borrow::Cow;
use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::error::Error;
use crate::format::*;
use crate::image::{read_heartbeat, Heartbeat, Image, Tier};
use crate::live;
use crate::mapping::Mapping;
use crate::schema::{Metric, Schema, Table};
use crate::segment::Segment;

/// A copy of everything that a segment held at one moment.
pub struct Snapshot {
    /// Where it came from.
    pub tier: Tier,
    /// How long it took to make it.
    pub took: Duration,
    /// What the writer said about itself.
    pub state: WriterState,
    /// Why the writer ended, "none" if it has not.
    pub stop_reason: String,
    /// The writer's last sign of life.
    pub heartbeat: Heartbeat,
    /// Torn reads that were repeated.
    pub retries: u64,
    /// Rows left out because they were changing.
    pub rows_skipped: u64,
    /// Rows that the writer had no room for.
    pub rows_dropped: u64,
    /// Threads of the writer that found no free bank.
    pub banks_exhausted: u64,
    /// Texts that the writer had to cut.
    pub text_truncated: u64,
    /// The pools, in order of their index; some indexes may be absent.
    pub pools: Vec<Row>,
    /// The worker slots, in order of their index.
    pub workers: Vec<Worker>,
    /// The tools, in order of their index.
    pub tools: Vec<Row>,

    pub(crate) schema: Arc<Schema>,
    pub(crate) header: Arc<[u8]>,
    pub(crate) image: Image,
    /// Workers that are in use, by pool and status.
    pub(crate) statuses: HashMap<u32, [u64; 5]>,
}

/// What the writer says about itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum WriterState {
    /// Building the segment.
    Init,
    /// At work.
    Live,
    /// Finishes what is running, takes nothing new.
    Draining,
    /// Ended cleanly.
    Closed,
    /// Replaced by another segment while it ran.
    Superseded,
    /// A number that is not known here.
    Unknown,
}

impl WriterState {
    fn from_number(n: u64) -> Self {
        match n {
            0 => WriterState::Init,
            1 => WriterState::Live,
            2 => WriterState::Draining,
            3 => WriterState::Closed,
            4 => WriterState::Superseded,
            _ => WriterState::Unknown,
        }
    }
}

impl fmt::Display for WriterState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            WriterState::Init => "init",
            WriterState::Live => "live",
            WriterState::Draining => "draining",
            WriterState::Closed => "closed",
            WriterState::Superseded => "superseded",
            WriterState::Unknown => "?",
        })
    }
}

/// A pool or a tool, and what a worker slot has in common with them.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Row {
    /// Index within its kind.
    pub index: u32,
    /// Never used twice in a segment.
    pub uid: u64,
    /// The values are final.
    pub retired: bool,
    /// "" while it is live.
    pub retire_reason: String,
    /// When it was declared, CLOCK_MONOTONIC in ns.
    pub born_mono_ns: u64,
    /// When it was retired; 0 while it is live.
    pub retired_mono_ns: u64,
    /// Name; "" for a worker.
    pub name: String,
    /// Index of the pool it belongs to; a pool's own.
    pub pool: u32,
    /// Name of that pool.
    pub pool_name: String,
    /// Adapter of that pool.
    pub adapter: String,
}

/// A slot of a pool, and the process in it.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Worker {
    /// The row of the slot.
    pub row: Row,
    /// Number within the pool.
    pub slot: u32,
    /// What it is to its pool, like "idle".
    pub status: String,
    /// `pool/slot#incarnation`.
    pub id: String,
    /// 0 = the slot never had a process.
    pub incarnation: u64,
    /// 0 = none now.
    pub pid: i32,
    /// Start of the process, CLOCK_MONOTONIC in ns.
    pub start_mono_ns: u64,
    /// Start of the process, ns since the epoch.
    pub start_time_ns: u64,
    /// When it was ready, CLOCK_MONOTONIC in ns; 0 = not yet.
    pub ready_mono_ns: u64,
    /// Python version.
    pub python: String,
    /// Why the previous process ended; "" = none did.
    pub last_exit_reason: String,
    /// Exit code, or 128 + signal.
    pub last_exit_status: u32,
    /// Why the last start failed.
    pub last_error: String,
}

impl Segment {
    /// Copy everything that the segment holds.
    pub fn snapshot(&mut self, tier: Tier) -> Result<Snapshot, Error> {
        let begin = Instant::now();
        let result = self.take_snapshot(tier);
        let mut snapshot = self.completed(result)?;
        snapshot.took = begin.elapsed();
        Ok(snapshot)
    }

    fn take_snapshot(&mut self, tier: Tier) -> Result<Snapshot, Error> {
        let state = self.reader().word(OFF_STATE)?;
        let stop_reason = self.reader().word(OFF_STOP_REASON)? & 0xFFFF_FFFF;
        let heartbeat = read_heartbeat(self.reader())?;
        let image = match tier {
            Tier::Snap => Image::read_snap(self.reader(), &self.regions)?,
            Tier::Live => {
                let mapping = match self.mapping.take() {
                    Some(mapping) => mapping,
                    None => Mapping::new(&self.file, self.info.size)?,
                };
                let regions = &self.regions;
                let mapping = self.mapping.insert(mapping);
                mapping.guarded(|cells| live::gather(cells, regions))?
            }
        };
        let mut snapshot = Snapshot {
            tier,
            took: Duration::ZERO,
            state: WriterState::from_number(state),
            stop_reason: self.schema.text(Table::StopReason, stop_reason).to_owned(),
            heartbeat,
            retries: image.retries,
            rows_skipped: image.skipped,
            rows_dropped: image.meters[0],
            banks_exhausted: image.meters[1],
            text_truncated: image.meters[2],
            pools: Vec::new(),
            workers: Vec::new(),
            tools: Vec::new(),
            schema: Arc::clone(&self.schema),
            header: Arc::clone(&self.header),
            image,
            statuses: HashMap::new(),
        };
        snapshot.decode();
        Ok(snapshot)
    }
}

const ROW_WORDS: usize = (ROW_BYTES / 8) as usize;
type RowWords = [u64; ROW_WORDS];

// Indexes of its words.
const ROW_GEN: usize = 0;
const ROW_UID: usize = 1;
const ROW_PARENT: usize = 2;
const ROW_SLOT: usize = 3;
const ROW_BORN: usize = 4;
const ROW_RETIRED: usize = 5;
const ROW_RETIRE_REASON: usize = 7;
const ROW_NAME: usize = 16;
const ROW_TEXT: usize = 32;
const ROW_TEXT_WORDS: usize = 16;

impl Snapshot {
    /// The metrics in order of the schema; those of one name stand together.
    pub fn metrics(&self) -> &[Metric] {
        &self.schema.metrics
    }

    /// The metric with an OpenTelemetry or Prometheus name.
    pub fn metric(&self, name: &str) -> Option<&Metric> {
        self.metrics()
            .iter()
            .find(|m| *m.name == *name || *m.prom_name == *name)
    }

    /// A stored monotonic time in ns since the epoch; 0 stays 0.
    pub fn wall_ns(&self, mono_ns: u64) -> u64 {
        match mono_ns {
            0 => 0,
            _ => self
                .heartbeat
                .wall_ns
                .wrapping_add(mono_ns.wrapping_sub(self.heartbeat.mono_ns)),
        }
    }

    fn decode(&mut self) {
        for (index, words) in self.present(POOL) {
            let mut row = self.decode_row(index, &words);
            row.pool = row.index;
            row.pool_name = row.name.clone();
            row.adapter = words_text(&words[ROW_TEXT..][..ROW_TEXT_WORDS]);
            self.pools.push(row);
        }
        let by_index: HashMap<u64, usize> = (0..self.pools.len())
            .map(|i| (self.pools[i].index.into(), i))
            .collect();
        for kind in [WORKER, TOOL] {
            for (index, words) in self.present(kind) {
                // A row whose pool is not there costs itself alone: the next look has it.
                let pool = match by_index.get(&words[ROW_PARENT]) {
                    Some(&i) => &self.pools[i],
                    None => {
                        self.rows_skipped += 1;
                        continue;
                    }
                };
                let mut row = self.decode_row(index, &words);
                row.pool = pool.index;
                row.pool_name = pool.name.clone();
                row.adapter = pool.adapter.clone();
                if kind == WORKER {
                    let worker = self.decode_worker(row, &words);
                    self.workers.push(worker);
                } else {
                    self.tools.push(row);
                }
            }
        }
    }

    /// Index and directory entry of every row that is in use or retired.
    fn present(&self, kind: usize) -> Vec<(u64, RowWords)> {
        (0..self.image.tables[kind].count)
            .map(|i| {
                let mut words = [0; ROW_WORDS];
                words.copy_from_slice(self.image.part(kind, i, 0, ROW_BYTES));
                (i, words)
            })
            .filter(|(_, words)| gen_is_present(words[ROW_GEN]))
            .collect()
    }

    fn decode_row(&self, index: u64, words: &RowWords) -> Row {
        let retired = words[ROW_GEN] % 4 == GEN_TOMBSTONE;
        let reason = self
            .schema
            .text(Table::RetireReason, words[ROW_RETIRE_REASON] & 0xFFFF_FFFF);
        Row {
            index: index as u32,
            uid: words[ROW_UID],
            retired,
            retire_reason: if retired {
                reason.to_owned()
            } else {
                String::new()
            },
            born_mono_ns: words[ROW_BORN],
            retired_mono_ns: if retired { words[ROW_RETIRED] } else { 0 },
            name: words_text(&words[ROW_NAME..][..ROW_TEXT_WORDS]),
            pool: 0,
            pool_name: String::new(),
            adapter: String::new(),
        }
    }

    fn decode_worker(&mut self, mut row: Row, words: &RowWords) -> Worker {
        let parts = self.image.tables[WORKER].parts;
        let index = u64::from(row.index);
        let mut record = [0; (RECORD_BYTES / 8) as usize];
        if parts.record != 0 {
            record.copy_from_slice(self.image.part(
                WORKER,
                index,
                parts.record,
                RECORD_BYTES,
            ));
        }
        let last_error = match parts.text {
            0 => String::new(),
            off => words_text(self.image.part(WORKER, index, off, TEXT_BYTES)),
        };
        row.name.clear();
        let status = self.count_status(&row);
        let slot = words[ROW_SLOT] as u32;
        Worker {
            status: self.schema.text(Table::WorkerStatus, status).to_owned(),
            id: format!("{}/{}#{}", row.pool_name, slot, record[0]),
            slot,
            incarnation: record[0],
            pid: record[1] as i32,
            start_mono_ns: record[2],
            start_time_ns: record[3],
            ready_mono_ns: record[4],
            last_exit_reason: match record[5].checked_sub(1) {
                Some(reason) => self
                    .schema
                    .text(Table::ExitReason, reason & 0xFFFF_FFFF)
                    .to_owned(),
                None => String::new(),
            },
            last_exit_status: record[6] as u32,
            python: words_text(&record[7..9]),
            last_error,
            row,
        }
    }

    /// Find the status of a worker, and count it for its pool.
    fn count_status(&mut self, row: &Row) -> u64 {
        const STARTING: u64 = 0;
        const IDLE: u64 = 1;
        const BUSY: u64 = 2;
        const DRAINING: u64 = 3;
        const DOWN: u64 = 4;
        let (state_off, active_off) = match self.schema.status_rule() {
            Some(rule) => rule,
            None => return DOWN,
        };
        let cells = self.image.tables[WORKER].parts.cells;
        let word = |off: u64| {
            let at = cells + off - LATCH_BYTES;
            self.image.part(WORKER, row.index.into(), at, 8)[0]
        };
        let status = match (word(state_off), word(active_off)) {
            (1..=3, _) => STARTING,
            (4, 0) => IDLE,
            (4, _) => BUSY,
            (5, _) => DRAINING,
            _ => DOWN,
        };
        if !row.retired {
            self.statuses.entry(row.pool).or_default()[status as usize] += 1;
        }
        status
    }
}

/// The NUL-padded text in `words`, "" where it is not UTF-8.
fn words_text(words: &[u64]) -> String {
    let mut b = Vec::new();
    for word in words {
        let bytes = word.to_le_bytes();
        b.extend_from_slice(&bytes);
        if bytes.contains(&0) {
            break;
        }
    }
    padded_text(&b).unwrap_or_default()
}

/// What a row has to say for a source of labels.
pub(crate) fn row_label(row: &Row, source: u32) -> &str {
    match source {
        0 => &row.pool_name,
        5 => &row.adapter,
        _ => "",
    }
}

pub(crate) fn tool_label(row: &Row, source: u32) -> &str {
    match source {
        2 => &row.name,
        _ => row_label(row, source),
    }
}

pub(crate) fn worker_label(worker: &Worker, source: u32) -> Cow<'_, str> {
    match source {
        1 => worker.slot.to_string().into(),
        3 => worker.id.as_str().into(),
        4 => (i64::from(worker.pid) as u64).to_string().into(),
        6 => worker.python.as_str().into(),
        _ => row_label(&worker.row, source).into(),
    }
}
