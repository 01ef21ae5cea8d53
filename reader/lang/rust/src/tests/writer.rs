// SPDX-License-Identifier: Apache-2.0

//! Reads a segment as fast as it goes while its writer counts, retires and recycles as
//! fast as it can. `SNAKEPIT_TEST_SEGMENT` names the segment;
//! `tests/conformance/test_lang_rust.py` starts the writer and runs what is ignored here.

use std::collections::HashMap;
use std::collections::HashSet;
use std::time::{Duration, Instant};

use super::TIERS;
use crate::format::*;
use crate::live::{copy_latch, sum_banks, Gatherer};
use crate::mapping::Mapping;
use crate::{Histogram, Metric, MetricKind, Segment, Series, Snapshot, Tier, Value};

const WHY: &str = "SNAKEPIT_TEST_SEGMENT names a segment that is being written";

fn open() -> Segment {
    let path = std::env::var_os("SNAKEPIT_TEST_SEGMENT").expect(WHY);
    Segment::open(path).unwrap()
}

fn for_ms(ms: u64) -> impl Iterator<Item = ()> {
    let end = Instant::now() + Duration::from_millis(ms);
    std::iter::from_fn(move || (Instant::now() < end).then_some(()))
}

/// Whether a test has more to see: for some time at least, and then until it has seen
/// enough, on a busy machine too.
fn goes_on(begin: Instant, least_ms: u64, enough: bool) -> bool {
    let spent = begin.elapsed();
    spent < Duration::from_millis(least_ms) || !enough && spent < Duration::from_secs(20)
}

fn mapping(segment: &Segment) -> Mapping {
    Mapping::new(&segment.file, segment.info.size).unwrap()
}

/// The words of the writer's ledger: what came in, and where it is.
fn ledger(snapshot: &Snapshot) -> (usize, [usize; 4]) {
    let at = |name: &str, cell: u64| {
        let metric = snapshot.metric(name).unwrap();
        ((metric.off + cell * metric.stride) / 8) as usize
    };
    let outcomes = "snakepit.pool.request.outcomes";
    (
        at("snakepit.pool.requests", 0),
        [
            at(outcomes, 0),
            at(outcomes, 1),
            at("snakepit.request.active", 0),
            at("snakepit.pool.queue.depth", 0),
        ],
    )
}

/// Copies one ledger all the time: a writer that gets between two words must be noticed.
#[test]
#[ignore = "needs a running writer"]
fn latches_are_whole() {
    let mut segment = open();
    let (came_in, is_at) = ledger(&segment.snapshot(Tier::Live).unwrap());
    let off = segment.regions.rowc[POOL].off;
    let (mut copies, mut retries, mut unsettled) = (0, 0, 0);
    mapping(&segment)
        .guarded(|cells| {
            for _ in for_ms(300) {
                for _ in 0..1000 {
                    copies += 1;
                    let mut words = [0; (RECORD_BYTES / 8) as usize];
                    if !copy_latch(cells, off, off + 64, &mut words, &mut retries) {
                        unsettled += 1;
                        continue;
                    }
                    let accounted: u64 = is_at.iter().map(|&i| words[i]).sum();
                    assert_eq!(words[came_in], accounted, "copy {copies}: {words:?}");
                }
            }
            Ok(())
        })
        .unwrap();
    assert!(
        unsettled <= copies / 100,
        "{unsettled} of {copies} unsettled"
    );
    println!("{copies} copies, {retries} tried again, {unsettled} given up");
}

/// What the writer's first `n` heartbeats add up to: that of round k took 700 us and k
/// more.
fn latencies(n: u64) -> u64 {
    n * 700_000 + n * (n + 1) / 2 * 1000
}

const LATENCY: &str = "snakepit.heartbeat.latency";

fn assert_not_ahead(histogram: &Histogram<'_>) {
    let n = histogram.count();
    let sum = histogram.sum;
    assert!(sum <= latencies(n), "{sum} ns from {n} observations");
}

/// Adds up one histogram all the time.
#[test]
#[ignore = "needs a running writer"]
fn sums_are_not_ahead_of_buckets() {
    let mut segment = open();
    let snapshot = segment.snapshot(Tier::Live).unwrap();
    let metric = snapshot.metric(LATENCY).unwrap();
    let region = segment.regions.bank[POOL];
    let mut entry = vec![0; (region.stride / 8) as usize];
    mapping(&segment)
        .guarded(|cells| {
            for _ in for_ms(300) {
                sum_banks(cells, &region, 0, &mut entry);
                let words = &entry[(metric.off / 8) as usize..][..metric.upper.len() + 2];
                assert_not_ahead(&Histogram::new(metric, words));
            }
            Ok(())
        })
        .unwrap();
}

/// Copies the tools all the time while some are retired and declared anew. The tool
/// churn<n> has n + 1 requests, once it has any.
#[test]
#[ignore = "needs a running writer"]
fn rows_are_of_one_life() {
    let mut segment = open();
    let snapshot = segment.snapshot(Tier::Live).unwrap();
    let requests = snapshot.metric("snakepit.requests").unwrap();
    let mut lives = HashSet::new();
    mapping(&segment)
        .guarded(|cells| {
            let begin = Instant::now();
            while goes_on(begin, 400, lives.len() > 100) {
                let mut gatherer = Gatherer::plan(cells, &segment.regions)?;
                let tools = gatherer.image.tables[TOOL];
                for row in (0..100).flat_map(|_| 0..tools.count) {
                    gatherer.gather_row(TOOL, row);
                    let words = gatherer.image.part(TOOL, row, 0, tools.stride);
                    lives.extend(life(words, tools.parts.sums, requests));
                }
            }
            Ok(())
        })
        .unwrap();
    assert!(lives.len() > 100, "the writer does not recycle any");
}

/// The uid of a row that comes and goes, after a look at its count.
fn life(words: &[u64], sums: u64, requests: &Metric) -> Option<u64> {
    let bytes: Vec<u8> = words[16..32].iter().flat_map(|w| w.to_le_bytes()).collect();
    let name = padded_text(&bytes)?;
    let n: u64 = name.strip_prefix("churn")?.parse().ok()?;
    if words[0] == 0 {
        return None;
    }
    let count = words[((sums + requests.off) / 8) as usize];
    assert!(count == 0 || count == n + 1, "{name} has {count} requests");
    Some(words[1])
}

/// Both tiers, everything: ledgers, counters, histograms.
#[test]
#[ignore = "needs a running writer"]
fn snapshots_are_consistent() {
    let mut segment = open();
    for tier in TIERS {
        let mut last = HashMap::new();
        let mut moved = false;
        let begin = Instant::now();
        while goes_on(begin, 500, moved) {
            let snapshot = segment.snapshot(tier).unwrap();
            assert_ledgers(&snapshot);
            for series in snapshot.series(snapshot.metric(LATENCY).unwrap()) {
                match &series.value {
                    Value::Histogram(histogram) => assert_not_ahead(histogram),
                    Value::Scalar(_) => panic!("{LATENCY} is no histogram"),
                }
            }
            moved |= assert_counters(&snapshot, &mut last);
        }
        assert!(moved, "{tier:?}: nothing was counted meanwhile");
    }
}

fn assert_ledgers(snapshot: &Snapshot) {
    let mut accounts: HashMap<u32, [f64; 2]> = HashMap::new();
    for (name, side) in [
        ("snakepit.pool.requests", 0),
        ("snakepit.pool.request.outcomes", 1),
        ("snakepit.request.active", 1),
        ("snakepit.pool.queue.depth", 1),
    ] {
        for series in snapshot.series(snapshot.metric(name).unwrap()) {
            accounts.entry(series.row).or_default()[side] += series.number().unwrap();
        }
    }
    for (pool, [came_in, is_at]) in accounts {
        assert_eq!(came_in, is_at, "pool {pool}");
    }
}

/// Counters do not fall within the life of a row. Returns whether any grew.
fn assert_counters(
    snapshot: &Snapshot,
    last: &mut HashMap<(u32, usize, u64), u64>,
) -> bool {
    let mut uids: HashMap<(usize, u32), u64> = HashMap::new();
    uids.extend(
        snapshot
            .pools
            .iter()
            .map(|row| ((POOL, row.index), row.uid)),
    );
    uids.extend(
        snapshot
            .tools
            .iter()
            .map(|row| ((TOOL, row.index), row.uid)),
    );
    let workers = snapshot.workers.iter().map(|worker| &worker.row);
    uids.extend(workers.map(|row| ((WORKER, row.index), row.uid)));
    let mut moved = false;
    for metric in snapshot.metrics() {
        for (i, series) in snapshot.series(metric).enumerate() {
            let value = match growing(&series) {
                Some(value) => value,
                None => break,
            };
            let uid = uids.get(&(metric.row_kind as usize, series.row)).copied();
            let key = (metric.id, i % metric.cells as usize, uid.unwrap_or(0));
            if let Some(before) = last.insert(key, value) {
                let labels = &series.labels;
                assert!(
                    value >= before,
                    "{}{labels:?}: {before} {value}",
                    metric.name
                );
                moved |= value > before;
            }
        }
    }
    moved
}

fn growing(series: &Series<'_>) -> Option<u64> {
    match (&series.value, series.metric.kind) {
        (Value::Histogram(histogram), _) => Some(histogram.count()),
        (Value::Scalar(word), MetricKind::Counter) => Some(*word),
        _ => None,
    }
}
