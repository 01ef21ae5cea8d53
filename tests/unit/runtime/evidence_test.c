/* SPDX-License-Identifier: Apache-2.0 */
/* Stacks as faulthandler writes them, brought into the room there is. */
#include "snp_test.h"

#include <string.h>

#include "test_random.h"
#include "worker/evidence.h"

static const char two_threads[] =
    "Thread 0x00007f0000000001 (most recent call first):\n"
    "  File \"/a/model.py\", line 7 in forward\n"
    "  File \"/a/server.py\", line 9 in run\n"
    "\n"
    "Current thread 0x00007f0000000002 (most recent call first):\n"
    "  File \"/a/main.py\", line 3 in <module>\n";

static char text[BUFSIZ];

static void stacks_that_fit_are_kept_as_they_are(void **state)
{
	(void)state;
	assert_int_equal(
	    evidence_stacks(two_threads, strlen(two_threads), text, sizeof(text)),
	    strlen(two_threads));
	assert_string_equal(text, two_threads);
}

static void stacks_without_a_last_newline_get_one(void **state)
{
	(void)state;
	assert_int_equal(evidence_stacks("Thread 1", 8, text, sizeof(text)), 9);
	assert_string_equal(text, "Thread 1\n");
	assert_int_equal(evidence_stacks("", 0, text, sizeof(text)), 0);
	assert_string_equal(text, "");
}

/* The innermost calls of every thread, rather than one thread whole. */
static void stacks_too_deep_keep_the_innermost_calls_of_each_thread(void **state)
{
	char dump[8192], line[64];
	size_t len = 0;

	(void)state;
	for (int thread = 0; thread < 3; thread++) {
		len += (size_t)snprintf(dump + len, sizeof(dump) - len,
					"%sThread %d:\n", thread ? "\n" : "", thread);
		for (int frame = 0; frame < 50; frame++)
			len +=
			    (size_t)snprintf(dump + len, sizeof(dump) - len,
					     "  File line %d in f%d\n", frame, thread);
	}
	assert_in_range(evidence_stacks(dump, len, text, 800), 400, 799);
	for (int thread = 0; thread < 3; thread++) {
		(void)snprintf(line, sizeof(line), "Thread %d:\n  File line 0 in f%d\n",
			       thread, thread);
		assert_non_null(strstr(text, line));
	}
	assert_null(strstr(text, "line 49"));
	assert_non_null(strstr(text, "  ...\n"));
}

static void stacks_never_carry_control_characters(void **state)
{
	static const char evil[] = "Thread \x1b[2J\r\x07\t\x7f\xc3\xa9\xff";

	(void)state;
	(void)evidence_stacks(evil, sizeof(evil) - 1, text, sizeof(text));
	assert_string_equal(text, "Thread ?[2J?????\?\?\n");
}

static void stacks_of_random_bytes_stay_within_the_room(void **state)
{
	struct test_random random = test_random_seeded(3);
	static const char some[] = " \n\nTF\x01\xffx";
	char dump[600];

	(void)state;
	for (int i = 0; i < 20000; i++) {
		size_t len = test_random_below(&random, sizeof(dump));
		size_t size = 1 + test_random_below(&random, 300), n;

		for (size_t k = 0; k < len; k++)
			dump[k] = some[test_random_below(&random, sizeof(some) - 1)];
		text[size] = 'Z';
		n = evidence_stacks(dump, len, text, size);
		assert_true(n < size);
		assert_int_equal(strlen(text), n);
		assert_int_equal(text[size], 'Z');
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(stacks_that_fit_are_kept_as_they_are),
	    cmocka_unit_test(stacks_without_a_last_newline_get_one),
	    cmocka_unit_test(stacks_too_deep_keep_the_innermost_calls_of_each_thread),
	    cmocka_unit_test(stacks_never_carry_control_characters),
	    cmocka_unit_test(stacks_of_random_bytes_stay_within_the_room),
	};

	return cmocka_run_group_tests_name("runtime/evidence", tests, NULL, NULL);
}
