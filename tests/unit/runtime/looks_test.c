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

static enum verdict_process look(pid_t running)
{
	state.running[0] = running;
	state.running_nr = running ? 1 : 0;
	looks_add(&looks, &state, false);
	return looks_process(&looks, &state);
}

static void fewer_than_four_say_nothing(void **unused)
{
	(void)unused;
	for (int i = 1; i < LOOKS_MIN; i++)
		assert_int_equal(look(7), VERDICT_PROCESS_UNSEEN);
	assert_int_equal(look(7), VERDICT_PROCESS_RUNS);
}

static void all_asleep_waits(void **unused)
{
	(void)unused;
	for (int i = 1; i < LOOKS_MIN; i++)
		(void)look(0);
	assert_int_equal(look(0), VERDICT_PROCESS_WAITS);
	state.waits_for_disk = true;
	assert_int_equal(look(0), VERDICT_PROCESS_DISK);
}

static void one_thread_in_six_of_eight_computes(void **unused)
{
	static const pid_t six[] = {7, 7, 0, 7, 7, 7, 0, 7};

	(void)unused;
	for (int round = 0; round < 3; round++)
		for (int i = 0; i < 8; i++)
			(void)look(six[i]);
	assert_int_equal(looks_process(&looks, &state), VERDICT_PROCESS_RUNS);
	(void)look(0);
	(void)look(0);
	assert_int_equal(looks_process(&looks, &state), VERDICT_PROCESS_WAITS);
}

/* Threads that wait for the GIL on a busy host: at every look another one is awake. */
static void now_the_one_and_now_the_other_waits(void **unused)
{
	(void)unused;
	for (pid_t i = 0; i < 100; i++)
		if (look(1 + i % 12) == VERDICT_PROCESS_RUNS)
			fail_msg("look %d", i);
	assert_int_equal(looks_process(&looks, &state), VERDICT_PROCESS_WAITS);
}

static void one_that_computes_among_many_that_wake_is_found(void **unused)
{
	struct test_random random = test_random_seeded(9);

	(void)unused;
	for (int i = 0; i < 1000; i++) {
		state.running_nr = 3;
		for (int k = 0; k < 3; k++)
			state.running[k] = 100 + (pid_t)test_random_below(&random, 60);
		state.running[test_random_below(&random, 3)] = 7;
		looks_add(&looks, &state, false);
		if (i >= LOOKS_MAX)
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
	assert_int_equal(look(7), VERDICT_PROCESS_STOPPED);
	state.state = 't';
	assert_int_equal(look(7), VERDICT_PROCESS_STOPPED);
	state.frozen = true;
	assert_int_equal(look(7), VERDICT_PROCESS_FROZEN);
}

int main(void)
{
#define T(f) cmocka_unit_test_setup(f, set_up)
	const struct CMUnitTest tests[] = {
	    T(fewer_than_four_say_nothing),
	    T(all_asleep_waits),
	    T(one_thread_in_six_of_eight_computes),
	    T(now_the_one_and_now_the_other_waits),
	    T(one_that_computes_among_many_that_wake_is_found),
	    T(cpu_that_was_used_computes_whoever_it_was),
	    T(stopped_and_frozen_are_known_at_once),
	};

	return cmocka_run_group_tests_name("runtime/looks", tests, NULL, NULL);
}
