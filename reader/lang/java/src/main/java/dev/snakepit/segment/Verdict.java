// SPDX-License-Identifier: Apache-2.0

package dev.snakepit.segment;

import java.util.Locale;

/** What became of the writer, in the order in which that is found out. */
public enum Verdict {
  /** It ended cleanly. */
  CLOSED,
  /** The file is of an earlier boot. */
  OLD,
  /** It ended without saying so. */
  DEAD,
  /** It lives, but its heartbeat stands still. */
  HUNG,
  /** It lives. */
  ALIVE;

  /** Returns the name that every reader of segments uses. */
  @Override
  public String toString() {
    return name().toLowerCase(Locale.ROOT);
  }
}
