// SPDX-License-Identifier: Apache-2.0

package dev.snakepit.segment;

/**
 * A private copy of all rows and values, in the layout of a half of SNAP. Both tiers make one;
 * everything after that is the same.
 */
final class Image {
  static final int RECORD_BYTES = 128;
  static final int TEXT_BYTES = 504;

  /**
   * Where the rows of a kind are, in bytes; the parts are offsets within an entry, 0 where the kind
   * has no such part.
   */
  record Table(
      long off,
      long count,
      long stride,
      long record,
      long text,
      long cells,
      long sums,
      long ledger) {}

  final long[] words;
  final Table[] tables;
  final long[] meters;
  long rowsSkipped;
  int retries;

  /** Monotonic time of the writer, or of this process, that the copy took. */
  long tookNs;

  Image(long[] words, Table[] tables, long[] meters) {
    this.words = words;
    this.tables = tables;
    this.meters = meters;
  }

  /** Returns the index of the word at an offset within a row's entry. */
  int index(int kind, long row, long off) {
    Table table = tables[kind];
    return Math.toIntExact((table.off + row * table.stride + off) / Long.BYTES);
  }

  long word(int kind, long row, long off) {
    return words[index(kind, row, off)];
  }

  /** Returns the sizes of the parts that rows of a kind have. */
  static Table sizes(Directory directory, int kind) {
    Region cells = directory.get(Region.ROWC, kind);
    Region bank = directory.get(Region.BANK, kind);
    return new Table(
        0,
        0,
        0,
        cells.exists() ? RECORD_BYTES : 0,
        directory.get(Region.TEXT, kind).exists() ? TEXT_BYTES : 0,
        cells.exists() ? cells.stride() - Region.LATCH_BYTES : 0,
        bank.exists() ? bank.stride() : 0,
        directory.get(Region.LEDG, kind).exists() ? RECORD_BYTES : 0);
  }
}
