// SPDX-License-Identifier: Apache-2.0

package dev.snakepit.segment;

import java.util.ArrayList;
import java.util.List;
import java.util.OptionalLong;

/** Durations by size. All counts and bounds are unsigned. */
public final class Histogram {
  private static final double TWO_POW_64 = 0x1p64;

  private final long[] upperNs;
  private final long[] words;
  private final long zeroThresholdNs;

  /** Takes its words with the sum behind them. */
  Histogram(long[] upperNs, long[] words, long zeroThresholdNs) {
    this.upperNs = upperNs;
    this.words = words;
    this.zeroThresholdNs = zeroThresholdNs;
  }

  /**
   * Observations of about one size.
   *
   * @param upperNs the largest, inclusive; empty for the bucket without one
   * @param count of this bucket alone
   */
  public record Bucket(OptionalLong upperNs, long count) {}

  /** Returns the number of observations. */
  public long count() {
    long count = 0;
    for (int i = 0; i <= upperNs.length; i++) {
      count += words[i];
    }
    return count;
  }

  /** Returns the sum of all observations, in nanoseconds. */
  public long sumNs() {
    return words[upperNs.length + 1];
  }

  /** Returns the buckets that have any observations, the smallest first. */
  public List<Bucket> buckets() {
    List<Bucket> buckets = new ArrayList<>();
    for (int i = 0; i <= upperNs.length; i++) {
      if (words[i] != 0) {
        boolean bounded = i < upperNs.length;
        OptionalLong upper = bounded ? OptionalLong.of(upperNs[i]) : OptionalLong.empty();
        buckets.add(new Bucket(upper, words[i]));
      }
    }
    return buckets;
  }

  /**
   * Returns the middle of the bucket that holds the observation of rank {@code q}, from 0 to 1, in
   * nanoseconds: at most half a bucket from the truth. 0 without observations, the edge of the
   * range where the bucket has only one bound.
   */
  public long quantileNs(double q) {
    long count = count();
    if (count == 0) {
      return 0;
    }
    double rank = q * toDouble(count);
    long below = 0;
    for (int i = 0; i < upperNs.length; i++) {
      below += words[i];
      if (words[i] != 0 && toDouble(below) >= rank) {
        return i == 0 ? zeroThresholdNs : middleNs(i);
      }
    }
    return upperNs[upperNs.length - 1];
  }

  private long middleNs(int i) {
    // In these steps, and not otherwise: all readers are to round alike.
    double middle = Math.sqrt(toDouble(upperNs[i - 1])) * Math.sqrt(toDouble(upperNs[i]));
    if (middle >= TWO_POW_64) {
      return -1;
    }
    return middle < 0x1p63 ? (long) middle : (long) (middle - 0x1p63) + Long.MIN_VALUE;
  }

  /** Returns the nearest double to an unsigned number. */
  static double toDouble(long unsigned) {
    if (unsigned >= 0) {
      return unsigned;
    }
    // Half of it, its lowest bit kept so that the rounding is that of the whole.
    return (double) (unsigned >>> 1 | unsigned & 1) * 2;
  }
}
