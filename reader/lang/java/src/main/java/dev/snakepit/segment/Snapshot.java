// SPDX-License-Identifier: Apache-2.0

package dev.snakepit.segment;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.NoSuchElementException;
import java.util.Optional;

/** All rows and values at one moment: a copy, which stays as it is. */
public final class Snapshot {

  /**
   * About a snapshot, and what found no place in the segment. All are unsigned.
   *
   * @param tookNs to make it, or the writer to make its copy
   * @param retries of what changed while it was read
   * @param rowsSkipped rows that would not settle, or whose pool is not there
   * @param rowsDropped rows that the writer had no room for
   * @param banksExhausted threads that found no free bank
   * @param textTruncated texts that the writer had to cut
   */
  public record Stats(
      long tookNs,
      int retries,
      long rowsSkipped,
      long rowsDropped,
      long banksExhausted,
      long textTruncated) {}

  private static final List<String> STATES =
      List.of("init", "live", "draining", "closed", "superseded");

  private final Schema schema;
  private final Header header;
  private final Image image;
  private final Rows rows;
  private final Heartbeat heartbeat;
  private final String state;
  private final String stopReason;

  /** The words of the header that say what the writer is at. */
  record Writer(long state, long stopReason, Heartbeat heartbeat) {}

  Snapshot(Schema schema, Header header, Writer writer, Image image) {
    this.schema = schema;
    this.header = header;
    this.image = image;
    this.heartbeat = writer.heartbeat;
    this.state =
        Long.compareUnsigned(writer.state, STATES.size()) < 0
            ? STATES.get((int) writer.state)
            : "?";
    this.stopReason = schema.text(Schema.STOP_REASON, writer.stopReason);
    this.rows = new Rows(schema, image, heartbeat);
  }

  /** Returns what the writer says it is at: live, draining, closed or superseded. */
  public String state() {
    return state;
  }

  /** Returns why it ended, "none" while it has not. */
  public String stopReason() {
    return stopReason;
  }

  /** Returns its last sign of life. */
  public Heartbeat heartbeat() {
    return heartbeat;
  }

  /** Returns what is to say about this snapshot itself. */
  public Stats stats() {
    return new Stats(
        image.tookNs,
        image.retries,
        image.rowsSkipped + rows.orphans(),
        image.meters[0],
        image.meters[1],
        image.meters[2]);
  }

  /** Returns all metrics; those of one Prometheus name stand together. */
  public List<Metric> metrics() {
    return schema.metrics();
  }

  /** Returns all pools, in order of their index. */
  public List<Row.Pool> pools() {
    return List.copyOf(rows.pools().values());
  }

  /** Returns all worker slots, in order of their index. */
  public List<Row.Worker> workers() {
    return List.copyOf(rows.workers().values());
  }

  /** Returns all tools, in order of their index. */
  public List<Row.Tool> tools() {
    return List.copyOf(rows.tools().values());
  }

  /** Returns the pool of an event; empty when the pool is gone. */
  public Optional<Row.Pool> poolOf(Event event) {
    return Optional.ofNullable(rows.pools().get(event.poolIndex()))
        .filter(pool -> pool.life().uid() == event.poolUid());
  }

  /**
   * Returns the series of the metric with that OpenTelemetry or Prometheus name.
   *
   * @throws NoSuchElementException where there is no such metric
   */
  public List<Series> series(String name) {
    return series(schema.metric(name).orElseThrow(() -> new NoSuchElementException(name)));
  }

  /** Returns the series of a metric of this segment, by order of rows and then of cells. */
  public List<Series> series(Metric metric) {
    List<Series> all = new ArrayList<>();
    Map<Integer, long[]> statuses = Map.of();
    if (metric.descriptor().storage() == Descriptor.STORAGE_DERIVED) {
      statuses = rows.workersByStatus(metric);
    }
    if (metric.descriptor().rowKind() == RowKind.PROC) {
      addSeries(all, metric, 0, null, new long[0]);
    }
    for (Row row : rows.ofKind(metric.descriptor().rowKind())) {
      boolean nobody = row instanceof Row.Worker worker && worker.process().pid() == 0;
      int index = row.life().index();
      if ((metric.kind() != Metric.Kind.INFO || !nobody) && hasCells(metric, index)) {
        addSeries(all, metric, index, row, statuses.getOrDefault(index, new long[0]));
      }
    }
    return all;
  }

  /** Whether a row has the metric: of a sparse one its first word says so. */
  private boolean hasCells(Metric metric, int row) {
    Descriptor desc = metric.descriptor();
    return !desc.isSparse() || image.words[cellIndex(desc, row, 0)] != Descriptor.ABSENT;
  }

  private void addSeries(List<Series> all, Metric metric, int index, Row row, long[] statuses) {
    Map<String, String> labels = new LinkedHashMap<>();
    for (Metric.Key key : metric.keys()) {
      labels.put(key.label(), row == null ? "" : Rows.label(row, key.source()));
    }
    boolean byValue = metric.kind() != Metric.Kind.STATE && metric.values().isPresent();
    for (int cell = 0; cell < metric.descriptor().count(); cell++) {
      Map<String, String> own = new LinkedHashMap<>(labels);
      if (byValue) {
        EnumTable values = metric.values().get();
        own.put(values.label(), values.values().get(cell));
      }
      Map<String, String> fixed = Collections.unmodifiableMap(own);
      if (metric.descriptor().isHistogram()) {
        Optional<Histogram> histogram = Optional.of(histogram(metric, index, cell));
        all.add(new Series(metric, fixed, index, 0, histogram));
      } else {
        long raw = value(metric, index, cell, statuses);
        all.add(new Series(metric, fixed, index, raw, Optional.empty()));
      }
    }
  }

  private Histogram histogram(Metric metric, int row, int cell) {
    int at = cellIndex(metric.descriptor(), row, cell);
    long[] words = Arrays.copyOfRange(image.words, at, at + metric.descriptor().cellWords());
    return new Histogram(metric.upper(), words, metric.descriptor().zeroThresholdNs());
  }

  private long value(Metric metric, int row, int cell, long[] statuses) {
    Descriptor desc = metric.descriptor();
    long word =
        switch (desc.storage()) {
          case Descriptor.STORAGE_ONE -> 1;
          case Descriptor.STORAGE_DERIVED -> cell < statuses.length ? statuses[cell] : 0;
          case Descriptor.STORAGE_HEADER -> headerWord((int) (desc.off() + cell * desc.stride()));
          default -> image.words[cellIndex(desc, row, cell)];
        };
    return desc.vtype() == Descriptor.VTYPE_MONO_NS ? heartbeat.timeNs(word) : word;
  }

  private long headerWord(int off) {
    return off < Header.METERS
        ? header.word(off)
        : image.meters[(off - Header.METERS) / Long.BYTES];
  }

  private int cellIndex(Descriptor desc, int row, int cell) {
    Image.Table table = image.tables[desc.rowKind()];
    long part =
        switch (desc.storage()) {
          case Descriptor.STORAGE_BANK -> table.sums();
          case Descriptor.STORAGE_ROW -> table.cells() - Region.LATCH_BYTES;
          case Descriptor.STORAGE_LEDGER -> table.ledger();
          default -> table.record();
        };
    return image.index(desc.rowKind(), row, part + desc.off() + cell * desc.stride());
  }
}
