/* SPDX-License-Identifier: Apache-2.0 */
#include "expo.h"

#include "expo_check.h"
#include "model/utf8.h"

/* ---- helpers ------------------------------------------------------------- */

/* The value as a reader of the page gets it. */
static void round_trip(const char *value, struct snp_buf *ret)
{
	struct snp_buf out = {0};
	struct expo_sample sample = {0};

	expo_label(&out, "x", value);
	sample.labels = out.data;
	sample.labels_len = out.len;
	assert_null(memchr(out.data, '\n', out.len));
	assert_true(expo_label_value(&sample, "x", ret));
	snp_buf_fini(&out);
}

/* ---- cases --------------------------------------------------------------- */

static void label_every_byte_round_trips(void **state)
{
	struct snp_buf got = {0};

	(void)state;
	for (unsigned c = 1; c < 256; c++) {
		const char value[] = {'a', (char)c, 'z', '\0'};

		round_trip(value, &got);
		if (c < 0x80) {
			assert_int_equal(got.len, 3);
			assert_memory_equal(got.data, value, 3);
		} else {
			assert_int_equal(got.len, 5);
			assert_memory_equal(got.data, "a" SNP_UTF8_REPLACEMENT "z", 5);
		}
	}
	snp_buf_fini(&got);
}

static void label_random_text_round_trips(void **state)
{
	static const char *const pieces[] = {"\\",
					     "\"",
					     "\n",
					     "n",
					     "\\n",
					     "}",
					     ",",
					     "=",
					     "a",
					     "{",
					     "#",
					     "\xC3\xA4",
					     "\xE2\x82\xAC",
					     "\xF0\x9F\x90\x8D",
					     "\r",
					     "\t",
					     " "};
	struct snp_buf got = {0}, value = {0};

	(void)state;
	srand(7);
	for (int i = 0; i < 100000; i++) {
		snp_buf_reset(&value);
		for (int k = rand() % 12; k > 0; k--)
			snp_buf_puts(&value,
				     pieces[(size_t)rand() %
					    (sizeof(pieces) / sizeof(pieces[0]))]);
		snp_buf_putc(&value, '\0');
		round_trip(value.data, &got);
		assert_int_equal(got.len, value.len - 1);
		assert_memory_equal(got.data, value.data, got.len);
	}
	snp_buf_fini(&got);
	snp_buf_fini(&value);
}

static void label_escapes_are_the_three_of_the_format(void **state)
{
	struct snp_buf out = {0};

	(void)state;
	expo_label(&out, "m", "a\\b\"c\nd\r");
	assert_int_equal(out.len, strlen("m=\"a\\\\b\\\"c\\nd\r\""));
	assert_memory_equal(out.data, "m=\"a\\\\b\\\"c\\nd\r\"", out.len);
	snp_buf_fini(&out);
}

#define HELP_IN "a \"b\" \\ \n c"
#define HELP_04 "a \"b\" \\\\ \\n c\n"
#define HELP_OM "a \\\"b\\\" \\\\ \\n c\n"

/* P05: what stands before the samples of a family; a unit where the name ends in it. */
static void p05_heads(void **state)
{
	static const struct {
		struct expo_family family;
		const char *text, *openmetrics;
	} rows[] = {
	    {{"x", EXPO_GAUGE, "1", HELP_IN},
	     "# HELP x " HELP_04 "# TYPE x gauge\n",
	     "# TYPE x gauge\n# HELP x " HELP_OM},
	    {{"x_total", EXPO_COUNTER, "{request}", "h"},
	     "# HELP x_total h\n# TYPE x_total counter\n",
	     "# TYPE x counter\n# HELP x h\n"},
	    {{"x_seconds_total", EXPO_COUNTER, "s", "h"},
	     "# HELP x_seconds_total h\n# TYPE x_seconds_total counter\n",
	     "# TYPE x_seconds counter\n# UNIT x_seconds seconds\n# HELP x_seconds "
	     "h\n"},
	    {{"x", EXPO_COUNTER, "s", "h"},
	     "# HELP x h\n# TYPE x counter\n",
	     "# TYPE x unknown\n# HELP x h\n"},
	    {{"x_bytes", EXPO_GAUGE, "By", "h"},
	     "# HELP x_bytes h\n# TYPE x_bytes gauge\n",
	     "# TYPE x_bytes gauge\n# UNIT x_bytes bytes\n# HELP x_bytes h\n"},
	    {{"x_seconds", EXPO_HISTOGRAM, "s", "h"},
	     "# HELP x_seconds h\n# TYPE x_seconds histogram\n",
	     "# TYPE x_seconds histogram\n# UNIT x_seconds seconds\n"
	     "# HELP x_seconds h\n"},
	    {{"x_info", EXPO_INFO, "s", "h"},
	     "# HELP x_info h\n# TYPE x_info gauge\n",
	     "# TYPE x info\n# HELP x h\n"},
	};
	struct snp_buf out = {0};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		snp_buf_reset(&out);
		expo_head_text(&out, &rows[i].family);
		snp_buf_putc(&out, '\0');
		assert_string_equal(out.data, rows[i].text);
		snp_buf_reset(&out);
		expo_head_openmetrics(&out, &rows[i].family);
		snp_buf_putc(&out, '\0');
		assert_string_equal(out.data, rows[i].openmetrics);
	}
	snp_buf_fini(&out);
}

static void clashes_are_seen_in_any_format(void **state)
{
	static const struct {
		struct expo_family a, b;
		bool clash;
	} rows[] = {
	    {{"x", EXPO_GAUGE, "", ""}, {"x", EXPO_GAUGE, "", ""}, true},
	    {{"x", EXPO_GAUGE, "", ""}, {"y", EXPO_GAUGE, "", ""}, false},
	    {{"x_total", EXPO_COUNTER, "", ""}, {"x", EXPO_GAUGE, "", ""}, true},
	    {{"x_total", EXPO_COUNTER, "", ""},
	     {"x_created", EXPO_GAUGE, "", ""},
	     true},
	    {{"x_total", EXPO_COUNTER, "", ""}, {"x_info", EXPO_INFO, "", ""}, true},
	    {{"x_total", EXPO_COUNTER, "", ""},
	     {"x_y_total", EXPO_COUNTER, "", ""},
	     false},
	    {{"x", EXPO_HISTOGRAM, "", ""}, {"x_sum", EXPO_GAUGE, "", ""}, true},
	    {{"x", EXPO_HISTOGRAM, "", ""}, {"x_total", EXPO_COUNTER, "", ""}, true},
	    {{"x", EXPO_HISTOGRAM, "", ""}, {"x_max", EXPO_GAUGE, "", ""}, false},
	    {{"x_info", EXPO_INFO, "", ""}, {"x", EXPO_GAUGE, "", ""}, true},
	    {{"x", EXPO_GAUGE, "", ""}, {"x_sum", EXPO_GAUGE, "", ""}, false},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		assert_int_equal(expo_clash(&rows[i].a, &rows[i].b), rows[i].clash);
		assert_int_equal(expo_clash(&rows[i].b, &rows[i].a), rows[i].clash);
	}
}

static void names_follow_the_data_model(void **state)
{
	static const char *const good[] = {"a", "_", ":", "a:b_C9", "snakepit_up"};
	static const char *const bad[] = {"",	 "9a", "a-b",	  "a.b",
					  "a b", "a{", "\xC3\xA4"};
	static const char *const bad_labels[] = {"",   "9",	   "a:b", "__name__",
						 "le", "quantile", "a-b"};

	(void)state;
	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++)
		assert_true(expo_metric_name_ok(good[i]));
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_false(expo_metric_name_ok(bad[i]));
	for (size_t i = 0; i < sizeof(bad_labels) / sizeof(bad_labels[0]); i++)
		assert_false(expo_label_name_ok(bad_labels[i]));
	assert_true(expo_label_name_ok("pool"));
	assert_true(expo_label_name_ok("_x9"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(label_every_byte_round_trips),
	    cmocka_unit_test(label_random_text_round_trips),
	    cmocka_unit_test(label_escapes_are_the_three_of_the_format),
	    cmocka_unit_test(p05_heads),
	    cmocka_unit_test(clashes_are_seen_in_any_format),
	    cmocka_unit_test(names_follow_the_data_model),
	};

	return cmocka_run_group_tests_name("prometheus/expo", tests, NULL, NULL);
}
