// SPDX-License-Identifier: Apache-2.0

package dev.snakepit.segment;

import java.nio.file.Path;
import java.util.UUID;

/**
 * What the header says; it never changes.
 *
 * @param path of the file, as it was opened
 * @param instance name of the instance, "?" where it is not UTF-8
 * @param uuid random, new for each start of the runtime
 * @param major version of the format
 * @param minor version of the format
 * @param incarnation starts of this instance in a row, from 1; unsigned
 * @param pid of the runtime, in its pid namespace
 * @param sizeBytes of the file
 * @param startTimeNs when the runtime started
 * @param heartbeatIntervalMs time from one heartbeat to the next
 * @param staleAfterMs silence after which a runtime is taken to be hung
 * @param scrapeHintMs looking more often shows little new
 */
public record SegmentInfo(
    Path path,
    String instance,
    UUID uuid,
    int major,
    int minor,
    long incarnation,
    long pid,
    long sizeBytes,
    long startTimeNs,
    long heartbeatIntervalMs,
    long staleAfterMs,
    long scrapeHintMs) {}
