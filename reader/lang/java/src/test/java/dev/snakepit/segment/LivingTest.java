// SPDX-License-Identifier: Apache-2.0

package dev.snakepit.segment;

import static dev.snakepit.segment.Tests.check;
import static dev.snakepit.segment.Tests.equal;

import dev.snakepit.segment.Tests.Test;
import java.io.IOException;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/**
 * Reads a segment as fast as it can while its writer counts as fast as it can, and retires and
 * recycles rows. The property {@code segment} names it.
 */
public final class LivingTest {
  /** At least so long and so often, but where the machine is too busy no longer than this. */
  private static final long LOOK_NS = 400_000_000;

  private static final long DEADLINE_NS = 20_000_000_000L;
  private static final int AT_ONCE = 100;
  private static final int LEAST_LOOKS = 3;
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

  // ---- the parts, often enough that a writer gets between any two loads ----

  /** Where the words of some metrics are in an image, and what is read to get there. */
  private record Parts(SegmentFile file, Directory directory, Schema schema) {
    static Parts of(SegmentFile file) throws IOException {
      Directory directory = Directory.read(file, Header.read(file));
      return new Parts(file, directory, SchemaReader.read(file, directory));
    }

    long word(Image image, String name, int row, int cell) {
      Descriptor desc = schema.metric(name).orElseThrow().descriptor();
      Image.Table table = image.tables[desc.rowKind()];
      long part =
          desc.storage() == Descriptor.STORAGE_BANK
              ? table.sums()
              : desc.storage() == Descriptor.STORAGE_LATCH
                  ? table.record()
                  : table.cells() - Region.LATCH_BYTES;
      return image.word(desc.rowKind(), row, part + desc.off() + cell * desc.stride());
    }

    void checkLedger(Image image, int row) {
      long out =
          word(image, "snakepit.pool.request.outcomes", row, 0)
              + word(image, "snakepit.pool.request.outcomes", row, 1)
              + word(image, "snakepit.request.active", row, 0)
              + word(image, "snakepit.pool.queue.depth", row, 0);
      equal(word(image, "snakepit.pool.requests", row, 0), out);
    }
  }

  /** Does something many times until the time is up; returns how often. */
  private static int often(Tests.Body body) throws Exception {
    long end = System.nanoTime() + LOOK_NS;
    int count = 0;
    while (System.nanoTime() < end) {
      for (int i = 0; i < AT_ONCE; i++) {
        body.run();
      }
      count += AT_ONCE;
    }
    return count;
  }

  @Test
  public void latchesAreOfOneMoment() throws Exception {
    try (SegmentFile file = SegmentFile.open(PATH)) {
      Parts parts = Parts.of(file);
      LiveReader.Look look = new LiveReader(file, parts.directory).new Look();
      look.plan();
      Image image = look.image;
      long off = parts.directory.get(Region.ROWC, RowKind.POOL).entry(0);
      int at = image.index(RowKind.POOL, 0, image.tables[RowKind.POOL].record());
      int copies =
          often(
              () -> {
                if (look.copyLatch(off, 64, at, 16)) {
                  parts.checkLedger(image, 0);
                }
              });
      System.out.printf("# %d latches, %d tried again%n", copies, image.retries);
    }
  }

  /** A ping of round k takes 700 us and k more: more than its bucket can hold is ahead of it. */
  @Test
  public void sumsAreNotAheadOfTheirBuckets() throws Exception {
    try (SegmentFile file = SegmentFile.open(PATH)) {
      Parts parts = Parts.of(file);
      LiveReader.Look look = new LiveReader(file, parts.directory).new Look();
      look.plan();
      Image image = look.image;
      Metric metric = parts.schema.metric("snakepit.heartbeat.latency").orElseThrow();
      Descriptor desc = metric.descriptor();
      int at = image.index(RowKind.POOL, 0, image.tables[RowKind.POOL].sums());
      int from = at + (int) desc.off() / Long.BYTES;
      int copies =
          often(
              () -> {
                look.sumBanks(RowKind.POOL, 0, at);
                long[] words = Arrays.copyOfRange(image.words, from, from + desc.cellWords());
                Histogram histogram = new Histogram(metric.upper(), words, 0);
                long n = histogram.count();
                long most = n * 700_000 + n * (n + 1) / 2 * 1000;
                check(histogram.sumNs() <= most, histogram.sumNs() + " ns of " + n);
              });
      System.out.printf("# %d sums%n", copies);
    }
  }

  /** The tool churn-n has n + 1 requests, once it has any. */
  @Test
  public void rowsAreOfOneLife() throws Exception {
    Map<Long, Boolean> lives = new HashMap<>();
    try (SegmentFile file = SegmentFile.open(PATH)) {
      Parts parts = Parts.of(file);
      LiveReader.Look look = new LiveReader(file, parts.directory).new Look();
      look.plan();
      Image image = look.image;
      int rows = (int) image.tables[RowKind.TOOL].count();
      int[] turn = {0};
      int copies =
          often(
              () -> {
                int row = turn[0]++ % rows;
                int at = image.index(RowKind.TOOL, row, 0);
                image.words[at] = 0;
                look.copyRow(RowKind.TOOL, row);
                String name = Text.ofWords(image.words, at + 16, 16);
                if (RowKind.isUsed(image.words[at]) && name.startsWith("churn")) {
                  long requests = parts.word(image, "snakepit.requests", row, 0);
                  long expected = Long.parseLong(name.substring("churn".length())) + 1;
                  check(requests == 0 || requests == expected, name + ": " + requests);
                  lives.put(image.words[at + 1], true);
                }
              });
      System.out.printf("# %d rows, %d lives, %d retries%n", copies, lives.size(), image.retries);
      check(lives.size() > 1, "no rows were recycled");
    }
  }

  /** A copy that is of an earlier life of its row than the mapping shows at the end. */
  @Test
  public void replacedPoolsAreLeftOut() throws Exception {
    try (SegmentFile file = SegmentFile.open(PATH)) {
      LiveReader.Look look = new LiveReader(file, Parts.of(file).directory).new Look();
      look.plan();
      look.copyRow(RowKind.POOL, 0);
      look.copyRow(RowKind.POOL, 1);
      int replaced = look.image.index(RowKind.POOL, 0, 0);
      look.image.words[replaced] += 4;
      look.dropReplacedPools();
      check(look.image.words[replaced] == RowKind.FREE, "still there");
      check(look.image.words[look.image.index(RowKind.POOL, 1, 0)] != RowKind.FREE, "gone");
      check(look.image.rowsSkipped == 1, look.image.rowsSkipped + " skipped");
    }
  }

  /** All rows are of one moment: each round has ten requests and one ping a pool. */
  @Test
  public void halvesAreOfOneMoment() throws Exception {
    try (SegmentFile file = SegmentFile.open(PATH)) {
      Parts parts = Parts.of(file);
      SnapReader reader = new SnapReader(file, parts.directory);
      int[] retries = {0};
      int copies =
          often(
              () -> {
                try {
                  Image image = reader.read();
                  retries[0] += image.retries;
                  for (int row = 0; row < 2; row++) {
                    parts.checkLedger(image, row);
                    long rounds = parts.word(image, "snakepit.heartbeat.pings", row, 0);
                    equal(10 * rounds, parts.word(image, "snakepit.pool.requests", 0, 0));
                  }
                } catch (SegmentException e) {
                  equal("snap", e.field()); // the writer was faster, four times
                }
              });
      System.out.printf("# %d halves, %d tried again%n", copies, retries[0]);
    }
  }

  // ---- whole snapshots ----

  private void watch(Tier tier) throws IOException {
    long begin = System.nanoTime();
    int looks = 0;
    long events = 0;
    EventCursor cursor = new EventCursor();
    try (Segment segment = Segment.open(PATH)) {
      while (!isEnough(begin, looks)) {
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

  private static boolean isEnough(long begin, int looks) {
    long past = System.nanoTime() - begin;
    return past > DEADLINE_NS || past > LOOK_NS && looks >= LEAST_LOOKS;
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
