/**
 * What only a user of this module sees; what every reader has to say of odd and broken
 * segments is in tests/conformance.
 */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import fs from 'node:fs';
import test from 'node:test';
import { fileURLToPath } from 'node:url';

import { crc32c } from '../lib/crc32c.js';
import { EventCursor, Histogram, Segment, SegmentError } from '../lib/index.js';
import { stringify } from '../lib/json.js';
import { decimalShift } from '../lib/snapshot.js';
import { fileOf, golden } from './lab.js';

const PROGRAM = fileURLToPath(new URL('../bin/segment-json.js', import.meta.url));
const BOOT_ID_OFF = 0x40;
const HDR_CRC_OFF = 0xf0;
const HB_SEQ_OFF = 0x1c0;

function open(t, ...rest) {
  const segment = Segment.open(fileOf(t, ...rest));
  t.after(() => segment.close());
  return segment;
}

function refusal(kind, field) {
  return (error) => {
    assert.ok(error instanceof SegmentError, error);
    assert.deepEqual([error.kind, error.field], [kind, field]);
    assert.ok(error.message.startsWith(error.path));
    return true;
  };
}

function poke(path, offset, data) {
  const fd = fs.openSync(path, 'r+');
  fs.writeSync(fd, data, 0, data.length, offset);
  fs.closeSync(fd);
}

// ---- checksums -----------------------------------------------------------------------

test('crc32c gives the known answers', () => {
  // RFC 3720, B.4
  assert.equal(crc32c(Buffer.from('123456789')), 0xe3069283);
  assert.equal(crc32c(Buffer.alloc(32)), 0x8a9136aa);
  assert.equal(crc32c(Buffer.alloc(32, 0xff)), 0x62a8ab43);
  assert.equal(crc32c(Buffer.from(Array.from({ length: 32 }, (_, i) => i))), 0x46dd794e);
});

test('crc32c goes on where it was', () => {
  const data = Buffer.from('a message of some length, in two parts');
  for (let cut = 0; cut <= data.length; cut++) {
    const first = crc32c(data, 0, cut);
    assert.equal(crc32c(data, cut, data.length, first), crc32c(data));
  }
});

// ---- looking -------------------------------------------------------------------------

test('info is what the header says', (t) => {
  const { info } = open(t);
  assert.equal(info.instance, 'full');
  assert.equal(info.version, '1.0');
  assert.equal(info.pid, 4711);
  assert.equal(info.sizeBytes, fs.statSync(info.path).size);
});

test('rows know their pool', (t) => {
  const { pools, tools, workers } = open(t).snapshot();
  assert.deepEqual(
    pools.map((pool) => pool.name),
    ['default', 'search'],
  );
  assert.deepEqual(
    tools.map((tool) => tool.pool),
    ['default', 'default', 'search', 'search'],
  );
  assert.equal(workers[1].process.workerId, 'default/1#2');
  assert.ok(workers[1].process.lastError.endsWith('ImportError: café'));
});

test('series have labels and values in the unit', (t) => {
  const snapshot = open(t).snapshot();
  const [first] = snapshot.series('snakepit.requests');
  assert.deepEqual(first.labels, { pool: 'default', method: 'café' });
  const outcomes = [...snapshot.series('snakepit_pool_request_outcomes_total')];
  assert.deepEqual(
    outcomes.slice(0, 2).map((series) => series.value),
    [80, 11],
  );
  const [started] = snapshot.series('snakepit.start_time');
  assert.equal(started.decimal, '1767225600.000002002');
  assert.throws(() => [...snapshot.series('no.such.metric')], RangeError);
});

test('a snapshot outlives the segment', (t) => {
  const segment = Segment.open(fileOf(t));
  const snapshot = segment.snapshot();
  segment.close();
  for (const metric of snapshot.metrics) assert.ok([...snapshot.series(metric)]);
  assert.equal(snapshot.timeNs(0n), 0n);
  assert.equal(snapshot.timeNs(snapshot.heartbeat.monoNs), snapshot.heartbeat.realNs);
});

test('quantiles are the middles of buckets', () => {
  const upper = [1000n, 2000n, 4000n];
  for (const [counts, q, expected] of [
    [[0n, 0n, 0n, 0n], 0.5, 0n],
    [[5n, 0n, 0n, 0n], 0.5, 900n],
    [[0n, 1n, 0n, 0n], 0, 1414n],
    [[0n, 1n, 0n, 0n], 1, 1414n],
    [[1n, 0n, 99n, 0n], 0.01, 900n],
    [[1n, 0n, 99n, 0n], 0.02, 2828n],
    [[0n, 0n, 0n, 1n], 0.5, 4000n],
  ]) {
    assert.equal(new Histogram(upper, counts, 0n, 900n).quantileNs(q), expected);
  }
});

test('decimals are exact', () => {
  assert.equal(decimalShift(18446744073709551615n, -9), '18446744073.709551615');
  assert.equal(decimalShift(1500000000n, -9), '1.5');
  assert.equal(decimalShift(2000000000n, -9), '2');
  assert.equal(decimalShift(0n, -9), '0');
  assert.equal(decimalShift(-1n, -3), '-0.001');
  assert.equal(decimalShift(7n, 3), '7000');
});

test('JSON keeps all digits', () => {
  const value = { big: 2n ** 64n - 1n, none: null, list: [1, 'a"b', true], empty: {} };
  const text = '{"big":18446744073709551615,"none":null,"list":[1,"a\\"b",true],"empty":{}}';
  assert.equal(stringify(value), text);
});

// ---- events --------------------------------------------------------------------------

test('a cursor goes on where it was, and counts what it missed', (t) => {
  const segment = open(t);
  const cursor = new EventCursor();
  const events = segment.events(cursor);
  const heads = [...cursor.next.values()].reduce((sum, head) => sum + head);
  assert.equal(BigInt(events.length) + cursor.lost, heads);
  assert.deepEqual(segment.events(cursor), []);
  assert.deepEqual(segment.events(), events);
  const head = cursor.next.get(0);
  cursor.next.set(0, head - 3n);
  const seqs = segment.events(cursor).map((event) => event.seq);
  assert.deepEqual(seqs, [head - 3n, head - 2n, head - 1n]);
  assert.equal(segment.snapshot().poolName(events.at(-1)), 'search');
});

// ---- files that change ---------------------------------------------------------------

for (const size of [0, 4096, 100000]) {
  test(`a file cut short to ${size} bytes is damage`, (t) => {
    const segment = open(t);
    segment.snapshot();
    fs.truncateSync(segment.info.path, size);
    assert.throws(() => segment.snapshot(), refusal('damaged', 'file'));
    assert.throws(() => segment.events(), refusal('damaged', 'file'));
  });
}

test('reattach follows the path', (t) => {
  const segment = open(t);
  const { path } = segment.info;
  assert.equal(segment.reattach(), false);
  fs.writeFileSync(`${path}.new`, golden('closed'), { mode: 0o640 });
  fs.renameSync(`${path}.new`, path);
  assert.equal(segment.replaced(), true);
  assert.equal(segment.reattach(), true);
  assert.equal(segment.info.instance, 'closed');
  assert.equal(segment.verdict(), 'closed');
  fs.unlinkSync(path);
  assert.throws(() => segment.reattach(), refusal('missing', 'path'));
  assert.equal(segment.snapshot().state, 'closed');
});

// ---- refusals ------------------------------------------------------------------------

test('errors say what and where', (t) => {
  const path = fileOf(t);
  assert.throws(() => Segment.open(`${path}.not`), refusal('missing', 'path'));
  assert.throws(() => Segment.open('x'.repeat(5000)), { code: 'ENAMETOOLONG' });
});

test('a refused file is closed', (t) => {
  const path = fileOf(t, Buffer.alloc(8192));
  const before = fs.readdirSync('/proc/self/fd').length;
  assert.throws(() => Segment.open(path), refusal('damaged', 'magic'));
  assert.equal(fs.readdirSync('/proc/self/fd').length, before);
});

// ---- the writer ----------------------------------------------------------------------

test('without a lock the writer is dead, or of an earlier boot', (t) => {
  const path = fileOf(t);
  const data = golden('full');
  const segment = Segment.open(path);
  assert.equal(segment.verdict(), 'old');
  segment.close();
  data.fill(0, BOOT_ID_OFF, BOOT_ID_OFF + 16);
  data.writeUInt32LE(crc32c(data, 0, HDR_CRC_OFF), HDR_CRC_OFF);
  const thisBoot = open(t, data);
  assert.equal(thisBoot.verdict(), 'dead');
  poke(thisBoot.info.path, HB_SEQ_OFF, Buffer.alloc(8));
  assert.equal(thisBoot.verdict(), 'dead');
});

// ---- the program ---------------------------------------------------------------------

test('the program prints a line a path', (t) => {
  const path = fileOf(t);
  const words = [PROGRAM, path, `${path}.not`, path];
  const done = spawnSync(process.execPath, words, { encoding: 'utf8' });
  const [first, second, third] = done.stdout.trim().split('\n').map(JSON.parse);
  assert.equal(first.segment.instance, 'full');
  assert.equal(second.error.kind, 'missing');
  assert.equal(third.segment.instance, 'full');
  assert.match(done.stderr, /full\.seg\.not/);
  assert.equal(done.status, 3);
});

test('the program says how to use it', () => {
  for (const words of [[], ['--tier', 'live', 'x'], ['--what']]) {
    const done = spawnSync(process.execPath, [PROGRAM, ...words], { encoding: 'utf8' });
    assert.equal(done.status, 2);
    assert.match(done.stderr, /^usage:/);
  }
});
