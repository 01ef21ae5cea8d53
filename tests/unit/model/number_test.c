/* SPDX-License-Identifier: Apache-2.0 */
#include "model/number.h"

#include <ctype.h>
#include <locale.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define ROUNDS 1000000

/* ---- helpers ------------------------------------------------------------- */

static uint64_t rng_state = UINT64_C(0x9E3779B97F4A7C15);

static uint64_t rng_next(void)
{
	uint64_t x = rng_state;

	x ^= x << 13;
	x ^= x >> 7;
	x ^= x << 17;
	rng_state = x;
	return x;
}

/* All magnitudes equally likely, not all values: most u64 have 19 or 20 digits. */
static uint64_t rng_any_magnitude(void)
{
	unsigned shift = (unsigned)(rng_next() % 64);

	return rng_next() >> shift;
}

static void assert_text(const char *got, size_t len, const char *want)
{
	if (len == strlen(want) && memcmp(got, want, len) == 0)
		return;
	fail_msg("got '%.*s', want '%s'", (int)len, got, want);
}

static void strip_zeros(char *text)
{
	size_t len = strlen(text);

	if (!strchr(text, '.'))
		return;
	while (text[len - 1] == '0')
		text[--len] = '\0';
	if (text[len - 1] == '.')
		text[len - 1] = '\0';
}

/* ---- cases --------------------------------------------------------------- */

static void u64_random_values_match_printf(void **state)
{
	char got[SNP_NUMBER_BYTES] = "", want[SNP_NUMBER_BYTES];

	(void)state;
	for (int i = 0; i < ROUNDS; i++) {
		uint64_t v = rng_any_magnitude();

		(void)snprintf(want, sizeof(want), "%llu", (unsigned long long)v);
		assert_text(got, snp_number_u64(got, v), want);
	}
}

static void u64_powers_of_ten_and_neighbours_match_printf(void **state)
{
	char got[SNP_NUMBER_BYTES] = "", want[SNP_NUMBER_BYTES];
	uint64_t power = 1;

	(void)state;
	for (int i = 0; i < 20; i++, power *= 10) {
		for (uint64_t v = power - 1; v <= power + 1; v++) {
			(void)snprintf(want, sizeof(want), "%llu",
				       (unsigned long long)v);
			assert_text(got, snp_number_u64(got, v), want);
		}
	}
	assert_text(got, snp_number_u64(got, UINT64_MAX), "18446744073709551615");
}

static void i64_limits_match_printf(void **state)
{
	static const int64_t values[] = {0, 1, -1, 99, -100, INT64_MAX, INT64_MIN};
	char got[SNP_NUMBER_BYTES] = "", want[SNP_NUMBER_BYTES];

	(void)state;
	for (size_t i = 0; i < sizeof(values) / sizeof(values[0]); i++) {
		(void)snprintf(want, sizeof(want), "%lld", (long long)values[i]);
		assert_text(got, snp_number_i64(got, values[i]), want);
	}
}

static void seconds_random_values_match_printf(void **state)
{
	char got[SNP_NUMBER_BYTES] = "", want[SNP_NUMBER_BYTES];

	(void)state;
	for (int i = 0; i < ROUNDS; i++) {
		uint64_t ns = rng_any_magnitude();

		(void)snprintf(want, sizeof(want), "%llu.%09llu",
			       (unsigned long long)(ns / 1000000000),
			       (unsigned long long)(ns % 1000000000));
		strip_zeros(want);
		assert_text(got, snp_number_seconds(got, ns), want);
		assert_text(got, snp_number_decimal(got, ns, -9), want);
	}
}

static void decimal_any_exponent_keeps_every_digit(void **state)
{
	char got[SNP_NUMBER_BYTES + 1] = "";

	(void)state;
	assert_text(got, snp_number_decimal(got, 0, -9), "0");
	assert_text(got, snp_number_decimal(got, 0, 12), "0");
	assert_text(got, snp_number_decimal(got, 7, 0), "7");
	assert_text(got, snp_number_decimal(got, 1500, -3), "1.5");
	assert_text(got, snp_number_decimal(got, 1000, -3), "1");
	assert_text(got, snp_number_decimal(got, 5, -3), "0.005");
	assert_text(got, snp_number_decimal(got, 12, 3), "12000");
	assert_text(got, snp_number_decimal(got, 1200, -1), "120");
	assert_text(got, snp_number_decimal(got, UINT64_MAX, -20),
		    "0.18446744073709551615");
	assert_text(got, snp_number_decimal(got, 1, 1000),
		    "1000000000000000000000000000000");
	assert_text(got, snp_number_decimal(got, 1, -1000),
		    "0.000000000000000000000000000001");
	assert_true(snp_number_decimal(got, UINT64_MAX, 30) <= SNP_NUMBER_BYTES);
}

/* strtod is the judge: the plain text must mean what "<value>e<exponent>" means. */
static void decimal_random_values_read_back(void **state)
{
	char got[SNP_NUMBER_BYTES + 1], want[SNP_NUMBER_BYTES];
	size_t len;

	(void)state;
	for (int i = 0; i < ROUNDS / 10; i++) {
		uint64_t v = rng_any_magnitude();
		int exp10 = (int)(rng_next() % 61) - 30;

		len = snp_number_decimal(got, v, exp10);
		got[len] = '\0';
		(void)snprintf(want, sizeof(want), "%llue%d", (unsigned long long)v,
			       exp10);
		if (strtod(got, NULL) != strtod(want, NULL))
			fail_msg("%s gave %s", want, got);
	}
}

static void bound_text_is_canonical(void **state)
{
	static const struct {
		uint64_t ns;
		const char *text;
	} cases[] = {
	    {0, "0.0"},
	    {1, "1e-09"},
	    {50000, "5e-05"},
	    {12500, "1.25e-05"},
	    {100000, "0.0001"},
	    {500000, "0.0005"},
	    {2500000, "0.0025"},
	    {5000000, "0.005"},
	    {75000000, "0.075"},
	    {1000000000, "1.0"},
	    {2500000000, "2.5"},
	    {10000000000, "10.0"},
	    {300000000000, "300.0"},
	    {UINT64_C(86400000000000), "86400.0"},
	    {UINT64_C(999999500000000), "999999.5"},
	    {UINT64_C(1000000000000000), "1e+06"},
	    {UINT64_C(1250000000000000), "1.25e+06"},
	    {UINT64_C(10000000000000000000), "1e+10"},
	};
	char got[SNP_NUMBER_BYTES] = "";

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		assert_text(got, snp_number_bound(got, cases[i].ns), cases[i].text);
}

static void bound_random_values_read_back(void **state)
{
	char got[SNP_NUMBER_BYTES + 1] = "";
	size_t len;

	(void)state;
	for (int i = 0; i < ROUNDS / 10; i++) {
		uint64_t ns = rng_any_magnitude() >> 11;

		len = snp_number_bound(got, ns);
		got[len] = '\0';
		if (strtod(got, NULL) != (double)ns / 1e9)
			fail_msg("%llu ns gave %s", (unsigned long long)ns, got);
	}
}

static void double_special_values_have_go_spelling(void **state)
{
	char got[SNP_NUMBER_BYTES] = "";

	(void)state;
	assert_text(got, snp_number_double(got, (double)NAN), "NaN");
	assert_text(got, snp_number_double(got, (double)INFINITY), "+Inf");
	assert_text(got, snp_number_double(got, -(double)INFINITY), "-Inf");
	assert_text(got, snp_number_double(got, 0.0), "0");
	assert_text(got, snp_number_double(got, 0.1), "0.1");
	assert_text(got, snp_number_double(got, 5e-324), "5e-324");
	assert_text(got, snp_number_double(got, 1.0 / 3), "0.3333333333333333");
}

/* P12 */
static void double_random_values_round_trip(void **state)
{
	char got[SNP_NUMBER_BYTES + 1] = "";
	size_t len;

	(void)state;
	for (int i = 0; i < ROUNDS; i++) {
		uint64_t bits = rng_next();
		double v;

		memcpy(&v, &bits, sizeof(v));
		if (!isfinite(v))
			continue;
		len = snp_number_double(got, v);
		got[len] = '\0';
		if (strtod(got, NULL) != v)
			fail_msg("%a gave %s", v, got);
	}
}

/* P12. Needs a locale with another decimal point; a machine without one cannot ask. */
static void double_ignores_the_locale(void **state)
{
	static const char *const names[] = {"de_DE.UTF-8", "de_DE.utf8", "fr_FR.UTF-8"};
	char got[SNP_NUMBER_BYTES] = "";
	bool found = false;

	(void)state;
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]) && !found; i++)
		found = setlocale(LC_NUMERIC, names[i]) != NULL;
	if (!found) {
		print_message("skip: no locale with a decimal comma is installed\n");
		skip();
	}
	assert_text(got, snp_number_double(got, 0.5), "0.5");
	(void)setlocale(LC_NUMERIC, "C");
}

static void hex_digit_any_byte_is_what_strtol_says(void **state)
{
	(void)state;
	for (int byte = 0; byte < 256; byte++) {
		const char text[] = {(char)byte, '\0'};
		int expected =
		    isxdigit((unsigned char)byte) ? (int)strtol(text, NULL, 16) : -1;

		assert_int_equal(snp_hex_digit(text[0]), expected);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(u64_random_values_match_printf),
	    cmocka_unit_test(u64_powers_of_ten_and_neighbours_match_printf),
	    cmocka_unit_test(i64_limits_match_printf),
	    cmocka_unit_test(seconds_random_values_match_printf),
	    cmocka_unit_test(decimal_any_exponent_keeps_every_digit),
	    cmocka_unit_test(decimal_random_values_read_back),
	    cmocka_unit_test(bound_text_is_canonical),
	    cmocka_unit_test(bound_random_values_read_back),
	    cmocka_unit_test(double_special_values_have_go_spelling),
	    cmocka_unit_test(double_random_values_round_trip),
	    cmocka_unit_test(double_ignores_the_locale),
	    cmocka_unit_test(hex_digit_any_byte_is_what_strtol_says),
	};

	return cmocka_run_group_tests_name("model/number", tests, NULL, NULL);
}
