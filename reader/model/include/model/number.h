/* SPDX-License-Identifier: Apache-2.0 */
/*
 * number.h - numbers as text, exact and independent of the locale.
 *
 * Everything in a segment is an integer, so nearly everything here is integer
 * arithmetic: a duration in nanoseconds is printed as seconds digit by digit, never
 * through a double. Pure functions. Each writes at most SNP_NUMBER_BYTES bytes without
 * a NUL at `dst` and returns how many.
 */
#ifndef SNP_MODEL_NUMBER_H
#define SNP_MODEL_NUMBER_H

#include <stddef.h>
#include <stdint.h>

#define SNP_NUMBER_BYTES 64

size_t snp_number_u64(char *dst, uint64_t value);
size_t snp_number_i64(char *dst, int64_t value);

/* value * 10^exp10, exactly, in plain notation without trailing zeros: (1500, -3) gives
 * "1.5". `exp10` is clamped to -30..30. */
size_t snp_number_decimal(char *dst, uint64_t value, int exp10);

/* Nanoseconds as seconds. */
size_t snp_number_seconds(char *dst, uint64_t ns);

/* Nanoseconds as a canonical OpenMetrics bucket bound in seconds: always a float to
 * look at, exponents as Go's %g has them: "0.005", "1.0", "86400.0", "1e+06", "5e-05".
 */
size_t snp_number_bound(char *dst, uint64_t ns);

/* The shortest text that reads back as the same double; "NaN", "+Inf", "-Inf". */
size_t snp_number_double(char *dst, double value);

#endif
