/** Rings of events: copied whole, each record checked by its number and checksum. */
import { crc32c } from './crc32c.js';
import { regionKey, RING_BYTES, Type } from './file.js';

/** Numbers of tables in ENUM. */
const Table = { WORKER_STATE: 9, EVENT_KIND: 11, INITIATOR: 12, MOVE_REASON: 13 };

/**
 * Something that happened; `snapshot.poolName(event)` says to which pool.
 *
 * @typedef {object} Event
 * @property {number} ring
 * @property {bigint} seq of the record in its ring
 * @property {bigint} monoNs when, on the runtime's monotonic clock
 * @property {string} kind
 * @property {string} initiator
 * @property {string} fromState
 * @property {string} toState
 * @property {string} reason
 * @property {number} poolIndex
 * @property {bigint} poolUid
 * @property {number} slot
 * @property {bigint} incarnation
 * @property {number} pid
 * @property {[bigint, bigint]} values
 * @property {string} traceId 32 hexadecimal digits, or ""
 * @property {bigint} evidence
 */

/** Where a reader is in the rings of events, and what it came too late for. */
export class EventCursor {
  constructor() {
    /** @type {Map<number, bigint>} number of the next record, by ring */
    this.next = new Map();
    /** Events that were overwritten before they were read. */
    this.lost = 0n;
  }
}

/**
 * @param {import('./file.js').File} file
 * @param {import('./file.js').Regions} regions
 * @param {import('./schema.js').Schema} schema
 * @param {EventCursor} cursor
 * @returns {Event[]} those that are new to the cursor, by time, ring and number
 */
export function readEvents(file, regions, schema, cursor) {
  const region = regions.get(regionKey(Type.EVNT));
  const events = [];
  for (let ring = 0; ring < (region?.outerCount ?? 0); ring++) {
    for (const record of records(file, region, ring, cursor)) {
      events.push(parseEvent(schema, ring, record));
    }
  }
  return events.sort(
    (a, b) => compare(a.monoNs, b.monoNs) || a.ring - b.ring || compare(a.seq, b.seq),
  );
}

function compare(a, b) {
  return Number(a > b) - Number(a < b);
}

/** The new records of a ring; those that are lost are counted. */
function* records(file, region, ring, cursor) {
  const start = region.off + ring * region.outerStride;
  const head = file.word(start);
  const count = BigInt(region.count);
  const oldest = head > count ? head - count : 0n;
  let first = cursor.next.get(ring) ?? 0n;

  if (first > head) first = 0n; // another ring than the cursor was made for
  if (first < oldest) {
    cursor.lost += oldest - first;
    first = oldest;
  }
  cursor.next.set(ring, head);
  if (first === head) return;
  const data = file.read(start + RING_BYTES, region.count * region.stride);
  for (let n = first; n < head; n++) {
    const at = Number(n % count) * region.stride;
    const record = data.subarray(at, at + region.stride);
    if (isWhole(record, n)) yield record;
    else cursor.lost++;
  }
}

function isWhole(record, n) {
  const crc = crc32c(record, 16, record.length, crc32c(record, 0, 8));
  return record.readBigUInt64LE() === n + 1n && record.readBigUInt64LE(8) === BigInt(crc);
}

/** @returns {Event} */
function parseEvent(schema, ring, record) {
  const word = (index) => record.readBigUInt64LE(8 * index);
  const half = (index) => record.readUInt32LE(8 * index);
  const part = (index) => BigInt(record.readUInt16LE(24 + 2 * index));
  const hex = (index) => word(index).toString(16).padStart(16, '0');
  return {
    ring,
    seq: word(0) - 1n,
    monoNs: word(2),
    kind: schema.enumText(Table.EVENT_KIND, part(0)),
    initiator: schema.enumText(Table.INITIATOR, part(1)),
    fromState: schema.enumText(Table.WORKER_STATE, part(2)),
    toState: schema.enumText(Table.WORKER_STATE, part(3)),
    reason: schema.enumText(Table.MOVE_REASON, word(4)),
    poolIndex: half(5),
    slot: half(6),
    poolUid: word(7),
    incarnation: word(8),
    pid: half(9),
    values: [word(10), word(11)],
    traceId: word(12) || word(13) ? hex(12) + hex(13) : '',
    evidence: word(14),
  };
}
