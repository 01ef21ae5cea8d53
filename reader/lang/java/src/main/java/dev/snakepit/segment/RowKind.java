// SPDX-License-Identifier: Apache-2.0

package dev.snakepit.segment;

/** Numbers of the kinds of rows, and of the states that a row goes through. */
final class RowKind {
  static final int PROC = 0;
  static final int POOL = 1;
  static final int WORKER = 2;
  static final int TOOL = 3;
  static final int COUNT = 4;

  static final int ENTRY_BYTES = 384;

  /** States of a row: its generation modulo 4. */
  static final int FREE = 0;

  static final int LIVE = 1;
  static final int TOMBSTONE = 2;

  private RowKind() {}

  /** Whether there is a row to read, live or with its final values. */
  static boolean isUsed(long gen) {
    int state = (int) (gen & 3);
    return state == LIVE || state == TOMBSTONE;
  }
}
