/**
 * A writer that counts as fast as it can, read as fast as possible: every look is whole.
 * tests/conformance/test_lang_node.py starts the writer and says where its segment is.
 */
import assert from 'node:assert/strict';
import test from 'node:test';

import { EventCursor, Segment } from '../lib/index.js';

const { SEGMENT, SECONDS = '2' } = process.env;
/** On a busy machine they take longer. */
const LEAST_LOOKS = 10;
const DEADLINE_MS = 60_000;

/** A snapshot; undefined where the writer was faster, four times. */
function look(segment) {
  try {
    return segment.snapshot();
  } catch (error) {
    assert.equal(error.field, 'snap', error);
    return undefined;
  }
}

/** The sum of a metric's series of a pool. */
function sumOf(snapshot, name, pool) {
  return [...snapshot.series(name)]
    .filter((series) => series.labels.pool === pool)
    .reduce((sum, series) => sum + series.raw, 0n);
}

/** Each request is in one place. */
function checkLedgers(snapshot) {
  for (const { name } of snapshot.pools) {
    const parts =
      sumOf(snapshot, 'snakepit.pool.request.outcomes', name) +
      sumOf(snapshot, 'snakepit.request.active', name) +
      sumOf(snapshot, 'snakepit.pool.queue.depth', name);
    assert.equal(parts, sumOf(snapshot, 'snakepit.pool.requests', name));
  }
}

/** All rows are of one moment: the writer counts ten requests and a ping a round. */
function checkMoment(snapshot) {
  const requests = Array.from(snapshot.series('snakepit.pool.requests'), (s) => s.raw);
  const pings = Array.from(snapshot.series('snakepit.heartbeat.pings'), (s) => s.raw);
  assert.equal(new Set([...requests, ...pings.map((n) => 10n * n)]).size, 1);
}

/** The sum of a histogram is never ahead of its buckets. */
function checkHistogram({ upperNs, counts, sumNs }) {
  if (counts.at(-1)) return; // nobody knows how large those are
  const most = upperNs.reduce((sum, bound, i) => sum + bound * counts[i], 0n);
  assert.ok(sumNs <= most, `${sumNs} > ${most}`);
}

/** What only grows, by the life of the row that it is of. */
function* growing(snapshot) {
  const lives = [[], snapshot.pools, snapshot.workers, snapshot.tools].map(
    (rows) => new Map(rows.map((row) => [row.index, row.uid])),
  );
  for (const metric of snapshot.metrics) {
    for (const series of snapshot.series(metric)) {
      const life = lives[metric.desc.rowKind].get(series.row);
      const key = [metric.name, life, ...Object.values(series.labels)].join(' ');
      if (metric.kind === 'counter') yield [key, series.raw];
      if (series.histogram) {
        checkHistogram(series.histogram);
        yield [key, series.histogram.count];
      }
    }
  }
}

test('every look at a living segment is whole', { skip: !SEGMENT && 'no SEGMENT' }, () => {
  const segment = Segment.open(SEGMENT);
  const cursor = new EventCursor();
  const begin = performance.now();
  let before = new Map();
  let looks = 0;
  let events = 0n;
  const enough = () => {
    const pastMs = performance.now() - begin;
    return pastMs > (looks >= LEAST_LOOKS ? 1000 * Number(SECONDS) : DEADLINE_MS);
  };
  while (!enough()) {
    const snapshot = look(segment);
    if (!snapshot) continue;
    looks++;
    checkLedgers(snapshot);
    checkMoment(snapshot);
    const now = new Map(growing(snapshot));
    for (const [key, value] of now) assert.ok(value >= (before.get(key) ?? 0n), key);
    before = now;
    events += BigInt(segment.events(cursor).length);
    const heads = [...cursor.next.values()].reduce((sum, head) => sum + head, 0n);
    assert.equal(events + cursor.lost, heads);
  }
  assert.equal(segment.verdict(), 'alive');
  assert.ok(looks >= LEAST_LOOKS && events > 0n, `${looks} looks, ${events} events`);
  segment.close();
});
