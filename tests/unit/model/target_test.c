/* SPDX-License-Identifier: Apache-2.0 */
#include "model/target.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>

#include "segment_fixture.h"

/* ---- fixture ------------------------------------------------------------- */

struct fixture {
	struct segment_fixture writer;
	struct snp_target *target;
};

static int setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));

	if (!f)
		return -1;
	segment_fixture_open(&f->writer, "default", "word_stats");
	assert_int_equal(snp_target_create(f->writer.path, &f->target), 0);
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	snp_target_destroy(&f->target);
	assert_null(f->target);
	segment_fixture_close(&f->writer);
	free(f);
	return 0;
}

static uint64_t requests(const struct snp_target *target)
{
	const struct snp_snapshot *snap = snp_target_snapshot(target);

	assert_non_null(snap);
	return snp_snapshot_value(
	    snap, snp_snapshot_metric_find(snap, "snakepit.requests"), 0, 0);
}

/* Put a file that is no segment in the place of whatever is there. */
static void replace_by_garbage(const char *path)
{
	char temporary[160];
	int fd;

	(void)snprintf(temporary, sizeof(temporary), "%s.new", path);
	fd = open(temporary, O_CREAT | O_WRONLY | O_CLOEXEC, 0640);
	assert_true(fd >= 0);
	assert_int_equal(ftruncate(fd, 65536), 0);
	(void)close(fd);
	assert_int_equal(rename(temporary, path), 0);
}

/* ---- cases --------------------------------------------------------------- */

static void poll_follows_a_living_writer(void **state)
{
	struct fixture *f = *state;

	for (uint64_t i = 1; i <= 3; i++) {
		snp_add(&f->writer.bank.tools[0].requests[0], 1);
		assert_int_equal(snp_target_poll(f->target), SNP_TARGET_LIVE);
		assert_int_equal(snp_target_verdict(f->target), SNP_WRITER_ALIVE);
		assert_true(snp_target_fresh(f->target));
		assert_int_equal(requests(f->target), i);
		assert_int_equal(snp_target_generation(f->target), 1);
		assert_int_equal(snp_target_error(f->target)->code, 0);
	}
}

static void poll_attaches_anew_when_there_are_more_metrics(void **state)
{
	struct fixture *f = *state;
	const struct snp_adapter_metric tokens = {SNP_KIND_COUNTER, "tokens", "", ""};
	uint32_t metric;

	assert_int_equal(snp_target_poll(f->target), SNP_TARGET_LIVE);
	assert_null(snp_snapshot_metric_find(snp_target_snapshot(f->target), "tokens"));
	assert_int_equal(snp_adapter_metric(f->writer.writer, &tokens, &metric, NULL),
			 0);
	for (int i = 0; i < 2; i++) {
		assert_int_equal(snp_target_poll(f->target), SNP_TARGET_LIVE);
		assert_non_null(
		    snp_snapshot_metric_find(snp_target_snapshot(f->target), "tokens"));
		assert_int_equal(snp_target_generation(f->target), 2);
	}
}

static void poll_before_first_look_has_nothing(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(snp_target_state(f->target), SNP_TARGET_ABSENT);
	assert_null(snp_target_snapshot(f->target));
	assert_null(snp_target_segment(f->target));
	assert_int_equal(snp_target_generation(f->target), 0);
}

static void poll_absent_file_then_present(void **state)
{
	struct fixture *f = *state;
	char away[160];

	(void)snprintf(away, sizeof(away), "%s.away", f->writer.path);
	assert_int_equal(rename(f->writer.path, away), 0);
	assert_int_equal(snp_target_poll(f->target), SNP_TARGET_ABSENT);
	assert_int_equal(snp_target_error(f->target)->code, -ENOENT);
	assert_null(snp_target_snapshot(f->target));
	assert_int_equal(rename(away, f->writer.path), 0);
	assert_int_equal(snp_target_poll(f->target), SNP_TARGET_LIVE);
}

static void poll_dead_writer_keeps_its_last_word(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(snp_target_poll(f->target), SNP_TARGET_LIVE);
	snp_add(&f->writer.bank.tools[0].requests[0], 9);
	snp_writer_abandon(&f->writer.writer);
	assert_int_equal(snp_target_poll(f->target), SNP_TARGET_ENDED);
	assert_int_equal(snp_target_verdict(f->target), SNP_WRITER_DEAD);
	assert_int_equal(requests(f->target), 9);
}

static void poll_closed_writer_has_ended(void **state)
{
	struct fixture *f = *state;

	snp_writer_close(&f->writer.writer);
	assert_int_equal(snp_target_poll(f->target), SNP_TARGET_ENDED);
	assert_int_equal(snp_target_verdict(f->target), SNP_WRITER_CLOSED);
}

static void poll_restarted_writer_is_a_new_generation(void **state)
{
	struct fixture *f = *state;

	snp_add(&f->writer.bank.tools[0].requests[0], 9);
	assert_int_equal(snp_target_poll(f->target), SNP_TARGET_LIVE);
	segment_fixture_restart(&f->writer);
	assert_int_equal(snp_target_poll(f->target), SNP_TARGET_LIVE);
	assert_int_equal(snp_target_generation(f->target), 2);
	assert_int_equal(requests(f->target), 0);
}

/* What was counted between the last look and the restart is not lost to who wants it.
 */
static void poll_restarted_writer_leaves_its_last_word(void **state)
{
	struct fixture *f = *state;
	const struct snp_snapshot *last;

	snp_add(&f->writer.bank.tools[0].requests[0], 9);
	assert_int_equal(snp_target_poll(f->target), SNP_TARGET_LIVE);
	assert_null(snp_target_predecessor(f->target));
	snp_add(&f->writer.bank.tools[0].requests[0], 4);
	segment_fixture_restart(&f->writer);
	assert_int_equal(snp_target_poll(f->target), SNP_TARGET_LIVE);
	last = snp_target_predecessor(f->target);
	assert_non_null(last);
	assert_non_null(snp_target_predecessor_segment(f->target));
	assert_ptr_not_equal(snp_target_predecessor_segment(f->target),
			     snp_target_segment(f->target));
	assert_int_equal(
	    snp_snapshot_value(
		last, snp_snapshot_metric_find(last, "snakepit.requests"), 0, 0),
	    13);
	assert_int_equal(snp_target_poll(f->target), SNP_TARGET_LIVE);
	assert_null(snp_target_predecessor(f->target));
	assert_null(snp_target_predecessor_segment(f->target));
}

static void poll_foreign_file_is_broken(void **state)
{
	struct fixture *f = *state;

	replace_by_garbage(f->writer.path);
	assert_int_equal(snp_target_poll(f->target), SNP_TARGET_BROKEN);
	assert_int_equal(snp_target_error(f->target)->code, -EBADMSG);
	assert_null(snp_target_snapshot(f->target));
}

static void poll_bad_successor_does_not_displace_the_data(void **state)
{
	struct fixture *f = *state;

	snp_add(&f->writer.bank.tools[0].requests[0], 9);
	assert_int_equal(snp_target_poll(f->target), SNP_TARGET_LIVE);
	replace_by_garbage(f->writer.path);
	snp_writer_abandon(&f->writer.writer);
	assert_int_equal(snp_target_poll(f->target), SNP_TARGET_ENDED);
	assert_int_equal(snp_target_error(f->target)->code, -EBADMSG);
	assert_int_equal(requests(f->target), 9);
	assert_int_equal(unlink(f->writer.path), 0);
	assert_int_equal(snp_target_poll(f->target), SNP_TARGET_ENDED);
	assert_int_equal(snp_target_error(f->target)->code, -ENOENT);
	assert_int_equal(requests(f->target), 9);
}

static void poll_many_times_leaks_no_descriptor(void **state)
{
	struct fixture *f = *state;
	int before, after;

	assert_int_equal(snp_target_poll(f->target), SNP_TARGET_LIVE);
	before = dup(0);
	(void)close(before);
	for (int i = 0; i < 50; i++) {
		segment_fixture_restart(&f->writer);
		assert_int_equal(snp_target_poll(f->target), SNP_TARGET_LIVE);
	}
	after = dup(0);
	(void)close(after);
	assert_true(after <= before + 1);
	assert_int_equal(snp_target_generation(f->target), 51);
}

static void exit_code_of_each_failure(void **state)
{
	(void)state;
	assert_int_equal(snp_exit_code(0), 0);
	assert_int_equal(snp_exit_code(-EEXIST), 2);
	assert_int_equal(snp_exit_code(-ENOENT), 3);
	assert_int_equal(snp_exit_code(-EAGAIN), 3);
	assert_int_equal(snp_exit_code(-EPROTO), 4);
	assert_int_equal(snp_exit_code(-EBADMSG), 4);
	assert_int_equal(snp_exit_code(-EACCES), 1);
	assert_int_equal(snp_exit_code(-ENOMEM), 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define CASE(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	    CASE(poll_follows_a_living_writer),
	    CASE(poll_attaches_anew_when_there_are_more_metrics),
	    CASE(poll_before_first_look_has_nothing),
	    CASE(poll_absent_file_then_present),
	    CASE(poll_dead_writer_keeps_its_last_word),
	    CASE(poll_closed_writer_has_ended),
	    CASE(poll_restarted_writer_is_a_new_generation),
	    CASE(poll_restarted_writer_leaves_its_last_word),
	    CASE(poll_foreign_file_is_broken),
	    CASE(poll_bad_successor_does_not_displace_the_data),
	    CASE(poll_many_times_leaks_no_descriptor),
	    cmocka_unit_test(exit_code_of_each_failure),
	};

	return cmocka_run_group_tests_name("model/target", tests, NULL, NULL);
}
