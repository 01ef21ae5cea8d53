// SPDX-License-Identifier: Apache-2.0

package dev.snakepit.segment;

import static dev.snakepit.segment.SegmentException.Kind.NOT_READY;
import static dev.snakepit.segment.SegmentException.Kind.VERSION;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.UUID;

/** The part of the header that never changes, and where the words are that do. */
final class Header {
  static final int STATE = 0x100;
  static final int STOP_REASON = 0x108;
  static final int DESC_USED = 0x180;
  static final int STRT_USED = 0x188;
  static final int BANK_HIGH = 0x190;
  static final int ROW_HIGH = 0x198;
  static final int HB_SEQ = 0x1C0;
  static final int HEARTBEATS = 0x200;
  static final int METERS = 0x300;
  static final int METERS_BYTES = 64;
  static final int SNAP_SEQ = 0x340;
  static final int IMMUTABLE_BYTES = 0x100;

  private static final long MAGIC = 0x1A0A0D4D4B4E5393L;
  private static final int ENDIAN = 0x01020304;
  private static final int MAJOR = 1;
  private static final int DIR_MAX = 64;
  private static final int CHECKED_BYTES = 0xF0;
  private static final int NAME = 0xB0;
  private static final int NAME_BYTES = 64;
  private static final int STATE_INIT = 0;

  private final ByteBuffer data;

  private Header(ByteBuffer data) {
    this.data = data;
  }

  /** Reads and checks the header, in the order in which every reader checks it. */
  static Header read(SegmentFile file) throws IOException {
    // The state first: all else is complete once it is not INIT.
    long state = file.word(STATE);
    Header header = new Header(file.read(0, IMMUTABLE_BYTES));
    header.checkVersion(file);
    header.checkFields(file);
    if (state == STATE_INIT) {
      throw new SegmentException(NOT_READY, "state", file.path, "is still being built; try again");
    }
    return header;
  }

  private void checkVersion(SegmentFile file) throws SegmentException {
    if (word(0) != MAGIC) {
      throw file.damaged("magic", "is not a Snakepit segment (magic)");
    }
    if (data.getInt(0x08) != ENDIAN) {
      throw file.damaged("endian");
    }
    if (major() != MAJOR) {
      String text = "has format %d.%d, this is a reader of %d.x".formatted(major(), minor(), MAJOR);
      throw new SegmentException(VERSION, "ver_major", file.path, text);
    }
    if (word(0x18) != 0) {
      String text = "needs features %#x, unknown to this reader".formatted(word(0x18));
      throw new SegmentException(VERSION, "feat_incompat", file.path, text);
    }
  }

  private void checkFields(SegmentFile file) throws SegmentException {
    if (half(0xF0) != Crc.of(data.array(), 0, CHECKED_BYTES)) {
      throw file.damaged("hdr_crc");
    }
    if (word(0x28) != file.size) {
      throw file.damaged("map_size");
    }
    if (word(0x90) < 1 || word(0x90) > DIR_MAX) {
      throw file.damaged("dir_count");
    }
    if (dirOff() % 8 != 0
        || !Region.isInside(dirOff(), (long) dirCount() * Region.BYTES, file.size)) {
      throw file.damaged("dir_off");
    }
    if (half(0xA0) == 0) {
      throw file.damaged("heartbeat_interval_ms");
    }
    if (half(0xA4) == 0) {
      throw file.damaged("stale_after_ms");
    }
  }

  /** Returns the word at an offset below {@link #IMMUTABLE_BYTES}. */
  long word(int off) {
    return data.getLong(off);
  }

  private long half(int off) {
    return Integer.toUnsignedLong(data.getInt(off));
  }

  private int major() {
    return Short.toUnsignedInt(data.getShort(0x0C));
  }

  private int minor() {
    return Short.toUnsignedInt(data.getShort(0x0E));
  }

  long dirOff() {
    return word(0x88);
  }

  int dirCount() {
    return (int) word(0x90);
  }

  long dirCrc() {
    return half(0xF4);
  }

  /** Whether the file is of an earlier boot than the kernel's; false where nobody knows. */
  boolean isOfEarlierBoot() {
    UUID mine = uuid(0x40);
    return !mine.equals(new UUID(0, 0))
        && Proc.bootId().map(kernels -> !kernels.equals(mine)).orElse(false);
  }

  private UUID uuid(int off) {
    ByteBuffer bytes = data.duplicate().order(ByteOrder.BIG_ENDIAN);
    return new UUID(bytes.getLong(off), bytes.getLong(off + 8));
  }

  SegmentInfo info(SegmentFile file) {
    return new SegmentInfo(
        file.path,
        Text.beforeNul(data.array(), NAME, NAME_BYTES).orElse("?"),
        uuid(0x30),
        major(),
        minor(),
        word(0x50),
        half(0x58),
        file.size,
        word(0x80),
        half(0xA0),
        half(0xA4),
        half(0xA8));
  }
}
