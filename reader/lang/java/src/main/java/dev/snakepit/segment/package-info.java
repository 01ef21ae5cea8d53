// SPDX-License-Identifier: Apache-2.0

/**
 * Reads what a Snakepit runtime keeps in its segment: metrics, workers, events.
 *
 * <p>Any process that may read the file can look, also when the runtime is busy, hung or dead; the
 * runtime never learns of it. Nothing but {@code java.base} is needed.
 *
 * <pre>{@code
 * try (Segment segment = Segment.open(Path.of("/run/snakepit/prod.seg"))) {
 *   Snapshot snapshot = segment.snapshot();
 *   for (Series series : snapshot.series("snakepit.requests")) {
 *     System.out.println(series.labels() + " " + series.value());
 *   }
 * }
 * }</pre>
 *
 * <p>A {@code long} that counts something is an unsigned 64-bit number, as in the file: {@link
 * java.lang.Long#toUnsignedString(long)} prints it, {@link java.lang.Long#compareUnsigned} compares
 * it. Names that end in {@code TimeNs} are nanoseconds since 1970, 0 for never.
 */
package dev.snakepit.segment;
