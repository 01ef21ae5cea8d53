// SPDX-License-Identifier: Apache-2.0

package dev.snakepit.segment;

import java.util.List;
import java.util.Optional;

/** What the values of a segment mean, and how many descriptors there were; more may come. */
record Schema(List<Metric> metrics, List<EnumTable> enums, long described) {

  /** Numbers of the format's own enumerations. */
  static final int EXIT_REASON = 4;

  static final int WORKER_STATE = 9;
  static final int WORKER_STATUS = 10;
  static final int EVENT_KIND = 11;
  static final int INITIATOR = 12;
  static final int MOVE_REASON = 13;
  static final int STOP_REASON = 14;
  static final int RETIRE_REASON = 15;

  Schema {
    metrics = List.copyOf(metrics);
    enums = List.copyOf(enums);
  }

  /** Returns the text of the number in the lower half of a word, "?" where there is none. */
  String text(int table, long word) {
    return table < enums.size() ? enums.get(table).text(word & 0xFFFFFFFFL) : "?";
  }

  /** Returns the metric whose rule says what the status of a worker is. */
  Optional<Metric> derived() {
    return metrics.stream()
        .filter(metric -> metric.descriptor().storage() == Descriptor.STORAGE_DERIVED)
        .findFirst();
  }

  Optional<Metric> metric(String name) {
    return metrics.stream().filter(metric -> metric.isCalled(name)).findFirst();
  }
}
