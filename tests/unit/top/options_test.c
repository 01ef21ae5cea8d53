/* SPDX-License-Identifier: Apache-2.0 */
#include "snp_test.h"

#include <errno.h>
#include <string.h>

#include "options.h"

#define ARGS_MAX 16

/* Words separated by blanks, as a shell would pass them. */
static int parse(const char *line, struct top_options *o, struct snp_err *err)
{
	static char words[256];
	static struct snp_buf hint;
	char *argv[ARGS_MAX + 2] = {"snakepit-top"}, *save = NULL;
	int argc = 1;

	(void)snprintf(words, sizeof(words), "%s", line);
	for (char *w = strtok_r(words, " ", &save); w && argc <= ARGS_MAX;
	     w = strtok_r(NULL, " ", &save))
		argv[argc++] = w;
	return top_options_parse(argc, argv, o, &hint, err);
}

static void defaults_are_live_at_one_hertz(void **state)
{
	struct top_options o;
	struct snp_err err = {0};

	(void)state;
	assert_int_equal(0, parse("", &o, &err));
	assert_int_equal(TOP_MODE_AUTO, o.mode);
	assert_int_equal(1000, o.delay_ms);
	assert_null(o.instance);
	assert_int_equal(TOP_COLUMN_WORKER_worker, o.sort.column);
}

static void options_are_taken(void **state)
{
	struct top_options o;
	struct snp_err err = {0};

	(void)state;
	assert_int_equal(
	    0, parse("--once -n prod -d 0.05 -U --color=never -o worker,rss,pool.p99",
		     &o, &err));
	assert_int_equal(TOP_MODE_TEXT, o.mode);
	assert_string_equal("prod", o.instance);
	assert_int_equal(50, o.delay_ms);
	assert_true(o.ascii);
	assert_int_equal(TOP_COLOR_NEVER, o.color);
	assert_int_equal(2, o.shown[TOP_TABLE_WORKER].nr);
	assert_int_equal(TOP_COLUMN_WORKER_rss_bytes, o.shown[TOP_TABLE_WORKER].id[1]);
	assert_int_equal(TOP_COLUMN_POOL_p99_ns, o.shown[TOP_TABLE_POOL].id[0]);
}

static void sort_has_a_natural_and_a_given_direction(void **state)
{
	static const struct {
		const char *line;
		unsigned flags;
	} cases[] = {
	    {"-s rss", 0},    {"-s -rss", 0},	 {"-s +rss", TOP_SORT_INVERT},
	    {"-s worker", 0}, {"-s +worker", 0}, {"-s -worker", TOP_SORT_INVERT}};
	struct top_options o;
	struct snp_err err = {0};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		assert_int_equal(0, parse(cases[i].line, &o, &err));
		assert_int_equal(cases[i].flags, o.sort.flags);
	}
}

static void mistakes_are_named_in_one_line(void **state)
{
	static const struct {
		const char *line, *says;
	} cases[] = {
	    {"-d 0", "\"0\" is not between"},
	    {"-d 61", "not between"},
	    {"-d nan", "not between"},
	    {"-d 1x", "not between"},
	    {"-d", "needs a value"},
	    {"-x", "unknown option '-x'"},
	    {"--nope", "unknown option '--nope'"},
	    {"--colums", "did you mean"},
	    {"-o nope", "no worker column \"nope\"; -o help"},
	    {"-o pool.nope", "no pool column \"nope\""},
	    {"-o pid,,rss", "not a list"},
	    {"-o pid,pid", "named twice"},
	    {"-s nope", "no worker column \"nope\""},
	    {"--color=red", "not auto, always or never"},
	    {"prod", "unexpected 'prod'; name an instance with -n"},
	    {"-F stat=busy", "--filter: no field \"stat\"; did you mean \"state\"?"},
	    {"--check p99<50", "p99_ns is a duration"},
	    {"--for 3", "--for belongs to --check"},
	    {"--json --csv", "at a time"},
	    {"--csv -o pid,pool.pool", "one table"},
	    {"-N 0", "from 1"}};
	struct top_options o;

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct snp_err err = {0};

		assert_int_equal(-EINVAL, parse(cases[i].line, &o, &err));
		if (!strstr(err.msg, cases[i].says))
			fail_msg("%s: \"%s\"", cases[i].line, err.msg);
		assert_null(strchr(err.msg, '\n'));
	}
}

static void column_list_names_every_field(void **state)
{
	char *text = NULL;
	size_t len = 0;
	FILE *f = open_memstream(&text, &len);

	(void)state;
	assert_non_null(f);
	top_options_columns(f);
	assert_int_equal(0, fclose(f));
	for (int id = 0; id < TOP_COLUMN_NR; id++)
		assert_non_null(strstr(text, top_columns[id].field));
	free(text);
}

static void fields_are_unique_and_found(void **state)
{
	(void)state;
	for (int id = 0; id < TOP_COLUMN_NR; id++)
		assert_int_equal(
		    id, top_column_find(top_columns[id].table, top_columns[id].field));
	assert_int_equal(-1, top_column_find(TOP_TABLE_WORKER, ""));
	assert_int_equal(-1, top_column_find(TOP_TABLE_WORKER, "upti"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(defaults_are_live_at_one_hertz),
	    cmocka_unit_test(options_are_taken),
	    cmocka_unit_test(sort_has_a_natural_and_a_given_direction),
	    cmocka_unit_test(mistakes_are_named_in_one_line),
	    cmocka_unit_test(column_list_names_every_field),
	    cmocka_unit_test(fields_are_unique_and_found),
	};

	return cmocka_run_group_tests_name("top/options", tests, NULL, NULL);
}
