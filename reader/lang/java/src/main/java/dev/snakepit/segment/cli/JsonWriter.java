// SPDX-License-Identifier: Apache-2.0

package dev.snakepit.segment.cli;

import java.math.BigDecimal;
import java.math.MathContext;
import java.math.RoundingMode;

/** Writes JSON front to back: keys in the order in which they come, numbers to the last digit. */
final class JsonWriter {
  private static final int DIGITS = 15;
  private static final int DIGITS_MAX = 17;

  private final StringBuilder text = new StringBuilder();

  /** Whether something stands before the next key or value. */
  private boolean comma;

  JsonWriter object(Runnable body) {
    return nested('{', body, '}');
  }

  JsonWriter array(Runnable body) {
    return nested('[', body, ']');
  }

  private JsonWriter nested(char open, Runnable body, char close) {
    separate().append(open);
    comma = false;
    body.run();
    text.append(close);
    comma = true;
    return this;
  }

  JsonWriter key(String name) {
    string(name);
    text.append(':');
    comma = false;
    return this;
  }

  JsonWriter string(String value) {
    separate().append('"');
    for (int i = 0; i < value.length(); i++) {
      escape(value.charAt(i));
    }
    text.append('"');
    return this;
  }

  private void escape(char c) {
    switch (c) {
      case '"' -> text.append("\\\"");
      case '\\' -> text.append("\\\\");
      case '\b' -> text.append("\\b");
      case '\t' -> text.append("\\t");
      case '\n' -> text.append("\\n");
      case '\f' -> text.append("\\f");
      case '\r' -> text.append("\\r");
      default -> {
        if (c < ' ' || c == 0x7F) {
          text.append(String.format("\\u%04x", (int) c));
        } else {
          text.append(c);
        }
      }
    }
  }

  JsonWriter unsigned(long value) {
    separate().append(Long.toUnsignedString(value));
    return this;
  }

  JsonWriter bool(boolean value) {
    separate().append(value);
    return this;
  }

  JsonWriter nil() {
    separate().append("null");
    return this;
  }

  /** Writes the number in plain notation, without zeros at the end of a fraction. */
  JsonWriter decimal(BigDecimal value) {
    boolean zero = value.signum() == 0;
    separate().append(zero ? "0" : value.stripTrailingZeros().toPlainString());
    return this;
  }

  /** Writes the shortest of 15 to 17 digits that are this number; null where it is not finite. */
  JsonWriter number(double value) {
    if (!Double.isFinite(value)) {
      return nil();
    }
    BigDecimal exact = new BigDecimal(value);
    // Subnormal numbers have fewer digits to give.
    int digits = Math.abs(value) < Double.MIN_NORMAL ? 1 : DIGITS;
    BigDecimal rounded;
    do {
      rounded = exact.round(new MathContext(digits++, RoundingMode.HALF_EVEN));
    } while (rounded.doubleValue() != value && digits <= DIGITS_MAX);
    return decimal(rounded);
  }

  private StringBuilder separate() {
    if (comma) {
      text.append(',');
    }
    comma = true;
    return text;
  }

  @Override
  public String toString() {
    return text.toString();
  }
}
