/** What `snakepit-inspect --json --events` says of a segment, as text. */
import { EventCursor } from './rings.js';
import { Segment } from './segment.js';
import { decimalShift } from './snapshot.js';

const SCHEMA = 1;
const QUANTILES = { p50: 0.5, p90: 0.9, p99: 0.99 };
const NS_PER_MS = 1_000_000n;

/** A number as JSON has it, which JSON.stringify cannot write exactly. */
class Literal {
  constructor(text) {
    this.text = text;
  }
}

/**
 * JSON.stringify that writes BigInts and Literals.
 *
 * @param {unknown} value
 * @returns {string}
 */
export function stringify(value) {
  if (value instanceof Literal) return value.text;
  if (typeof value === 'bigint') return `${value}`;
  if (Array.isArray(value)) return `[${value.map(stringify).join(',')}]`;
  if (value === null || typeof value !== 'object') return JSON.stringify(value);
  const pairs = Object.entries(value);
  return `{${pairs.map(([k, v]) => `${JSON.stringify(k)}:${stringify(v)}`).join(',')}}`;
}

function seconds(ns) {
  return new Literal(decimalShift(ns, -9));
}

function max0(ns) {
  return ns > 0n ? ns : 0n;
}

/** On the clock that both sides share. */
function heartbeatAgeMs({ heartbeat }, verdict) {
  const age =
    verdict === 'closed' || verdict === 'old'
      ? BigInt(Date.now()) * NS_PER_MS - heartbeat.realNs
      : process.hrtime.bigint() - heartbeat.monoNs;
  return max0(age) / NS_PER_MS;
}

function facts(segment, snapshot) {
  const { info } = segment;
  const { stats, heartbeat } = snapshot;
  const verdict = segment.verdict();
  return {
    segment: {
      path: info.path,
      instance: info.instance,
      uuid: info.uuid,
      version: info.version,
      incarnation: info.incarnation,
      pid: info.pid,
      size_bytes: info.sizeBytes,
      start_time: seconds(info.startTimeNs),
      heartbeat_interval_ms: info.heartbeatIntervalMs,
      stale_after_ms: info.staleAfterMs,
      scrape_hint_ms: info.scrapeHintMs,
    },
    writer: {
      verdict,
      state: snapshot.state,
      heartbeat_age_ms: heartbeatAgeMs(snapshot, verdict),
      heartbeat_seq: heartbeat.seq,
      heartbeat_time: seconds(heartbeat.realNs),
      stop_reason: snapshot.stopReason,
    },
    stats: {
      snapshot_ns: max0(stats.endMonoNs - stats.beginMonoNs),
      retries: stats.retries,
      rows_skipped: stats.rowsSkipped,
      rows_dropped: stats.rowsDropped,
      banks_exhausted: stats.banksExhausted,
      text_truncated: stats.textTruncated,
    },
  };
}

function row(data) {
  return {
    row: data.index,
    uid: data.uid,
    retired: data.retired,
    retire_reason: data.retireReason,
    born_time: seconds(data.bornTimeNs),
    retired_time: seconds(data.retiredTimeNs),
  };
}

function worker(data) {
  const { process } = data;
  return {
    ...row(data),
    pool: data.pool,
    slot: process.slot,
    status: process.status,
    worker_id: process.workerId,
    incarnation: process.incarnation,
    pid: process.pid,
    python: process.python,
    start_time: seconds(process.startTimeNs),
    ready_time: seconds(process.readyTimeNs),
    last_exit_reason: process.lastExitReason,
    last_exit_status: process.lastExitStatus,
    last_error: process.lastError,
  };
}

function histogram(data) {
  const buckets = [...data.buckets()];
  const quantiles = Object.entries(QUANTILES);
  return {
    count: data.count,
    sum_ns: data.sumNs,
    buckets: buckets.map(([bound, count]) => ({ le_ns: bound ?? null, count })),
    quantiles: Object.fromEntries(quantiles.map(([k, q]) => [k, data.quantileNs(q)])),
  };
}

function series(data) {
  if (data.histogram) return { labels: data.labels, ...histogram(data.histogram) };
  const value = data.decimal === undefined ? null : new Literal(data.decimal);
  const state = data.state === undefined ? {} : { state: data.state };
  return { labels: data.labels, value, ...state };
}

function metric(snapshot, data) {
  return {
    name: data.name,
    prometheus_name: data.prometheusName,
    kind: data.kind,
    unit: data.unit,
    level: data.level,
    help: data.help,
    series: Array.from(snapshot.series(data), series),
  };
}

function event(snapshot, data) {
  return {
    time: seconds(snapshot.timeNs(data.monoNs)),
    mono_ns: data.monoNs,
    ring: data.ring,
    seq: data.seq,
    kind: data.kind,
    initiator: data.initiator,
    from: data.fromState,
    to: data.toState,
    reason: data.reason,
    pool: snapshot.poolName(data),
    slot: data.slot,
    incarnation: data.incarnation,
    pid: data.pid,
    values: data.values,
    pool_uid: data.poolUid,
    trace_id: data.traceId,
    evidence: data.evidence,
  };
}

/**
 * @param {string} path
 * @returns {string} one line of JSON; throws what Segment.open() and snapshot() throw
 */
export function report(path) {
  const segment = Segment.open(path);
  try {
    const cursor = new EventCursor();
    // Before the snapshot, which then has the pools they name.
    const events = segment.events(cursor);
    const snapshot = segment.snapshot();
    const head = facts(segment, snapshot);
    return stringify({
      schema: SCHEMA,
      ...head,
      pools: snapshot.pools.map((data) => {
        return { ...row(data), name: data.name, adapter: data.adapter };
      }),
      workers: snapshot.workers.map(worker),
      tools: snapshot.tools.map((data) => {
        return { ...row(data), pool: data.pool, name: data.name };
      }),
      metrics: snapshot.metrics.map((data) => metric(snapshot, data)),
      events_lost: cursor.lost,
      events: events.map((data) => event(snapshot, data)),
    });
  } finally {
    segment.close();
  }
}

/**
 * @param {Error & {kind?: string, field?: string}} error
 * @returns {string} one line of JSON
 */
export function reportError(error) {
  const { kind = 'failed', field = null, message } = error;
  return stringify({ schema: SCHEMA, error: { kind, field, message } });
}
