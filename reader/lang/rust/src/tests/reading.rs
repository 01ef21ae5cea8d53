// SPDX-License-Identifier: Apache-2.0

//! What is read from a segment that is whole.

use std::fs;
use std::time::Duration;

use super::fake::{Fake, EVNT, MONO, WALL};
use super::{open, snapshot, TIERS};
use crate::format::*;
use crate::live::Gatherer;
use crate::mapping::{Loads, Mapping};
use crate::{sys, Cursor, ErrorKind, Series, Snapshot, Tier, Value, Verdict};

#[test]
fn the_header_is_told() {
    let fake = Fake::new();
    let segment = open(&fake);
    let info = segment.info();
    assert_eq!(info.instance, "test");
    assert_eq!(info.uuid[..3], [0, 1, 2]);
    assert_eq!(
        (info.incarnation, info.pid, info.version),
        (7, 4242, (1, 0))
    );
}

#[test]
fn rows_are_decoded_and_those_being_recycled_left_out() {
    let fake = Fake::new();
    for tier in TIERS {
        let snapshot = snapshot(&fake, tier);
        let uids = |rows: &[crate::Row]| rows.iter().map(|row| row.uid).collect::<Vec<_>>();
        assert_eq!(uids(&snapshot.pools), [100, 101]);
        assert_eq!(uids(&snapshot.tools), [300]);
        assert_eq!(snapshot.workers.len(), 2);
        let gone = &snapshot.pools[1];
        assert_eq!((&*gone.name, &*gone.retire_reason), ("gone", "removed"));
        assert!(gone.retired && gone.retired_mono_ns == MONO + 1);
        let worker = &snapshot.workers[0];
        assert_eq!((&*worker.id, &*worker.status), ("default/0#3", "busy"));
        assert_eq!((&*worker.python, worker.pid), ("3.11.2", 1234));
        assert_eq!(
            (&*worker.last_exit_reason, worker.last_exit_status),
            ("signal", 137)
        );
        assert_eq!(worker.last_error, "ImportError: no module\n");
        assert_eq!(worker.row.adapter, "demo.Adapter");
        assert_eq!(snapshot.wall_ns(worker.ready_mono_ns), WALL + 2);
        assert_eq!(snapshot.tools[0].name, "", "a name that is not UTF-8");
        let meters = (
            snapshot.rows_dropped,
            snapshot.banks_exhausted,
            snapshot.text_truncated,
        );
        assert_eq!(meters, (11, 12, 13));
    }
}

/// A copy that is of an earlier life of its row than the mapping shows at the end.
#[test]
fn a_replaced_pool_is_left_out() {
    let segment = open(&Fake::new());
    let mapping = Mapping::new(&segment.file, segment.info.size).unwrap();
    let gather = |cells: Loads<'_>| {
        let mut gatherer = Gatherer::plan(cells, &segment.regions)?;
        for row in 0..2 {
            gatherer.gather_row(POOL, row);
        }
        gatherer.image.part_mut(POOL, 0, 0, 8)[0] += 4;
        gatherer.drop_replaced_pools();
        let gens = [0, 1].map(|row| gatherer.image.part(POOL, row, 0, 8)[0]);
        Ok((gens, gatherer.image.skipped))
    };
    let (gens, skipped) = mapping.guarded(gather).unwrap();
    assert_eq!((gens[0], skipped), (0, 1));
    assert_ne!(gens[1], 0);
}

#[test]
fn a_row_without_its_pool_is_left_out() {
    let mut fake = Fake::new();
    fake.put(Fake::row_at(TOOL, 0) + 16, &[1 << 40]);
    fake.write();
    let snapshot = snapshot(&fake, Tier::Live);
    assert_eq!((snapshot.tools.len(), snapshot.rows_skipped), (0, 1));
}

fn first<'a>(snapshot: &'a Snapshot, name: &str) -> Series<'a> {
    let metric = snapshot.metric(name).unwrap();
    snapshot.series(metric).next().unwrap()
}

#[test]
fn values_have_the_unit_of_their_metric() {
    let fake = Fake::new();
    for tier in TIERS {
        let snapshot = snapshot(&fake, tier);
        for (name, want) in [
            ("tool.requests", (u64::MAX - 2) as f64),
            ("active", 1.0),
            ("state", 4.0),
            ("float", 2.5),
            ("signed", -1.5),
            ("info", 1.0),
            ("dropped", 11.0),
            ("seen", (WALL + 3) as f64 / 1e9),
            ("start", 1_600_000_000.5),
        ] {
            assert_eq!(first(&snapshot, name).number(), Some(want), "{name}");
        }
        let exact = first(&snapshot, "tool.requests_prom");
        assert!(matches!(exact.value, Value::Scalar(n) if n == u64::MAX - 2));
        assert!(snapshot.metric("unknown").is_none());
        assert!(snapshot.metric("retired").is_none());
    }
}

fn labels(series: &Series<'_>) -> Vec<(String, String)> {
    let pair = |label: &crate::Label<'_>| (label.name.to_owned(), label.value.to_string());
    series.labels.iter().map(pair).collect()
}

#[test]
fn series_have_the_labels_of_row_and_cell() {
    let snapshot = snapshot(&Fake::new(), Tier::Snap);
    let workers = snapshot.metric("workers").unwrap();
    let all: Vec<_> = snapshot.series(workers).collect();
    assert_eq!(all.len(), 10);
    let pair = |name: &str, value: &str| (name.to_owned(), value.to_owned());
    assert_eq!(
        labels(&all[2]),
        [pair("key0", "default"), pair("state", "busy")]
    );
    let counts: Vec<_> = all.iter().filter_map(Series::number).collect();
    assert_eq!(counts, [0., 0., 1., 0., 1., 0., 0., 0., 0., 0.]);

    let info: Vec<_> = snapshot.series(snapshot.metric("info").unwrap()).collect();
    assert_eq!(info.len(), 1, "a slot without a process has no info");
    let want = [
        pair("key3", "default/0#3"),
        pair("key4", "1234"),
        pair("key5", "demo.Adapter"),
        pair("key6", "3.11.2"),
    ];
    assert_eq!(labels(&info[0]), want);

    let states: Vec<_> = snapshot.series(snapshot.metric("state").unwrap()).collect();
    assert_eq!(
        (states[0].state(), states[1].state()),
        (Some("ready"), None)
    );
}

#[test]
fn histograms_have_quantiles() {
    let fake = Fake::new();
    for tier in TIERS {
        let snapshot = snapshot(&fake, tier);
        let all: Vec<_> = snapshot
            .series(snapshot.metric("wait").unwrap())
            .map(|series| match series.value {
                Value::Histogram(histogram) => histogram,
                Value::Scalar(_) => panic!("not a histogram"),
            })
            .collect();
        assert_eq!((all[0].count(), all[0].sum), (9, 300));
        for (q, want) in [(0.0, 10), (0.2, 10), (0.5, 34), (0.88, 34), (1.0, 50)] {
            assert_eq!(all[0].quantile(q), want, "{q}");
        }
        assert_eq!(all[1].quantile(0.5), 0);
    }
}

#[test]
fn events_come_in_order_and_losses_are_counted() {
    let mut fake = Fake::new();
    let segment = open(&fake);
    let mut cursor = Cursor::default();
    let events = segment.events(&mut cursor).unwrap();
    let times: Vec<_> = events.iter().map(|event| event.mono_ns).collect();
    assert_eq!((times, cursor.lost), (vec![20, 30, 35, 40, 50], 2));
    let event = &events[1];
    assert_eq!(
        (&*event.kind, &*event.from, &*event.to),
        ("worker_moved", "warming", "ready")
    );
    assert_eq!((event.seq, event.pid, event.values), (3, 1234, [7, 8]));

    fake.event(EVNT, 6, 60);
    fake.event(EVNT, 7, 70);
    fake.b[EVNT + 64 + 3 * 128 + 100] ^= 1; // being overwritten
    fake.put(EVNT, &[8]);
    fake.write();
    let events = segment.events(&mut cursor).unwrap();
    let times: Vec<_> = events.iter().map(|event| event.mono_ns).collect();
    assert_eq!((times, cursor.lost), (vec![60], 3));
}

#[test]
fn a_replaced_file_is_found() {
    let mut fake = Fake::new();
    let mut segment = open(&fake);
    let old = segment.snapshot(Tier::Live).unwrap();
    assert!(!segment.reattach().unwrap());
    fs::remove_file(&fake.path).unwrap();
    assert!(segment.is_replaced());
    assert_eq!(segment.reattach().unwrap_err().kind(), ErrorKind::Missing);
    fake.put(0x50, &[8]);
    fake.seal();
    fake.write();
    assert!(segment.reattach().unwrap());
    assert_eq!(segment.info().incarnation, 8);
    drop(segment);
    assert_eq!(first(&old, "active").number(), Some(1.0));
}

#[test]
fn the_writer_is_judged_in_order() {
    let mut fake = Fake::new();
    let mut segment = open(&fake);
    assert_eq!(segment.verdict().unwrap(), Verdict::Dead);
    let writer = fs::OpenOptions::new().write(true).open(&fake.path).unwrap();
    assert!(sys::lock(&writer));
    assert_eq!(segment.verdict().unwrap(), Verdict::Alive);
    let (seq, at) = segment.seen.unwrap();
    segment.seen = Some((seq, at - Duration::from_millis(50)));
    assert_eq!(segment.verdict().unwrap(), Verdict::Hung);
    fake.put(OFF_HB_SEQ as usize, &[6]);
    fake.write();
    assert_eq!(segment.verdict().unwrap(), Verdict::Alive);
    fake.put(OFF_STATE as usize, &[STATE_CLOSED]);
    fake.write();
    assert_eq!(segment.verdict().unwrap(), Verdict::Closed);
    fake.put(OFF_STATE as usize, &[1]);
    fake.put(0x40, &[1]);
    fake.seal();
    fake.write();
    assert_eq!(open(&fake).verdict().unwrap(), Verdict::Old);
}
