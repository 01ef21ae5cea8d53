// SPDX-License-Identifier: Apache-2.0

package dev.snakepit.segment;

import java.io.IOException;
import java.nio.ByteBuffer;

/**
 * A sign of life of the writer, and the same moment on two of its clocks.
 *
 * @param seq heartbeats so far; unsigned
 * @param monoNs CLOCK_MONOTONIC of the writer
 * @param realTimeNs its wall clock
 */
public record Heartbeat(long seq, long monoNs, long realTimeNs) {
  private static final int TRIES = 4;
  private static final int BYTES = 128;
  private static final int CHECKED_BYTES = 56;

  static Heartbeat read(SegmentFile file) throws IOException {
    for (int i = 0; i < TRIES; i++) {
      long seq = file.word(Header.HB_SEQ);
      ByteBuffer copy = file.read(Header.HEARTBEATS + (seq & 1) * BYTES, BYTES);
      if (copy.getLong(CHECKED_BYTES) == Crc.of(copy.array(), 0, CHECKED_BYTES)) {
        return new Heartbeat(copy.getLong(0), copy.getLong(8), copy.getLong(16));
      }
    }
    throw file.damaged("heartbeat");
  }

  /** Converts a monotonic time of the writer to wall time; 0, which means never, stays 0. */
  public long timeNs(long monoNs) {
    return monoNs == 0 ? 0 : realTimeNs + (monoNs - this.monoNs);
  }
}
