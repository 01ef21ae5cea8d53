/* SPDX-License-Identifier: Apache-2.0 */
#include "scene.h"

#include "plain.h"

struct fixture {
	struct scene *scene;
	struct top_plain plain;
	struct top_lints lints;
	struct snp_buf out;
};

static struct fixture fixture;

/* The lines of the scene's frame as it is now. */
static const char *lines(void)
{
	struct fixture *f = &fixture;

	snp_buf_reset(&f->out);
	assert_int_equal(
	    0, top_plain_changes(&f->plain, &f->scene->frame, &f->lints, &f->out));
	snp_buf_putc(&f->out, '\0');
	assert_false(f->out.failed);
	return f->out.data;
}

static int begin(void **state)
{
	fixture.scene = *state;
	fixture.lints.nr = 0;
	(void)lines();
	return 0;
}

static int end(void **state)
{
	(void)state;
	top_plain_fini(&fixture.plain);
	snp_buf_fini(&fixture.out);
	return 0;
}

static void first_frame_is_a_summary_and_what_is_wrong(void **state)
{
	(void)state;
	top_plain_fini(&fixture.plain);
	assert_string_equal(
	    "17:03:21 ml7-prod: LIVE, 9 workers, 4 busy, 2 down, 7 waiting, "
	    "41.2k requests/s\n"
	    "17:03:21 ml_infer/1: missed 3 heartbeats\n"
	    "17:03:21 ml_infer/3: missed 3 heartbeats\n",
	    lines());
}

static void nothing_changed_is_nothing_said(void **state)
{
	(void)state;
	assert_string_equal("", lines());
	fixture.scene->frame.look.total.req_s += 1000;
	assert_string_equal("", lines());
	fixture.scene->frame.look.total.req_s -= 1000;
}

static void end_of_the_runtime_is_said_once(void **state)
{
	struct top_frame *frame = &fixture.scene->frame;

	(void)state;
	frame->verdict = TOP_DEAD;
	assert_non_null(strstr(lines(), "ml7-prod: DEAD, 9 workers"));
	assert_string_equal("", lines());
	frame->verdict = TOP_LIVE;
	frame->generation++;
	assert_non_null(strstr(lines(), "ml7-prod: new run, LIVE"));
}

static void events_are_said_in_order(void **state)
{
	struct top_eventlog *log = &fixture.scene->frame.events;
	struct snp_told_event event = *top_eventlog_at(log, 0);
	const char *first, *second;

	(void)state;
	(void)snprintf(event.pool, sizeof(event.pool), "a\033[2J");
	top_eventlog_add(log, &event);
	(void)snprintf(event.pool, sizeof(event.pool), "b");
	top_eventlog_add(log, &event);
	first = strstr(lines(), " a\\x1b[2J/0: ");
	second = strstr(fixture.out.data, " b/0: ");
	assert_true(first && second && first < second);
	assert_null(strchr(fixture.out.data, '\033'));
	assert_string_equal("", lines());
}

static void missed_heartbeats_are_counted_up_and_forgiven(void **state)
{
	struct snp_worker_stat *worker = &fixture.scene->frame.look.workers[0];
	uint64_t was = worker->heartbeat_missed;

	(void)state;
	worker->heartbeat_missed = was + 1;
	assert_non_null(strstr(lines(), "default/0: missed 1 heartbeat\n"));
	worker->heartbeat_missed = was + 3;
	assert_non_null(strstr(lines(), "default/0: missed 3 heartbeats\n"));
	assert_string_equal("", lines());
	worker->heartbeat_missed = was;
	assert_non_null(strstr(lines(), "default/0: answers heartbeats again\n"));
}

static void lints_come_and_go(void **state)
{
	struct top_lint *lint = &fixture.lints.lint[0];

	(void)state;
	*lint = (struct top_lint){.id = TOP_LINT_QUEUE_ETA,
				  .pool = "io",
				  .what = "queue 7/1000, full in ~40s"};
	fixture.lints.nr = 1;
	assert_string_equal("17:03:21 io: lint queue-eta: queue 7/1000, full in ~40s\n",
			    lines());
	/* The same with other numbers is no news. */
	(void)snprintf(lint->what, sizeof(lint->what), "queue 8/1000");
	assert_string_equal("", lines());
	fixture.lints.nr = 0;
	assert_string_equal("17:03:21 io: lint queue-eta: over\n", lines());
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, begin, end)
	const struct CMUnitTest tests[] = {
	    T(first_frame_is_a_summary_and_what_is_wrong),
	    T(nothing_changed_is_nothing_said),
	    T(end_of_the_runtime_is_said_once),
	    T(events_are_said_in_order),
	    T(missed_heartbeats_are_counted_up_and_forgiven),
	    T(lints_come_and_go),
	};

	return cmocka_run_group_tests_name("top/plain", tests, scene_open, scene_close);
}
