// SPDX-License-Identifier: Apache-2.0

package dev.snakepit.segment;

import java.util.List;

/**
 * The texts of an enumeration's numbers.
 *
 * @param label Prometheus name of the label that has them
 * @param otelLabel OpenTelemetry name of the same attribute
 * @param values texts by number
 */
public record EnumTable(String label, String otelLabel, List<String> values) {

  /** Makes the table immutable. */
  public EnumTable {
    values = List.copyOf(values);
  }

  /** Returns the text of a number, "?" for one that the segment does not know. */
  public String text(long number) {
    return contains(number) ? values.get((int) number) : "?";
  }

  /** Whether there is a text for the number. */
  public boolean contains(long number) {
    return Long.compareUnsigned(number, values.size()) < 0;
  }
}
