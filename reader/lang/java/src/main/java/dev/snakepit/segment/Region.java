// SPDX-License-Identifier: Apache-2.0

package dev.snakepit.segment;

import java.nio.ByteBuffer;

/**
 * An entry of the directory. Once {@link #fits} has said yes all its numbers but {@code
 * outerStride} and {@code outerCount} are at most {@link SegmentFile#MAX_BYTES}, and so is every
 * offset that it leads to.
 */
record Region(
    int type,
    int kind,
    long off,
    long len,
    long stride,
    long count,
    long outerStride,
    long outerCount) {

  static final int BYTES = 64;
  static final int RING_BYTES = 64;
  static final int LATCH_BYTES = 320;

  static final int DESC = 1;
  static final int STRT = 2;
  static final int KEYS = 3;
  static final int ENUM = 4;
  static final int BNDS = 5;
  static final int ROWD = 7;
  static final int ROWC = 8;
  static final int BANK = 9;
  static final int SNAP = 10;
  static final int INFL = 11;
  static final int EVNT = 12;
  static final int EVID = 13;
  static final int SPAN = 14;
  static final int HIST = 15;
  static final int TEXT = 16;
  static final int THRD = 17;
  static final int LEDG = 18;

  /** What stands for a region that is not there: it has no entries. */
  static final Region NONE = new Region(0, 0, 0, 0, 1, 0, 0, 1);

  static Region parse(ByteBuffer entry) {
    return new Region(
        entry.getInt(0),
        entry.getInt(4),
        entry.getLong(8),
        entry.getLong(16),
        entry.getLong(24),
        entry.getLong(32),
        entry.getLong(40),
        entry.getLong(48));
  }

  boolean exists() {
    return type != 0;
  }

  /** Returns where an entry starts; those of a ring stand behind its header. */
  long entry(long index) {
    return off + index * stride;
  }

  long block(long index) {
    return off + index * outerStride;
  }

  /** Whether a range lies inside so many bytes; all three are unsigned. */
  static boolean isInside(long off, long length, long size) {
    return Long.compareUnsigned(length, size) <= 0
        && Long.compareUnsigned(off, size - length) <= 0;
  }

  /** Whether all that the entry can lead to is in the file, and as large as its type needs. */
  boolean fits(long size) {
    long head = isRing() ? RING_BYTES : 0;
    if (off % 8 != 0 || !isInside(off, len, size) || len < head || !strideFits()) {
      return false;
    }
    if (Long.compareUnsigned(count, (len - head) / stride) > 0 || count == 0 && needsEntries()) {
      return false;
    }
    return blocksFit(size - off - len);
  }

  private boolean blocksFit(long room) {
    if (outerCount == 0 || outerCount == 1) {
      return outerCount == 1 && type != SNAP;
    }
    if (outerStride % 8 != 0 || Long.compareUnsigned(outerStride, len) < 0) {
      return false;
    }
    return outerStride == 0
        || Long.compareUnsigned(outerCount - 1, Long.divideUnsigned(room, outerStride)) <= 0;
  }

  private boolean isRing() {
    return type >= EVNT && type <= HIST;
  }

  private boolean needsEntries() {
    return isRing() || type == INFL || type == SNAP;
  }

  private boolean strideFits() {
    if (stride <= 0 || stride > SegmentFile.MAX_BYTES) {
      return false;
    }
    return switch (type) {
      case STRT -> stride == 1;
      case ENUM -> stride == 4;
      case BNDS -> stride == 8;
      case KEYS -> stride >= 16 && stride % 4 == 0;
      default -> {
        int least = entryBytes();
        yield least == 0 || stride >= least && stride % 8 == 0;
      }
    };
  }

  /** Returns the least that an entry of words takes, 0 for types that this reader leaves alone. */
  private int entryBytes() {
    return switch (type) {
      case BANK -> 8;
      case HIST -> kind == RowKind.POOL ? 192 : 64;
      case DESC, EVNT, THRD -> 128;
      case INFL -> 256;
      case SPAN -> 384;
      case ROWC, LEDG -> LATCH_BYTES;
      case ROWD -> RowKind.ENTRY_BYTES;
      case SNAP -> 512;
      case TEXT -> 1024;
      case EVID -> 4096;
      default -> 0;
    };
  }
}
