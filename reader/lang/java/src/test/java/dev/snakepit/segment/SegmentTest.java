// SPDX-License-Identifier: Apache-2.0

package dev.snakepit.segment;

import static dev.snakepit.segment.Tests.check;
import static dev.snakepit.segment.Tests.equal;
import static dev.snakepit.segment.Tests.refused;

import dev.snakepit.segment.SegmentException.Kind;
import dev.snakepit.segment.Tests.Test;
import java.io.IOException;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.util.List;
import java.util.Map;

/** Tests on golden segments; what all readers have to say of them is tested elsewhere. */
public final class SegmentTest {
  private static final int FILES_CUT = 20;

  @Test
  public void tellsTheFactsOfTheHeader() throws IOException {
    try (Bench bench = Bench.golden("full");
        Segment segment = Segment.open(bench.path)) {
      SegmentInfo info = segment.info();
      equal("full", info.instance());
      equal("66756c6c-a5a5-a5a5-a5a5-a5a5a5a5a5a5", info.uuid().toString());
      equal(4711L, info.pid());
      equal(1767225600000002002L, info.startTimeNs());
      equal((long) bench.data.capacity(), info.sizeBytes());
      equal(Verdict.OLD, segment.verdict());
    }
  }

  @Test
  public void bothTiersSayTheSame() throws IOException {
    try (Bench bench = Bench.golden("full");
        Segment segment = Segment.open(bench.path)) {
      for (Tier tier : Tier.values()) {
        Snapshot snapshot = segment.snapshot(tier);
        equal("live", snapshot.state());
        equal("demo.Adapter", snapshot.pools().get(0).adapter());
        equal("default/0#1", snapshot.workers().get(0).id());
        equal("busy", snapshot.workers().get(0).status());
        Series series = snapshot.series("snakepit_requests_total").get(0);
        equal(Map.of("pool", "default", "method", "café"), series.labels());
        equal(22.0, series.value());
        Histogram histogram =
            snapshot.series("snakepit.request.duration").get(0).histogram().orElseThrow();
        equal(9L, histogram.count());
        equal(46150816L, histogram.quantileNs(0.5));
        equal(6, histogram.buckets().size());
      }
    }
  }

  @Test
  public void readsEachEventOnce() throws IOException {
    try (Bench bench = Bench.golden("full");
        Segment segment = Segment.open(bench.path)) {
      EventCursor cursor = new EventCursor();
      List<Event> events = segment.events(cursor);
      equal("spawning", events.get(0).to());
      equal("search", segment.snapshot().poolOf(events.get(0)).orElseThrow().name());
      equal(List.of(), segment.events(cursor));
      equal(0L, cursor.lost());
    }
  }

  @Test
  public void countsEventsThatAreGone() throws IOException {
    try (Bench bench = Bench.golden("full")) {
      int ring = (int) regionOf(bench, Region.EVNT).off();
      long head = bench.data.getLong(ring);
      bench.put(ring, head + 1000).write();
      try (Segment segment = Segment.open(bench.path)) {
        EventCursor cursor = new EventCursor();
        segment.events(cursor);
        check(cursor.lost() >= 1000, "lost " + cursor.lost());
      }
    }
  }

  @Test
  public void namesWhatIsWrong() throws Exception {
    try (Bench bench = Bench.golden("full")) {
      refused(Kind.MISSING, "path", () -> Segment.open(bench.path.resolveSibling("no")));
      refused(Kind.MISSING, "path", () -> Segment.open(bench.path.resolve("below")));
      refused(Kind.DENIED, "path", () -> Segment.open(bench.path.getParent()));
      bench.put(Header.STATE, 0).write();
      refused(Kind.NOT_READY, "state", () -> Segment.open(bench.path));
      bench.put(0x90, -1).write();
      refused(Kind.DAMAGED, "hdr_crc", () -> Segment.open(bench.path));
      bench.sealHeader().write();
      refused(Kind.DAMAGED, "dir_count", () -> Segment.open(bench.path));
      bench.put(0x18, Long.MIN_VALUE).write();
      refused(Kind.VERSION, "feat_incompat", () -> Segment.open(bench.path));
    }
  }

  @Test
  public void saysWhenThereIsNoSnapYet() throws Exception {
    try (Bench bench = Bench.golden("full").put(Header.SNAP_SEQ, 0).write();
        Segment segment = Segment.open(bench.path)) {
      refused(Kind.NOT_READY, "snap", segment::snapshot);
      equal(2, segment.snapshot(Tier.LIVE).pools().size());
    }
  }

  @Test
  public void followsARestart() throws Exception {
    try (Bench bench = Bench.golden("full");
        Bench other = Bench.golden("closed");
        Segment segment = Segment.open(bench.path)) {
      check(!segment.reattach(), "attached anew to the same file");
      Path next = other.path.resolveSibling("next");
      Files.copy(other.path, next, StandardCopyOption.COPY_ATTRIBUTES);
      Files.move(next, bench.path, StandardCopyOption.REPLACE_EXISTING);
      check(segment.isReplaced(), "did not notice");
      check(segment.reattach(), "did not attach anew");
      equal(Verdict.CLOSED, segment.verdict());
      Files.delete(bench.path);
      refused(Kind.MISSING, "path", segment::reattach);
      equal("closed", segment.snapshot().state());
    }
  }

  @Test
  public void outlivesAFileThatIsCut() throws Exception {
    for (int i = 0; i < FILES_CUT; i++) {
      try (Bench bench = Bench.golden("full");
          Segment segment = Segment.open(bench.path)) {
        segment.snapshot(Tier.LIVE);
        Thread cutter = new Thread(() -> cut(bench.path));
        cutter.start();
        refused(Kind.DAMAGED, "file", () -> readForever(segment));
        cutter.join();
        refused(Kind.DAMAGED, "file", () -> segment.snapshot(Tier.SNAP));
        refused(Kind.DAMAGED, "file", () -> segment.snapshot(Tier.LIVE));
        refused(Kind.DAMAGED, "file", () -> segment.events(new EventCursor()));
      }
    }
  }

  private static void readForever(Segment segment) throws IOException {
    while (true) {
      segment.snapshot(Tier.LIVE);
    }
  }

  private static void cut(Path path) {
    try (FileChannel channel = FileChannel.open(path, StandardOpenOption.WRITE)) {
      channel.truncate(4096);
    } catch (IOException e) {
      throw new AssertionError(e);
    }
  }

  private static Region regionOf(Bench bench, int type) throws IOException {
    try (SegmentFile file = SegmentFile.open(bench.path)) {
      return Directory.read(file, Header.read(file)).get(type);
    }
  }
}
