// SPDX-License-Identifier: Apache-2.0

package dev.snakepit.segment;

import static dev.snakepit.segment.Tests.check;
import static dev.snakepit.segment.Tests.equal;

import dev.snakepit.segment.Tests.Test;
import java.nio.charset.StandardCharsets;
import java.util.Optional;
import java.util.OptionalLong;

/** Tests of the parts, on numbers made by hand. */
public final class FormatTest {
  private static final long HUGE = -1;
  private static final long FILE_BYTES = 1 << 20;

  private static Region region(int type, long off, long len, long stride, long count) {
    return new Region(type, 0, off, len, stride, count, 0, 1);
  }

  private static Region blocks(long outerStride, long outerCount) {
    return new Region(Region.BANK, 1, 0, 64, 64, 1, outerStride, outerCount);
  }

  @Test
  public void checksumIsCastagnolis() {
    byte[] digits = "123456789".getBytes(StandardCharsets.US_ASCII);
    equal(0xE3069283L, Crc.of(digits, 0, digits.length));
  }

  @Test
  public void regionsFitOrNot() {
    check(region(Region.DESC, 0, 1280, 128, 10).fits(FILE_BYTES), "ten of 128");
    check(!region(Region.DESC, 0, 1279, 128, 10).fits(FILE_BYTES), "a byte short");
    check(!region(Region.DESC, 4, 1280, 128, 10).fits(FILE_BYTES), "not aligned");
    check(!region(Region.DESC, HUGE - 7, 1280, 128, 10).fits(FILE_BYTES), "wraps around");
    check(!region(Region.DESC, 0, HUGE, 128, 10).fits(FILE_BYTES), "longer than the file");
    check(!region(Region.DESC, 0, 1280, HUGE - 127, 1).fits(FILE_BYTES), "huge stride");
    check(!region(Region.DESC, 0, 1280, 128, 1L << 57).fits(FILE_BYTES), "huge count");
    check(!region(Region.EVNT, 0, 1280, 128, 10).fits(FILE_BYTES), "a ring has a header");
    check(region(Region.EVNT, 0, 1344, 128, 10).fits(FILE_BYTES), "a ring of ten");
    check(!region(Region.EVNT, 0, 1344, 128, 0).fits(FILE_BYTES), "a ring of none");
    check(region(99, 0, 3, 3, 1).fits(FILE_BYTES), "unknown");
  }

  @Test
  public void blocksFitOrNot() {
    check(blocks(64, 16384).fits(FILE_BYTES), "all of the file");
    check(!blocks(64, 16385).fits(FILE_BYTES), "one too many");
    check(!blocks(64, HUGE).fits(FILE_BYTES), "huge count");
    check(!blocks(HUGE - 63, 2).fits(FILE_BYTES), "huge stride");
    check(!blocks(56, 2).fits(FILE_BYTES), "into each other");
    check(!blocks(0, 0).fits(FILE_BYTES), "none");
  }

  @Test
  public void textIsUtf8OrNothing() {
    equal(Optional.of("é"), Text.beforeNul(new byte[] {(byte) 0xC3, (byte) 0xA9, 0, 'x'}, 0, 4));
    equal(Optional.empty(), Text.decode(new byte[] {(byte) 0xED, (byte) 0xA0, (byte) 0x80}, 0, 3));
    equal("abcdefgh", Text.ofWords(new long[] {0x6867666564636261L, 0}, 0, 2));
    equal("", Text.ofTerminated(new long[] {0x6867666564636261L}, 0, 1));
  }

  @Test
  public void histogramsHaveQuantiles() {
    long[] upper = {10, 20, 40, HUGE};
    Histogram histogram = new Histogram(upper, new long[] {1, 0, 8, 0, 1, 300}, 7);
    equal(10L, histogram.count());
    equal(300L, histogram.sumNs());
    equal(7L, histogram.quantileNs(0.1));
    equal(28L, histogram.quantileNs(0.5));
    equal(HUGE, histogram.quantileNs(1));
    equal(OptionalLong.empty(), histogram.buckets().get(2).upperNs());
    equal(0L, new Histogram(upper, new long[6], 7).quantileNs(0.5));
  }

  @Test
  public void unsignedBecomesTheNearestDouble() {
    equal(0x1p64, Histogram.toDouble(HUGE));
    equal(0x1p63, Histogram.toDouble(Long.MIN_VALUE));
    equal(0x1p63, Histogram.toDouble(Long.MIN_VALUE + 1024));
    equal(0x1p63 + 2048, Histogram.toDouble(Long.MIN_VALUE + 1025));
  }

  @Test
  public void monotonicTimeBecomesWallTime() {
    Heartbeat heartbeat = new Heartbeat(1, 500, 1000);
    equal(990L, heartbeat.timeNs(490));
    equal(0L, heartbeat.timeNs(0));
  }

  @Test
  public void findsItsLock() {
    SegmentFile.Status status = new SegmentFile.Status(0x1b, 76893, 0, 0);
    String place = Proc.placeOf(status);
    equal("00:1b:76893", place);
    check(Proc.isLockOn("1: OFDLCK ADVISORY  WRITE -1 00:1b:76893 0 EOF", place), "held");
    check(!Proc.isLockOn("1: POSIX  ADVISORY  WRITE 12 00:1b:76893 0 EOF", place), "POSIX");
    check(!Proc.isLockOn("1: OFDLCK ADVISORY  WRITE -1 00:1b:768 0 EOF", place), "other file");
    check(!Proc.isLockOn("1: -> OFDLCK", place), "cut short");
    equal("103:10:5", Proc.placeOf(new SegmentFile.Status(0x10310L, 5, 0, 0)));
  }
}
