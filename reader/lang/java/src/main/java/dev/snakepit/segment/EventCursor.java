// SPDX-License-Identifier: Apache-2.0

package dev.snakepit.segment;

import java.util.HashMap;
import java.util.Map;

/** Where a reader is in the rings of events, and what it came too late for. */
public final class EventCursor {
  private final Map<Integer, Long> next = new HashMap<>();
  private long lost;

  /** Starts with the oldest event that is still there. */
  public EventCursor() {}

  /** Returns how many events were overwritten before they were read, or are not whole. */
  public long lost() {
    return lost;
  }

  long next(int ring) {
    return next.getOrDefault(ring, 0L);
  }

  void moveTo(int ring, long number) {
    next.put(ring, number);
  }

  void addLost(long count) {
    lost += count;
  }
}
