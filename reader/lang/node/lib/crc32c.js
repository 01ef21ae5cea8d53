/** CRC-32C (Castagnoli), eight bytes at a time. */

const POLYNOMIAL = 0x82f63b78; // reflected

/** Table k advances a byte that has k zero bytes behind it. */
const TABLES = Array.from({ length: 8 }, () => new Uint32Array(256));
for (let byte = 0; byte < 256; byte++) {
  let register = byte;
  for (let bit = 0; bit < 8; bit++) {
    register = (register >>> 1) ^ (register & 1 ? POLYNOMIAL : 0);
  }
  TABLES[0][byte] = register;
}
for (let k = 1; k < 8; k++) {
  for (let byte = 0; byte < 256; byte++) {
    const before = TABLES[k - 1][byte];
    TABLES[k][byte] = (before >>> 8) ^ TABLES[0][before & 0xff];
  }
}
const [T0, T1, T2, T3, T4, T5, T6, T7] = TABLES;

/**
 * The checksum of the bytes from `start` to `end`.
 *
 * @param {Uint8Array} data
 * @param {number} [start]
 * @param {number} [end]
 * @param {number} [before] checksum of what comes before them
 * @returns {number} unsigned
 */
export function crc32c(data, start = 0, end = data.length, before = 0) {
  let register = ~before;
  let i = start;
  for (; i + 8 <= end; i += 8) {
    register =
      T7[(register ^ data[i]) & 0xff] ^
      T6[((register >>> 8) ^ data[i + 1]) & 0xff] ^
      T5[((register >>> 16) ^ data[i + 2]) & 0xff] ^
      T4[(register >>> 24) ^ data[i + 3]] ^
      T3[data[i + 4]] ^
      T2[data[i + 5]] ^
      T1[data[i + 6]] ^
      T0[data[i + 7]];
  }
  for (; i < end; i++) {
    register = (register >>> 8) ^ T0[(register ^ data[i]) & 0xff];
  }
  return ~register >>> 0;
}
