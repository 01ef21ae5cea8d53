// SPDX-License-Identifier: Apache-2.0

package dev.snakepit.segment;

import java.io.IOException;
import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;
import java.nio.ByteOrder;
import java.nio.MappedByteBuffer;
import java.nio.channels.FileChannel;

/** The live tier: rows copied from a mapping that the writer is writing to. */
final class LiveReader {
  /** A buffer has at most 2 GiB, a segment 4. A word never lies in two pieces. */
  private static final int PIECE_SHIFT = 30;

  private static final long PIECE_BYTES = 1L << PIECE_SHIFT;
  private static final int ROW_TRIES = 4;
  private static final int LATCH_TRIES = 1000;

  private static final VarHandle WORD =
      MethodHandles.byteBufferViewVarHandle(long[].class, ByteOrder.LITTLE_ENDIAN);

  private final SegmentFile file;
  private final Directory directory;
  private final MappedByteBuffer[] pieces;

  LiveReader(SegmentFile file, Directory directory) throws IOException {
    this.file = file;
    this.directory = directory;
    this.pieces = new MappedByteBuffer[(int) ((file.size + PIECE_BYTES - 1) >>> PIECE_SHIFT)];
    for (int i = 0; i < pieces.length; i++) {
      long start = i * PIECE_BYTES;
      long length = Math.min(PIECE_BYTES, file.size - start);
      pieces[i] = file.channel.map(FileChannel.MapMode.READ_ONLY, start, length);
    }
  }

  /** Copies all rows. */
  Image read() throws IOException {
    long begin = System.nanoTime();
    Look look = new Look();
    finish(look);
    // Damage of what was cut off is a consequence of that.
    if (file.isTruncated()) {
      throw file.damaged("file", "became shorter while it was read");
    }
    look.throwFailure();
    look.image.tookNs = System.nanoTime() - begin;
    return look.image;
  }

  /**
   * Runs a look in a thread of its own. A page that the file no longer has is a fault, and the
   * virtual machine reports it by an InternalError, which it throws in the thread some time later,
   * wherever that is then: it is not to be one of the caller's.
   */
  private static void finish(Look look) {
    Thread thread = new Thread(look, "segment-live");
    thread.setUncaughtExceptionHandler((t, e) -> look.failure = e);
    thread.start();
    boolean interrupted = false;
    while (thread.isAlive()) {
      try {
        thread.join();
      } catch (InterruptedException e) {
        interrupted = true; // it takes milliseconds, so it may as well end
      }
    }
    if (interrupted) {
      Thread.currentThread().interrupt();
    }
  }

  private long load(long off) {
    return (long) WORD.getOpaque(pieces[(int) (off >>> PIECE_SHIFT)], offsetInPiece(off));
  }

  private long loadAcquire(long off) {
    return (long) WORD.getAcquire(pieces[(int) (off >>> PIECE_SHIFT)], offsetInPiece(off));
  }

  private static int offsetInPiece(long off) {
    return (int) (off & PIECE_BYTES - 1);
  }

  /** One look. What it found is there when its thread has ended. */
  final class Look implements Runnable {
    Image image;
    private long[] words;
    private Throwable failure;

    @Override
    public void run() {
      try {
        plan();
        gather();
      } catch (SegmentException e) {
        failure = e;
      }
    }

    void throwFailure() throws IOException {
      if (failure instanceof SegmentException e) {
        throw e;
      }
      if (failure != null) {
        throw new IOException(file.path + " cannot be read from a mapping", failure);
      }
    }

    void plan() throws SegmentException {
      Image.Table[] tables = new Image.Table[RowKind.COUNT];
      long bytes = 0;
      for (int kind = 0; kind < RowKind.COUNT; kind++) {
        tables[kind] = plan(kind, bytes);
        bytes += tables[kind].count() * tables[kind].stride();
      }
      words = new long[(int) (bytes / Long.BYTES)];
      long[] meters = new long[Header.METERS_BYTES / Long.BYTES];
      copy(Header.METERS, meters, 0, meters.length);
      image = new Image(words, tables, meters);
    }

    private Image.Table plan(int kind, long off) throws SegmentException {
      long rows = kind == RowKind.PROC ? 1 : 0;
      if (directory.get(Region.ROWD, kind).exists() && kind != RowKind.PROC) {
        rows = loadAcquire(Header.ROW_HIGH + (long) kind * Long.BYTES);
      }
      if (Long.compareUnsigned(rows, directory.rows(kind)) > 0) {
        throw file.damaged("rows");
      }
      Image.Table sizes = Image.sizes(directory, kind);
      long text = RowKind.ENTRY_BYTES + sizes.record();
      long cells = text + sizes.text();
      long sums = cells + sizes.cells();
      long ledger = sums + sizes.sums();
      return new Image.Table(
          off,
          rows,
          ledger + sizes.ledger(),
          sizes.record() == 0 ? 0 : RowKind.ENTRY_BYTES,
          sizes.text() == 0 ? 0 : text,
          sizes.cells() == 0 ? 0 : cells,
          sizes.sums() == 0 ? 0 : sums,
          sizes.ledger() == 0 ? 0 : ledger);
    }

    private void gather() {
      words[0] = RowKind.LIVE;
      if (!copyValues(RowKind.PROC, 0)) {
        image.rowsSkipped++;
      }
      for (int kind = RowKind.POOL; kind < RowKind.COUNT; kind++) {
        for (long row = 0; row < image.tables[kind].count(); row++) {
          copyRow(kind, row);
        }
      }
      dropReplacedPools();
    }

    /**
     * Leaves out a pool whose row has got another life since it was copied: it would lend its name
     * to the rows of the next one.
     */
    void dropReplacedPools() {
      Region rowd = directory.get(Region.ROWD, RowKind.POOL);
      for (long row = 0; row < image.tables[RowKind.POOL].count(); row++) {
        int at = image.index(RowKind.POOL, row, 0);
        if (words[at] != RowKind.FREE && load(rowd.entry(row)) >>> 2 != words[at] >>> 2) {
          words[at] = RowKind.FREE;
          image.rowsSkipped++;
        }
      }
    }

    /** Copies one life of a row; a row that will not settle is left out and counted. */
    void copyRow(int kind, long row) {
      int at = image.index(kind, row, 0);
      long off = directory.get(Region.ROWD, kind).entry(row);
      for (int i = 0; i < ROW_TRIES; i++) {
        long gen = loadAcquire(off);
        if (!RowKind.isUsed(gen)) {
          return;
        }
        copy(off + Long.BYTES, words, at + 1, RowKind.ENTRY_BYTES / Long.BYTES - 1);
        if (!copyValues(kind, row)) {
          continue;
        }
        VarHandle.acquireFence();
        if (load(off) == gen) {
          words[at] = gen;
          return;
        }
        image.retries++;
      }
      image.rowsSkipped++;
    }

    private boolean copyValues(int kind, long row) {
      Image.Table table = image.tables[kind];
      Region rowc = directory.get(Region.ROWC, kind);
      Region text = directory.get(Region.TEXT, kind);
      if (rowc.exists()) {
        if (!copyLatch(rowc.entry(row), 64, image.index(kind, row, table.record()), 16)) {
          return false;
        }
        int cells = (int) (rowc.stride() - Region.LATCH_BYTES) / Long.BYTES;
        int at = image.index(kind, row, table.cells());
        copy(rowc.entry(row) + Region.LATCH_BYTES, words, at, cells);
      }
      if (row < text.count()
          && !copyLatch(text.entry(row), 16, image.index(kind, row, table.text()), 63)) {
        return false;
      }
      Region ledger = directory.get(Region.LEDG, kind);
      if (ledger.exists()
          && !copyLatch(ledger.entry(row), 64, image.index(kind, row, table.ledger()), 16)) {
        return false;
      }
      if (table.sums() != 0) {
        sumBanks(kind, row, image.index(kind, row, table.sums()));
      }
      return true;
    }

    /** Copies the current one of two copies. */
    boolean copyLatch(long off, int copies, int at, int count) {
      for (int i = 0; i < LATCH_TRIES; i++) {
        long seq = loadAcquire(off);
        copy(off + copies + (seq & 1) * Long.BYTES * count, words, at, count);
        VarHandle.acquireFence();
        if (load(off) == seq) {
          return true;
        }
        image.retries++;
      }
      return false;
    }

    /**
     * Adds up the row's entry of every bank, from the last word to the first: a histogram's sum
     * stands behind its buckets and is stored after them, so a sum that is counted here has its
     * bucket counted as well.
     */
    void sumBanks(int kind, long row, int at) {
      Region bank = directory.get(Region.BANK, kind);
      long banks = loadAcquire(Header.BANK_HIGH);
      if (Long.compareUnsigned(banks, bank.outerCount()) > 0) {
        banks = bank.outerCount();
      }
      for (int i = (int) (bank.stride() / Long.BYTES) - 1; i >= 0; i--) {
        long off = bank.entry(row) + (long) i * Long.BYTES;
        long sum = 0;
        for (long b = 0; b < banks; b++) {
          sum += loadAcquire(off + b * bank.outerStride());
        }
        words[at + i] = sum;
      }
    }

    private void copy(long off, long[] to, int at, int count) {
      for (int i = 0; i < count; i++) {
        to[at + i] = load(off + (long) i * Long.BYTES);
      }
    }
  }
}
