/**
 * The schema of a segment: strings, enumerations, label keys and metric descriptors.
 *
 * It is complete before a reader can see the file and never changes, so it is parsed
 * once. What this reader does not know is left out; what points outside its place is
 * damage.
 */
import {
  decode,
  Kind,
  LATCH_BYTES,
  METERS_END,
  METERS_OFF,
  RECORD_BYTES,
  regionKey,
  ROW_KINDS,
  Type,
} from './file.js';

export const DESC_USED_OFF = 0x180;
const STRT_USED_OFF = 0x188;
const HEADER_END = 0x100;
const DESC_BYTES = 128;
// Of descriptors, enumerations, values, buckets, bounds, and bytes of a text.
const MOST = 1024;
const KEYS_MAX = 32;
const KEY_SOURCES = 7;
const UNIT_EXP_MAX = 30;
const SCALE_MIN = -4;
const SCALE_MAX = 8;
const IDX_MIN_MAX = 16384;
const WORKERS_BY_STATUS = 1;
const SPARSE = 1;

const KINDS = [
  undefined,
  'counter',
  'updown',
  'gauge',
  'histogram',
  'state',
  'timestamp',
  'info',
];
const LEVELS = [undefined, 'info', 'diag'];

/** Where the cells of a metric are. */
export const Storage = Object.freeze({
  BANK: 1,
  ROW: 2,
  LATCH: 3,
  HEADER: 4,
  DERIVED: 5,
  ONE: 6,
  LEDGER: 7,
});

/** What a cell is. */
export const ValueType = Object.freeze({
  U64: 1,
  I64: 2,
  F64: 3,
  MONO_NS: 4,
  REAL_NS: 5,
  NONE: 6,
});

/**
 * @typedef {object} EnumTable
 * @property {string} label Prometheus name of the label
 * @property {string} otelLabel
 * @property {string[]} values
 *
 * @typedef {object} Key an attribute of rows that is a label
 * @property {number} source
 * @property {string} label
 * @property {string} otelLabel
 *
 * @typedef {object} Metric
 * @property {string} name OpenTelemetry name
 * @property {string} prometheusName
 * @property {string} kind counter, updown, gauge, histogram, state, timestamp or info
 * @property {string} unit UCUM
 * @property {string} level who wants to see it: info, diag or debug
 * @property {string} help
 * @property {EnumTable | undefined} enum
 * @property {bigint[]} boundsNs of a histogram, the few that a text format shows
 * @property {bigint[]} upperNs of a histogram, the inclusive upper bounds of its buckets
 * @property {Key[]} keys
 * @property {Descriptor} desc
 *
 * @typedef {ReturnType<typeof parseDescriptor>} Descriptor a metric as the file has it
 */

/** What was read does not hold; never leaves this module. */
class Bad extends Error {}

/** @param {Buffer} data */
function parseDescriptor(data) {
  return {
    kind: data.readUInt8(4),
    vtype: data.readUInt8(5),
    storage: data.readUInt8(6),
    rowKind: data.readUInt8(8),
    level: data.readUInt8(9),
    flags: data.readUInt8(11),
    off: data.readUInt32LE(12),
    count: data.readUInt32LE(16),
    stride: data.readUInt32LE(20),
    name: data.readUInt32LE(24),
    promName: data.readUInt32LE(28),
    unit: data.readUInt32LE(32),
    unitExp: data.readInt32LE(36),
    help: data.readUInt32LE(40),
    rowKeys: data.readUInt32LE(52),
    enumOff: data.readUInt32LE(56),
    boundsOff: data.readUInt32LE(60),
    boundsCount: data.readUInt32LE(64),
    idxMin: data.readInt32LE(68),
    nbuckets: data.readUInt16LE(72),
    scale: data.readInt8(74),
    derive: data.readUInt8(75),
    retiredMinor: data.readUInt16LE(78),
    zeroThresholdNs: data.readBigUInt64LE(80),
    deriveA: data.readUInt32LE(88),
    deriveB: data.readUInt32LE(92),
    upperOff: data.readUInt32LE(96),
  };
}

/** @param {Descriptor} desc */
function isKnown(desc) {
  const derived = desc.derive === WORKERS_BY_STATUS && desc.rowKind === Kind.POOL;
  return (
    KINDS[desc.kind] !== undefined &&
    desc.storage >= Storage.BANK &&
    desc.storage <= Storage.LEDGER &&
    desc.rowKind < ROW_KINDS &&
    desc.retiredMinor === 0 &&
    (desc.storage !== Storage.DERIVED || derived)
  );
}

/**
 * Whether rows may be without it, which its first word says.
 *
 * @param {Descriptor} desc
 */
export function isSparse(desc) {
  return (desc.flags & SPARSE) !== 0 && desc.storage === Storage.ROW;
}

/** Whether the descriptor of a histogram keeps the limits of one. */
function isHistogram(desc) {
  return (
    (desc.storage === Storage.BANK || desc.storage === Storage.ROW) &&
    desc.nbuckets > 0 &&
    desc.scale >= SCALE_MIN &&
    desc.scale <= SCALE_MAX &&
    Math.abs(desc.idxMin) <= IDX_MIN_MAX
  );
}

/** Whether a word is at a multiple of 8 inside [start, end). */
function wordFits(off, start, end) {
  return off % 8 === 0 && off >= start && off + 8 <= end;
}

/** Whether all cells are inside [start, end). Products stay below 2^53. */
function cellsFit(desc, [start, end]) {
  const size = KINDS[desc.kind] === 'histogram' ? 8 * (desc.nbuckets + 3) : 8;
  return (
    desc.off % 8 === 0 &&
    desc.stride % 8 === 0 &&
    desc.stride >= size &&
    desc.off >= start &&
    desc.off + (desc.count - 1) * desc.stride + size <= end
  );
}

class Parser {
  /**
   * @param {import('./file.js').File} file
   * @param {import('./file.js').Regions} regions
   */
  constructor(file, regions) {
    this.file = file;
    this.regions = regions;
    // First, because all that the descriptors refer to is complete by then.
    this.described = file.word(DESC_USED_OFF);
    /** @type {Map<number, string>} by reference */
    this.texts = new Map([[0, '']]);
    /** @type {Map<number, EnumTable>} by word index */
    this.tables = new Map();
    /** @type {Key[]} */
    this.keys = [];
  }

  damaged(field) {
    return this.file.damaged(field, `is damaged: schema (${field})`);
  }

  /** Run a part of the parser; what does not hold in it is damage of `field`. */
  within(field, parse) {
    try {
      return parse();
    } catch (error) {
      throw error instanceof Bad ? this.damaged(field) : error;
    }
  }

  region(type, kind = 0) {
    return this.regions.get(regionKey(type, kind));
  }

  // ---- strings -------------------------------------------------------------------

  readStrings() {
    const region = this.region(Type.STRT);
    const used = this.file.word(STRT_USED_OFF);
    if (used > BigInt(region.len)) throw this.damaged('strings');
    this.strings = this.file.read(region.off, Number(used));
  }

  text(ref) {
    let text = this.texts.get(ref);
    if (text === undefined) {
      text = this.newText(ref * 8);
      this.texts.set(ref, text);
    }
    return text;
  }

  newText(at) {
    const { strings } = this;
    if (at + 4 > strings.length) throw new Bad();
    const end = at + 4 + strings.readUInt32LE(at);
    // The NUL behind the text is the first one.
    if (end >= strings.length || end - at - 4 > MOST) throw new Bad();
    if (strings.indexOf(0, at + 4) !== end) throw new Bad();
    const text = decode(strings.subarray(at + 4, end));
    if (text === undefined) throw new Bad();
    return text;
  }

  // ---- enumerations and keys -----------------------------------------------------

  /** @returns {EnumTable[]} */
  readEnums() {
    const region = this.region(Type.ENUM);
    if (!region) return [];
    const data = this.file.read(region.off, region.count * 4);
    const word = (index) => {
      if (index >= region.count) throw new Bad();
      return data.readUInt32LE(index * 4);
    };
    const read = () => {
      const count = word(1);
      if (count > Math.min(region.count - 2, MOST)) throw new Bad();
      return Array.from({ length: count }, (_, i) => this.table(word, word(2 + i)));
    };
    return this.within('enums', read);
  }

  table(word, at) {
    let table = this.tables.get(at);
    if (table) return table;
    const count = word(at + 2);
    if (count < 1 || count > MOST) throw new Bad();
    table = {
      label: this.text(word(at)),
      otelLabel: this.text(word(at + 1)),
      values: Array.from({ length: count }, (_, i) => this.text(word(at + 3 + i))),
    };
    this.tables.set(at, table);
    return table;
  }

  readKeys() {
    const region = this.region(Type.KEYS);
    for (let i = 0; i < Math.min(region?.count ?? 0, KEYS_MAX); i++) {
      const data = this.file.read(region.off + i * region.stride, 12);
      const key = this.within('keys', () => ({
        source: data.readUInt32LE(0),
        label: this.text(data.readUInt32LE(4)),
        otelLabel: this.text(data.readUInt32LE(8)),
      }));
      this.keys.push(key);
    }
  }

  // ---- descriptors ---------------------------------------------------------------

  /** @returns {Metric[]} */
  readMetrics() {
    const region = this.region(Type.DESC);
    const bounds = this.region(Type.BNDS);
    const used = this.described;
    if (used > BigInt(Math.min(region.count, MOST))) throw this.damaged('descriptors');
    this.bounds = bounds
      ? this.file.read(bounds.off, bounds.count * 8)
      : Buffer.alloc(0);
    const metrics = [];
    for (let i = 0; i < Number(used); i++) {
      const at = region.off + i * region.stride;
      const desc = parseDescriptor(this.file.read(at, DESC_BYTES));
      if (isKnown(desc)) metrics.push(this.metric(desc));
    }
    return metrics;
  }

  /**
   * @param {Descriptor} desc
   * @returns {Metric}
   */
  metric(desc) {
    const metric = this.within('descriptors', () => {
      this.check(desc);
      return {
        name: this.text(desc.name),
        prometheusName: this.text(desc.promName),
        kind: KINDS[desc.kind],
        unit: this.text(desc.unit),
        level: LEVELS[desc.level] ?? 'debug',
        help: this.text(desc.help),
        enum: desc.enumOff ? this.tables.get(desc.enumOff) : undefined,
      };
    });
    if (desc.boundsCount > MOST) throw this.damaged('bounds');
    const boundsNs = this.boundsRange(desc.boundsOff, desc.boundsCount);
    const buckets = metric.kind === 'histogram' ? desc.nbuckets + 1 : 0;
    const upperNs = this.boundsRange(desc.upperOff, buckets);
    if (buckets && desc.zeroThresholdNs > upperNs[1]) throw this.damaged('bounds');
    return {
      ...metric,
      boundsNs,
      upperNs,
      keys: this.keys.filter(
        (key, k) => (desc.rowKeys >>> k) & 1 && key.source < KEY_SOURCES,
      ),
      desc,
    };
  }

  /** A range of bounds, which rise from one to the next. */
  boundsRange(first, count) {
    if (count === 0) return [];
    if (first + count > this.bounds.length / 8) throw this.damaged('bounds');
    const bounds = [];
    for (let i = first; i < first + count; i++) {
      const bound = this.bounds.readBigUInt64LE(i * 8);
      if (i > first && bound <= bounds.at(-1)) throw this.damaged('bounds');
      bounds.push(bound);
    }
    return bounds;
  }

  /** Throw where the descriptor breaks a rule of the format. */
  check(desc) {
    const kind = KINDS[desc.kind];
    const table = desc.enumOff ? this.tables.get(desc.enumOff) : undefined;
    if (!table && (desc.enumOff || kind === 'state')) throw new Bad();
    const cells = table && kind !== 'state' ? table.values.length : 1;
    if (desc.count !== cells) throw new Bad();
    if (Math.abs(desc.unitExp) > UNIT_EXP_MAX) throw new Bad();
    if (kind === 'histogram' && !isHistogram(desc)) throw new Bad();
    if (!this.places(desc).some((place) => place === true || cellsFit(desc, place))) {
      throw new Bad();
    }
  }

  stride(type, kind) {
    return this.region(type, kind)?.stride ?? 0;
  }

  /** The offsets [start, end) between which the cells may be; true = it has none. */
  places(desc) {
    const cells = this.stride(Type.ROWC, desc.rowKind);
    switch (desc.storage) {
      case Storage.BANK:
        return [[0, this.stride(Type.BANK, desc.rowKind)]];
      case Storage.ROW:
        return [[LATCH_BYTES, cells]];
      case Storage.LATCH:
        return cells ? [[0, RECORD_BYTES]] : [];
      case Storage.LEDGER:
        return this.stride(Type.LEDG, desc.rowKind) ? [[0, RECORD_BYTES]] : [];
      case Storage.HEADER:
        return [
          [0, HEADER_END],
          [METERS_OFF, METERS_END],
        ];
      case Storage.DERIVED: {
        const end = this.stride(Type.ROWC, Kind.WORKER);
        const operands = [desc.deriveA, desc.deriveB];
        return operands.every((off) => wordFits(off, LATCH_BYTES, end)) ? [true] : [];
      }
      default:
        return [true];
    }
  }
}

/** Everything that does not change while a segment lives. */
export class Schema {
  /**
   * @param {Metric[]} metrics
   * @param {EnumTable[]} enums
   * @param {bigint} described how many descriptors there were; more may come
   */
  constructor(metrics, enums, described) {
    this.metrics = metrics;
    this.enums = enums;
    this.described = described;
    /** The metric whose rule says what the status of a worker is. */
    this.derived = metrics.find((m) => m.desc.storage === Storage.DERIVED);
  }

  /**
   * @param {string} name either of the metric's names
   * @returns {Metric | undefined}
   */
  metric(name) {
    return this.metrics.find((m) => m.name === name || m.prometheusName === name);
  }

  /**
   * The text of a number of one of the format's own enumerations, `?` where the segment
   * has none for it. The number is the lower half of the word.
   *
   * @param {number} table
   * @param {bigint} word
   * @returns {string}
   */
  enumText(table, word) {
    return this.enums[table]?.values[Number(BigInt.asUintN(32, word))] ?? '?';
  }
}

/**
 * Read and check the schema, in the order in which every reader checks it.
 *
 * @param {import('./file.js').File} file
 * @param {import('./file.js').Regions} regions
 * @returns {Schema}
 */
export function readSchema(file, regions) {
  const parser = new Parser(file, regions);
  parser.readStrings();
  const enums = parser.readEnums();
  parser.readKeys();
  return new Schema(parser.readMetrics(), enums, parser.described);
}
