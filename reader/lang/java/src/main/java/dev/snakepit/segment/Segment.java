// SPDX-License-Identifier: Apache-2.0

package dev.snakepit.segment;

import java.io.Closeable;
import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import java.util.NoSuchElementException;

/**
 * A segment, attached: its file is open and its schema has been read.
 *
 * <p>One thread at a time may use it; what it returns belongs to whoever has it. Every method that
 * reads throws a {@link SegmentException} where the file does not hold what the format promises,
 * and another IOException where the operating system has other reasons. As with every {@link
 * java.nio.channels.FileChannel}, interrupting the thread that reads closes the file.
 */
public final class Segment implements Closeable {
  private static final int CLOSED = 3;
  private static final int SUPERSEDED = 4;
  private static final long NS_PER_MS = 1_000_000;

  private Attached attached;
  private LiveReader live;
  private long seenHeartbeat;
  private long seenAtNs;
  private boolean hasSeenHeartbeat;

  /** What belongs to one file. */
  private record Attached(
      SegmentFile file, Header header, Directory directory, Schema schema, SegmentInfo info) {

    static Attached to(Path path) throws IOException {
      SegmentFile file = SegmentFile.open(path);
      boolean good = false;
      try {
        Header header = Header.read(file);
        Directory directory = Directory.read(file, header);
        Schema schema = SchemaReader.read(file, directory);
        good = true;
        return new Attached(file, header, directory, schema, header.info(file));
      } finally {
        if (!good) {
          file.close();
        }
      }
    }
  }

  private Segment(Attached attached) {
    this.attached = attached;
  }

  /**
   * Attaches to the segment at a path. Symbolic links are not followed. A segment whose writer is
   * gone opens like any other.
   */
  public static Segment open(Path path) throws IOException {
    return new Segment(Attached.to(path));
  }

  /** Detaches. Snapshots stay as they are. */
  @Override
  public void close() throws IOException {
    live = null; // the mapping goes with its last buffer
    attached.file.close();
  }

  /** Returns what the header says. */
  public SegmentInfo info() {
    return attached.info;
  }

  /** Returns all metrics; those of one Prometheus name stand together. */
  public List<Metric> metrics() {
    return attached.schema.metrics();
  }

  /**
   * Returns the metric with that OpenTelemetry or Prometheus name.
   *
   * @throws NoSuchElementException where there is none
   */
  public Metric metric(String name) {
    return attached.schema.metric(name).orElseThrow(() -> new NoSuchElementException(name));
  }

  // ---- looking ----

  /** Copies all rows and values from the SNAP tier. */
  public Snapshot snapshot() throws IOException {
    return snapshot(Tier.SNAP);
  }

  /** Copies all rows and values. */
  public Snapshot snapshot(Tier tier) throws IOException {
    SegmentFile file = attached.file;
    try {
      Snapshot.Writer writer =
          new Snapshot.Writer(
              file.word(Header.STATE), file.word(Header.STOP_REASON), Heartbeat.read(file));
      Image image = tier == Tier.LIVE ? readLive() : readSnap();
      return new Snapshot(attached.schema, attached.header, writer, image);
    } catch (IOException e) {
      throw truncatedOr(e);
    }
  }

  private Image readSnap() throws IOException {
    return new SnapReader(attached.file, attached.directory).read();
  }

  private Image readLive() throws IOException {
    if (live == null) {
      live = new LiveReader(attached.file, attached.directory);
    }
    return live.read();
  }

  /** Damage in a file that became shorter is a consequence of that. */
  private IOException truncatedOr(IOException e) throws IOException {
    SegmentFile file = attached.file;
    return file.channel.isOpen() && file.isTruncated() ? file.damaged("file") : e;
  }

  /** Returns the events that are new to the cursor, in order of time, and moves it. */
  public List<Event> events(EventCursor cursor) throws IOException {
    try {
      return new EventReader(attached.file, attached.directory, attached.schema).read(cursor);
    } catch (IOException e) {
      throw truncatedOr(e);
    }
  }

  // ---- the writer ----

  /**
   * Whether the path leads to another file now, or to none: the runtime was restarted; or whether
   * there are more metrics now.
   */
  public boolean isReplaced() {
    try {
      SegmentFile.Status now = SegmentFile.Status.of(attached.file.path);
      return !now.isSameFileAs(attached.file.status)
          || attached.file.word(Header.DESC_USED) != attached.schema.described();
    } catch (IOException e) {
      return true;
    }
  }

  /**
   * Attaches anew where {@link #isReplaced} says so; whether it was so. What is attached stays
   * attached when that fails.
   */
  public boolean reattach() throws IOException {
    if (!isReplaced()) {
      return false;
    }
    Attached before = attached;
    attached = Attached.to(before.file.path);
    live = null;
    hasSeenHeartbeat = false;
    before.file.close();
    return true;
  }

  /**
   * Says what became of the writer. Only a second look at this object after {@link
   * SegmentInfo#staleAfterMs} can tell hung from alive.
   */
  public Verdict verdict() throws IOException {
    SegmentFile file = attached.file;
    long state = file.word(Header.STATE);
    if (state == CLOSED || state == SUPERSEDED) {
      return Verdict.CLOSED;
    }
    if (attached.header.isOfEarlierBoot()) {
      return Verdict.OLD;
    }
    if (!Proc.isLocked(file.status)) {
      return Verdict.DEAD;
    }
    long seq = file.word(Header.HB_SEQ);
    long now = System.nanoTime();
    if (!hasSeenHeartbeat || seq != seenHeartbeat) {
      hasSeenHeartbeat = true;
      seenHeartbeat = seq;
      seenAtNs = now;
    }
    boolean stale = now - seenAtNs >= info().staleAfterMs() * NS_PER_MS;
    return stale ? Verdict.HUNG : Verdict.ALIVE;
  }
}
