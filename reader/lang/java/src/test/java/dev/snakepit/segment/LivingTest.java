// SPDX-License-Identifier: Apache-2.0

package dev.snakepit.segment;

import static dev.snakepit.segment.Tests.check;
import static dev.snakepit.segment.Tests.equal;

import dev.snakepit.segment.Tests.Test;
import java.io.IOException;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/**
 * Reads a segment as fast as it can while its writer counts as fast as it can, and retires and
 * recycles rows. The property {@code segment} names it.
 */
public final class LivingTest {
  private static final long LOOK_NS = 1_000_000_000;
  private static final int LEAST_LOOKS = 10;
  private static final Path PATH = Path.of(System.getProperty("segment", ""));

  private final Map<String, Long> before = new HashMap<>();
  private long grown;

  @Test
  public void liveIsNeverTorn() throws IOException {
    watch(Tier.LIVE);
  }

  @Test
  public void snapIsNeverTorn() throws IOException {
    watch(Tier.SNAP);
  }

  private void watch(Tier tier) throws IOException {
    long end = System.nanoTime() + LOOK_NS;
    int looks = 0;
    long events = 0;
    EventCursor cursor = new EventCursor();
    try (Segment segment = Segment.open(PATH)) {
      while (System.nanoTime() < end) {
        Snapshot snapshot = snapshotUnlessTooFast(segment, tier);
        if (snapshot != null) {
          checkLedgers(snapshot);
          checkGrowth(snapshot);
          events += segment.events(cursor).size();
          looks++;
        }
      }
      equal(Verdict.ALIVE, segment.verdict());
    }
    System.out.printf(
        "# %s: %d looks, %d values grown, %d events, %d lost%n",
        tier, looks, grown, events, cursor.lost());
    check(looks >= LEAST_LOOKS, looks + " looks");
    check(grown > 0, "nothing was counted meanwhile");
    check(events > 0, "nothing happened meanwhile");
  }

  /** Returns null where the writer replaced SNAP as often as the reader tried to copy it. */
  private static Snapshot snapshotUnlessTooFast(Segment segment, Tier tier) throws IOException {
    try {
      return segment.snapshot(tier);
    } catch (SegmentException e) {
      if (e.field().equals("snap")) {
        return null;
      }
      throw e;
    }
  }

  /** What a pool took in is what went out, runs and waits. */
  private static void checkLedgers(Snapshot snapshot) {
    for (Row.Pool pool : snapshot.pools()) {
      long in = sum(snapshot, "snakepit.pool.requests", pool);
      long out =
          sum(snapshot, "snakepit.pool.request.outcomes", pool)
              + sum(snapshot, "snakepit.request.active", pool)
              + sum(snapshot, "snakepit.pool.queue.depth", pool);
      equal(in, out);
    }
  }

  private static long sum(Snapshot snapshot, String name, Row.Pool pool) {
    return snapshot.series(name).stream()
        .filter(series -> series.row() == pool.life().index())
        .mapToLong(Series::raw)
        .sum();
  }

  /** Counters never fall within the life of a row. */
  private void checkGrowth(Snapshot snapshot) {
    for (Metric metric : snapshot.metrics()) {
      for (Series series : snapshot.series(metric)) {
        long now = series.raw();
        if (series.histogram().isPresent()) {
          Histogram histogram = series.histogram().get();
          checkSum(histogram);
          now = histogram.count();
        } else if (metric.kind() != Metric.Kind.COUNTER) {
          continue;
        }
        String key = metric.name() + series.labels() + uidOf(snapshot, series);
        Long last = before.put(key, now);
        if (last != null) {
          check(now >= last, key + " fell from " + last + " to " + now);
          grown += now > last ? 1 : 0;
        }
      }
    }
  }

  /** No sum is ahead of its buckets. */
  private static void checkSum(Histogram histogram) {
    double most = 0;
    for (Histogram.Bucket bucket : histogram.buckets()) {
      if (bucket.upperNs().isEmpty()) {
        return; // nobody knows how large those are
      }
      most += (double) bucket.upperNs().getAsLong() * bucket.count();
    }
    check(histogram.sumNs() <= most, histogram.sumNs() + " ns, at most " + most);
  }

  private static long uidOf(Snapshot snapshot, Series series) {
    List<? extends Row> rows =
        switch (series.metric().descriptor().rowKind()) {
          case RowKind.POOL -> snapshot.pools();
          case RowKind.WORKER -> snapshot.workers();
          case RowKind.TOOL -> snapshot.tools();
          default -> List.<Row>of();
        };
    for (Row row : rows) {
      if (row.life().index() == series.row()) {
        return row.life().uid();
      }
    }
    return 0;
  }
}
