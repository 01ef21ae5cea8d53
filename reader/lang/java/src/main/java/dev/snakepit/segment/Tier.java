// SPDX-License-Identifier: Apache-2.0

package dev.snakepit.segment;

/** Where a snapshot comes from. Both tiers say the same. */
public enum Tier {
  /** The copy with a checksum that the writer makes every heartbeat. */
  SNAP,
  /** The cells themselves, as they are now. */
  LIVE
}
