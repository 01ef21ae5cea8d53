// SPDX-License-Identifier: Apache-2.0

package dev.snakepit.segment;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.HashMap;
import java.util.Map;

/** The regions of a segment. */
final class Directory {
  private final Map<Long, Region> regions = new HashMap<>();

  private Directory() {}

  /** Reads and checks the directory that a checked header leads to. */
  static Directory read(SegmentFile file, Header header) throws IOException {
    ByteBuffer data = file.read(header.dirOff(), header.dirCount() * Region.BYTES);
    if (header.dirCrc() != Crc.of(data.array(), 0, data.limit())) {
      throw file.damaged("dir_crc");
    }
    Directory directory = new Directory();
    for (int i = 0; i < header.dirCount(); i++) {
      ByteBuffer entry = data.slice(i * Region.BYTES, Region.BYTES).order(ByteOrder.LITTLE_ENDIAN);
      Region region = Region.parse(entry);
      Region before = directory.regions.put(key(region.type(), region.kind()), region);
      if (before != null || !region.fits(file.size)) {
        String reason = before != null ? "is there twice" : "does not fit";
        throw file.damaged(
            "directory", "is damaged: region " + i + " (type " + region.type() + ") " + reason);
      }
    }
    directory.check(file);
    return directory;
  }

  private static long key(int type, int kind) {
    return (long) type << 32 | kind & 0xFFFFFFFFL;
  }

  /** What a snapshot takes then never exceeds the file, whatever the watermarks say. */
  private void check(SegmentFile file) throws SegmentException {
    if (!get(Region.DESC).exists() || !get(Region.STRT).exists()) {
      throw file.damaged("directory", "is damaged: no descriptors or no strings");
    }
    for (int kind = 0; kind < RowKind.COUNT; kind++) {
      for (int type : new int[] {Region.ROWC, Region.BANK, Region.LEDG}) {
        Region cells = get(type, kind);
        if (cells.exists() && cells.count() < rows(kind)) {
          throw file.damaged("directory", "is damaged: fewer cells than rows");
        }
      }
    }
  }

  /** Returns {@link Region#NONE} where there is no such region. */
  Region get(int type, int kind) {
    return regions.getOrDefault(key(type, kind), Region.NONE);
  }

  Region get(int type) {
    return get(type, 0);
  }

  /** Returns for how many rows of a kind there is room. */
  long rows(int kind) {
    return kind == RowKind.PROC ? 1 : get(Region.ROWD, kind).count();
  }
}
