// SPDX-License-Identifier: Apache-2.0

package dev.snakepit.segment;

import java.util.List;
import java.util.Locale;
import java.util.Optional;

/** What a metric is; its values are in snapshots. */
public final class Metric {

  /** What a metric counts or says. */
  public enum Kind {
    /** It only grows. */
    COUNTER,
    /** Adds and subtracts. */
    UPDOWN,
    /** It is set. */
    GAUGE,
    /** Durations by size. */
    HISTOGRAM,
    /** A number of an enumeration. */
    STATE,
    /** A moment, 0 for never. */
    TIMESTAMP,
    /** Always 1; the labels are the message. */
    INFO;

    /** Returns the name that every reader of segments uses. */
    @Override
    public String toString() {
      return name().toLowerCase(Locale.ROOT);
    }
  }

  /** Who wants to see a metric. */
  public enum Level {
    /** Everybody. */
    INFO,
    /** Who looks for a cause. */
    DIAG,
    /** Who develops the runtime. */
    DEBUG;

    /** Returns the name that every reader of segments uses. */
    @Override
    public String toString() {
      return name().toLowerCase(Locale.ROOT);
    }
  }

  private final Descriptor descriptor;
  private final Texts texts;
  private final EnumTable values;
  private final long[] boundsNs;
  private final long[] upperNs;
  private final List<Key> keys;

  /** The texts that a descriptor refers to. */
  record Texts(String name, String prometheusName, String unit, String help) {}

  /** An attribute of rows that is a label. */
  record Key(int source, String label) {}

  Metric(
      Descriptor descriptor,
      Texts texts,
      EnumTable values,
      long[] boundsNs,
      long[] upperNs,
      List<Key> keys) {
    this.descriptor = descriptor;
    this.texts = texts;
    this.values = values;
    this.boundsNs = boundsNs;
    this.upperNs = upperNs;
    this.keys = List.copyOf(keys);
  }

  Descriptor descriptor() {
    return descriptor;
  }

  List<Key> keys() {
    return keys;
  }

  /** The inclusive upper bounds of a histogram's words but the last; not to be changed. */
  long[] upper() {
    return upperNs;
  }

  /** Returns the OpenTelemetry name, such as "snakepit.requests". */
  public String name() {
    return texts.name;
  }

  /** Returns the Prometheus name, such as "snakepit_requests_total". */
  public String prometheusName() {
    return texts.prometheusName;
  }

  /** Returns what kind of values it has. */
  public Kind kind() {
    return Kind.values()[descriptor.kind() - 1];
  }

  /** Returns the unit of its values, by UCUM. */
  public String unit() {
    return texts.unit;
  }

  /** Returns who wants to see it. */
  public Level level() {
    return switch (descriptor.level()) {
      case 1 -> Level.INFO;
      case 2 -> Level.DIAG;
      default -> Level.DEBUG;
    };
  }

  /** Returns one sentence about it. */
  public String help() {
    return texts.help;
  }

  /** Returns the enumeration that its series or, for a state, its values are of. */
  public Optional<EnumTable> values() {
    return Optional.ofNullable(values);
  }

  /** Returns the few bounds of a histogram that text formats show, ascending, unsigned. */
  public long[] boundsNs() {
    return boundsNs.clone();
  }

  /** Returns the inclusive upper bounds of a histogram's buckets but the last, unsigned. */
  public long[] upperNs() {
    return upperNs.clone();
  }

  /** Whether the metric has that OpenTelemetry or Prometheus name. */
  boolean isCalled(String name) {
    return name.equals(texts.name) || name.equals(texts.prometheusName);
  }
}
