/* SPDX-License-Identifier: Apache-2.0 */
/* S05 (sign of gauges), S07 (sampling rates), S08 (clean names and tags). */
#include "format.h"

#include <string.h>

#include "snp_test.h"

static const struct snp_series two_labels = {
    .labels_nr = 2,
    .labels = {{.prom_name = "pool", .value = "default"},
	       {.prom_name = "method", .value = "word stats/v1.2"}},
};

/* The line as a string; static, until the next call. */
static const char *line(const struct format *format, const char *name,
			const struct snp_series *labels, struct format_value value)
{
	static char text[2048];
	struct format_series series = {0};
	struct snp_buf out = {0};

	format_series(&series, format, name, labels, (struct format_extra){0});
	format_line(&out, &series, "", &value);
	assert_false(out.failed);
	assert_true(out.len < sizeof(text));
	memcpy(text, out.data, out.len);
	text[out.len] = '\0';
	snp_buf_fini(&out);
	format_series_fini(&series);
	return text;
}

static struct format_value number(enum format_type type, const char *text)
{
	struct format_value value = {.type = type, .times = 1, .len = strlen(text)};

	memcpy(value.text, text, value.len);
	return value;
}

static void line_each_style_as_its_receivers_know_it(void **state)
{
	static const struct {
		enum format_style style;
		const char *line;
	} cases[] = {
	    {FORMAT_NONE, "snakepit.requests.default.word_stats_v1_2:3|c"},
	    {FORMAT_DOGSTATSD,
	     "snakepit.requests:3|c|#pool:default,method:word_stats/v1.2"},
	    {FORMAT_INFLUX,
	     "snakepit.requests,pool=default,method=word_stats/v1.2:3|c"},
	    {FORMAT_LIBRATO,
	     "snakepit.requests#pool=default,method=word_stats/v1.2:3|c"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct format format = {.style = cases[i].style, .prefix = ""};
		enum format_style parsed = FORMAT_STYLE_NR;

		assert_string_equal(line(&format, "snakepit.requests", &two_labels,
					 number(FORMAT_COUNTER, "3")),
				    cases[i].line);
		assert_true(
		    format_style_parse(format_style_name(cases[i].style), &parsed));
		assert_int_equal(parsed, cases[i].style);
	}
}

static void line_prefix_suffix_extra_and_constant_tags(void **state)
{
	static const struct format_tag tags[] = {{"env", "prod"}, {"host:x", "a,b"}};
	const struct format format = {
	    .style = FORMAT_DOGSTATSD, .prefix = "my.", .tags = tags, .tags_nr = 2};
	const struct format_value value = number(FORMAT_COUNTER, "7");
	struct format_series series = {0};
	struct snp_buf out = {0};

	(void)state;
	format_series(&series, &format, "a.b", NULL,
		      (struct format_extra){"state", "idle"});
	format_line(&out, &series, ".count", &value);
	snp_buf_putc(&out, '\0');
	assert_string_equal(out.data,
			    "my.a.b.count:7|c|#state:idle,env:prod,host_x:a_b");
	snp_buf_fini(&out);
	format_series_fini(&series);
}

/* A sign is a change of what the receiver has: only zero can be left by one (S05). */
static void line_gauge_below_zero_goes_through_zero(void **state)
{
	const struct format format = {.style = FORMAT_DOGSTATSD, .prefix = ""};

	(void)state;
	assert_string_equal(line(&format, "g", NULL, number(FORMAT_GAUGE, "-4.5")),
			    "g:0|g\ng:-4.5|g");
	assert_string_equal(line(&format, "g", NULL, number(FORMAT_GAUGE, "0")),
			    "g:0|g");
	assert_string_equal(line(&format, "g", NULL, number(FORMAT_GAUGE, "4.5")),
			    "g:4.5|g");
}

/* Receivers take 1/rate, some of them cut to an integer, some read digits and dots
 * alone (S07). */
static void line_rate_gives_the_number_back(void **state)
{
	static const struct format format = {.style = FORMAT_DOGSTATSD, .prefix = ""};
	struct format_value value = number(FORMAT_TIMING, "12.5");

	(void)state;
	assert_string_equal(line(&format, "t", NULL, value), "t:12.5|ms");
	value.times = 10;
	assert_string_equal(line(&format, "t", NULL, value), "t:12.5|ms|@0.1");
	value.times = FORMAT_TIMES_MAX;
	assert_string_equal(line(&format, "t", NULL, value), "t:12.5|ms|@0.000001");
	for (uint64_t times = 2; times <= FORMAT_TIMES_MAX;
	     times += times < 20000 ? 1 : 997) {
		const char *rate;
		double back;

		value.times = times;
		rate = strstr(line(&format, "t", NULL, value), "|@");
		assert_non_null(rate);
		assert_int_equal(strspn(rate + 2, "0123456789."), strlen(rate + 2));
		back = 1.0 / strtod(rate + 2, NULL);
		assert_int_equal((uint64_t)back, times);
		assert_true(back - (double)times < 0.001);
	}
}

/* Whatever is in a name, a key or a value: one line, its fields where they belong. */
static void line_any_bytes_stay_one_line(void **state)
{
	static const char *const nasty[] = {"",
					    "a:b|c@d#e,f=g\nh",
					    "\r\t\x01\x7f",
					    " \"{}'",
					    "\xC3\xA4\xF0\x9F\x90\x8D",
					    "\xFF\xC3",
					    ".",
					    "|#x:y",
					    "a/b\\c"};
	const size_t nr = sizeof(nasty) / sizeof(nasty[0]);

	(void)state;
	for (unsigned style = 0; style < FORMAT_STYLE_NR; style++) {
		const struct format format = {.style = (enum format_style)style,
					      .prefix = ""};

		for (size_t i = 0; i < nr * nr; i++) {
			const struct snp_series series = {
			    .labels_nr = 1,
			    .labels = {
				{.prom_name = nasty[i % nr], .value = nasty[i / nr]}}};
			const char *text = line(&format, nasty[i / nr], &series,
						number(FORMAT_GAUGE, "1"));
			const char *value = strstr(text, ":1|g");

			assert_non_null(value);
			assert_null(strpbrk(text, "\n\r\t \"@{}'\\"));
			/* Nothing but the style's own signs before the value. */
			assert_int_equal(strcspn(text, ":|"), value - text);
			if (style == FORMAT_DOGSTATSD)
				assert_int_equal(strncmp(value, ":1|g|#", 6), 0);
			else
				assert_int_equal(strlen(value), 4);
		}
	}
}

static void line_long_tag_is_cut_on_a_character(void **state)
{
	const struct format format = {.style = FORMAT_DOGSTATSD, .prefix = ""};
	char value[400] = "";
	struct snp_series series = {.labels_nr = 1,
				    .labels = {{.prom_name = "pool", .value = value}}};
	const char *tag;

	(void)state;
	for (unsigned i = 0; i < 130; i++)
		memcpy(value + i * 3, "\xE2\x82\xAC", 3);
	tag = strstr(line(&format, "n", &series, number(FORMAT_GAUGE, "1")), "|#");
	assert_non_null(tag);
	assert_int_equal(strlen(tag + 2), 5 + 65 * 3); /* one more would be 203 */
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(line_each_style_as_its_receivers_know_it),
	    cmocka_unit_test(line_prefix_suffix_extra_and_constant_tags),
	    cmocka_unit_test(line_gauge_below_zero_goes_through_zero),
	    cmocka_unit_test(line_rate_gives_the_number_back),
	    cmocka_unit_test(line_any_bytes_stay_one_line),
	    cmocka_unit_test(line_long_tag_is_cut_on_a_character),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
