/* SPDX-License-Identifier: Apache-2.0 */
/*
 * format.h - numbers for people, in a fixed number of columns.
 *
 * Each function writes a NUL-terminated text of at most `width` characters (4, times 5)
 * whatever the value, and the most precise one that fits: 9999, 41.2k, 41k. Unknown
 * values (SNP_UNKNOWN, NaN) are "-". Pure; independent of the locale's LC_NUMERIC as
 * long as the program leaves that at "C".
 */
#ifndef SNP_TOP_FORMAT_H
#define SNP_TOP_FORMAT_H

#include <stdint.h>

#define TOP_FORMAT_BYTES 24

void top_format_count(char out[TOP_FORMAT_BYTES], uint64_t value, int width);
void top_format_rate(char out[TOP_FORMAT_BYTES], double per_second, int width);
void top_format_percent(char out[TOP_FORMAT_BYTES], double percent, int width);
/* Powers of 1024: 338M, 4.1G. */
void top_format_bytes(char out[TOP_FORMAT_BYTES], uint64_t bytes, int width);
/* How long something took: 310us, 1.2ms, 12.4s. */
void top_format_latency(char out[TOP_FORMAT_BYTES], uint64_t ns, int width);
/* How long ago something was: 0.2s, 12.4s, 5m03s. */
void top_format_age(char out[TOP_FORMAT_BYTES], uint64_t ns, int width);
/* How long something is up: 12s, 5m03s, 3d04h. */
void top_format_uptime(char out[TOP_FORMAT_BYTES], uint64_t ns, int width);

#endif
