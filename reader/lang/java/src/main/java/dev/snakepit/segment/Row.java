// SPDX-License-Identifier: Apache-2.0

package dev.snakepit.segment;

/** A pool, a tool of a pool or a worker slot. */
public sealed interface Row {

  /**
   * What all rows have.
   *
   * @param index number of the row, which others use when it is gone
   * @param uid never used twice in a segment; unsigned
   * @param retired whether its values are final
   * @param retireReason why, "" while it is in use
   * @param bornTimeNs when it was declared
   * @param retiredTimeNs when it was retired, 0 while it is in use
   */
  record Life(
      int index,
      long uid,
      boolean retired,
      String retireReason,
      long bornTimeNs,
      long retiredTimeNs) {}

  /** Returns what all rows have. */
  Life life();

  /** Returns the pool that it belongs to; a pool itself. */
  Pool pool();

  /**
   * A pool.
   *
   * @param life what all rows have
   * @param name of the pool
   * @param adapter class that its workers run
   */
  record Pool(Life life, String name, String adapter) implements Row {
    @Override
    public Pool pool() {
      return this;
    }
  }

  /**
   * A tool of a pool.
   *
   * @param life what all rows have
   * @param pool that has it
   * @param name of the tool
   */
  record Tool(Life life, Pool pool, String name) implements Row {}

  /**
   * A worker slot and the process in it.
   *
   * @param life what all rows have
   * @param pool that it is a slot of
   * @param slot number within the pool
   * @param status starting, idle, busy, draining or down
   * @param process that is or was in it
   * @param lastError why its last start failed, "" for none
   */
  record Worker(
      Life life, Pool pool, long slot, String status, Process process, String lastError)
      implements Row {

    /** Returns the name that the process has in logs and requests. */
    public String id() {
      return pool.name() + "/" + slot + "#" + Long.toUnsignedString(process.incarnation());
    }
  }

  /**
   * The process in a worker slot.
   *
   * @param incarnation processes that the slot had so far; 0 = none yet; unsigned
   * @param pid 0 = none now
   * @param python version of Python, "" where it is not known
   * @param startTimeNs when it was started
   * @param readyTimeNs when it was ready, 0 = not yet
   * @param lastExitReason why the process before ended, "" for none
   * @param lastExitStatus its exit code, or 128 + signal
   */
  record Process(
      long incarnation,
      long pid,
      String python,
      long startTimeNs,
      long readyTimeNs,
      String lastExitReason,
      long lastExitStatus) {}
}
