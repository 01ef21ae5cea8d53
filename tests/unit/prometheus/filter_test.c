/* SPDX-License-Identifier: Apache-2.0 */
/* P19, the pure side: which families a filter lets pass. */
#include "filter.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

static void groups_by_prefix(void **state)
{
	static const struct {
		const char *family;
		enum scrape_group group;
	} rows[] = {
	    {"snakepit_heartbeat_missed", SCRAPE_HEARTBEAT},
	    {"snakepit_workers", SCRAPE_WORKER},
	    {"snakepit_worker_state", SCRAPE_WORKER},
	    {"snakepit_pool_queue_depth", SCRAPE_POOL},
	    {"snakepit_requests_total", SCRAPE_REQUEST},
	    {"snakepit_request_active", SCRAPE_REQUEST},
	    {"snakepit_stream_chunks_total", SCRAPE_REQUEST},
	    {"snakepit_sessions_created_total", SCRAPE_SESSION},
	    {"snakepit_shm_torn_reads_total", SCRAPE_SHM},
	    {"snakepit_metric_overflows_total", SCRAPE_SHM},
	    {"process_open_fds", SCRAPE_PROCESS},
	    {"snakepit_start_time_seconds", SCRAPE_RUNTIME},
	    {"anything", SCRAPE_RUNTIME},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		if (scrape_group_of(rows[i].family) != rows[i].group)
			fail_msg("%s is of %s", rows[i].family,
				 scrape_group_name(scrape_group_of(rows[i].family)));
}

static void groups_by_name(void **state)
{
	(void)state;
	for (int i = 0; i < SCRAPE_GROUP_NR; i++)
		assert_int_equal(
		    scrape_group_find(scrape_group_name((enum scrape_group)i)), i);
	assert_int_equal(scrape_group_find("nothing"), -1);
	assert_int_equal(scrape_group_find(""), -1);
}

static void p19_wants(void **state)
{
	static const char *const names[] = {"process_open_fds", "snakepit_up"};
	const struct scrape_filter pools = {.groups = 1U << SCRAPE_POOL};
	const struct scrape_filter two = {SCRAPE_GROUPS_ALL, names, 2};
	const struct scrape_filter both = {1U << SCRAPE_POOL, names, 2};

	(void)state;
	assert_true(scrape_filter_wants(&scrape_filter_all, "snakepit_workers", false));
	assert_true(scrape_filter_wants(&pools, "snakepit_pool_queue_depth", false));
	assert_false(scrape_filter_wants(&pools, "snakepit_workers", false));
	assert_true(scrape_filter_wants(&pools, "snakepit_up", true));
	assert_true(scrape_filter_wants(&two, "snakepit_up", true));
	assert_true(scrape_filter_wants(&two, "process_open_fds", false));
	assert_false(scrape_filter_wants(&two, "process_threads", false));
	assert_false(
	    scrape_filter_wants(&two, "snakepit_scrape_duration_seconds", true));
	assert_false(scrape_filter_wants(&both, "process_open_fds", false));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(groups_by_prefix),
	    cmocka_unit_test(groups_by_name),
	    cmocka_unit_test(p19_wants),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
