/** A segment, attached. */
import fs from 'node:fs';

import { decodeUpToNul, File, readHeader, readRegions } from './file.js';
import { EventCursor, readEvents } from './rings.js';
import { DESC_USED_OFF, readSchema } from './schema.js';
import { HB_SEQ_OFF, Snapshot, STATE_OFF } from './snapshot.js';

const STATE_CLOSED = 3n;
const STATE_SUPERSEDED = 4n;
const BOOT_ID = '/proc/sys/kernel/random/boot_id';
const LOCKS = '/proc/locks';
const NS_PER_MS = 1_000_000n;

/**
 * What the header says; it never changes.
 *
 * @typedef {object} SegmentInfo
 * @property {string} path
 * @property {string} instance
 * @property {string} uuid
 * @property {string} version
 * @property {bigint} incarnation
 * @property {number} pid
 * @property {number} sizeBytes
 * @property {bigint} startTimeNs
 * @property {number} heartbeatIntervalMs
 * @property {number} staleAfterMs
 * @property {number} scrapeHintMs
 *
 * @typedef {'closed' | 'old' | 'dead' | 'hung' | 'alive'} Verdict
 */

/** A segment: its file is open and its schema has been read. */
export class Segment {
  #source;
  #header;
  #seen;

  /**
   * Attach. Throws SegmentError where the file is not one that can be read, and the
   * error of `node:fs` where the system has other reasons.
   *
   * @param {string} path
   * @returns {Segment}
   */
  static open(path) {
    return new Segment(path);
  }

  /** @param {string} path */
  constructor(path) {
    this.#attach(path);
  }

  #attach(path) {
    const file = new File(path);
    try {
      const header = readHeader(file);
      const regions = readRegions(file, header);
      const schema = readSchema(file, regions);
      this.#source = { file, regions, schema };
      this.#header = header;
      this.#seen = undefined;
    } catch (error) {
      file.close();
      throw error;
    }
    /** @type {SegmentInfo} */
    this.info = parseInfo(file, this.#header);
  }

  /** Detach; snapshots stay as they are. */
  close() {
    this.#source.file.close();
  }

  /** @returns {import('./schema.js').Metric[]} those of one name stand together */
  get metrics() {
    return this.#source.schema.metrics;
  }

  /**
   * Copy all rows and values, from the SNAP tier.
   *
   * @returns {Snapshot}
   */
  snapshot() {
    return new Snapshot(this.#source);
  }

  /**
   * The events that are new to the cursor (without one: all that are there), by time.
   *
   * @param {EventCursor} [cursor]
   * @returns {import('./rings.js').Event[]}
   */
  events(cursor = new EventCursor()) {
    const { file, regions, schema } = this.#source;
    return readEvents(file, regions, schema, cursor);
  }

  // ---- the writer ----------------------------------------------------------------

  /**
   * @returns {boolean} whether the path now leads to another file (a restart), or there
   *   are more metrics now
   */
  replaced() {
    const { file, schema } = this.#source;
    const now = fs.statSync(file.path, { bigint: true, throwIfNoEntry: false });
    if (now?.dev !== file.status.dev || now?.ino !== file.status.ino) return true;
    return file.word(DESC_USED_OFF) !== schema.described;
  }

  /**
   * Attach anew where replaced() says so. What is attached stays so when that fails.
   *
   * @returns {boolean} whether it was so
   */
  reattach() {
    if (!this.replaced()) return false;
    const { file } = this.#source;
    this.#attach(file.path);
    file.close();
    return true;
  }

  /**
   * What became of the writer. Only a second look after `info.staleAfterMs` can tell
   * hung from alive.
   *
   * @returns {Verdict}
   */
  verdict() {
    const { file } = this.#source;
    const state = file.word(STATE_OFF);
    if (state === STATE_CLOSED || state === STATE_SUPERSEDED) return 'closed';
    if (isFromEarlierBoot(this.#header.bootId)) return 'old';
    if (!isLocked(file.status)) return 'dead';
    const seq = file.word(HB_SEQ_OFF);
    const now = process.hrtime.bigint();
    if (this.#seen?.seq !== seq) this.#seen = { seq, now };
    const silentNs = now - this.#seen.now;
    return silentNs >= BigInt(this.info.staleAfterMs) * NS_PER_MS ? 'hung' : 'alive';
  }
}

/** @returns {SegmentInfo} */
function parseInfo(file, { data, version }) {
  const uuid = data.toString('hex', 0x30, 0x40);
  return {
    path: file.path,
    instance: decodeUpToNul(data.subarray(0xb0, 0xf0)) ?? '?',
    uuid: uuid.replace(/^(.{8})(.{4})(.{4})(.{4})/, '$1-$2-$3-$4-'),
    version,
    incarnation: data.readBigUInt64LE(0x50),
    pid: data.readUInt32LE(0x58),
    sizeBytes: file.size,
    startTimeNs: data.readBigUInt64LE(0x80),
    heartbeatIntervalMs: data.readUInt32LE(0xa0),
    staleAfterMs: data.readUInt32LE(0xa4),
    scrapeHintMs: data.readUInt32LE(0xa8),
  };
}

/** The text of a file of the kernel; "" where there is none. */
function readProc(path) {
  try {
    return fs.readFileSync(path, 'latin1');
  } catch {
    return '';
  }
}

function isFromEarlierBoot(bootId) {
  const now = Buffer.from(readProc(BOOT_ID).replace(/[-\s]/g, ''), 'hex');
  return now.length === 16 && bootId.some(Boolean) && !bootId.equals(now);
}

/**
 * Whether anybody holds a lock on the file, or nobody can say. JavaScript has no
 * F_OFD_GETLK, but the kernel's list has such locks by device and inode.
 */
function isLocked({ dev, ino }) {
  const locks = readProc(LOCKS);
  const major = ((dev >> 8n) & 0xfffn) | ((dev >> 32n) & ~0xfffn);
  const minor = (dev & 0xffn) | ((dev >> 12n) & ~0xffn);
  const hex = (number) => number.toString(16).padStart(2, '0');
  const file = `${hex(major)}:${hex(minor)}:${ino}`;
  const holds = (line) => line.includes(' OFDLCK ') && line.split(/\s+/).includes(file);
  return locks === '' ? !fs.existsSync(LOCKS) : locks.split('\n').some(holds);
}
