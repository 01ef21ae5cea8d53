// SPDX-License-Identifier: Apache-2.0

/** Reads the segments of Snakepit runtimes. */
module dev.snakepit.segment {
  exports dev.snakepit.segment;
}
