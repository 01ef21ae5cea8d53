/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/table.h"
#include "snakepit/time.h"

/* Where output goes that a test looks at. */
struct sink {
	FILE *file;
	char *text;
	size_t len;
};

static void sink_open(struct sink *sink)
{
	sink->file = open_memstream(&sink->text, &sink->len);
	assert_non_null(sink->file);
}

static void sink_expect(struct sink *sink, const char *expected)
{
	assert_int_equal(fclose(sink->file), 0);
	assert_string_equal(sink->text, expected);
	free(sink->text);
}

static void print_columns_are_as_wide_as_their_widest_cell(void **state)
{
	struct cli_table table = {.align = "lrl"};
	struct sink sink;

	(void)state;
	cli_table_cell(&table, "POOL");
	cli_table_cell(&table, "N");
	cli_table_cell(&table, "NOTE");
	cli_table_cell(&table, "%s", "a_long_one");
	cli_table_cell(&table, "%d", 1234);
	cli_table_cell(&table, "x");
	sink_open(&sink);
	assert_int_equal(cli_table_print(&table, sink.file), 0);
	sink_expect(&sink, "POOL           N  NOTE\n"
			   "a_long_one  1234  x\n");
}

static void print_width_counts_characters_not_bytes(void **state)
{
	struct cli_table table = {.align = "ll"};
	struct sink sink;

	(void)state;
	cli_table_cell(&table, "\xc3\xbc\xe2\x82\xac"); /* u umlaut, euro sign */
	cli_table_cell(&table, "1");
	cli_table_cell(&table, "abc");
	cli_table_cell(&table, "2");
	sink_open(&sink);
	assert_int_equal(cli_table_print(&table, sink.file), 0);
	sink_expect(&sink, "\xc3\xbc\xe2\x82\xac   1\n"
			   "abc  2\n");
}

static void cell_control_characters_are_replaced(void **state)
{
	struct cli_table table = {.align = "l"};
	struct sink sink;

	(void)state;
	cli_table_cell(&table, "a\x1b[31m\n\x7f z\xc2\x9b");
	sink_open(&sink);
	assert_int_equal(cli_table_print(&table, sink.file), 0);
	sink_expect(&sink, "a?[31m?? z??\n");
}

static void print_empty_table_prints_nothing(void **state)
{
	struct cli_table table = {.align = "lr"};
	struct sink sink;

	(void)state;
	sink_open(&sink);
	assert_int_equal(cli_table_print(&table, sink.file), 0);
	sink_expect(&sink, "");
}

static void duration_uses_the_two_largest_units(void **state)
{
	static const struct {
		uint64_t ns;
		const char *text;
	} cases[] = {
	    {0, "0ms"},
	    {999 * SNP_NS_PER_MS, "999ms"},
	    {SNP_NS_PER_S, "1.0s"},
	    {8 * SNP_NS_PER_S + 390 * SNP_NS_PER_MS, "8.3s"},
	    {60 * SNP_NS_PER_S - 1, "59.9s"},
	    {60 * SNP_NS_PER_S, "1m00s"},
	    {307 * SNP_NS_PER_S, "5m07s"},
	    {3600 * SNP_NS_PER_S, "1h00m"},
	    {86399 * SNP_NS_PER_S, "23h59m"},
	    {86400 * SNP_NS_PER_S, "1d00h"},
	    {(4 * 86400 + 5 * 3600) * SNP_NS_PER_S, "4d05h"},
	    {UINT64_MAX, "213503d23h"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		char text[CLI_DURATION_BYTES];

		assert_string_equal(cli_duration(cases[i].ns, text), cases[i].text);
	}
}

static void lines_are_indented_and_free_of_control_characters(void **state)
{
	struct sink sink;

	(void)state;
	sink_open(&sink);
	cli_lines_print("one\n\n\x1b[2Jtwo\n", "| ", sink.file);
	cli_lines_print("no\xc2\x9bnewline", "| ", sink.file);
	cli_lines_print("", "| ", sink.file);
	sink_expect(&sink, "| one\n| \n|  [2Jtwo\n| no newline\n");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(print_columns_are_as_wide_as_their_widest_cell),
	    cmocka_unit_test(print_width_counts_characters_not_bytes),
	    cmocka_unit_test(cell_control_characters_are_replaced),
	    cmocka_unit_test(print_empty_table_prints_nothing),
	    cmocka_unit_test(duration_uses_the_two_largest_units),
	    cmocka_unit_test(lines_are_indented_and_free_of_control_characters),
	};

	return cmocka_run_group_tests_name("cli/table", tests, NULL, NULL);
}
