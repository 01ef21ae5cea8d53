/* SPDX-License-Identifier: Apache-2.0 */
/* P19: what a query string asks for, and what cannot be answered. */
#include "query.h"

#include <errno.h>
#include <string.h>

#include "bucket.h"
#include "snp_test.h"

#define ROWS(rows) (sizeof(rows) / sizeof((rows)[0]))
#define BIT(id)	   (1U << SCRAPE_##id)

static void query_chooses_groups(void **state)
{
	static const struct {
		const char *pairs[5]; /* key, value, ... */
		uint32_t served, groups;
	} rows[] = {
	    {{NULL}, SCRAPE_GROUPS_ALL, SCRAPE_GROUPS_ALL},
	    {{NULL}, BIT(POOL), BIT(POOL)},
	    {{"collect[]", "pool"}, SCRAPE_GROUPS_ALL, BIT(POOL)},
	    {{"collect[]", "pool", "collect[]", "worker"},
	     SCRAPE_GROUPS_ALL,
	     BIT(POOL) | BIT(WORKER)},
	    {{"exclude[]", "pool"}, SCRAPE_GROUPS_ALL, SCRAPE_GROUPS_ALL & ~BIT(POOL)},
	    {{"exclude[]", "pool"}, BIT(WORKER), BIT(WORKER)},
	    {{"collect", "nonsense"}, SCRAPE_GROUPS_ALL, SCRAPE_GROUPS_ALL},
	};

	(void)state;
	for (size_t i = 0; i < ROWS(rows); i++) {
		struct query query = {0};
		struct scrape_filter filter;
		struct snp_err err = {0};

		for (int p = 0; p < 4 && rows[i].pairs[p]; p += 2)
			assert_int_equal(query_add(&query, rows[i].pairs[p],
						   rows[i].pairs[p + 1], &err),
					 0);
		assert_int_equal(query_finish(&query, rows[i].served, &filter, &err),
				 0);
		assert_int_equal(filter.groups, rows[i].groups);
		assert_int_equal(filter.names_nr, 0);
	}
}

static void query_names_families(void **state)
{
	struct query query = {0};
	struct scrape_filter filter;
	struct snp_err err = {0};

	(void)state;
	for (int i = 0; i < QUERY_NAMES_MAX; i++)
		assert_int_equal(query_add(&query, "name[]", "up", &err), 0);
	assert_int_equal(query_add(&query, "name[]", "up", &err), -EINVAL);
	assert_int_equal(query_finish(&query, SCRAPE_GROUPS_ALL, &filter, &err), 0);
	assert_int_equal(filter.names_nr, QUERY_NAMES_MAX);
	assert_string_equal(filter.names[0], "up");
}

static void query_what_cannot_be_answered_is_refused(void **state)
{
	struct query query = {0};
	struct scrape_filter filter;
	struct snp_err err = {0};

	(void)state;
	assert_int_equal(query_add(&query, "collect[]", "bogus", &err), -EINVAL);
	assert_string_equal(err.msg, "unknown collector: 'bogus'");
	assert_int_equal(query_add(&query, "exclude[]", NULL, &err), -EINVAL);
	assert_int_equal(query_add(&query, "collect[]", "pool", &err), 0);
	assert_int_equal(
	    query_finish(&query, SCRAPE_GROUPS_ALL & ~BIT(POOL), &filter, &err),
	    -EINVAL);
	assert_string_equal(err.msg, "disabled collector: 'pool'");
	assert_int_equal(query_add(&query, "exclude[]", "worker", &err), 0);
	assert_int_equal(query_finish(&query, SCRAPE_GROUPS_ALL, &filter, &err),
			 -EINVAL);
	assert_string_equal(err.msg,
			    "Combined collect and exclude queries are not allowed.");
}

/* P21: rate_limit. */
static void bucket_gives_a_burst_then_one_an_interval(void **state)
{
	struct bucket bucket = {0};
	snp_mono_t now = {.ns = 5000};

	(void)state;
	for (int i = 0; i < 3; i++)
		assert_true(bucket_take(&bucket, now, 100, 3));
	assert_false(bucket_take(&bucket, now, 100, 3));
	now.ns += 99;
	assert_false(bucket_take(&bucket, now, 100, 3));
	now.ns += 1;
	assert_true(bucket_take(&bucket, now, 100, 3));
	assert_false(bucket_take(&bucket, now, 100, 3));
	now.ns += 1000000; /* never more than the burst */
	for (int i = 0; i < 3; i++)
		assert_true(bucket_take(&bucket, now, 100, 3));
	assert_false(bucket_take(&bucket, now, 100, 3));
	/* Other rules, as after a reload: full again. */
	assert_true(bucket_take(&bucket, now, 50, 1));
	assert_false(bucket_take(&bucket, now, 50, 1));
	for (int i = 0; i < 4; i++) /* as far as time goes */
		assert_true(bucket_take(&bucket, now, UINT64_MAX / 5, UINT64_MAX));
	assert_false(bucket_take(&bucket, now, UINT64_MAX / 5, UINT64_MAX));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(query_chooses_groups),
	    cmocka_unit_test(query_names_families),
	    cmocka_unit_test(query_what_cannot_be_answered_is_refused),
	    cmocka_unit_test(bucket_gives_a_burst_then_one_an_interval),
	};

	return cmocka_run_group_tests_name("prometheus/query", tests, NULL, NULL);
}
