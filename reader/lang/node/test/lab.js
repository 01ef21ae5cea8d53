/** What the tests share: a copy of the segment that all readers are tested with. */
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import zlib from 'node:zlib';

const GOLDEN = new URL('../../../../tests/golden/segments/', import.meta.url);

/** @returns {Buffer} the bytes of a golden segment */
export function golden(name) {
  return zlib.gunzipSync(fs.readFileSync(new URL(`${name}.seg.gz`, GOLDEN)));
}

/**
 * Put bytes into a file of a directory of its own, which goes when the test ends.
 *
 * @param {import('node:test').TestContext} t
 * @param {Buffer} [data]
 * @returns {string} its path
 */
export function fileOf(t, data = golden('full')) {
  const directory = fs.mkdtempSync(path.join(os.tmpdir(), 'segment-'));
  t.after(() => fs.rmSync(directory, { recursive: true }));
  const file = path.join(directory, 'full.seg');
  fs.writeFileSync(file, data, { mode: 0o640 });
  return file;
}
