/** Snapshots: the half of SNAP that is whole, and what its bytes mean. */
import { crc32c } from './crc32c.js';
import {
  decodeUpToNul,
  Kind,
  LATCH_BYTES,
  METERS_END,
  METERS_OFF,
  RECORD_BYTES,
  regionKey,
  ROW_KINDS,
  SegmentError,
  Type,
} from './file.js';
import { Histogram } from './histogram.js';
import { isSparse, Storage, ValueType } from './schema.js';

export const STATE_OFF = 0x100;
export const HB_SEQ_OFF = 0x1c0;
const STOP_REASON_OFF = 0x108;
const HB_OFF = 0x200;
const HB_BYTES = 128;
const HB_CHECKED_BYTES = 56;
const SNAP_SEQ_OFF = 0x340;
const SNAP_BYTES = 512;
const ROW_BYTES = 384;
const NAME_BYTES = 128;
const TEXT_BYTES = 504;
const TRIES = 4;
/** First word of a sparse metric that a row does not have. */
const ABSENT = 0xffffffffffffffffn;
const STATES = ['init', 'live', 'draining', 'closed', 'superseded'];

/** Numbers of tables in ENUM. */
const Table = {
  EXIT_REASON: 4,
  WORKER_STATUS: 10,
  STOP_REASON: 14,
  RETIRE_REASON: 15,
};
/** gen mod 4 of a row. */
const Gen = { FREE: 0, LIVE: 1, TOMBSTONE: 2, RECYCLING: 3 };
/** WORKER_STATUS, and those of the states that are not down. */
const Status = { STARTING: 0, IDLE: 1, BUSY: 2, DRAINING: 3, DOWN: 4 };
const READY = 4n;
const STATUSES = new Map([
  [1n, Status.STARTING],
  [2n, Status.STARTING],
  [3n, Status.STARTING],
  [READY, Status.IDLE],
  [5n, Status.DRAINING],
]);

/**
 * What snapshots are taken from.
 *
 * @typedef {object} Source
 * @property {import('./file.js').File} file
 * @property {import('./file.js').Regions} regions
 * @property {import('./schema.js').Schema} schema
 *
 * @typedef {object} Heartbeat a sign of life, and the same moment on two clocks
 * @property {bigint} seq
 * @property {bigint} monoNs
 * @property {bigint} realNs
 *
 * @typedef {object} Row a pool, a tool or a worker slot; `retired` ones have final values
 * @property {number} index
 * @property {bigint} uid
 * @property {boolean} retired
 * @property {string} retireReason
 * @property {bigint} bornTimeNs
 * @property {bigint} retiredTimeNs
 * @property {string} name
 * @property {string} pool
 * @property {number} poolIndex
 * @property {string} adapter
 * @property {Process} [process] of a worker slot
 *
 * @typedef {object} Process the process in a slot; pid 0 = none, incarnation 0 = never
 * @property {number} slot
 * @property {string} status
 * @property {string} workerId
 * @property {bigint} incarnation
 * @property {number} pid
 * @property {string} python
 * @property {bigint} startTimeNs
 * @property {bigint} readyTimeNs
 * @property {string} lastExitReason
 * @property {number} lastExitStatus
 * @property {string} lastError
 *
 * @typedef {object} Series a metric at one row and, where it has several, one cell
 * @property {import('./schema.js').Metric} metric
 * @property {Record<string, string>} labels
 * @property {number} row
 * @property {bigint} raw the stored word; times as wall time
 * @property {number} value in the metric's unit, as near as a number comes
 * @property {string | undefined} decimal the same, exactly; undefined if not finite
 * @property {string | undefined} state name of the value of a state
 * @property {Histogram | undefined} histogram instead of a value
 */

// ---- the half that is whole ----------------------------------------------------------

/**
 * @param {import('./file.js').File} file
 * @returns {Heartbeat}
 */
function readHeartbeat(file) {
  for (let i = 0; i < TRIES; i++) {
    const data = file.read(HB_SEQ_OFF, HB_OFF + 2 * HB_BYTES - HB_SEQ_OFF);
    const at = HB_OFF - HB_SEQ_OFF + (data[0] & 1) * HB_BYTES;
    const crc = BigInt(crc32c(data, at, at + HB_CHECKED_BYTES));
    if (data.readBigUInt64LE(at + HB_CHECKED_BYTES) === crc) {
      return {
        seq: data.readBigUInt64LE(at),
        monoNs: data.readBigUInt64LE(at + 8),
        realNs: data.readBigUInt64LE(at + 16),
      };
    }
  }
  throw file.damaged('heartbeat');
}

/**
 * Where the rows of a kind are in a half, and the parts of a row.
 *
 * @typedef {object} SnapTable
 * @property {number} off
 * @property {number} count
 * @property {number} stride
 * @property {number} record
 * @property {number} text
 * @property {number} cells
 * @property {number} sums
 * @property {number} ledger
 */
const TABLE_FIELDS = [
  ...['off', 'count', 'stride'],
  ...['record', 'text', 'cells', 'sums', 'ledger'],
];

/**
 * Read the current half; also how often that had to be tried again.
 *
 * @param {Source} source
 * @returns {{half: Buffer, tables: SnapTable[], retries: number}}
 */
function readHalf({ file, regions }) {
  const region = regions.get(regionKey(Type.SNAP));
  for (let retries = 0; retries < TRIES; retries++) {
    const seq = file.word(SNAP_SEQ_OFF);
    if (!region || seq === 0n) {
      throw new SegmentError('not_ready', 'snap', file.path, 'has no SNAP copy yet');
    }
    const half = tryHalf(file, region, seq);
    const tables = half && tablesOf(half, regions);
    if (tables) return { half, tables, retries };
  }
  throw file.damaged('snap');
}

/** The half with that number; undefined where it is not whole. */
function tryHalf(file, region, seq) {
  const start = region.off + Number(seq & 1n) * region.outerStride;
  const length = file.word(start + 16);
  if (length < BigInt(SNAP_BYTES) || length > BigInt(region.len)) return undefined;
  const half = file.read(start, Number(length));
  const whole =
    half.readBigUInt64LE(16) === length &&
    half.readBigUInt64LE(8) === seq &&
    half.readBigUInt64LE(0) === BigInt(crc32c(half, 8));
  return whole ? half : undefined;
}

/** The tables of a half; undefined where one does not fit. */
function tablesOf(half, regions) {
  const tables = [];
  for (let kind = 0; kind < ROW_KINDS; kind++) {
    const table = {};
    for (const [i, field] of TABLE_FIELDS.entries()) {
      // What is not exact beyond 2^53 is too large in any case.
      table[field] = Number(half.readBigUInt64LE(128 + 64 * kind + 8 * i));
    }
    if (!tableFits(regions, kind, table, half.length)) return undefined;
    tables.push(table);
  }
  return tables;
}

function tableFits(regions, kind, table, length) {
  const { off, count, stride } = table;
  const region = (type) => regions.get(regionKey(type, kind));
  const rows = region(Type.ROWD)?.count ?? 0;
  const cells = region(Type.ROWC)?.stride;
  const parts = [
    [table.record, cells ? RECORD_BYTES : 0],
    [table.text, region(Type.TEXT) ? TEXT_BYTES : 0],
    [table.cells, cells ? cells - LATCH_BYTES : 0],
    [table.sums, region(Type.BANK)?.stride ?? 0],
    [table.ledger, region(Type.LEDG) ? RECORD_BYTES : 0],
  ];
  if (count === 0) return kind !== Kind.PROC;
  return (
    count <= (kind === Kind.PROC ? 1 : rows) &&
    stride >= ROW_BYTES &&
    stride % 8 === 0 &&
    off % 8 === 0 &&
    off >= SNAP_BYTES &&
    off <= length &&
    count * stride <= length - off &&
    parts.every(([at, size]) => partFits(at, size, stride))
  );
}

/** Whether a part is inside its entry; one that has no bytes is at 0. */
function partFits(at, size, stride) {
  if (size === 0 || at === 0) return size === at;
  return at % 8 === 0 && at >= ROW_BYTES && at + size <= stride;
}

// ---- snapshots -----------------------------------------------------------------------

/** All rows and values at one moment; `Segment.snapshot()` takes one. */
export class Snapshot {
  #source;
  #half;
  #header;
  #tables;
  #rows;
  #counted = new Map();

  /** @param {Source} source */
  constructor(source) {
    const { file, schema } = source;
    /** @type {Heartbeat} */
    this.heartbeat = readHeartbeat(file);
    const { half, tables, retries } = readHalf(source);
    const word = (index) => half.readBigUInt64LE(8 * index);

    this.#source = source;
    this.#half = half;
    this.#tables = tables;
    this.#header = file.read(0, STATE_OFF);
    this.state = STATES[Number(file.word(STATE_OFF))] ?? '?';
    this.stopReason = schema.enumText(Table.STOP_REASON, file.word(STOP_REASON_OFF));
    this.stats = {
      beginMonoNs: word(3),
      endMonoNs: word(4),
      retries,
      rowsSkipped: word(7),
      rowsDropped: word(8),
      banksExhausted: word(9),
      textTruncated: word(10),
    };
    this.#rows = [[], [], [], []];
    for (const kind of [Kind.POOL, Kind.WORKER, Kind.TOOL]) {
      for (let i = 0; i < tables[kind].count; i++) {
        this.#rows[kind].push(this.#parseRow(kind, i));
      }
    }
  }

  /** @returns {import('./schema.js').Metric[]} those of one name stand together */
  get metrics() {
    return this.#source.schema.metrics;
  }

  /** @returns {Row[]} in order of their index */
  get pools() {
    return this.#rows[Kind.POOL].filter(Boolean);
  }

  /** @returns {(Row & {process: Process})[]} in order of their index */
  get workers() {
    return this.#rows[Kind.WORKER].filter(Boolean);
  }

  /** @returns {Row[]} in order of their index */
  get tools() {
    return this.#rows[Kind.TOOL].filter(Boolean);
  }

  /**
   * A monotonic time of the runtime as nanoseconds since 1970; 0, never, stays 0.
   *
   * @param {bigint} monoNs
   * @returns {bigint}
   */
  timeNs(monoNs) {
    const { heartbeat } = this;
    if (monoNs === 0n) return 0n;
    return BigInt.asUintN(64, heartbeat.realNs + monoNs - heartbeat.monoNs);
  }

  /**
   * @param {import('./rings.js').Event} event
   * @returns {string} the name of its pool, "" when the pool is gone
   */
  poolName(event) {
    const pool = this.#rows[Kind.POOL][event.poolIndex];
    return pool?.uid === event.poolUid ? pool.name : '';
  }

  // ---- series --------------------------------------------------------------------

  /**
   * The series of a metric, in order of rows and then of cells.
   *
   * @param {import('./schema.js').Metric | string} metric or either of its names
   * @returns {Generator<Series>}
   */
  *series(metric) {
    const found = typeof metric === 'string' ? this.#find(metric) : metric;
    const rows = this.#rows[found.desc.rowKind];
    if (found.desc.rowKind === Kind.PROC) yield* this.#seriesOf(found, 0, undefined);
    for (const [index, row] of rows.entries()) {
      if (row) yield* this.#seriesOf(found, index, row);
    }
  }

  #find(name) {
    const metric = this.#source.schema.metric(name);
    if (!metric) throw new RangeError(`there is no metric ${name}`);
    return metric;
  }

  *#seriesOf(metric, index, row) {
    const { desc } = metric;
    // It says who is there: nobody.
    if (metric.kind === 'info' && row?.process?.pid === 0) return;
    if (isSparse(desc) && this.#firstWord(metric, index) === ABSENT) return;
    for (let cell = 0; cell < desc.count; cell++) {
      const pairs = metric.keys.map(({ label, source }) => [
        label,
        labelOf(row, desc, source),
      ]);
      if (metric.enum && metric.kind !== 'state') {
        pairs.push([metric.enum.label, metric.enum.values[cell]]);
      }
      const labels = Object.fromEntries(pairs);
      yield metric.kind === 'histogram'
        ? { metric, labels, row: index, histogram: this.#histogram(metric, index, cell) }
        : this.#scalar(metric, labels, index, cell);
    }
  }

  #scalar(metric, labels, row, cell) {
    const raw = this.#value(metric, row, cell);
    const decimal = decimalOf(metric.desc, raw);
    const state = metric.kind === 'state' ? metric.enum.values[Number(raw)] : undefined;
    return { metric, labels, row, raw, value: Number(decimal ?? NaN), decimal, state };
  }

  #firstWord(metric, row) {
    return this.#half.readBigUInt64LE(this.#cell(metric, row, 0));
  }

  /** Where a cell is in the half. */
  #cell({ desc }, row, cell) {
    const table = this.#tables[desc.rowKind];
    const part = {
      [Storage.BANK]: table.sums,
      [Storage.ROW]: table.cells - LATCH_BYTES,
      [Storage.LATCH]: table.record,
      [Storage.LEDGER]: table.ledger,
    }[desc.storage];
    return table.off + row * table.stride + part + desc.off + cell * desc.stride;
  }

  #histogram(metric, row, cell) {
    const at = this.#cell(metric, row, cell);
    const buckets = metric.desc.nbuckets + 2;
    const word = (i) => this.#half.readBigUInt64LE(at + 8 * i);
    const counts = Array.from({ length: buckets }, (_, i) => word(i));
    const zero = metric.desc.zeroThresholdNs;
    return new Histogram(metric.upperNs, counts, word(buckets), zero);
  }

  #value(metric, row, cell) {
    const { desc } = metric;
    if (desc.storage === Storage.ONE || metric.kind === 'info') return 1n;
    if (desc.storage === Storage.DERIVED) return this.#countWorkers(metric, row, cell);
    const word =
      desc.storage === Storage.HEADER
        ? this.#headerWord(desc.off + cell * desc.stride)
        : this.#half.readBigUInt64LE(this.#cell(metric, row, cell));
    return desc.vtype === ValueType.MONO_NS ? this.timeNs(word) : word;
  }

  #headerWord(off) {
    if (off >= METERS_OFF && off < METERS_END) {
      return this.#half.readBigUInt64LE(64 + off - METERS_OFF);
    }
    return this.#header.readBigUInt64LE(off);
  }

  // ---- rows ----------------------------------------------------------------------

  #word(kind, row, off) {
    const table = this.#tables[kind];
    return this.#half.readBigUInt64LE(table.off + row * table.stride + off);
  }

  #bytes(kind, row, off, length) {
    const table = this.#tables[kind];
    const start = table.off + row * table.stride + off;
    return this.#half.subarray(start, start + length);
  }

  /** @returns {Row | undefined} undefined where the row is free or its pool is not here */
  #parseRow(kind, index) {
    const gen = Number(this.#word(kind, index, 0) % 4n);
    if (gen === Gen.FREE || gen === Gen.RECYCLING) return undefined;
    const name = decodeUpToNul(this.#bytes(kind, index, 128, NAME_BYTES)) ?? '';
    const parent = Number(this.#word(kind, index, 16));
    const row = {
      index,
      uid: this.#word(kind, index, 8),
      retired: gen === Gen.TOMBSTONE,
      retireReason: '',
      bornTimeNs: this.timeNs(this.#word(kind, index, 32)),
      retiredTimeNs: this.timeNs(this.#word(kind, index, 40)),
      name,
      pool: name,
      poolIndex: index,
      adapter: '',
    };
    if (row.retired) {
      const reason = this.#word(kind, index, 56);
      row.retireReason = this.#source.schema.enumText(Table.RETIRE_REASON, reason);
    }
    if (kind === Kind.POOL) {
      row.adapter = decodeUpToNul(this.#bytes(kind, index, 256, NAME_BYTES)) ?? '';
      return row;
    }
    const pool = this.#rows[Kind.POOL][parent];
    if (!pool) {
      this.stats.rowsSkipped++;
      return undefined;
    }
    Object.assign(row, { pool: pool.name, poolIndex: parent, adapter: pool.adapter });
    if (kind === Kind.WORKER) row.process = this.#parseProcess(row);
    return row;
  }

  /** @returns {Process} */
  #parseProcess({ index, pool }) {
    const { schema } = this.#source;
    const table = this.#tables[Kind.WORKER];
    const record = table.record
      ? this.#bytes(Kind.WORKER, index, table.record, RECORD_BYTES)
      : Buffer.alloc(RECORD_BYTES);
    const text = this.#bytes(Kind.WORKER, index, table.text, TEXT_BYTES);
    const word = (i) => record.readBigUInt64LE(8 * i);
    const slot = Number(BigInt.asUintN(32, this.#word(Kind.WORKER, index, 24)));
    const status = BigInt(this.#status(index, schema.derived));
    return {
      slot,
      status: schema.enumText(Table.WORKER_STATUS, status),
      workerId: `${pool}/${slot}#${word(0)}`,
      incarnation: word(0),
      pid: record.readUInt32LE(8 * 1),
      python: decodeUpToNul(record.subarray(8 * 7, 8 * 9)) ?? '',
      startTimeNs: word(3),
      readyTimeNs: this.timeNs(word(4)),
      lastExitReason: word(5) ? schema.enumText(Table.EXIT_REASON, word(5) - 1n) : '',
      lastExitStatus: record.readUInt32LE(8 * 6),
      lastError: (table.text && text.includes(0) && decodeUpToNul(text)) || '',
    };
  }

  // ---- workers by status ---------------------------------------------------------

  #status(worker, metric) {
    if (!metric) return Status.DOWN;
    const cells = this.#tables[Kind.WORKER].cells - LATCH_BYTES;
    const state = this.#word(Kind.WORKER, worker, cells + metric.desc.deriveA);
    const active = this.#word(Kind.WORKER, worker, cells + metric.desc.deriveB);
    if (state === READY && active) return Status.BUSY;
    return STATUSES.get(state) ?? Status.DOWN;
  }

  /** How many workers of a pool have a status; all are counted at the first question. */
  #countWorkers(metric, pool, status) {
    if (!this.#counted.has(metric)) {
      const counts = new Map();
      for (const row of this.workers.filter(({ retired }) => !retired)) {
        const key = `${row.poolIndex} ${this.#status(row.index, metric)}`;
        counts.set(key, (counts.get(key) ?? 0n) + 1n);
      }
      this.#counted.set(metric, counts);
    }
    return this.#counted.get(metric).get(`${pool} ${status}`) ?? 0n;
  }
}

/** The text of a label; "" for what rows of the kind do not have. */
function labelOf(row, { rowKind }, source) {
  if (!row) return '';
  const tool = rowKind === Kind.TOOL ? row.name : '';
  const { process } = row;
  return [
    row.pool,
    process ? `${process.slot}` : '',
    tool,
    process?.workerId ?? '',
    process ? `${process.pid}` : '',
    row.adapter,
    process?.python ?? '',
  ][source];
}

// ---- numbers -------------------------------------------------------------------------

/**
 * A stored word in the metric's unit, exactly.
 *
 * @param {import('./schema.js').Descriptor} desc
 * @param {bigint} raw
 * @returns {string | undefined} undefined where it is not finite
 */
function decimalOf(desc, raw) {
  switch (desc.vtype) {
    case ValueType.F64: {
      const number = floatOf(raw, desc.unitExp);
      return Number.isFinite(number) ? `${number}` : undefined;
    }
    case ValueType.I64:
      return decimalShift(BigInt.asIntN(64, raw), desc.unitExp);
    case ValueType.MONO_NS:
    case ValueType.REAL_NS:
      return decimalShift(raw, -9);
    default:
      return decimalShift(raw, desc.unitExp);
  }
}

/**
 * @param {bigint} value
 * @param {number} exponent
 * @returns {string} value * 10^exponent, without an exponent or trailing zeros
 */
export function decimalShift(value, exponent) {
  if (exponent >= 0) return `${value * 10n ** BigInt(exponent)}`;
  const sign = value < 0n ? '-' : '';
  const digits = `${value < 0n ? -value : value}`.padStart(1 - exponent, '0');
  const whole = digits.slice(0, exponent);
  const fraction = digits.slice(exponent).replace(/0+$/, '');
  return sign + whole + (fraction && `.${fraction}`);
}

function floatOf(word, exponent) {
  const bytes = new DataView(new ArrayBuffer(8));
  bytes.setBigUint64(0, word);
  let number = bytes.getFloat64(0);
  // In these steps, and not otherwise: all readers are to round alike.
  for (let e = exponent; e < 0; e += 9) number /= 10 ** Math.min(9, -e);
  for (let e = exponent; e > 0; e--) number *= 10;
  return number;
}
