// SPDX-License-Identifier: Apache-2.0

package dev.snakepit.segment;

import java.math.BigDecimal;
import java.math.BigInteger;
import java.util.Map;
import java.util.Optional;

/**
 * A metric at one row and, where it has several cells, one of them.
 *
 * @param metric what it is a series of
 * @param labels by Prometheus name, in the order of the metric; immutable
 * @param row index of the row
 * @param raw the stored word, a time as wall time; 0 for a histogram
 * @param histogram of a metric that is one, else empty
 */
public record Series(
    Metric metric, Map<String, String> labels, int row, long raw, Optional<Histogram> histogram) {

  private static final int NS_EXP = -9;
  private static final int EXP_STEP = 9;

  /** Returns the value in the metric's unit; times as seconds since 1970, 0 for never. */
  public double value() {
    return isDouble() ? scaledDouble() : exact().doubleValue();
  }

  /**
   * Returns the value in the metric's unit, to the last digit; empty for a floating point number,
   * whose value is {@link #value()}.
   */
  public Optional<BigDecimal> decimal() {
    return isDouble() ? Optional.empty() : Optional.of(exact());
  }

  /** Returns the name of the value of a state; empty where the segment has none for it. */
  public Optional<String> state() {
    return metric
        .values()
        .filter(values -> metric.kind() == Metric.Kind.STATE && values.contains(raw))
        .map(values -> values.text(raw));
  }

  private boolean isDouble() {
    return metric.descriptor().vtype() == Descriptor.VTYPE_F64
        && metric.kind() != Metric.Kind.INFO;
  }

  private BigDecimal exact() {
    if (metric.kind() == Metric.Kind.INFO) {
      return BigDecimal.ONE;
    }
    int exponent = metric.descriptor().unitExp();
    return switch (metric.descriptor().vtype()) {
      case Descriptor.VTYPE_MONO_NS, Descriptor.VTYPE_REAL_NS ->
          unsigned(raw).scaleByPowerOfTen(NS_EXP);
      case Descriptor.VTYPE_I64 -> BigDecimal.valueOf(raw).scaleByPowerOfTen(exponent);
      default -> unsigned(raw).scaleByPowerOfTen(exponent);
    };
  }

  private static BigDecimal unsigned(long word) {
    return new BigDecimal(new BigInteger(Long.toUnsignedString(word)));
  }

  private double scaledDouble() {
    // In these steps, and not otherwise: all readers are to round alike.
    double number = Double.longBitsToDouble(raw);
    int exponent = metric.descriptor().unitExp();
    for (int e = exponent; e < 0; e += EXP_STEP) {
      number /= Math.pow(10, Math.min(EXP_STEP, -e));
    }
    for (int e = 0; e < exponent; e++) {
      number *= 10;
    }
    return number;
  }
}
