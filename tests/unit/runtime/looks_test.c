/* SPDX-License-Identifier: Apache-2.0 */
/* Several looks at a process, taken together. */
#include "snp_test.h"

#include "test_random.h"
#include "worker/looks.h"

static struct looks looks;
static struct procfs_state state;

static int set_up(void **unused)
{
	(void)unused;
	looks = (struct looks){0};
	state = (struct procfs_state){.state = 'S'};
	return 0;
}

/* One thread that is seen runnable, or none, after so many waits. */
static enum verdict_process look(pid_t running, uint64_t waits)
{
	state.running[0] = (struct procfs_thread){running, waits};
	state.running_nr = running ? 1 : 0;
	looks_add(&looks, &state, false);
	return looks_process(&looks, &state);
}

static void fewer_than_four_say_nothing(void **unused)
{
	(void)unused;
	for (int i = 1; i < LOOKS_MIN; i++)
		assert_int_equal(look(7, 5), VERDICT_PROCESS_UNSEEN);
	assert_int_equal(look(7, 5), VERDICT_PROCESS_RUNS);
}

static void all_asleep_waits(void **unused)
{
	(void)unused;
	for (int i = 1; i < LOOKS_MIN; i++)
		(void)look(0, 0);
	assert_int_equal(look(0, 0), VERDICT_PROCESS_WAITS);
	state.waits_for_disk = true;
	assert_int_equal(look(0, 0), VERDICT_PROCESS_DISK);
}

static void one_that_runs_without_waiting_computes(void **unused)
{
	static const pid_t half[] = {7, 7, 0, 7, 7, 7, 0, 7};

	(void)unused;
	for (int round = 0; round < 3; round++)
		for (int i = 0; i < 8; i++)
			(void)look(half[i], 5);
	assert_int_equal(looks_process(&looks, &state), VERDICT_PROCESS_RUNS);
	(void)look(0, 0);
	(void)look(0, 0);
	assert_int_equal(looks_process(&looks, &state), VERDICT_PROCESS_WAITS);
}

/* A thread that waits for the GIL on a busy host is runnable whenever one looks. */
static void one_that_runs_but_has_waited_waits(void **unused)
{
	(void)unused;
	for (uint64_t i = 0; i < 100; i++)
		if (look(7, i) == VERDICT_PROCESS_RUNS)
			fail_msg("look %d", (int)i);
	assert_int_equal(looks_process(&looks, &state), VERDICT_PROCESS_WAITS);
}

static void now_the_one_and_now_the_other_waits(void **unused)
{
	(void)unused;
	for (pid_t i = 0; i < 100; i++)
		if (look(1 + i % 2, 5) == VERDICT_PROCESS_RUNS)
			fail_msg("look %d", i);
}

static void one_that_computes_among_many_that_wake_is_found(void **unused)
{
	struct test_random random = test_random_seeded(9);

	(void)unused;
	for (unsigned i = 0; i < 1000; i++) {
		state.running_nr = 3;
		for (unsigned k = 0; k < 3; k++)
			state.running[k] = (struct procfs_thread){
			    100 + (pid_t)test_random_below(&random, 9), i};
		state.running[test_random_below(&random, 3)] =
		    (struct procfs_thread){7, 5};
		looks_add(&looks, &state, false);
		if (i >= LOOKS_MIN)
			assert_int_equal(looks_process(&looks, &state),
					 VERDICT_PROCESS_RUNS);
	}
}

static void cpu_that_was_used_computes_whoever_it_was(void **unused)
{
	(void)unused;
	for (int i = 0; i < LOOKS_MIN; i++)
		looks_add(&looks, &state, true);
	assert_int_equal(looks_process(&looks, &state), VERDICT_PROCESS_RUNS);
}

static void stopped_and_frozen_are_known_at_once(void **unused)
{
	(void)unused;
	state.state = 'T';
	assert_int_equal(look(7, 5), VERDICT_PROCESS_STOPPED);
	state.state = 't';
	assert_int_equal(look(7, 5), VERDICT_PROCESS_STOPPED);
	state.frozen = true;
	assert_int_equal(look(7, 5), VERDICT_PROCESS_FROZEN);
}

int main(void)
{
#define T(f) cmocka_unit_test_setup(f, set_up)
	const struct CMUnitTest tests[] = {
	    T(fewer_than_four_say_nothing),
	    T(all_asleep_waits),
	    T(one_that_runs_without_waiting_computes),
	    T(one_that_runs_but_has_waited_waits),
	    T(now_the_one_and_now_the_other_waits),
	    T(one_that_computes_among_many_that_wake_is_found),
	    T(cpu_that_was_used_computes_whoever_it_was),
	    T(stopped_and_frozen_are_known_at_once),
	};

	return cmocka_run_group_tests_name("runtime/looks", tests, NULL, NULL);
}
