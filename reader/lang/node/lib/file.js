/**
 * The file of a segment: opened with care, its header and directory checked.
 */
import fs from 'node:fs';

import { crc32c } from './crc32c.js';

const MAGIC = Buffer.from('93534e4b4d0d0a1a', 'hex');
const ENDIAN = 0x01020304;
const MAJOR = 1;
const HEADER_BYTES = 4096;
const CHECKED_BYTES = 0xf0;
const MAX_BYTES = 2 ** 32;
const DIR_MAX = 64n;
const REGION_BYTES = 64;
const STATE_OFF = 0x100;
const STATE_INIT = 0n;

export const LATCH_BYTES = 320;
export const RECORD_BYTES = 128;
export const METERS_OFF = 0x300;
export const METERS_END = 0x340;
export const RING_BYTES = 64;

/** Row kinds. */
export const Kind = Object.freeze({ PROC: 0, POOL: 1, WORKER: 2, TOOL: 3 });
export const ROW_KINDS = 4;

/** Region types that this reader looks at, or checks. */
export const Type = Object.freeze({
  DESC: 1,
  STRT: 2,
  KEYS: 3,
  ENUM: 4,
  BNDS: 5,
  ROWD: 7,
  ROWC: 8,
  BANK: 9,
  SNAP: 10,
  INFL: 11,
  EVNT: 12,
  EVID: 13,
  SPAN: 14,
  HIST: 15,
  TEXT: 16,
  THRD: 17,
  LEDG: 18,
});

/**
 * A segment that cannot be read. `kind` is `missing`, `denied`, `damaged`, `version` or
 * `not_ready` (try again soon), `field` what is wrong with it, in the words of the
 * format's section 7.
 */
export class SegmentError extends Error {
  /**
   * @param {string} kind
   * @param {string} field
   * @param {string} path
   * @param {string} text
   */
  constructor(kind, field, path, text) {
    super(`${path} ${text}`);
    this.name = 'SegmentError';
    this.kind = kind;
    this.field = field;
    this.path = path;
  }
}

/** Why a file was not opened, by the system's word for it. */
const REFUSALS = {
  ENOENT: ['missing', 'does not exist'],
  ENOTDIR: ['missing', 'does not exist'],
  ELOOP: ['denied', 'is a symbolic link'],
  EACCES: ['denied', 'cannot be read: permission denied'],
  EPERM: ['denied', 'cannot be read: permission denied'],
  ENXIO: ['denied', 'is not a regular file'],
  ENODEV: ['denied', 'is not a regular file'],
};

/** A file that may be a segment, open for reading. */
export class File {
  /** @param {string} path no link, nothing that blocks, nothing that others write */
  constructor(path) {
    this.path = path;
    const { O_RDONLY, O_NOFOLLOW, O_NONBLOCK } = fs.constants;
    try {
      this.fd = fs.openSync(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK);
    } catch (error) {
      const refusal = REFUSALS[error.code];
      throw refusal ? new SegmentError(refusal[0], 'path', path, refusal[1]) : error;
    }
    try {
      this.status = fs.fstatSync(this.fd, { bigint: true });
      this.#check();
      this.size = Number(this.status.size);
    } catch (error) {
      this.close();
      throw error;
    }
  }

  #check() {
    const { mode, uid, size } = this.status;
    const user = BigInt(process.geteuid());
    if (!this.status.isFile()) {
      throw new SegmentError('denied', 'path', this.path, 'is not a regular file');
    }
    if (mode & 0o002n) {
      throw new SegmentError('denied', 'mode', this.path, 'is writable by everybody');
    }
    if (user !== 0n && uid !== 0n && uid !== user) {
      throw new SegmentError('denied', 'owner', this.path, 'belongs to somebody else');
    }
    if (size < HEADER_BYTES || size > MAX_BYTES) {
      throw this.damaged('file', `is not a segment: it has ${size} bytes`);
    }
  }

  /**
   * @param {string} field
   * @param {string} [text]
   * @returns {SegmentError} the error that most are
   */
  damaged(field, text = `is damaged (${field})`) {
    return new SegmentError('damaged', field, this.path, text);
  }

  /**
   * Read exactly that many bytes, which were in the file when it was opened.
   *
   * @param {number} offset
   * @param {number} length
   * @returns {Buffer}
   */
  read(offset, length) {
    const data = Buffer.alloc(length);
    for (let done = 0; done < length; ) {
      const n = fs.readSync(this.fd, data, done, length - done, offset + done);
      if (n === 0) throw this.damaged('file', 'became shorter while it was read');
      done += n;
    }
    return data;
  }

  /**
   * @param {number} offset
   * @returns {bigint} the word there
   */
  word(offset) {
    return this.read(offset, 8).readBigUInt64LE();
  }

  /** Close it; nothing else works afterwards. */
  close() {
    if (this.fd !== undefined) fs.closeSync(this.fd);
    this.fd = undefined;
  }
}

const UTF8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/**
 * @param {Uint8Array} data
 * @returns {string | undefined} undefined where it is not UTF-8
 */
export function decode(data) {
  try {
    return UTF8.decode(data);
  } catch {
    return undefined;
  }
}

/**
 * @param {Buffer} data
 * @returns {string | undefined} the text up to the first NUL or the end
 */
export function decodeUpToNul(data) {
  const end = data.indexOf(0);
  return decode(end < 0 ? data : data.subarray(0, end));
}

// ---- header --------------------------------------------------------------------------

/**
 * The part of the header that never changes.
 *
 * @typedef {object} Header
 * @property {Buffer} data its bytes
 * @property {string} version
 * @property {Buffer} bootId
 * @property {number} dirOff
 * @property {number} dirCount
 */

/**
 * Read and check the header, in the order in which every reader checks it.
 *
 * @param {File} file
 * @returns {Header}
 */
export function readHeader(file) {
  // The state first: all else is complete once it is not INIT.
  const state = file.word(STATE_OFF);
  const data = file.read(0, STATE_OFF);
  const version = `${data.readUInt16LE(0x0c)}.${data.readUInt16LE(0x0e)}`;
  const dirOff = data.readBigUInt64LE(0x88);
  const dirCount = data.readBigUInt64LE(0x90);

  if (!data.subarray(0, 8).equals(MAGIC)) {
    throw file.damaged('magic', 'is not a Snakepit segment (magic)');
  }
  if (data.readUInt32LE(0x08) !== ENDIAN) throw file.damaged('endian');
  if (data.readUInt16LE(0x0c) !== MAJOR) {
    const text = `has format ${version}, this is a reader of ${MAJOR}.x`;
    throw new SegmentError('version', 'ver_major', file.path, text);
  }
  const features = data.readBigUInt64LE(0x18);
  if (features !== 0n) {
    const text = `needs features 0x${features.toString(16)}, unknown to this reader`;
    throw new SegmentError('version', 'feat_incompat', file.path, text);
  }
  if (data.readUInt32LE(0xf0) !== crc32c(data, 0, CHECKED_BYTES)) {
    throw file.damaged('hdr_crc');
  }
  if (data.readBigUInt64LE(0x28) !== BigInt(file.size)) throw file.damaged('map_size');
  if (dirCount < 1n || dirCount > DIR_MAX) throw file.damaged('dir_count');
  if (dirOff % 8n || !inside(dirOff, dirCount * BigInt(REGION_BYTES), file.size)) {
    throw file.damaged('dir_off');
  }
  if (data.readUInt32LE(0xa0) === 0) throw file.damaged('heartbeat_interval_ms');
  if (data.readUInt32LE(0xa4) === 0) throw file.damaged('stale_after_ms');
  if (state === STATE_INIT) {
    const text = 'is still being built; try again';
    throw new SegmentError('not_ready', 'state', file.path, text);
  }
  return {
    data,
    version,
    bootId: data.subarray(0x40, 0x50),
    dirOff: Number(dirOff),
    dirCount: Number(dirCount),
  };
}

// ---- directory -----------------------------------------------------------------------

/**
 * An entry of the directory. Its numbers are whole: each was found to be inside the file.
 *
 * @typedef {object} Region
 * @property {number} type
 * @property {number} kind
 * @property {number} off
 * @property {number} len
 * @property {number} stride
 * @property {number} count
 * @property {number} outerStride
 * @property {number} outerCount
 */

/** @typedef {Map<string, Region>} Regions by regionKey() */

/** Bytes of an entry, and the multiple that its stride must be of. */
const ENTRIES = new Map([
  [Type.DESC, [128n, 8n]],
  [Type.KEYS, [16n, 4n]],
  [Type.ROWD, [384n, 8n]],
  [Type.ROWC, [BigInt(LATCH_BYTES), 8n]],
  [Type.BANK, [8n, 8n]],
  [Type.SNAP, [512n, 8n]],
  [Type.INFL, [256n, 8n]],
  [Type.EVNT, [128n, 8n]],
  [Type.EVID, [4096n, 8n]],
  [Type.SPAN, [384n, 8n]],
  [Type.HIST, [64n, 8n]],
  [Type.TEXT, [1024n, 8n]],
  [Type.THRD, [128n, 8n]],
  [Type.LEDG, [BigInt(LATCH_BYTES), 8n]],
]);
const POOL_SAMPLE_BYTES = 192n;
const WORDS = new Map([
  [Type.STRT, 1n],
  [Type.ENUM, 4n],
  [Type.BNDS, 8n],
]);
const RINGS = new Set([Type.EVNT, Type.EVID, Type.SPAN, Type.HIST]);

/**
 * @param {number} type
 * @param {number} [kind]
 * @returns {string} where the region is in Regions
 */
export function regionKey(type, kind = 0) {
  return `${type} ${kind}`;
}

/**
 * @param {bigint} off
 * @param {bigint} length
 * @param {number} size
 */
function inside(off, length, size) {
  return length <= BigInt(size) && off <= BigInt(size) - length;
}

function strideFits({ type, kind, stride }) {
  if (WORDS.has(type)) return stride === WORDS.get(type);
  const [entry, multiple] = ENTRIES.get(type) ?? [1n, 1n];
  const pool = type === Type.HIST && kind === Kind.POOL;
  const least = pool ? POOL_SAMPLE_BYTES : entry;
  return stride >= least && stride <= BigInt(MAX_BYTES) && stride % multiple === 0n;
}

/** Whether all that an entry of the directory leads to is inside the file. */
function regionFits(region, size) {
  const { type, off, len, stride, count, outerStride, outerCount } = region;
  const ring = RINGS.has(type);
  let length = len;

  if (off % 8n || outerCount === 0n || !strideFits(region)) return false;
  if (outerCount > 1n) {
    if (outerStride % 8n || outerStride < len) return false;
    length += (outerCount - 1n) * outerStride;
  }
  if ((ring || type === Type.INFL || type === Type.SNAP) && count === 0n) return false;
  if (type === Type.SNAP && outerCount < 2n) return false;
  const entries = count * stride + (ring ? BigInt(RING_BYTES) : 0n);
  return entries <= len && inside(off, length, size);
}

/** Whether there are cells for every row that a directory of rows has room for. */
function cellsForAllRows(regions) {
  for (let kind = 0; kind < ROW_KINDS; kind++) {
    const rows =
      kind === Kind.PROC ? 1 : (regions.get(regionKey(Type.ROWD, kind))?.count ?? 0);
    for (const type of [Type.ROWC, Type.BANK, Type.LEDG]) {
      const region = regions.get(regionKey(type, kind));
      if (region && region.count < rows) return false;
    }
  }
  return true;
}

/**
 * Read and check the directory.
 *
 * @param {File} file
 * @param {Header} header
 * @returns {Regions}
 */
export function readRegions(file, header) {
  const data = file.read(header.dirOff, header.dirCount * REGION_BYTES);
  const regions = new Map();

  if (header.data.readUInt32LE(0xf4) !== crc32c(data)) throw file.damaged('dir_crc');
  for (let at = 0; at < data.length; at += REGION_BYTES) {
    const region = {
      type: data.readUInt32LE(at),
      kind: data.readUInt32LE(at + 4),
      off: data.readBigUInt64LE(at + 8),
      len: data.readBigUInt64LE(at + 16),
      stride: data.readBigUInt64LE(at + 24),
      count: data.readBigUInt64LE(at + 32),
      outerStride: data.readBigUInt64LE(at + 40),
      outerCount: data.readBigUInt64LE(at + 48),
    };
    const key = regionKey(region.type, region.kind);
    const name = `region ${at / REGION_BYTES} (type ${region.type})`;
    if (!regionFits(region, file.size)) {
      throw file.damaged('directory', `is damaged: ${name} does not fit`);
    }
    if (regions.has(key)) {
      throw file.damaged('directory', `is damaged: ${name} is there twice`);
    }
    for (const field of Object.keys(region)) region[field] = Number(region[field]);
    regions.set(key, region);
  }
  if (!regions.has(regionKey(Type.DESC)) || !regions.has(regionKey(Type.STRT))) {
    throw file.damaged('directory', 'is damaged: no descriptors or no strings');
  }
  if (!cellsForAllRows(regions)) {
    throw file.damaged('directory', 'is damaged: fewer cells than rows');
  }
  return regions;
}
