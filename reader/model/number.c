/* SPDX-License-Identifier: Apache-2.0 */
#include "model/number.h"

#include <float.h>
#include <locale.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <threads.h>

#define NS_DIGITS 9
#define EXP10_MAX 30

static void put_digits(char *dst, uint64_t value)
{
	uint64_t text = snp_digits(value) + SNP_DIGITS_TEXT;

	memcpy(dst, &text, sizeof(text));
}

static size_t put_short(char *dst, uint64_t value)
{
	struct snp_short_number number = snp_number_short(value);

	memcpy(dst, &number.text, sizeof(number.text));
	return number.len;
}

size_t snp_number_u64(char *dst, uint64_t value)
{
	uint64_t rest = value / SNP_DIGITS_END;
	size_t len;

	if (rest == 0)
		return put_short(dst, value);
	len = rest < SNP_DIGITS_END ? put_short(dst, rest) : snp_number_u64(dst, rest);
	put_digits(dst + len, value % SNP_DIGITS_END);
	return len + 8;
}

size_t snp_number_i64(char *dst, int64_t value)
{
	if (value >= 0)
		return snp_number_u64(dst, (uint64_t)value);
	dst[0] = '-';
	/* In unsigned arithmetic, because -INT64_MIN is not an int64_t. */
	return 1 + snp_number_u64(dst + 1, 0 - (uint64_t)value);
}

/* Significant digits of `value` without trailing zeros, those counted in *ret_exp10. 0
 * has the one digit "0". */
static size_t significant_digits(char *dst, uint64_t value, int *ret_exp10)
{
	size_t len = snp_number_u64(dst, value);
	int exp10 = 0;

	while (len > 1 && dst[len - 1] == '0') {
		len--;
		exp10++;
	}
	*ret_exp10 = exp10;
	return len;
}

static size_t put_zeros(char *dst, size_t n)
{
	memset(dst, '0', n);
	return n;
}

/* Plain notation of digits[0..n) * 10^exp10. */
static size_t put_plain(char *dst, const char *digits, size_t n, int exp10)
{
	size_t len = 0;
	size_t point;

	if (exp10 >= 0) {
		memcpy(dst, digits, n);
		return n + put_zeros(dst + n, (size_t)exp10);
	}
	if ((size_t)-exp10 < n) {
		point = n - (size_t)-exp10;
		memcpy(dst, digits, point);
		len = point;
		dst[len++] = '.';
	} else {
		point = 0;
		dst[len++] = '0';
		dst[len++] = '.';
		len += put_zeros(dst + len, (size_t)-exp10 - n);
	}
	memcpy(dst + len, digits + point, n - point);
	return len + n - point;
}

size_t snp_number_decimal(char *dst, uint64_t value, int exp10)
{
	char digits[SNP_NUMBER_BYTES];
	int zeros;
	size_t n;

	if (value == 0 || exp10 == 0)
		return snp_number_u64(dst, value);
	exp10 = exp10 > EXP10_MAX ? EXP10_MAX : exp10;
	exp10 = exp10 < -EXP10_MAX ? -EXP10_MAX : exp10;
	n = significant_digits(digits, value, &zeros);
	return put_plain(dst, digits, n, exp10 + zeros);
}

/* snp_number_decimal(.., -9) in fewer steps: histograms print one per series. */
size_t snp_number_seconds(char *dst, uint64_t ns)
{
	uint64_t fraction = ns % 1000000000;
	size_t len = snp_number_u64(dst, ns / 1000000000);
	uint64_t digits;

	if (fraction == 0)
		return len;
	dst[len++] = '.';
	digits = snp_digits(fraction / 10);
	put_digits(dst + len, fraction / 10);
	if (fraction % 10 == 0) /* then the digits before are not all 0 */
		return len + 8 - (unsigned)__builtin_clzll(digits) / 8;
	dst[len + 8] = (char)('0' + fraction % 10);
	return len + 9;
}

/* Go's %g, which OpenMetrics made canonical: an exponent below 1e-4 and from 1e6 on. */
size_t snp_number_bound(char *dst, uint64_t ns)
{
	char digits[SNP_NUMBER_BYTES];
	size_t n, len;
	int exp10, magnitude;

	if (ns == 0) {
		memcpy(dst, "0.0", 3);
		return 3;
	}
	n = significant_digits(digits, ns, &exp10);
	exp10 -= NS_DIGITS;
	magnitude = exp10 + (int)n - 1;
	if (magnitude >= -4 && magnitude < 6) {
		len = put_plain(dst, digits, n, exp10);
		if (exp10 >= 0) {
			memcpy(dst + len, ".0", 2);
			len += 2;
		}
		return len;
	}
	len = put_plain(dst, digits, n, -(int)(n - 1));
	dst[len++] = 'e';
	dst[len++] = magnitude < 0 ? '-' : '+';
	magnitude = abs(magnitude);
	dst[len++] = (char)('0' + magnitude / 10);
	dst[len++] = (char)('0' + magnitude % 10);
	return len;
}

static locale_t c_locale;
static once_flag c_locale_once = ONCE_FLAG_INIT;

static void c_locale_make(void)
{
	/* Cannot fail: glibc has "C" built in, without allocating. */
	c_locale = newlocale(LC_ALL_MASK, "C", (locale_t)0);
}

size_t snp_number_double(char *dst, double value)
{
	locale_t before;
	int precision, len;

	if (isnan(value)) {
		memcpy(dst, "NaN", 3);
		return 3;
	}
	if (isinf(value)) {
		memcpy(dst, value < 0 ? "-Inf" : "+Inf", 4);
		return 4;
	}
	call_once(&c_locale_once, c_locale_make);
	before = uselocale(c_locale);
	/* Any text of up to 15 digits survives text, double, text; subnormals have
	 * fewer digits than that to give. */
	precision = value != 0 && fabs(value) < DBL_MIN ? 1 : DBL_DIG;
	do {
		len = snprintf(dst, SNP_NUMBER_BYTES, "%.*g", precision, value);
	} while (strtod(dst, NULL) != value && precision++ < DBL_DECIMAL_DIG);
	(void)uselocale(before);
	return (size_t)len;
}
