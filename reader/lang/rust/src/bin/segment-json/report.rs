// SPDX-License-Identifier: Apache-2.0

use std::path::Path;
use std::time::Duration;

use snakepit_segment::{
    Cursor, Error, Event, Histogram, Info, Metric, MetricKind, Row, Segment, Series,
    Snapshot, Tier, Value, ValueType, Verdict, Worker,
};

use crate::json::{decimal, Encoder};

/// One look at one segment, written as `snakepit-inspect --json --events` does.
pub fn render(path: &Path, tier: Tier) -> Result<String, Error> {
    let mut segment = Segment::open(path)?;
    // Before the snapshot, which then has the pools they name.
    let mut cursor = Cursor::default();
    let events = segment.events(&mut cursor)?;
    let snapshot = segment.snapshot(tier)?;
    let verdict = segment.verdict()?;
    let age = segment.heartbeat_age(&snapshot.heartbeat);
    let mut json = Encoder::default();
    json.object(|json| {
        json.key("schema").plain(1);
        json.key("segment")
            .object(|json| put_segment(json, segment.info()));
        json.key("writer")
            .object(|json| put_writer(json, &snapshot, verdict, age));
        json.key("stats").object(|json| put_stats(json, &snapshot));
        put_rows(json, &snapshot);
        json.key("metrics").array(|json| {
            for metric in snapshot.metrics() {
                json.object(|json| put_metric(json, &snapshot, metric));
            }
        });
        json.key("events_lost").plain(cursor.lost);
        json.key("events").array(|json| {
            for event in &events {
                json.object(|json| put_event(json, &snapshot, event));
            }
        });
    });
    Ok(json.text)
}

/// What stands in the place of a segment that cannot be read.
pub fn render_error(error: &Error, message: &str) -> String {
    let mut json = Encoder::default();
    json.object(|json| {
        json.key("schema").plain(1);
        json.key("error").object(|json| {
            json.key("kind").string(error.kind().as_str());
            match error.field() {
                Some(field) => json.key("field").string(field),
                None => json.key("field").plain("null"),
            }
            json.key("message").string(message);
        });
    });
    json.text
}

fn put_segment(json: &mut Encoder, info: &Info) {
    json.key("path").string(&info.path.to_string_lossy());
    json.key("instance").string(&info.instance);
    json.key("uuid").string(&uuid(&info.uuid));
    json.key("version")
        .string(&format!("{}.{}", info.version.0, info.version.1));
    json.key("incarnation").plain(info.incarnation);
    json.key("pid").plain(info.pid as u32);
    json.key("size_bytes").plain(info.size);
    json.key("start_time").seconds(info.start_time_ns);
    json.key("heartbeat_interval_ms")
        .plain(info.heartbeat_interval_ms);
    json.key("stale_after_ms").plain(info.stale_after_ms);
    json.key("scrape_hint_ms").plain(info.scrape_hint_ms);
}

fn uuid(bytes: &[u8; 16]) -> String {
    let digits = format!("{:032x}", u128::from_be_bytes(*bytes));
    let parts = [0..8, 8..12, 12..16, 16..20, 20..32].map(|part| &digits[part]);
    parts.join("-")
}

fn put_writer(json: &mut Encoder, snapshot: &Snapshot, verdict: Verdict, age: Duration) {
    json.key("verdict").string(&verdict.to_string());
    json.key("state").string(&snapshot.state.to_string());
    json.key("heartbeat_age_ms").plain(age.as_millis());
    json.key("heartbeat_seq").plain(snapshot.heartbeat.seq);
    json.key("heartbeat_time")
        .seconds(snapshot.heartbeat.wall_ns);
    json.key("stop_reason").string(&snapshot.stop_reason);
}

fn put_stats(json: &mut Encoder, snapshot: &Snapshot) {
    json.key("snapshot_ns").plain(snapshot.took.as_nanos());
    json.key("retries").plain(snapshot.retries);
    json.key("rows_skipped").plain(snapshot.rows_skipped);
    json.key("rows_dropped").plain(snapshot.rows_dropped);
    json.key("banks_exhausted").plain(snapshot.banks_exhausted);
    json.key("text_truncated").plain(snapshot.text_truncated);
}

// ---- rows -------------------------------------------------------------------------------

fn put_rows(json: &mut Encoder, snapshot: &Snapshot) {
    json.key("pools").array(|json| {
        for row in &snapshot.pools {
            json.object(|json| {
                put_row(json, snapshot, row);
                json.key("name").string(&row.name);
                json.key("adapter").string(&row.adapter);
            });
        }
    });
    json.key("workers").array(|json| {
        for worker in &snapshot.workers {
            json.object(|json| {
                put_row(json, snapshot, &worker.row);
                put_worker(json, snapshot, worker);
            });
        }
    });
    json.key("tools").array(|json| {
        for row in &snapshot.tools {
            json.object(|json| {
                put_row(json, snapshot, row);
                json.key("pool").string(&row.pool_name);
                json.key("name").string(&row.name);
            });
        }
    });
}

fn put_row(json: &mut Encoder, snapshot: &Snapshot, row: &Row) {
    json.key("row").plain(row.index);
    json.key("uid").plain(row.uid);
    json.key("retired").plain(row.retired);
    json.key("retire_reason").string(&row.retire_reason);
    json.key("born_time")
        .seconds(snapshot.wall_ns(row.born_mono_ns));
    json.key("retired_time")
        .seconds(snapshot.wall_ns(row.retired_mono_ns));
}

fn put_worker(json: &mut Encoder, snapshot: &Snapshot, worker: &Worker) {
    json.key("pool").string(&worker.row.pool_name);
    json.key("slot").plain(worker.slot);
    json.key("status").string(&worker.status);
    json.key("worker_id").string(&worker.id);
    json.key("incarnation").plain(worker.incarnation);
    json.key("pid").plain(worker.pid);
    json.key("python").string(&worker.python);
    json.key("start_time").seconds(worker.start_time_ns);
    json.key("ready_time")
        .seconds(snapshot.wall_ns(worker.ready_mono_ns));
    json.key("last_exit_reason")
        .string(&worker.last_exit_reason);
    json.key("last_exit_status").plain(worker.last_exit_status);
    json.key("last_error").string(&worker.last_error);
}

// ---- metrics ----------------------------------------------------------------------------

fn put_metric(json: &mut Encoder, snapshot: &Snapshot, metric: &Metric) {
    json.key("name").string(&metric.name);
    json.key("prometheus_name").string(&metric.prom_name);
    json.key("kind").string(&metric.kind.to_string());
    json.key("unit").string(&metric.unit);
    json.key("level").string(&metric.level.to_string());
    json.key("help").string(&metric.help);
    json.key("series").array(|json| {
        for series in snapshot.series(metric) {
            json.object(|json| put_series(json, &series));
        }
    });
}

fn put_series(json: &mut Encoder, series: &Series<'_>) {
    json.key("labels").object(|json| {
        for label in &series.labels {
            json.key(label.name).string(&label.value);
        }
    });
    match &series.value {
        Value::Histogram(histogram) => put_histogram(json, series.metric, histogram),
        Value::Scalar(word) => {
            json.key("value");
            put_scalar(json, series, *word);
            if let Some(state) = series.state() {
                json.key("state").string(state);
            }
        }
    }
}

fn put_scalar(json: &mut Encoder, series: &Series<'_>, word: u64) {
    let metric = series.metric;
    if metric.value_type == ValueType::Float {
        json.float(series.number().unwrap_or_default());
    } else if metric.kind == MetricKind::Info {
        json.plain(1);
    } else if let Some(wall_ns) = series.wall_ns() {
        json.seconds(wall_ns);
    } else if metric.value_type == ValueType::Signed && (word as i64) < 0 {
        let magnitude = (word as i64).unsigned_abs();
        json.plain(format_args!("-{}", decimal(magnitude, metric.unit_exp)));
    } else {
        json.plain(decimal(word, metric.unit_exp));
    }
}

fn put_histogram(json: &mut Encoder, metric: &Metric, histogram: &Histogram<'_>) {
    json.key("count").plain(histogram.count());
    json.key("sum_ns").plain(histogram.sum);
    json.key("buckets").array(|json| {
        for (i, count) in histogram
            .buckets
            .iter()
            .enumerate()
            .filter(|(_, &n)| n != 0)
        {
            json.object(|json| {
                match metric.upper.get(i) {
                    Some(bound) => json.key("le_ns").plain(bound),
                    None => json.key("le_ns").plain("null"),
                }
                json.key("count").plain(count);
            });
        }
    });
    json.key("quantiles").object(|json| {
        json.key("p50").plain(histogram.quantile(0.5));
        json.key("p90").plain(histogram.quantile(0.9));
        json.key("p99").plain(histogram.quantile(0.99));
    });
}

// ---- events -----------------------------------------------------------------------------

fn put_event(json: &mut Encoder, snapshot: &Snapshot, event: &Event) {
    let pool = snapshot
        .pools
        .iter()
        .find(|row| row.index == event.pool && row.uid == event.pool_uid);
    json.key("time").seconds(snapshot.wall_ns(event.mono_ns));
    json.key("mono_ns").plain(event.mono_ns);
    json.key("ring").plain(event.ring);
    json.key("seq").plain(event.seq);
    json.key("kind").string(&event.kind);
    json.key("initiator").string(&event.initiator);
    json.key("from").string(&event.from);
    json.key("to").string(&event.to);
    json.key("reason").string(&event.reason);
    json.key("pool").string(pool.map_or("", |row| &row.name));
    json.key("slot").plain(event.slot);
    json.key("incarnation").plain(event.incarnation);
    json.key("pid").plain(event.pid);
    json.key("values").array(|json| {
        json.plain(event.values[0]);
        json.plain(event.values[1]);
    });
    json.key("pool_uid").plain(event.pool_uid);
    let trace_id = match event.trace_id {
        [0, 0] => String::new(),
        [first, last] => format!("{first:016x}{last:016x}"),
    };
    json.key("trace_id").string(&trace_id);
    json.key("evidence").plain(event.evidence);
}
