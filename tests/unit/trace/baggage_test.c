/* SPDX-License-Identifier: Apache-2.0 */
#include "snp_test.h"

#include <stdlib.h>
#include <string.h>

#include "trace/baggage.h"

static char text[3 * TRACE_BAGGAGE_MAX];

/* `nr` members of `bytes` each, commas between them. */
static struct rpc_str members(unsigned nr, size_t bytes)
{
	size_t at = 0;

	for (unsigned i = 0; i < nr; i++) {
		if (i)
			text[at++] = ',';
		(void)snprintf(text + at, sizeof(text) - at, "k%02u=", i);
		memset(text + at + 4, 'v', bytes - 4);
		at += bytes;
	}
	assert_true(at < sizeof(text));
	text[at] = '\0';
	return (struct rpc_str){text, at};
}

static size_t taken_of(struct rpc_str entry)
{
	struct trace_baggage_room room;
	struct rpc_str taken;

	trace_baggage_room_init(&room);
	taken = trace_baggage_take(&room, entry);
	assert_ptr_equal(taken.data, entry.data);
	return taken.len;
}

static void t04_what_is_within_the_limits_is_passed_on_as_it_came(void **state)
{
	static const char *const whole[] = {
	    "",
	    ",",
	    "a=1",
	    "a=1,",
	    ",,a=1,,",
	    " a = 1 ; p ; q = 2 ,\tb=2 ",
	    "userId=Am%C3%A9lie,bad=%FF%zz%,serverNode=DF%2028",
	    "not baggage at all",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(whole) / sizeof(whole[0]); i++)
		assert_int_equal(taken_of(rpc_str_of(whole[i])), strlen(whole[i]));
	assert_int_equal(taken_of((struct rpc_str){0}), 0);
}

static void t04_64_members_and_8192_bytes_fit(void **state)
{
	struct rpc_str entry = members(64, 127); /* 64 of 127, 63 commas: 8191 */

	(void)state;
	assert_int_equal(entry.len, TRACE_BAGGAGE_MAX - 1);
	assert_int_equal(taken_of(entry), entry.len);
	text[entry.len++] = 'v';
	assert_int_equal(taken_of(entry), TRACE_BAGGAGE_MAX);
}

static void t04_a_member_too_many_is_left_out_whole(void **state)
{
	(void)state;
	assert_int_equal(taken_of(members(65, 8)), 64 * 9 - 1);
	assert_int_equal(taken_of(members(2, TRACE_BAGGAGE_MAX)), TRACE_BAGGAGE_MAX);
	assert_int_equal(taken_of(members(1, TRACE_BAGGAGE_MAX + 1)), 0);
	assert_int_equal(taken_of(members(65, 127)), 64 * 128 - 1);
}

static void t04_what_follows_something_left_out_is_left_out_too(void **state)
{
	struct trace_baggage_room room;

	(void)state;
	trace_baggage_room_init(&room);
	(void)trace_baggage_take(&room, members(1, TRACE_BAGGAGE_MAX + 1));
	assert_int_equal(trace_baggage_take(&room, rpc_str_of("a=1")).len, 0);
	trace_baggage_room_init(&room);
	assert_int_equal(trace_baggage_take(&room, members(60, 8)).len, 60 * 9 - 1);
	assert_int_equal(trace_baggage_take(&room, members(10, 8)).len, 4 * 9 - 1);
	assert_int_equal(trace_baggage_take(&room, rpc_str_of("a=1")).len, 0);
}

static void take_stays_within_the_text(void **state)
{
	static const char sample[] = "a=1,b=2,,c=3";

	(void)state;
	for (size_t len = 1; len < sizeof(sample); len++) {
		char *copy = malloc(len);

		assert_non_null(copy);
		memcpy(copy, sample, len);
		assert_int_equal(taken_of((struct rpc_str){copy, len}), len);
		free(copy);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(t04_what_is_within_the_limits_is_passed_on_as_it_came),
	    cmocka_unit_test(t04_64_members_and_8192_bytes_fit),
	    cmocka_unit_test(t04_a_member_too_many_is_left_out_whole),
	    cmocka_unit_test(t04_what_follows_something_left_out_is_left_out_too),
	    cmocka_unit_test(take_stays_within_the_text),
	};

	return cmocka_run_group_tests_name("trace/baggage", tests, NULL, NULL);
}
