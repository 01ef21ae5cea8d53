/* SPDX-License-Identifier: Apache-2.0 */
#include "snp_test.h"

#include <math.h>
#include <string.h>

#include "format.h"
#include "model/pools.h"

#define S SNP_NS_PER_S

static void count_is_exact_where_it_fits(void **state)
{
	char out[TOP_FORMAT_BYTES];

	(void)state;
	top_format_count(out, 9999, 4);
	assert_string_equal("9999", out);
	top_format_count(out, 41234, 4);
	assert_string_equal("41k", out);
	top_format_count(out, 41234, 5);
	assert_string_equal("41234", out);
	top_format_count(out, 1234567, 5);
	assert_string_equal("1.23M", out);
	top_format_count(out, 999999, 5);
	assert_string_equal("1.00M", out);
	top_format_count(out, SNP_UNKNOWN, 5);
	assert_string_equal("-", out);
}

static void rate_keeps_a_decimal_below_hundred(void **state)
{
	char out[TOP_FORMAT_BYTES];

	(void)state;
	top_format_rate(out, 0.44, 6);
	assert_string_equal("0.4", out);
	top_format_rate(out, 99.97, 6);
	assert_string_equal("100", out);
	top_format_rate(out, 2900, 6);
	assert_string_equal("2900", out);
	top_format_rate(out, 41234, 6);
	assert_string_equal("41.2k", out);
	top_format_rate(out, NAN, 6);
	assert_string_equal("-", out);
}

static void latency_chooses_its_unit(void **state)
{
	static const struct {
		uint64_t ns;
		const char *want;
	} cases[] = {{0, "0ns"},
		     {312, "312ns"},
		     {310000, "310us"},
		     {1200000, "1.2ms"},
		     {38000000, "38ms"},
		     {999600000, "1.0s"},
		     {12400000000, "12.4s"},
		     {100 * S, "1m40s"},
		     {3700 * S, "1h01m"}};
	char out[TOP_FORMAT_BYTES];

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		top_format_latency(out, cases[i].ns, 5);
		assert_string_equal(cases[i].want, out);
	}
}

static void uptime_has_two_units(void **state)
{
	static const struct {
		uint64_t s;
		const char *want;
	} cases[] = {{0, "0s"},		{99, "99s"},	   {303, "5m03s"},
		     {3599, "59m"},	{11040, "3h04m"},  {86399, "23h"},
		     {273660, "3d04h"}, {40000000, "462d"}};
	char out[TOP_FORMAT_BYTES];

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		top_format_uptime(out, cases[i].s * S, 5);
		assert_string_equal(cases[i].want, out);
	}
}

static void bytes_fit_four_columns(void **state)
{
	static const struct {
		uint64_t bytes;
		const char *want;
	} cases[] = {{0, "0B"},
		     {512, "512B"},
		     {2048, "2.0K"},
		     {UINT64_C(338) << 20, "338M"},
		     {UINT64_C(1023) << 20, "1.0G"},
		     {UINT64_C(4410) << 20, "4.3G"}};
	char out[TOP_FORMAT_BYTES];

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		top_format_bytes(out, cases[i].bytes, 4);
		assert_string_equal(cases[i].want, out);
	}
}

/* Powers of two and their neighbours, up to the largest there is. */
static void every_value_fits_its_width(void **state)
{
	char out[TOP_FORMAT_BYTES];

	(void)state;
	for (unsigned bit = 0; bit < 64; bit++) {
		for (int off = -1; off <= 1; off++) {
			uint64_t v = (UINT64_C(1) << bit) + (uint64_t)off;

			top_format_count(out, v, 4);
			assert_in_range(strlen(out), 1, 4);
			top_format_bytes(out, v, 4);
			assert_in_range(strlen(out), 1, 4);
			top_format_rate(out, (double)v, 5);
			assert_in_range(strlen(out), 1, 5);
			top_format_percent(out, (double)v, 4);
			assert_in_range(strlen(out), 1, 4);
			top_format_latency(out, v, 5);
			assert_in_range(strlen(out), 1, 5);
			top_format_age(out, v, 5);
			assert_in_range(strlen(out), 1, 5);
			top_format_uptime(out, v, 5);
			assert_in_range(strlen(out), 1, 5);
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(count_is_exact_where_it_fits),
	    cmocka_unit_test(rate_keeps_a_decimal_below_hundred),
	    cmocka_unit_test(latency_chooses_its_unit),
	    cmocka_unit_test(uptime_has_two_units),
	    cmocka_unit_test(bytes_fit_four_columns),
	    cmocka_unit_test(every_value_fits_its_width),
	};

	return cmocka_run_group_tests_name("top/format", tests, NULL, NULL);
}
