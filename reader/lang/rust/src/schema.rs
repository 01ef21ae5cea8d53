// SPDX-License-Identifier: Apache-2.0

use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;

use crate::directory::Regions;
use crate::error::{damaged, Error};
use crate::format::*;
use crate::segment::Reader;

/// How a metric behaves.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum MetricKind {
    /// Only grows.
    Counter,
    /// Adds and subtracts.
    UpDown,
    /// Is set.
    Gauge,
    /// See [`Histogram`](crate::Histogram).
    Histogram,
    /// A number of its enumeration.
    State,
    /// 0 = never.
    Timestamp,
    /// The labels are the message, the value is 1.
    Info,
}

impl MetricKind {
    fn from_number(n: u8) -> Option<Self> {
        Some(match n {
            1 => MetricKind::Counter,
            2 => MetricKind::UpDown,
            3 => MetricKind::Gauge,
            4 => MetricKind::Histogram,
            5 => MetricKind::State,
            6 => MetricKind::Timestamp,
            7 => MetricKind::Info,
            _ => return None,
        })
    }
}

impl fmt::Display for MetricKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            MetricKind::Counter => "counter",
            MetricKind::UpDown => "updown",
            MetricKind::Gauge => "gauge",
            MetricKind::Histogram => "histogram",
            MetricKind::State => "state",
            MetricKind::Timestamp => "timestamp",
            MetricKind::Info => "info",
        })
    }
}

/// What the stored word of a value is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ValueType {
    /// An unsigned number; also what a later version may have brought.
    Unsigned,
    /// Two's complement.
    Signed,
    /// IEEE 754.
    Float,
    /// Nanoseconds of the writer's CLOCK_MONOTONIC, shown as wall time.
    MonoTime,
    /// Nanoseconds since the epoch.
    WallTime,
}

/// Who wants to see a metric.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Level {
    /// Everybody.
    Info,
    /// Who looks for a cause.
    Diag,
    /// Who develops the runtime.
    Debug,
}

impl fmt::Display for Level {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Level::Info => "info",
            Level::Diag => "diag",
            Level::Debug => "debug",
        })
    }
}

/// What a row stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum RowKind {
    /// The runtime itself.
    Process,
    /// A pool.
    Pool,
    /// A worker slot.
    Worker,
    /// A tool of a pool.
    Tool,
}

/// An enumeration of the segment.
#[derive(Debug)]
pub struct Enum {
    /// Name of the Prometheus label.
    pub label: Arc<str>,
    /// Name of the OpenTelemetry attribute.
    pub attribute: Arc<str>,
    /// Texts by number.
    pub values: Vec<Arc<str>>,
}

impl Enum {
    /// The text of a number that the segment knows.
    pub fn text(&self, n: u64) -> Option<&str> {
        Some(self.values.get(usize::try_from(n).ok()?)?)
    }
}

/// Where the value of a metric is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Storage {
    Bank,
    Row,
    Latch,
    Ledger,
    Header,
    /// Workers by status, from the words at these offsets of a worker's cells.
    Derived {
        state: u64,
        active: u64,
    },
    One,
}

/// Describes one metric; it never changes.
#[derive(Debug)]
#[non_exhaustive]
pub struct Metric {
    /// Number, from 1.
    pub id: u32,
    /// How it behaves.
    pub kind: MetricKind,
    /// What its words are.
    pub value_type: ValueType,
    /// Who wants to see it.
    pub level: Level,
    /// What its series belong to.
    pub row_kind: RowKind,
    /// OpenTelemetry name.
    pub name: Arc<str>,
    /// Prometheus name.
    pub prom_name: Arc<str>,
    /// UCUM.
    pub unit: Arc<str>,
    /// One sentence.
    pub help: Arc<str>,
    /// Value in `unit` = stored * 10^`unit_exp`.
    pub unit_exp: i32,
    /// Series of each row.
    pub cells: u32,
    /// Names of the values of a state; of other kinds, those of the cells.
    pub values: Option<Arc<Enum>>,
    /// Histogram: classic bounds in ns.
    pub bounds: Vec<u64>,
    /// Histogram: inclusive upper bounds in ns of all buckets but the last.
    pub upper: Vec<u64>,
    /// Histogram: base 2^(2^-scale).
    pub scale: i8,
    /// Histogram: OpenTelemetry index of bucket 1.
    pub index_min: i32,
    /// Histogram: bucket 0 holds values up to this, in ns.
    pub zero_threshold: u64,
    pub(crate) storage: Storage,
    /// Rows without it say so in its first word.
    pub(crate) sparse: bool,
    pub(crate) off: u64,
    pub(crate) stride: u64,
    pub(crate) row_keys: u32,
}

pub(crate) struct Key {
    pub(crate) source: u32,
    pub(crate) label: Arc<str>,
    pub(crate) attribute: Arc<str>,
}

/// A table of enumerations, by number.
#[derive(Clone, Copy)]
pub(crate) enum Table {
    ExitReason = 4,
    WorkerState = 9,
    WorkerStatus = 10,
    EventKind = 11,
    Initiator = 12,
    MoveReason = 13,
    StopReason = 14,
    RetireReason = 15,
}

pub(crate) struct Schema {
    tables: Vec<Arc<Enum>>,
    pub(crate) keys: Vec<Key>,
    pub(crate) metrics: Vec<Metric>,
    /// Descriptors that there were; more may come.
    pub(crate) used: u64,
}

impl Schema {
    pub(crate) fn read(reader: Reader<'_>, regions: &Regions) -> Result<Self, Error> {
        // First, because all that these refer to is complete by then.
        let used = reader.word(OFF_DESC_USED)?;
        let mut parser = Parser::new(reader, regions)?;
        let tables = parser.parse_tables()?;
        let r = &regions.keys;
        let keys =
            parser.parse_keys(&reader.bytes(r.off, r.count.min(KEYS_MAX) * r.stride)?)?;
        let r = &regions.desc;
        if used > r.count || used > MOST {
            return Err(damaged("descriptors"));
        }
        let mut metrics = Vec::new();
        for desc in reader
            .bytes(r.off, used * r.stride)?
            .chunks_exact(r.stride as usize)
        {
            metrics.extend(parser.parse_desc(desc)?);
        }
        Ok(Schema {
            tables,
            keys,
            metrics,
            used,
        })
    }

    /// The text of a number, "?" for one that the segment does not know.
    pub(crate) fn text(&self, table: Table, n: u64) -> &str {
        self.tables
            .get(table as usize)
            .and_then(|table| table.text(n))
            .unwrap_or("?")
    }

    /// Offsets of the words that say what the status of a worker is.
    pub(crate) fn status_rule(&self) -> Option<(u64, u64)> {
        self.metrics.iter().find_map(|m| match m.storage {
            Storage::Derived { state, active } => Some((state, active)),
            _ => None,
        })
    }
}

/// Private copies of what the schema is parsed from.
struct Parser<'a> {
    regions: &'a Regions,
    strt: Vec<u8>,
    /// By reference.
    texts: HashMap<u32, Arc<str>>,
    enums: Vec<u8>,
    /// By word index.
    tables: HashMap<u32, Arc<Enum>>,
    bounds: Vec<u64>,
}

impl<'a> Parser<'a> {
    fn new(reader: Reader<'_>, regions: &'a Regions) -> Result<Self, Error> {
        let used = reader.word(OFF_STRT_USED)?;
        if used > regions.strt.len {
            return Err(damaged("strings"));
        }
        Ok(Parser {
            regions,
            strt: reader.bytes(regions.strt.off, used)?,
            texts: HashMap::from([(0, "".into())]),
            enums: reader.bytes(regions.enums.off, regions.enums.count * 4)?,
            tables: HashMap::new(),
            bounds: words(&reader.bytes(regions.bnds.off, regions.bnds.count * 8)?),
        })
    }

    /// The string at a reference. Each is checked once.
    fn text(&mut self, reference: u32) -> Option<Arc<str>> {
        if let Some(text) = self.texts.get(&reference) {
            return Some(text.clone());
        }
        let (at, size) = (u64::from(reference) * 8, self.strt.len() as u64);
        if !fits_in(at, 5, size) {
            return None;
        }
        let b = &self.strt[at as usize..];
        let len = u64::from(u32_at(b, 0));
        if len > size - at - 5 || len > MOST {
            return None;
        }
        let (b, end) = b[4..].split_at(len as usize);
        if end[0] != 0 || b.contains(&0) {
            return None;
        }
        let text: Arc<str> = std::str::from_utf8(b).ok()?.into();
        self.texts.insert(reference, text.clone());
        Some(text)
    }

    fn parse_tables(&mut self) -> Result<Vec<Arc<Enum>>, Error> {
        if !self.regions.enums.exists() {
            return Ok(Vec::new());
        }
        let size = self.enums.len() / 4;
        if size < 2 {
            return Err(damaged("enums"));
        }
        let n = u32_at(&self.enums, 4) as usize;
        if n > size - 2 || n as u64 > MOST {
            return Err(damaged("enums"));
        }
        (0..n)
            .map(|i| {
                let at = u32_at(&self.enums, 8 + 4 * i);
                self.table(at).ok_or_else(|| damaged("enums"))
            })
            .collect()
    }

    /// The table at a word index.
    fn table(&mut self, at: u32) -> Option<Arc<Enum>> {
        if let Some(table) = self.tables.get(&at) {
            return Some(table.clone());
        }
        let size = self.enums.len() as u64 / 4;
        if !fits_in(at.into(), 3, size) {
            return None;
        }
        let word = |i: u32| 4 * (at as usize + i as usize);
        let n = u32_at(&self.enums, word(2));
        if n == 0 || u64::from(n) > MOST || u64::from(n) > size - u64::from(at) - 3 {
            return None;
        }
        let (label, attribute) =
            (u32_at(&self.enums, word(0)), u32_at(&self.enums, word(1)));
        let table = Arc::new(Enum {
            label: self.text(label)?,
            attribute: self.text(attribute)?,
            values: (0..n)
                .map(|i| {
                    let value = u32_at(&self.enums, word(3 + i));
                    self.text(value)
                })
                .collect::<Option<_>>()?,
        });
        self.tables.insert(at, table.clone());
        Some(table)
    }

    fn parse_keys(&mut self, b: &[u8]) -> Result<Vec<Key>, Error> {
        let mut keys = Vec::new();
        if b.is_empty() {
            return Ok(keys);
        }
        for entry in b.chunks_exact(self.regions.keys.stride as usize) {
            let mut text =
                |off| self.text(u32_at(entry, off)).ok_or_else(|| damaged("keys"));
            keys.push(Key {
                source: u32_at(entry, 0),
                label: text(4)?,
                attribute: text(8)?,
            });
        }
        Ok(keys)
    }

    /// None for a descriptor that is not known here, or retired.
    fn parse_desc(&mut self, d: &[u8]) -> Result<Option<Metric>, Error> {
        let retired = u16_at(d, 78) != 0;
        let (kind, storage, row_kind) = match known_kinds(d) {
            Some(known) if !retired => known,
            _ => return Ok(None),
        };
        let buckets = u64::from(u16_at(d, 72));
        let mut m = self
            .describe(d, kind, storage, row_kind)
            .ok_or_else(|| damaged("descriptors"))?;
        if !self.cells_fit(&m, buckets) || !limits_hold(&m, buckets) || !cells_are_named(&m)
        {
            return Err(damaged("descriptors"));
        }
        m.bounds = self
            .ascending(u32_at(d, 60), u32_at(d, 64).into())
            .filter(|bounds| bounds.len() as u64 <= MOST)
            .ok_or_else(|| damaged("bounds"))?;
        if kind == MetricKind::Histogram {
            m.upper = self
                .ascending(u32_at(d, 96), buckets + 1)
                .ok_or_else(|| damaged("bounds"))?;
            if m.zero_threshold > m.upper[1] {
                return Err(damaged("bounds"));
            }
        }
        Ok(Some(m))
    }

    fn describe(
        &mut self,
        d: &[u8],
        kind: MetricKind,
        storage: Storage,
        row_kind: RowKind,
    ) -> Option<Metric> {
        let values = match u32_at(d, 56) {
            0 => None,
            at => Some(Arc::clone(self.tables.get(&at)?)),
        };
        Some(Metric {
            id: u32_at(d, 0),
            kind,
            value_type: match d[5] {
                2 => ValueType::Signed,
                3 => ValueType::Float,
                4 => ValueType::MonoTime,
                5 => ValueType::WallTime,
                _ => ValueType::Unsigned,
            },
            level: match d[9] {
                1 => Level::Info,
                2 => Level::Diag,
                _ => Level::Debug,
            },
            row_kind,
            name: self.text(u32_at(d, 24))?,
            prom_name: self.text(u32_at(d, 28))?,
            unit: self.text(u32_at(d, 32))?,
            help: self.text(u32_at(d, 40))?,
            unit_exp: u32_at(d, 36) as i32,
            cells: u32_at(d, 16),
            values,
            bounds: Vec::new(),
            upper: Vec::new(),
            scale: d[74] as i8,
            index_min: u32_at(d, 68) as i32,
            zero_threshold: u64_at(d, 80),
            storage,
            sparse: d[11] & DESC_SPARSE != 0 && matches!(storage, Storage::Row),
            off: u32_at(d, 12).into(),
            stride: u32_at(d, 20).into(),
            row_keys: u32_at(d, 52),
        })
    }

    fn ascending(&self, at: u32, n: u64) -> Option<Vec<u64>> {
        if n == 0 {
            return Some(Vec::new());
        }
        if !fits_in(at.into(), n, self.bounds.len() as u64) {
            return None;
        }
        let words = &self.bounds[at as usize..][..n as usize];
        words
            .windows(2)
            .all(|pair| pair[0] < pair[1])
            .then(|| words.to_vec())
    }

    /// Whether every cell lies inside its row.
    fn cells_fit(&self, m: &Metric, buckets: u64) -> bool {
        if m.cells == 0 || u64::from(m.cells) > MOST {
            return false;
        }
        let row = m.row_kind as usize;
        let size = match m.kind {
            MetricKind::Histogram => 8 * (buckets + 3),
            _ => 8,
        };
        let (first, end) = match m.storage {
            Storage::One => return true,
            Storage::Derived { state, active } => {
                let end = self.regions.rowc[WORKER].stride;
                let fits = |off| off % 8 == 0 && off >= LATCH_BYTES && fits_in(off, 8, end);
                return fits(state) && fits(active);
            }
            Storage::Bank => (0, self.regions.bank[row].stride),
            Storage::Row => (LATCH_BYTES, self.regions.rowc[row].stride),
            Storage::Latch if self.regions.rowc[row].exists() => (0, RECORD_BYTES),
            Storage::Ledger if self.regions.ledg[row].exists() => (0, RECORD_BYTES),
            Storage::Latch | Storage::Ledger => (0, 0),
            Storage::Header if m.off < OFF_METERS => (0, IMMUTABLE as u64),
            Storage::Header => (OFF_METERS, OFF_METERS + METERS_BYTES),
        };
        m.off % 8 == 0
            && m.off >= first
            && fits_in(m.off, size, end)
            && m.stride % 8 == 0
            && m.stride >= size
            && u64::from(m.cells - 1) <= (end - m.off - size) / m.stride
    }
}

fn known_kinds(d: &[u8]) -> Option<(MetricKind, Storage, RowKind)> {
    const WORKERS_BY_STATUS: u8 = 1;
    let storage = match d[6] {
        1 => Storage::Bank,
        2 => Storage::Row,
        3 => Storage::Latch,
        4 => Storage::Header,
        5 if d[75] == WORKERS_BY_STATUS && d[8] == POOL as u8 => Storage::Derived {
            state: u32_at(d, 88).into(),
            active: u32_at(d, 92).into(),
        },
        6 => Storage::One,
        7 => Storage::Ledger,
        _ => return None,
    };
    let row = match d[8] {
        0 => RowKind::Process,
        1 => RowKind::Pool,
        2 => RowKind::Worker,
        3 => RowKind::Tool,
        _ => return None,
    };
    Some((MetricKind::from_number(d[4])?, storage, row))
}

fn limits_hold(m: &Metric, buckets: u64) -> bool {
    if m.unit_exp < -30 || m.unit_exp > 30 {
        return false;
    }
    m.kind != MetricKind::Histogram
        || matches!(m.storage, Storage::Bank | Storage::Row)
            && (1..=MOST).contains(&buckets)
            && (-4..=8).contains(&m.scale)
            && (-16384..=16384).contains(&m.index_min)
}

/// Whether the enumeration has a value for each cell, or for what the one cell of a state
/// holds.
fn cells_are_named(m: &Metric) -> bool {
    match (&m.values, m.kind) {
        (values, MetricKind::State) => values.is_some() && m.cells == 1,
        (Some(values), _) => values.values.len() == m.cells as usize,
        (None, _) => m.cells == 1,
    }
}
