/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <limits.h>
#include <string.h>

#include "cli/nearest.h"

static void distance_counts_each_kind_of_slip_once(void **state)
{
	(void)state;
	assert_int_equal(cli_distance("status", "status"), 0);
	assert_int_equal(cli_distance("status", "statu"), 1);
	assert_int_equal(cli_distance("status", "sttatus"), 1);
	assert_int_equal(cli_distance("status", "stazus"), 1);
	assert_int_equal(cli_distance("status", "sttaus"), 1);
	assert_int_equal(cli_distance("", "top"), 3);
	assert_int_equal(cli_distance("top", ""), 3);
	assert_int_equal(cli_distance("doctor", "status"), 5);
}

static void distance_of_long_words_is_infinite(void **state)
{
	char word[CLI_NEAREST_MAX + 2];

	(void)state;
	memset(word, 'x', sizeof(word));
	word[CLI_NEAREST_MAX] = '\0';
	assert_int_equal(cli_distance(word, word), 0);
	assert_int_equal(cli_distance(word, ""), CLI_NEAREST_MAX);
	word[CLI_NEAREST_MAX] = 'x';
	word[CLI_NEAREST_MAX + 1] = '\0';
	assert_int_equal(cli_distance(word, "top"), UINT_MAX);
	assert_int_equal(cli_distance("top", word), UINT_MAX);
}

static const char *best_of(const char *word, const char *const *candidates)
{
	struct cli_nearest nearest = {.word = word};

	for (; *candidates; candidates++)
		cli_nearest_try(&nearest, *candidates);
	return nearest.best;
}

static void try_keeps_the_nearest_and_nothing_far_away(void **state)
{
	static const char *const commands[] = {"run", "ls",	"status",
					       "top", "doctor", NULL};

	(void)state;
	assert_string_equal(best_of("statsu", commands), "status");
	assert_string_equal(best_of("stauts", commands), "status");
	assert_string_equal(best_of("rnu", commands), "run");
	assert_string_equal(best_of("docter", commands), "doctor");
	assert_null(best_of("frobnicate", commands));
	assert_null(best_of("", commands));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(distance_counts_each_kind_of_slip_once),
	    cmocka_unit_test(distance_of_long_words_is_infinite),
	    cmocka_unit_test(try_keeps_the_nearest_and_nothing_far_away),
	};

	return cmocka_run_group_tests_name("cli/nearest", tests, NULL, NULL);
}
