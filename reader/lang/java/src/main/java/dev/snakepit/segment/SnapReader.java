// SPDX-License-Identifier: Apache-2.0

package dev.snakepit.segment;

import static dev.snakepit.segment.SegmentException.Kind.NOT_READY;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.Arrays;
import java.util.zip.CRC32C;

/** The SNAP tier: the copy that the writer makes every heartbeat, under a checksum. */
final class SnapReader {
  private static final int TRIES = 4;
  private static final int HEAD_BYTES = 512;
  private static final int CHUNK_BYTES = 1 << 20;

  private final SegmentFile file;
  private final Directory directory;

  SnapReader(SegmentFile file, Directory directory) {
    this.file = file;
    this.directory = directory;
  }

  /** Reads the current half. */
  Image read() throws IOException {
    Region region = directory.get(Region.SNAP);
    for (int i = 0; i < TRIES; i++) {
      long seq = file.word(Header.SNAP_SEQ);
      if (!region.exists() || seq == 0) {
        throw new SegmentException(NOT_READY, "snap", file.path, "has no SNAP copy yet");
      }
      Image image = readHalf(region, seq);
      if (image != null) {
        image.retries = i;
        return image;
      }
    }
    throw file.damaged("snap");
  }

  /** Returns null where the half is not whole, or its tables do not fit. */
  private Image readHalf(Region region, long seq) throws IOException {
    long start = region.block(seq & 1);
    ByteBuffer head = file.read(start, HEAD_BYTES);
    long length = head.getLong(16);
    if (head.getLong(8) != seq
        || length % Long.BYTES != 0
        || length < HEAD_BYTES
        || length > region.len()) {
      return null;
    }
    long[] words = new long[(int) (length / Long.BYTES)];
    long crc = copy(start, words);
    if (words[0] != crc || words[1] != seq || words[2] != length) {
      return null;
    }
    Image.Table[] tables = new Image.Table[RowKind.COUNT];
    for (int kind = 0; kind < RowKind.COUNT; kind++) {
      tables[kind] = table(words, 16 + 8 * kind);
      if (!tableFits(kind, tables[kind], length)) {
        return null;
      }
    }
    Image image = new Image(words, tables, Arrays.copyOfRange(words, 8, 16));
    image.rowsSkipped = words[7];
    image.tookNs = Math.max(words[4] - words[3], 0);
    return image;
  }

  /** Fills the words from an offset on; returns the checksum of all but the first. */
  private long copy(long start, long[] words) throws IOException {
    CRC32C crc = new CRC32C();
    int step = Math.min(CHUNK_BYTES, words.length * Long.BYTES);
    ByteBuffer chunk = ByteBuffer.allocateDirect(step).order(ByteOrder.LITTLE_ENDIAN);
    for (int i = 0; i < words.length; i += CHUNK_BYTES / Long.BYTES) {
      int count = Math.min(CHUNK_BYTES / Long.BYTES, words.length - i);
      chunk.clear().limit(count * Long.BYTES);
      file.read(start + (long) i * Long.BYTES, chunk);
      chunk.flip();
      chunk.asLongBuffer().get(words, i, count);
      chunk.position(i == 0 ? Long.BYTES : 0);
      crc.update(chunk);
    }
    return crc.getValue();
  }

  private static Image.Table table(long[] words, int at) {
    return new Image.Table(
        words[at],
        words[at + 1],
        words[at + 2],
        words[at + 3],
        words[at + 4],
        words[at + 5],
        words[at + 6],
        words[at + 7]);
  }

  /** Whether the half holds the parts that rows of the kind have, and no others. */
  private boolean tableFits(int kind, Image.Table table, long length) {
    if (table.count() == 0) {
      return kind != RowKind.PROC;
    }
    long stride = table.stride();
    if (table.off() % Long.BYTES != 0
        || table.off() < HEAD_BYTES
        || table.off() > length
        || stride % Long.BYTES != 0
        || stride < RowKind.ENTRY_BYTES
        || Long.compareUnsigned(table.count(), directory.rows(kind)) > 0
        || table.count() > (length - table.off()) / stride) {
      return false;
    }
    Image.Table sizes = Image.sizes(directory, kind);
    return partFits(table.record(), sizes.record(), stride)
        && partFits(table.text(), sizes.text(), stride)
        && partFits(table.cells(), sizes.cells(), stride)
        && partFits(table.sums(), sizes.sums(), stride)
        && partFits(table.ledger(), sizes.ledger(), stride);
  }

  private static boolean partFits(long off, long size, long stride) {
    if (size == 0) {
      return off == 0;
    }
    return off % Long.BYTES == 0
        && off >= RowKind.ENTRY_BYTES
        && Region.isInside(off, size, stride);
  }
}
