// SPDX-License-Identifier: Apache-2.0

package dev.snakepit.segment;

import java.util.Collection;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;

/** The rows of an image, by kind and index. */
final class Rows {
  // Sources of labels.
  private static final int KEY_POOL = 0;
  private static final int KEY_SLOT = 1;
  private static final int KEY_METHOD = 2;
  private static final int KEY_WORKER_ID = 3;
  private static final int KEY_PID = 4;
  private static final int KEY_ADAPTER = 5;
  private static final int KEY_PYTHON = 6;

  // Numbers of WORKER_STATE and WORKER_STATUS.
  private static final int STATE_SPAWNING = 1;
  private static final int STATE_WARMING = 3;
  private static final int STATE_READY = 4;
  private static final int STATE_DRAINING = 5;
  private static final int STARTING = 0;
  private static final int IDLE = 1;
  private static final int BUSY = 2;
  private static final int DRAINING = 3;
  private static final int DOWN = 4;
  private static final int STATUSES = 5;

  private static final int NAME = 128;
  private static final int ADAPTER = 256;
  private static final int NAME_WORDS = 16;

  private final Schema schema;
  private final Image image;
  private final Heartbeat heartbeat;
  private final Map<Integer, Row.Pool> pools = new TreeMap<>();
  private final Map<Integer, Row.Worker> workers = new TreeMap<>();
  private final Map<Integer, Row.Tool> tools = new TreeMap<>();
  private long orphans;

  Rows(Schema schema, Image image, Heartbeat heartbeat) {
    this.schema = schema;
    this.image = image;
    this.heartbeat = heartbeat;
    for (int i = 0; i < image.tables[RowKind.POOL].count(); i++) {
      if (RowKind.isUsed(image.word(RowKind.POOL, i, 0))) {
        String name = text(RowKind.POOL, i, NAME, NAME_WORDS);
        String adapter = text(RowKind.POOL, i, ADAPTER, NAME_WORDS);
        pools.put(i, new Row.Pool(life(RowKind.POOL, i), name, adapter));
      }
    }
    for (int i = 0; i < image.tables[RowKind.WORKER].count(); i++) {
      Row.Pool pool = poolOf(RowKind.WORKER, i);
      if (pool != null) {
        workers.put(i, worker(i, pool));
      }
    }
    for (int i = 0; i < image.tables[RowKind.TOOL].count(); i++) {
      Row.Pool pool = poolOf(RowKind.TOOL, i);
      if (pool != null) {
        String name = text(RowKind.TOOL, i, NAME, NAME_WORDS);
        tools.put(i, new Row.Tool(life(RowKind.TOOL, i), pool, name));
      }
    }
  }

  Map<Integer, Row.Pool> pools() {
    return pools;
  }

  Map<Integer, Row.Worker> workers() {
    return workers;
  }

  Map<Integer, Row.Tool> tools() {
    return tools;
  }

  /** Returns how many rows were left out because their pool is not there. */
  long orphans() {
    return orphans;
  }

  /** Returns the rows of a kind, none for the process itself. */
  Collection<? extends Row> ofKind(int kind) {
    return switch (kind) {
      case RowKind.POOL -> pools.values();
      case RowKind.WORKER -> workers.values();
      case RowKind.TOOL -> tools.values();
      default -> List.of();
    };
  }

  /** Returns null for a row that is not in use, or that has no pool. */
  private Row.Pool poolOf(int kind, int row) {
    if (!RowKind.isUsed(image.word(kind, row, 0))) {
      return null;
    }
    long parent = image.word(kind, row, 16);
    boolean known = Long.compareUnsigned(parent, image.tables[RowKind.POOL].count()) < 0;
    Row.Pool pool = known ? pools.get((int) parent) : null;
    if (pool == null) {
      orphans++;
    }
    return pool;
  }

  private Row.Life life(int kind, int row) {
    boolean retired = (image.word(kind, row, 0) & 3) == RowKind.TOMBSTONE;
    long reason = image.word(kind, row, 56);
    return new Row.Life(
        row,
        image.word(kind, row, 8),
        retired,
        retired ? schema.text(Schema.RETIRE_REASON, reason) : "",
        heartbeat.timeNs(image.word(kind, row, 32)),
        retired ? heartbeat.timeNs(image.word(kind, row, 40)) : 0);
  }

  private String text(int kind, int row, long off, int words) {
    return Text.ofWords(image.words, image.index(kind, row, off), words);
  }

  // ---- workers ----

  private Row.Worker worker(int row, Row.Pool pool) {
    Image.Table table = image.tables[RowKind.WORKER];
    long slot = image.word(RowKind.WORKER, row, 24) & 0xFFFFFFFFL;
    int status = schema.derived().map(metric -> status(metric, row)).orElse(DOWN);
    String lastError = "";
    if (table.text() != 0) {
      int at = image.index(RowKind.WORKER, row, table.text());
      lastError = Text.ofTerminated(image.words, at, Image.TEXT_BYTES / Long.BYTES);
    }
    return new Row.Worker(
        life(RowKind.WORKER, row),
        pool,
        slot,
        schema.text(Schema.WORKER_STATUS, status),
        process(row, table.record()),
        lastError);
  }

  private Row.Process process(int row, long record) {
    if (record == 0) {
      return new Row.Process(0, 0, "", 0, 0, "", 0);
    }
    int at = image.index(RowKind.WORKER, row, record);
    long reason = image.words[at + 5];
    return new Row.Process(
        image.words[at],
        image.words[at + 1] & 0xFFFFFFFFL,
        Text.ofWords(image.words, at + 7, 2),
        image.words[at + 3],
        heartbeat.timeNs(image.words[at + 4]),
        reason == 0 ? "" : schema.text(Schema.EXIT_REASON, reason - 1),
        image.words[at + 6] & 0xFFFFFFFFL);
  }

  /** Returns the status of a worker by the rule of a derived metric. */
  private int status(Metric metric, int row) {
    long cells = image.tables[RowKind.WORKER].cells() - Region.LATCH_BYTES;
    long state = image.word(RowKind.WORKER, row, cells + metric.descriptor().deriveA());
    long active = image.word(RowKind.WORKER, row, cells + metric.descriptor().deriveB());
    if (state == STATE_READY) {
      return active == 0 ? IDLE : BUSY;
    }
    if (state == STATE_DRAINING) {
      return DRAINING;
    }
    return state >= STATE_SPAWNING && state <= STATE_WARMING ? STARTING : DOWN;
  }

  /** Counts the live workers of each pool, by index, and each status. */
  Map<Integer, long[]> workersByStatus(Metric metric) {
    Map<Integer, long[]> counts = new HashMap<>();
    for (Row.Worker worker : workers.values()) {
      if (!worker.life().retired()) {
        int pool = worker.pool().life().index();
        int status = status(metric, worker.life().index());
        counts.computeIfAbsent(pool, key -> new long[STATUSES])[status]++;
      }
    }
    return counts;
  }

  // ---- labels ----

  /** Returns the text of a label, "" for what a row of its kind does not have. */
  static String label(Row row, int source) {
    return switch (source) {
      case KEY_POOL -> row.pool().name();
      case KEY_ADAPTER -> row.pool().adapter();
      case KEY_METHOD -> row instanceof Row.Tool tool ? tool.name() : "";
      default -> row instanceof Row.Worker worker ? workerLabel(worker, source) : "";
    };
  }

  private static String workerLabel(Row.Worker worker, int source) {
    return switch (source) {
      case KEY_SLOT -> Long.toString(worker.slot());
      case KEY_WORKER_ID -> worker.id();
      case KEY_PID -> Long.toString(worker.process().pid());
      case KEY_PYTHON -> worker.process().python();
      default -> "";
    };
  }
}
