// SPDX-License-Identifier: Apache-2.0

package dev.snakepit.segment;

import java.nio.ByteBuffer;

/** A metric as the file has it; offsets and counts are unsigned numbers of 32 bits. */
record Descriptor(
    int kind,
    int vtype,
    int storage,
    int rowKind,
    int level,
    int flags,
    long off,
    long count,
    long stride,
    int name,
    int prometheusName,
    int unit,
    int unitExp,
    int help,
    int rowKeys,
    long enumOff,
    long boundsOff,
    long boundsCount,
    int idxMin,
    int nbuckets,
    int scale,
    int derive,
    int retiredMinor,
    long zeroThresholdNs,
    long deriveA,
    long deriveB,
    long upperOff) {

  static final int BYTES = 128;

  static final int KIND_HISTOGRAM = 4;
  static final int KIND_STATE = 5;
  static final int KIND_INFO = 7;

  static final int VTYPE_I64 = 2;
  static final int VTYPE_F64 = 3;
  static final int VTYPE_MONO_NS = 4;
  static final int VTYPE_REAL_NS = 5;

  static final int STORAGE_BANK = 1;
  static final int STORAGE_ROW = 2;
  static final int STORAGE_LATCH = 3;
  static final int STORAGE_HEADER = 4;
  static final int STORAGE_DERIVED = 5;
  static final int STORAGE_ONE = 6;
  static final int STORAGE_LEDGER = 7;

  /** First word of a sparse metric that a row does not have. */
  static final long ABSENT = -1;

  private static final int SPARSE = 1;
  private static final int WORKERS_BY_STATUS = 1;
  private static final int UNIT_EXP_MAX = 30;
  private static final int IDX_MIN_MAX = 16384;
  private static final int SCALE_MIN = -4;
  private static final int SCALE_MAX = 8;

  /** Whether rows may be without it, which its first word says. */
  boolean isSparse() {
    return (flags & SPARSE) != 0 && storage == STORAGE_ROW;
  }

  static Descriptor parse(ByteBuffer b) {
    return new Descriptor(
        Byte.toUnsignedInt(b.get(4)),
        Byte.toUnsignedInt(b.get(5)),
        Byte.toUnsignedInt(b.get(6)),
        Byte.toUnsignedInt(b.get(8)),
        Byte.toUnsignedInt(b.get(9)),
        Byte.toUnsignedInt(b.get(11)),
        u32(b, 12),
        u32(b, 16),
        u32(b, 20),
        b.getInt(24),
        b.getInt(28),
        b.getInt(32),
        b.getInt(36),
        b.getInt(40),
        b.getInt(52),
        u32(b, 56),
        u32(b, 60),
        u32(b, 64),
        b.getInt(68),
        Short.toUnsignedInt(b.getShort(72)),
        b.get(74),
        Byte.toUnsignedInt(b.get(75)),
        Short.toUnsignedInt(b.getShort(78)),
        b.getLong(80),
        u32(b, 88),
        u32(b, 92),
        u32(b, 96));
  }

  private static long u32(ByteBuffer data, int off) {
    return Integer.toUnsignedLong(data.getInt(off));
  }

  boolean isHistogram() {
    return kind == KIND_HISTOGRAM;
  }

  /** Whether this reader knows what it means, and it is in use. */
  boolean isKnown() {
    return kind >= 1
        && kind <= KIND_INFO
        && storage >= STORAGE_BANK
        && storage <= STORAGE_LEDGER
        && rowKind < RowKind.COUNT
        && retiredMinor == 0
        && (storage != STORAGE_DERIVED
            || derive == WORKERS_BY_STATUS && rowKind == RowKind.POOL);
  }

  /** Returns the words of a cell: those of a histogram and its sum, or one. */
  int cellWords() {
    return isHistogram() ? nbuckets + 3 : 1;
  }

  /** Whether the numbers are within the limits of the format, whatever the file is like. */
  boolean isWithinLimits() {
    boolean shape =
        !isHistogram()
            || (storage == STORAGE_BANK || storage == STORAGE_ROW)
                && nbuckets > 0
                && nbuckets <= SchemaReader.MOST
                && scale >= SCALE_MIN
                && scale <= SCALE_MAX
                && idxMin >= -IDX_MIN_MAX
                && idxMin <= IDX_MIN_MAX;
    return shape && unitExp >= -UNIT_EXP_MAX && unitExp <= UNIT_EXP_MAX;
  }

  /** Whether all cells lie between two offsets. */
  boolean cellsFit(long from, long to) {
    long size = (long) cellWords() * Long.BYTES;
    // No overflow: count is at most 1024 here, stride and off have 32 bits.
    return off % 8 == 0
        && stride % 8 == 0
        && stride >= size
        && off >= from
        && off + (count - 1) * stride + size <= to;
  }

  /** Whether the operands of a rule are words between two offsets. */
  boolean operandsFit(long from, long to) {
    return isWord(deriveA, from, to) && isWord(deriveB, from, to);
  }

  private static boolean isWord(long off, long from, long to) {
    return off % 8 == 0 && off >= from && off + Long.BYTES <= to;
  }
}
