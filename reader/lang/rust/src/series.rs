// SPDX-License-Identifier: Apache-2.0

use std::borrow::Cow;

use crate::format::*;
use crate::schema::{Metric, MetricKind, RowKind, Storage, ValueType};
use crate::snapshot::{row_label, tool_label, worker_label, Row, Snapshot, Worker};

/// A label of a series.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Label<'a> {
    /// Name for Prometheus.
    pub name: &'a str,
    /// Name for OpenTelemetry.
    pub attribute: &'a str,
    /// Value.
    pub value: Cow<'a, str>,
}

/// What a series has.
#[derive(Clone, Debug)]
pub enum Value<'a> {
    /// The stored word, see [`Metric::value_type`].
    Scalar(u64),
    /// The words of a histogram.
    Histogram(Histogram<'a>),
}

/// A metric at one row and one value of its enumeration.
#[derive(Clone, Debug)]
pub struct Series<'a> {
    /// What it is.
    pub metric: &'a Metric,
    /// Index of the row within [`Metric::row_kind`].
    pub row: u32,
    /// Labels of the row, then that of the enumeration.
    pub labels: Vec<Label<'a>>,
    /// The value.
    pub value: Value<'a>,
    /// The same as wall time where it is a monotonic one.
    wall_ns: u64,
}

/// A row that gives values to labels.
#[derive(Clone, Copy)]
enum Labelled<'a> {
    Process,
    Pool(&'a Row),
    Worker(&'a Worker),
    Tool(&'a Row),
}

impl<'a> Labelled<'a> {
    fn index(self) -> u32 {
        match self {
            Labelled::Process => 0,
            Labelled::Pool(row) | Labelled::Tool(row) => row.index,
            Labelled::Worker(worker) => worker.row.index,
        }
    }

    fn label(self, source: u32) -> Cow<'a, str> {
        match self {
            Labelled::Process => "".into(),
            Labelled::Pool(row) => row_label(row, source).into(),
            Labelled::Tool(row) => tool_label(row, source).into(),
            Labelled::Worker(worker) => worker_label(worker, source),
        }
    }
}

impl Snapshot {
    /// The series of a metric of this snapshot: for each row in order of its index, each
    /// cell.
    pub fn series<'a>(
        &'a self,
        metric: &'a Metric,
    ) -> impl Iterator<Item = Series<'a>> + 'a {
        let rows = self.rows(metric).into_iter();
        rows.filter(|row| self.has(metric, row.index()))
            .flat_map(move |row| {
                (0..metric.cells).map(move |cell| self.one_series(metric, row, cell))
            })
    }

    /// Whether a row has the metric: of a sparse one its first word says so.
    fn has(&self, metric: &Metric, row: u32) -> bool {
        !metric.sparse || self.cell(metric, row, 0, 8)[0] != ABSENT
    }

    fn rows(&self, metric: &Metric) -> Vec<Labelled<'_>> {
        match metric.row_kind {
            RowKind::Process => vec![Labelled::Process],
            RowKind::Pool => self.pools.iter().map(Labelled::Pool).collect(),
            RowKind::Tool => self.tools.iter().map(Labelled::Tool).collect(),
            // An info series says who is there: nobody, nothing to say.
            RowKind::Worker => self
                .workers
                .iter()
                .filter(|worker| metric.kind != MetricKind::Info || worker.pid != 0)
                .map(Labelled::Worker)
                .collect(),
        }
    }

    fn one_series<'a>(
        &'a self,
        metric: &'a Metric,
        row: Labelled<'a>,
        cell: u32,
    ) -> Series<'a> {
        const SOURCES: u32 = 7;
        let used = |i: usize| metric.row_keys >> i & 1 != 0;
        let mut labels: Vec<_> = self
            .schema
            .keys
            .iter()
            .enumerate()
            .filter(|(i, key)| used(*i) && key.source < SOURCES)
            .map(|(_, key)| Label {
                name: &key.label,
                attribute: &key.attribute,
                value: row.label(key.source),
            })
            .collect();
        if let (Some(e), true) = (&metric.values, metric.kind != MetricKind::State) {
            labels.push(Label {
                name: &e.label,
                attribute: &e.attribute,
                value: Cow::Borrowed(&e.values[cell as usize]),
            });
        }
        let value = match metric.kind {
            MetricKind::Histogram => {
                let bytes = 8 * (metric.upper.len() as u64 + 2);
                Value::Histogram(Histogram::new(
                    metric,
                    self.cell(metric, row.index(), cell, bytes),
                ))
            }
            _ => Value::Scalar(self.scalar(metric, row.index(), cell)),
        };
        Series {
            metric,
            row: row.index(),
            labels,
            wall_ns: match value {
                Value::Scalar(word) => self.wall_ns(word),
                Value::Histogram(_) => 0,
            },
            value,
        }
    }

    fn scalar(&self, metric: &Metric, row: u32, cell: u32) -> u64 {
        match metric.storage {
            Storage::One => 1,
            Storage::Derived { .. } => self
                .statuses
                .get(&row)
                .and_then(|counts| counts.get(cell as usize))
                .map_or(0, |&n| n),
            Storage::Header => {
                let off = metric.off + u64::from(cell) * metric.stride;
                match off.checked_sub(OFF_METERS) {
                    Some(at) => self.image.meters[(at / 8) as usize],
                    None => u64_at(&self.header, off as usize),
                }
            }
            _ => self.cell(metric, row, cell, 8)[0],
        }
    }

    /// `bytes` of a cell in the image.
    fn cell(&self, metric: &Metric, row: u32, cell: u32, bytes: u64) -> &[u64] {
        let kind = metric.row_kind as usize;
        let parts = &self.image.tables[kind].parts;
        let off = metric.off + u64::from(cell) * metric.stride;
        let at = match metric.storage {
            Storage::Bank => parts.sums + off,
            Storage::Row => parts.cells + off - LATCH_BYTES,
            Storage::Ledger => parts.ledger + off,
            _ => parts.record + off,
        };
        self.image.part(kind, row.into(), at, bytes)
    }
}

impl<'a> Series<'a> {
    /// The scalar in the metric's unit: times as Unix seconds, 0 = never. None for a
    /// histogram. Counts beyond 2^53 lose digits; [`Series::value`] has them all.
    pub fn number(&self) -> Option<f64> {
        let word = match self.value {
            Value::Scalar(word) => word,
            Value::Histogram(_) => return None,
        };
        let mut number = match self.metric.value_type {
            ValueType::Signed => word as i64 as f64,
            ValueType::Float => f64::from_bits(word),
            ValueType::MonoTime => self.wall_ns as f64,
            ValueType::Unsigned | ValueType::WallTime => word as f64,
        };
        let mut places = -self.metric.unit_exp;
        while places > 0 {
            number /= 10f64.powi(places.min(9));
            places -= 9;
        }
        for _ in 0..self.metric.unit_exp {
            number *= 10.0;
        }
        Some(number)
    }

    /// The scalar as ns since the epoch, if it is a time.
    pub fn wall_ns(&self) -> Option<u64> {
        match (self.metric.value_type, &self.value) {
            (ValueType::MonoTime, Value::Scalar(_)) => Some(self.wall_ns),
            (ValueType::WallTime, Value::Scalar(word)) => Some(*word),
            _ => None,
        }
    }

    /// The name of the value of a state, if the segment has one.
    pub fn state(&self) -> Option<&'a str> {
        match (self.metric.kind, &self.value, &self.metric.values) {
            (MetricKind::State, Value::Scalar(word), Some(e)) => e.text(*word),
            _ => None,
        }
    }
}

/// A base-2 exponential histogram of nanoseconds.
#[derive(Clone, Debug)]
pub struct Histogram<'a> {
    /// Observations; [`Metric::upper`] says of what size.
    pub buckets: &'a [u64],
    /// Of all observations, in ns.
    pub sum: u64,
    metric: &'a Metric,
}

impl<'a> Histogram<'a> {
    pub(crate) fn new(metric: &'a Metric, words: &'a [u64]) -> Self {
        let (sum, buckets) = words.split_last().expect("a histogram has words");
        Histogram {
            buckets,
            sum: *sum,
            metric,
        }
    }

    /// Number of observations.
    pub fn count(&self) -> u64 {
        self.buckets.iter().fold(0, |n, &word| n.wrapping_add(word))
    }

    /// The q-quantile (0 to 1) in ns: the geometric middle of the bucket that holds the
    /// observation of that rank, so at most half a bucket from it; the edge of the range
    /// where it lies outside the buckets; 0 without observations.
    pub fn quantile(&self, q: f64) -> u64 {
        let (count, upper) = (self.count(), &self.metric.upper);
        if count == 0 {
            return 0;
        }
        let rank = q * count as f64;
        let mut below = 0u64;
        for (i, &bucket) in self.buckets[..upper.len()].iter().enumerate() {
            below = below.wrapping_add(bucket);
            if bucket == 0 || (below as f64) < rank {
                continue;
            }
            if i == 0 {
                return self.metric.zero_threshold;
            }
            // A float that is too large becomes the largest integer.
            return ((upper[i - 1] as f64).sqrt() * (upper[i] as f64).sqrt()) as u64;
        }
        upper[upper.len() - 1]
    }
}
