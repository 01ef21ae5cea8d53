/* SPDX-License-Identifier: Apache-2.0 */
/*
 * number.h - numbers as text, exact and independent of the locale.
 *
 * Everything in a segment is an integer, so nearly everything here is integer
 * arithmetic: a duration in nanoseconds is printed as seconds digit by digit, never
 * through a double. Pure functions. Each with a `dst` writes at most SNP_NUMBER_BYTES
 * bytes without a NUL there and returns how many.
 */
#ifndef SNP_MODEL_NUMBER_H
#define SNP_MODEL_NUMBER_H

#include <assert.h>
#include <stddef.h>
#include <stdint.h>

static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "digits in words");

#define SNP_NUMBER_BYTES 64

/* Eight digits of a value below SNP_DIGITS_END, the first in the lowest byte, by
 * arithmetic on all of them at once: no loop or branch depends on how many count. */
#define SNP_DIGITS_END UINT64_C(100000000)
static inline uint64_t snp_digits(uint64_t value)
{
	uint64_t pairs, low;

	/* Halves of four digits, then of two, then of one: x / 100 = x * 10486 >> 20
	 * below 10000, x / 10 = x * 103 >> 10 below 100. */
	pairs = value / 10000 | (value % 10000) << 32;
	low = (pairs * 10486) >> 20 & UINT64_C(0x0000007F0000007F);
	pairs = low | (pairs - 100 * low) << 16;
	low = (pairs * 103) >> 10 & UINT64_C(0x000F000F000F000F);
	return low | (pairs - 10 * low) << 8;
}
#define SNP_DIGITS_TEXT UINT64_C(0x3030303030303030) /* to be added to digits */

/* The same as text without leading zeros: the first `len` bytes of the word. */
struct snp_short_number {
	uint64_t text;
	size_t len;
};

static inline struct snp_short_number snp_number_short(uint64_t value)
{
	uint64_t digits = snp_digits(value);
	/* The last digit stays. */
	unsigned zeros = (unsigned)__builtin_ctzll(digits | UINT64_C(1) << 56) / 8;

	return (struct snp_short_number){(digits + SNP_DIGITS_TEXT) >> 8 * zeros,
					 8 - zeros};
}

/* 0 to 15, -1 for what is none, such as the NUL that ends a text. */
static inline int snp_hex_digit(char c)
{
	const int letter = c | 0x20; /* a capital becomes a small one */

	if (c >= '0' && c <= '9')
		return c - '0';
	return letter >= 'a' && letter <= 'f' ? letter - 'a' + 10 : -1;
}

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
