/**
 * Read what a Snakepit runtime keeps in its segment: metrics, workers, events.
 *
 *     import { Segment } from 'snakepit-segment';
 *
 *     const segment = Segment.open('/run/snakepit/prod.seg');
 *     const snapshot = segment.snapshot();
 *     for (const series of snapshot.series('snakepit.requests')) {
 *       console.log(series.labels, series.value);
 *     }
 *     segment.close();
 *
 * Any process that may read the file can look, also when the runtime is busy, hung or
 * dead; the runtime never learns of it. Everything is read with `fs.readSync` from the
 * SNAP tier, the copy with a checksum that the runtime makes every heartbeat:
 * JavaScript cannot map a file. Words of 64 bits are BigInts, and monotonic times and
 * wall times nanoseconds in BigInts, where a name ends in `Ns`.
 *
 * @module
 */
export { SegmentError } from './file.js';
export { Histogram } from './histogram.js';
export { EventCursor } from './rings.js';
export { Segment } from './segment.js';
export { Snapshot } from './snapshot.js';
