/* SPDX-License-Identifier: Apache-2.0 */
#include "snp_test.h"

#include <errno.h>
#include <string.h>

#include "pool/tools.h"
#include "test_random.h"

#define ROWS 64 /* of tools in the segment */

static char dir[64];
static struct snp_writer *writer;
static uint32_t pools[2];

static int set_up(void **state)
{
	struct snp_writer_options options = {
	    .dir = dir,
	    .instance = "unit",
	    .pools_max = 2,
	    .workers_max = 1,
	    .tools_max = ROWS,
	    .banks_max = 1,
	    .flags = SNP_WRITER_ALLOW_DISK,
	};

	(void)state;
	snp_test_tmpdir_make(dir, sizeof(dir));
	assert_int_equal(snp_writer_create(&options, &writer, NULL), 0);
	for (int i = 0; i < 2; i++) {
		struct snp_row_decl decl = {.kind = SNP_ROW_POOL,
					    .name = i ? "other" : "default"};

		assert_int_equal(snp_row_declare(writer, &decl, &pools[i], NULL), 0);
	}
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	snp_writer_remove(&writer);
	snp_test_tmpdir_remove(dir);
	return 0;
}

static void open_tools(struct tools *tools, uint32_t pool, uint32_t max)
{
	struct snp_err err = {0};

	if (tools_init(tools, writer, pool, max, &err) < 0)
		fail_msg("%s", err.msg);
}

static void row_same_name_is_the_same_row(void **state)
{
	struct tools tools;
	uint32_t a, b;

	(void)state;
	open_tools(&tools, pools[0], 8);
	a = tools_row(&tools, "a");
	b = tools_row(&tools, "b");
	assert_int_not_equal(a, b);
	assert_int_not_equal(a, tools.other);
	for (int i = 0; i < 3; i++) {
		assert_int_equal(tools_row(&tools, "a"), a);
		assert_int_equal(tools_row(&tools, "b"), b);
	}
	assert_int_equal(tools.used, 2);
	tools_fini(&tools);
}

static void row_same_name_in_another_pool_is_another_row(void **state)
{
	struct tools tools[2];

	(void)state;
	open_tools(&tools[0], pools[0], 8);
	open_tools(&tools[1], pools[1], 8);
	assert_int_not_equal(tools[0].other, tools[1].other);
	assert_int_not_equal(tools_row(&tools[0], "a"), tools_row(&tools[1], "a"));
	tools_fini(&tools[0]);
	tools_fini(&tools[1]);
}

static void row_beyond_the_maximum_is_other(void **state)
{
	struct tools tools;
	uint32_t rows[3];
	char name[8];

	(void)state;
	open_tools(&tools, pools[0], 3);
	for (unsigned i = 0; i < 3; i++) {
		(void)snprintf(name, sizeof(name), "t%u", i);
		rows[i] = tools_row(&tools, name);
		assert_int_not_equal(rows[i], tools.other);
	}
	assert_int_equal(tools_row(&tools, "t3"), tools.other);
	assert_int_equal(tools_row(&tools, "t4"), tools.other);
	for (unsigned i = 0; i < 3; i++) { /* who had a row keeps it */
		(void)snprintf(name, sizeof(name), "t%u", i);
		assert_int_equal(tools_row(&tools, name), rows[i]);
	}
	tools_fini(&tools);
}

static void row_maximum_of_zero_is_always_other(void **state)
{
	struct tools tools;

	(void)state;
	open_tools(&tools, pools[0], 0);
	assert_int_equal(tools_row(&tools, "a"), tools.other);
	tools_fini(&tools);
}

/* A client may well name a tool so; it must not get a second row of that name. */
static void row_of_the_name_other_is_other(void **state)
{
	struct tools tools;

	(void)state;
	open_tools(&tools, pools[0], 8);
	assert_int_equal(tools_row(&tools, TOOLS_OTHER), tools.other);
	tools_fini(&tools);
}

static void row_names_of_every_length_are_told_apart(void **state)
{
	char name[TOOLS_NAME_BYTES];
	uint32_t rows[ROWS - 1];
	struct tools tools;

	(void)state;
	open_tools(&tools, pools[0], ROWS - 1);
	for (unsigned i = 0; i < ROWS - 1; i++) {
		size_t len = sizeof(name) - 1 - i;

		memset(name, 'x', len);
		name[len] = '\0';
		rows[i] = tools_row(&tools, name);
		assert_int_not_equal(rows[i], tools.other);
		for (unsigned j = 0; j < i; j++)
			assert_int_not_equal(rows[i], rows[j]);
	}
	tools_fini(&tools);
}

static void row_in_a_full_segment_is_other(void **state)
{
	struct tools tools;
	uint32_t own = 0;
	char name[8];

	(void)state;
	open_tools(&tools, pools[0], 10 * ROWS);
	for (unsigned i = 0; i < 2 * ROWS; i++) {
		(void)snprintf(name, sizeof(name), "t%u", i);
		own += tools_row(&tools, name) != tools.other;
	}
	assert_int_equal(own, ROWS - 1);
	/* it has stopped asking, but what it has it knows */
	assert_int_equal(tools.max, tools.used);
	assert_int_not_equal(tools_row(&tools, "t0"), tools.other);
	tools_fini(&tools);
}

static void init_in_a_full_segment_fails(void **state)
{
	struct tools tools, late;
	struct snp_err err = {0};
	char name[8];

	(void)state;
	open_tools(&tools, pools[0], ROWS);
	for (unsigned i = 0; i < ROWS; i++) {
		(void)snprintf(name, sizeof(name), "t%u", i);
		(void)tools_row(&tools, name);
	}
	assert_int_equal(tools_init(&late, writer, pools[1], 4, &err), -ENOSPC);
	tools_fini(&late);
	tools_fini(&tools);
}

/* Against a list: the first names have a row each, in that order, for good. */
static void row_ten_thousand_random_names_agree_with_a_list(void **state)
{
	enum { NAMES = 10000, MAX = 40 };
	struct test_random random = test_random_seeded(1);
	char known[MAX][16];
	uint32_t rows[MAX], n = 0;
	struct tools tools;

	(void)state;
	open_tools(&tools, pools[0], MAX);
	for (unsigned i = 0; i < NAMES; i++) {
		char name[16];
		uint32_t row, at;

		/* few enough different ones that they come again */
		(void)snprintf(name, sizeof(name), "%x",
			       test_random_below(&random, 100) * 0x9E3779B1u);
		row = tools_row(&tools, name);
		for (at = 0; at < n && strcmp(known[at], name) != 0; at++)
			;
		if (at < n) {
			assert_int_equal(row, rows[at]);
		} else if (n < MAX) {
			assert_int_not_equal(row, tools.other);
			for (uint32_t j = 0; j < n; j++)
				assert_int_not_equal(row, rows[j]);
			memcpy(known[n], name, sizeof(name));
			rows[n++] = row;
		} else {
			assert_int_equal(row, tools.other);
		}
	}
	assert_int_equal(n, MAX);
	tools_fini(&tools);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define T(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
	    T(row_same_name_is_the_same_row),
	    T(row_same_name_in_another_pool_is_another_row),
	    T(row_beyond_the_maximum_is_other),
	    T(row_maximum_of_zero_is_always_other),
	    T(row_of_the_name_other_is_other),
	    T(row_names_of_every_length_are_told_apart),
	    T(row_in_a_full_segment_is_other),
	    T(init_in_a_full_segment_fails),
	    T(row_ten_thousand_random_names_agree_with_a_list),
	};

	return cmocka_run_group_tests_name("runtime/tools", tests, NULL, NULL);
}
