#!/usr/bin/env node
/**
 * Print segments as `snakepit-inspect --json --events` does, a line each.
 *
 *     segment-json [--tier snap] PATH...
 *
 * Exit codes: 0 ok, 1 failure, 2 wrong usage, 3 no such file or not ready yet, 4 damaged
 * or of another version; of several paths that of the last one that failed.
 */
import fs from 'node:fs';
import { parseArgs } from 'node:util';

import { report, reportError } from '../lib/json.js';

const USAGE = 'usage: segment-json [--tier snap] PATH...\n';
const EXIT_FAILURE = 1;
const EXIT_USAGE = 2;
const EXIT_CODES = { missing: 3, not_ready: 3, damaged: 4, version: 4 };

/** @returns {string[]} the paths; undefined where the words make no sense */
function parseWords() {
  try {
    const { values, positionals } = parseArgs({
      allowPositionals: true,
      options: { tier: { type: 'string', default: 'snap' } },
    });
    return values.tier === 'snap' && positionals.length ? positionals : undefined;
  } catch {
    return undefined;
  }
}

/** Write all of it, also into a pipe that is full for now. */
function print(text) {
  for (let data = Buffer.from(text); data.length; ) {
    try {
      data = data.subarray(fs.writeSync(1, data));
    } catch (error) {
      if (error.code !== 'EAGAIN') throw error;
    }
  }
}

const paths = parseWords();
if (!paths) {
  process.stderr.write(USAGE);
  process.exitCode = EXIT_USAGE;
}
for (const path of paths ?? []) {
  try {
    print(`${report(path)}\n`);
  } catch (error) {
    if (error.code === 'EPIPE') break;
    process.stderr.write(`segment-json: ${error.message}\n`);
    print(`${reportError(error)}\n`);
    process.exitCode = EXIT_CODES[error.kind] ?? EXIT_FAILURE;
  }
}
