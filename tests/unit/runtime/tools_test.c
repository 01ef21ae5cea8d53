/* SPDX-License-Identifier: Apache-2.0 */
#include "snp_test.h"

#include <errno.h>
#include <string.h>

#include "pool/tools.h"
#include "rcu.h"
#include "snakepit/read.h"
#include "test_random.h"

#define ROWS	  64   /* of tools in the segment */
#define MANY_ROWS 2048 /* in the segment of the last tests */

static char dir[64];
static struct snp_writer *writer;
static struct snp_segment *segment;
static struct snp_snapshot *snapshot;
static uint32_t pools[2];
static snp_mono_t now; /* what the tools take for the time */

static int make(uint32_t rows)
{
	struct snp_writer_options options = {
	    .dir = dir,
	    .instance = "unit",
	    .pools_max = 2,
	    .workers_max = 1,
	    .tools_max = rows,
	    .banks_max = 1,
	    .history_seconds = 5,
	    .reuse_quarantine_ms = 1,
	    .flags = SNP_WRITER_ALLOW_DISK,
	};

	now = (snp_mono_t){SNP_NS_PER_S};
	snp_test_tmpdir_make(dir, sizeof(dir));
	assert_int_equal(snp_writer_create(&options, &writer, NULL), 0);
	for (int i = 0; i < 2; i++) {
		struct snp_row_decl decl = {.kind = SNP_ROW_POOL,
					    .name = i ? "other" : "default"};

		assert_int_equal(snp_row_declare(writer, &decl, &pools[i], NULL), 0);
	}
	assert_int_equal(snp_writer_publish(writer, NULL), 0);
	return snp_segment_attach(snp_writer_path(writer), &segment, NULL);
}

static int set_up(void **state)
{
	(void)state;
	return make(ROWS);
}

static int set_up_many(void **state)
{
	(void)state;
	return make(MANY_ROWS);
}

static int tear_down(void **state)
{
	(void)state;
	rcu_wait();
	snp_snapshot_destroy(&snapshot);
	snp_segment_detach(&segment);
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

/* A request for the tool comes and goes. */
static uint32_t tools_row(struct tools *tools, const char *name)
{
	struct tool *tool = tools_take(tools, name, now);
	uint32_t row = tool->row;

	tool_release(tool, now);
	return row;
}

static uint32_t other_of(const struct tools *tools)
{
	return tools->other.row;
}

static void pass(uint64_t ms)
{
	now = snp_mono_add_ms(now, ms);
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
	assert_int_not_equal(a, other_of(&tools));
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
	assert_int_not_equal(other_of(&tools[0]), other_of(&tools[1]));
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
		assert_int_not_equal(rows[i], other_of(&tools));
	}
	assert_int_equal(tools_row(&tools, "t3"), other_of(&tools));
	assert_int_equal(tools_row(&tools, "t4"), other_of(&tools));
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
	assert_int_equal(tools_row(&tools, "a"), other_of(&tools));
	tools_fini(&tools);
}

/* A client may well name a tool so; it must not get a second row of that name. */
static void row_of_the_name_other_is_other(void **state)
{
	struct tools tools;

	(void)state;
	open_tools(&tools, pools[0], 8);
	assert_int_equal(tools_row(&tools, TOOLS_OTHER), other_of(&tools));
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
		assert_int_not_equal(rows[i], other_of(&tools));
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
		own += tools_row(&tools, name) != other_of(&tools);
	}
	assert_int_equal(own, ROWS - 1);
	assert_int_equal(tools.used, own);
	assert_int_not_equal(tools_row(&tools, "t0"), other_of(&tools));
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
			assert_int_not_equal(row, other_of(&tools));
			for (uint32_t j = 0; j < n; j++)
				assert_int_not_equal(row, rows[j]);
			memcpy(known[n], name, sizeof(name));
			rows[n++] = row;
		} else {
			assert_int_equal(row, other_of(&tools));
		}
	}
	assert_int_equal(n, MAX);
	tools_fini(&tools);
}

/* ---- Giving way ---------------------------------------------------------- */

static void fill(struct tools *tools)
{
	char name[16];

	for (unsigned i = 0; i < tools->max; i++) {
		(void)snprintf(name, sizeof(name), "t%u", i);
		assert_int_not_equal(tools_row(tools, name), other_of(tools));
	}
}

static const struct snp_row *seen(uint32_t row)
{
	assert_int_equal(snp_segment_snapshot(segment, &snapshot, NULL), 0);
	return snp_snapshot_row(snapshot, SNP_ROW_TOOL, row);
}

static void take_idle_for_ten_minutes_gives_way(void **state)
{
	struct tools tools;
	uint32_t old;

	(void)state;
	open_tools(&tools, pools[0], 3);
	fill(&tools);
	pass(1);
	old = tools_row(&tools, "t1");
	pass(TOOLS_IDLE_MS - 2); /* t0 and t2 are one short of it */
	assert_int_equal(tools_row(&tools, "new"), other_of(&tools));
	pass(1);
	assert_int_not_equal(tools_row(&tools, "new"), other_of(&tools));
	assert_int_not_equal(tools_row(&tools, "new too"), other_of(&tools));
	assert_int_equal(tools_row(&tools, "newest"), other_of(&tools));
	assert_int_equal(tools_row(&tools, "t1"), old); /* used since: it stayed */
	tools_fini(&tools);
}

static void take_lets_the_longest_idle_give_way(void **state)
{
	struct tools tools;
	uint32_t rows[3];

	(void)state;
	open_tools(&tools, pools[0], 3);
	rows[0] = tools_row(&tools, "a");
	rows[1] = tools_row(&tools, "b");
	rows[2] = tools_row(&tools, "c");
	pass(5);
	(void)tools_row(&tools, "a");
	pass(5);
	(void)tools_row(&tools, "c");
	pass(2 * TOOLS_IDLE_MS);
	assert_int_not_equal(tools_row(&tools, "new"), other_of(&tools)); /* for b */
	assert_int_equal(tools_row(&tools, "a"), rows[0]);
	assert_int_equal(tools_row(&tools, "c"), rows[2]);
	rcu_wait();
	assert_true(seen(rows[1])->tombstone);
	assert_string_equal(seen(rows[1])->name, "b");
	assert_string_equal(seen(rows[1])->retire_reason, "idle");
	assert_false(seen(rows[0])->tombstone);
	tools_fini(&tools);
}

/* A request that runs for longer than that still counts under its name. */
static void take_active_does_not_give_way(void **state)
{
	struct tool *running, *twice;
	struct tools tools;

	(void)state;
	open_tools(&tools, pools[0], 1);
	running = tools_take(&tools, "long", now);
	twice = tools_take(&tools, "long", now);
	assert_ptr_equal(running, twice);
	pass(2 * TOOLS_IDLE_MS);
	assert_int_equal(tools_row(&tools, "new"), other_of(&tools));
	tool_release(twice, now);
	pass(2 * TOOLS_IDLE_MS);
	assert_int_equal(tools_row(&tools, "new"), other_of(&tools));
	tool_release(running, now); /* idle from here on */
	pass(TOOLS_IDLE_MS - 1);
	assert_int_equal(tools_row(&tools, "new"), other_of(&tools));
	pass(1);
	assert_int_not_equal(tools_row(&tools, "new"), other_of(&tools));
	tools_fini(&tools);
}

static void take_a_name_that_gave_way_is_a_new_one(void **state)
{
	struct tools tools;
	uint32_t first, again;

	(void)state;
	open_tools(&tools, pools[0], 1);
	first = tools_row(&tools, "a");
	pass(TOOLS_IDLE_MS);
	assert_int_not_equal(tools_row(&tools, "b"), other_of(&tools));
	pass(TOOLS_IDLE_MS);
	again = tools_row(&tools, "a");
	assert_int_not_equal(again, other_of(&tools));
	assert_int_not_equal(again, first); /* there are rows that nobody used yet */
	tools_fini(&tools);
}

/* The row comes back to the segment and is somebody else's. */
static bool has_row(void *user)
{
	struct tools *tools = user;

	pass(TOOLS_ASK_MS);
	return tools_row(tools, "new") != other_of(tools);
}

static void evict_in_a_full_segment_brings_a_row_back(void **state)
{
	struct tools tools, full;

	(void)state;
	open_tools(&tools, pools[0], 8);
	open_tools(&full, pools[1], ROWS - 2);
	fill(&full);
	assert_int_equal(tools_row(&tools, "new"), other_of(&tools));
	assert_true(tools.wants_row);
	assert_false(tools_evict(&full, now)); /* none is idle yet */
	pass(TOOLS_IDLE_MS);
	assert_false(tools_evict(&tools, now)); /* it has none */
	assert_true(tools_evict(&full, now));
	rcu_wait();
	assert_true(snp_test_wait_until(has_row, &tools, SNP_TEST_DEADLINE_MS));
	tools_fini(&full);
	tools_fini(&tools);
}

/* A flood of names must not become a flood of attempts, each of which takes a lock. */
static void take_in_a_full_segment_asks_once_a_second(void **state)
{
	struct tools tools, full;
	uint64_t before;

	(void)state;
	open_tools(&tools, pools[0], 8);
	open_tools(&full, pools[1], ROWS - 2);
	fill(&full);
	(void)seen(0);
	before = snp_snapshot_stats(snapshot)->rows_dropped;
	for (unsigned i = 0; i < 1000; i++) {
		assert_int_equal(tools_row(&tools, "new"), other_of(&tools));
		pass(10);
	}
	(void)seen(0);
	assert_int_equal(snp_snapshot_stats(snapshot)->rows_dropped - before, 10);
	tools_fini(&full);
	tools_fini(&tools);
}

/* No reader would take the name: that is not the segment's fault. */
static void take_name_that_is_not_text_is_other(void **state)
{
	struct tools tools;

	(void)state;
	open_tools(&tools, pools[0], 8);
	assert_int_equal(tools_row(&tools, "\xff\xfe"), other_of(&tools));
	assert_false(tools.wants_row);
	assert_int_not_equal(tools_row(&tools, "good"), other_of(&tools));
	assert_int_equal(tools.used, 1);
	tools_fini(&tools);
}

struct known {
	char name[16];
	uint32_t row;
	snp_mono_t used;
};

static struct known *model_find(struct known *known, uint32_t n, const char *name)
{
	for (uint32_t i = 0; i < n; i++)
		if (strcmp(known[i].name, name) == 0)
			return &known[i];
	return NULL;
}

static struct known *model_oldest(struct known *known, uint32_t n)
{
	struct known *oldest = known;

	for (uint32_t i = 1; i < n; i++)
		if (known[i].used.ns < oldest->used.ns)
			oldest = &known[i];
	return oldest;
}

/* Against a list with the same rules; every step checks that the table has lost none.
 */
static void take_at_random_times_agrees_with_a_list(void **state)
{
	enum { STEPS = 1900, MAX = 20 };
	struct test_random random = test_random_seeded(2);
	struct known known[MAX] = {0};
	uint32_t n = 0, evictions = 0;
	struct tools tools;

	(void)state;
	open_tools(&tools, pools[0], MAX);
	for (unsigned i = 0; i < STEPS; i++) {
		struct known *entry;
		char name[16];
		uint32_t row;

		pass(test_random_below(&random, 60000));
		(void)snprintf(name, sizeof(name), "%x",
			       test_random_below(&random, 60) * 0x9E3779B1u);
		row = tools_row(&tools, name);
		entry = model_find(known, n, name);
		if (entry) {
			assert_int_equal(row, entry->row);
		} else if (n < MAX) {
			entry = &known[n++];
		} else {
			entry = model_oldest(known, n);
			if (snp_mono_since_ns(now, entry->used) <
			    TOOLS_IDLE_MS * SNP_NS_PER_MS) {
				assert_int_equal(row, other_of(&tools));
				continue;
			}
			evictions++;
		}
		assert_int_not_equal(row, other_of(&tools));
		*entry = (struct known){.row = row, .used = now};
		memcpy(entry->name, name, sizeof(name));
	}
	assert_true(evictions > 100);
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
	    T(take_idle_for_ten_minutes_gives_way),
	    T(take_lets_the_longest_idle_give_way),
	    T(take_active_does_not_give_way),
	    T(take_a_name_that_gave_way_is_a_new_one),
	    T(evict_in_a_full_segment_brings_a_row_back),
	    T(take_in_a_full_segment_asks_once_a_second),
	    T(take_name_that_is_not_text_is_other),
	    cmocka_unit_test_setup_teardown(take_at_random_times_agrees_with_a_list,
					    set_up_many, tear_down),
	};

	return cmocka_run_group_tests_name("runtime/tools", tests, NULL, NULL);
}
