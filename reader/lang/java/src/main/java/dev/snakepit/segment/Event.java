// SPDX-License-Identifier: Apache-2.0

package dev.snakepit.segment;

/**
 * Something that happened. {@link Snapshot#poolOf} says to which pool.
 *
 * @param ring number of the ring that it was read from
 * @param seq number of the record in its ring, from 0; unsigned
 * @param monoNs when, by the monotonic clock of the writer; see {@link Heartbeat#timeNs}
 * @param kind what happened
 * @param initiator who wanted it
 * @param from state of the worker before
 * @param to state of the worker after
 * @param reason why a worker changed its state
 * @param poolIndex row of the pool at that time
 * @param poolUid uid of that row at that time; unsigned
 * @param slot of the worker within the pool
 * @param incarnation of the worker; unsigned
 * @param pid of the worker
 * @param value by kind; unsigned
 * @param secondValue by kind; unsigned
 * @param traceId 32 hexadecimal digits, "" for none
 * @param evidence number of the text that belongs to it, 0 for none; unsigned
 */
public record Event(
    int ring,
    long seq,
    long monoNs,
    String kind,
    String initiator,
    String from,
    String to,
    String reason,
    int poolIndex,
    long poolUid,
    long slot,
    long incarnation,
    long pid,
    long value,
    long secondValue,
    String traceId,
    long evidence) {}
