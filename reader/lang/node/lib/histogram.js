/** Durations by size. */
export class Histogram {
  /**
   * @param {bigint[]} upperNs inclusive upper bound of each bucket but the last
   * @param {bigint[]} counts of all buckets
   * @param {bigint} sumNs
   * @param {bigint} zeroThresholdNs what the first bucket holds at most
   */
  constructor(upperNs, counts, sumNs, zeroThresholdNs) {
    this.upperNs = upperNs;
    this.counts = counts;
    this.sumNs = sumNs;
    this.zeroThresholdNs = zeroThresholdNs;
  }

  /** @returns {bigint} observations in all buckets */
  get count() {
    return BigInt.asUintN(64, this.counts.reduce((sum, n) => sum + n, 0n));
  }

  /**
   * The buckets in use: an upper bound, undefined for the last, and a count.
   *
   * @returns {Generator<[bigint | undefined, bigint]>}
   */
  *buckets() {
    for (const [i, count] of this.counts.entries()) {
      if (count) yield [this.upperNs[i], count];
    }
  }

  /**
   * The middle of the bucket with the observation of rank `q`, so at most half a bucket
   * from the truth; 0 without observations, the edge of the range where the bucket has
   * only one bound.
   *
   * @param {number} q from 0 to 1
   * @returns {bigint}
   */
  quantileNs(q) {
    const rank = q * Number(this.count);
    let below = 0n;
    if (this.count === 0n) return 0n;
    for (let i = 0; i < this.upperNs.length; i++) {
      below = BigInt.asUintN(64, below + this.counts[i]);
      if (this.counts[i] && Number(below) >= rank) {
        return i ? this.#middleNs(i) : this.zeroThresholdNs;
      }
    }
    return this.upperNs.at(-1);
  }

  #middleNs(i) {
    // In these steps, and not otherwise: all readers are to round alike.
    const lower = Math.sqrt(Number(this.upperNs[i - 1]));
    const middle = lower * Math.sqrt(Number(this.upperNs[i]));
    return middle < 2 ** 64 ? BigInt(Math.trunc(middle)) : 2n ** 64n - 1n;
  }
}
