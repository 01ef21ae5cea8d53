// SPDX-License-Identifier: Apache-2.0

package dev.snakepit.segment;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.ArrayList;
import java.util.List;
import java.util.zip.CRC32C;

/** Reads the rings of events: each record is checked by its number and checksum. */
final class EventReader {
  /** Read at once. A record that is longer, as no writer makes them, counts as lost. */
  private static final int BATCH_BYTES = 1 << 20;

  private static final int TRIES = 4;

  private final SegmentFile file;
  private final Schema schema;
  private final Region region;

  EventReader(SegmentFile file, Directory directory, Schema schema) {
    this.file = file;
    this.schema = schema;
    this.region = directory.get(Region.EVNT);
  }

  /** Returns the events that are new to the cursor, by time, ring and number. */
  List<Event> read(EventCursor cursor) throws IOException {
    List<Event> events = new ArrayList<>();
    if (!region.exists()) {
      return events;
    }
    for (int ring = 0; ring < region.outerCount(); ring++) {
      // Once more where the writer was so fast that nothing was left of what had been there.
      int before = events.size();
      for (int i = 0; i < TRIES && events.size() == before; i++) {
        readRing(ring, cursor, events);
      }
    }
    // Stable: rings and numbers are in order already.
    events.sort((a, b) -> Long.compareUnsigned(a.monoNs(), b.monoNs()));
    return events;
  }

  private void readRing(int ring, EventCursor cursor, List<Event> events) throws IOException {
    long head = file.word(region.block(ring));
    long next = cursor.next(ring);
    if (Long.compareUnsigned(next, head) > 0) {
      next = 0; // another ring than the cursor was made for
    }
    long behind = head - next;
    if (Long.compareUnsigned(behind, region.count()) > 0) {
      cursor.addLost(behind - region.count());
      next = head - region.count();
    }
    while (next != head) {
      next += readBatch(ring, next, head - next, cursor, events);
    }
    cursor.moveTo(ring, head);
  }

  /** Reads some of the records from a number on, at most so many; returns how many. */
  private int readBatch(
      int ring, long first, long most, EventCursor cursor, List<Event> events) throws IOException {
    long index = Long.remainderUnsigned(first, region.count());
    long room = Math.max(1, BATCH_BYTES / region.stride());
    int records = (int) Math.min(Math.min(most, region.count() - index), room);
    int length = (int) Math.min(region.stride(), BATCH_BYTES);
    long start = region.block(ring) + Region.RING_BYTES + index * region.stride();
    ByteBuffer batch = file.read(start, records * length);
    for (int i = 0; i < records; i++) {
      ByteBuffer record = batch.slice(i * length, length).order(ByteOrder.LITTLE_ENDIAN);
      if (isWhole(record, first + i)) {
        events.add(event(ring, record));
      } else {
        cursor.addLost(1);
      }
    }
    return records;
  }

  private static boolean isWhole(ByteBuffer record, long number) {
    CRC32C crc = new CRC32C();
    crc.update(record.slice(0, 8));
    crc.update(record.slice(16, record.limit() - 16));
    return record.getLong(0) == number + 1 && record.getLong(8) == crc.getValue();
  }

  private Event event(int ring, ByteBuffer record) {
    long kind = record.getLong(24);
    long trace = record.getLong(96);
    long traceLow = record.getLong(104);
    return new Event(
        ring,
        record.getLong(0) - 1,
        record.getLong(16),
        schema.text(Schema.EVENT_KIND, kind & 0xFFFF),
        schema.text(Schema.INITIATOR, kind >>> 16 & 0xFFFF),
        schema.text(Schema.WORKER_STATE, kind >>> 32 & 0xFFFF),
        schema.text(Schema.WORKER_STATE, kind >>> 48),
        schema.text(Schema.MOVE_REASON, record.getLong(32)),
        record.getInt(40),
        record.getLong(56),
        Integer.toUnsignedLong(record.getInt(48)),
        record.getLong(64),
        Integer.toUnsignedLong(record.getInt(72)),
        record.getLong(80),
        record.getLong(88),
        (trace | traceLow) == 0 ? "" : String.format("%016x%016x", trace, traceLow),
        record.getLong(112));
  }
}
