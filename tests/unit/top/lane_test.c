/* SPDX-License-Identifier: Apache-2.0 */
#include "scene.h"

#include "lane.h"

#define NEWEST                                                                         \
	(SCENE_SECOND / TOP_WORKER_STEP_S + TOP_HISTORY_S / TOP_WORKER_STEP_S - 1)

/* Worker 1, which has no request in flight and no heartbeat missed. */
static void put(struct scene *s, unsigned back, unsigned state, double busy_percent,
		double req_s)
{
	struct top_history_who who = {.row = s->frame.look.workers[1].row,
				      .slot = scene_workers[1].slot,
				      .pool = "default"};
	struct top_worker_point point = {.at.ns = (NEWEST - back) * TOP_WORKER_STEP_S *
						  SNP_NS_PER_S,
					 .run = 2,
					 .state = state,
					 .req_s = req_s,
					 .busy_percent = busy_percent};

	assert_int_equal(
	    0, top_history_put_worker(s->history, &who, NEWEST - back, &point));
}

static void each_state_has_its_letter(void **state)
{
	static const struct {
		unsigned state;
		char letter;
	} rows[] = {
	    {SNP_WORKER_STATE_EMPTY, '.'},	 {SNP_WORKER_STATE_SPAWNING, 's'},
	    {SNP_WORKER_STATE_STARTING, 's'},	 {SNP_WORKER_STATE_WARMING, 's'},
	    {SNP_WORKER_STATE_READY, 'i'},	 {SNP_WORKER_STATE_DRAINING, 'd'},
	    {SNP_WORKER_STATE_STOPPING, 'X'},	 {SNP_WORKER_STATE_KILLING, 'X'},
	    {SNP_WORKER_STATE_EXITED, 'X'},	 {SNP_WORKER_STATE_BACKOFF, 'X'},
	    {SNP_WORKER_STATE_QUARANTINED, 'X'}, {SNP_WORKER_STATE_LOST, 'X'}};
	struct scene *s = *state;
	char lane[TOP_LANE_MAX + 1];

	_Static_assert(sizeof(rows) / sizeof(*rows) == SNP_WORKER_STATE_NR, "all");
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		put(s, 0, rows[i].state, 0, 0);
		top_lane(lane, 1, &s->frame, 1);
		assert_int_equal(rows[i].letter, lane[0]);
	}
}

static void work_is_told_from_rest(void **state)
{
	struct scene *s = *state;
	char lane[TOP_LANE_MAX + 1];

	put(s, 0, SNP_WORKER_STATE_READY, NAN, NAN);
	put(s, 1, SNP_WORKER_STATE_READY, 4, 1);
	put(s, 2, SNP_WORKER_STATE_READY, 5, 1);
	put(s, 3, SNP_WORKER_STATE_READY, 100, 3);
	put(s, 4, SNP_WORKER_STATE_READY, 100, 0);
	top_lane(lane, 5, &s->frame, 1);
	assert_string_equal("Sbbii", lane);
}

/* Time in requests is counted when they end: 250 % are two steps and a half. */
static void long_request_reaches_back(void **state)
{
	struct scene *s = *state;
	char lane[TOP_LANE_MAX + 1];

	put(s, 0, SNP_WORKER_STATE_READY, 0, 0);
	put(s, 1, SNP_WORKER_STATE_READY, 250, 0);
	put(s, 2, SNP_WORKER_STATE_READY, 0, 0);
	put(s, 3, SNP_WORKER_STATE_READY, 0, 0);
	put(s, 4, SNP_WORKER_STATE_READY, 0, 0);
	top_lane(lane, 5, &s->frame, 1);
	assert_string_equal("ibSSi", lane);
}

static void request_that_still_runs_reaches_back(void **state)
{
	struct scene *s = *state;
	char lane[TOP_LANE_MAX + 1];

	for (unsigned back = 0; back < 5; back++)
		put(s, back, SNP_WORKER_STATE_READY, 0, 0);
	s->frame.inflight[0].worker = 1;
	s->frame.inflight[0].run_ns = 12 * SNP_NS_PER_S;
	top_lane(lane, 5, &s->frame, 1);
	assert_string_equal("iibSS", lane);
}

static void missed_heartbeat_and_holes_are_marked(void **state)
{
	struct scene *s = *state;
	char lane[TOP_LANE_MAX + 1];

	/* Of ml_infer/1, 12 s before the frame. */
	top_lane(lane, 4, &s->frame, 5);
	assert_int_equal('h', lane[1]);
	s->frame.history = NULL;
	top_lane(lane, 4, &s->frame, 1);
	assert_string_equal("....", lane);
	top_lane(lane, 100000, &s->frame, 1);
	assert_int_equal(TOP_LANE_MAX, strlen(lane));
	top_lane(lane, -1, &s->frame, 1);
	assert_string_equal("", lane);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, scene_open, scene_close)

int main(void)
{
	const struct CMUnitTest tests[] = {
	    TEST(each_state_has_its_letter),
	    TEST(work_is_told_from_rest),
	    TEST(long_request_reaches_back),
	    TEST(request_that_still_runs_reaches_back),
	    TEST(missed_heartbeat_and_holes_are_marked),
	};

	return cmocka_run_group_tests_name("top/lane", tests, NULL, NULL);
}
