/* SPDX-License-Identifier: Apache-2.0 */
#include "snp_test.h"

#include <string.h>

#include "core/trace.h"

#define ID     "0af7651916cd43dd8448eb211c80319c"
#define PARENT "b7ad6b7169203331"
#define GOOD   "00-" ID "-" PARENT "-01"

static void parse_takes_what_the_standard_allows(void **state)
{
	static const struct {
		const char *text;
		unsigned flags;
	} good[] = {
	    {GOOD, 1},
	    {"00-" ID "-" PARENT "-00", 0},
	    {"00-" ID "-" PARENT "-03", 3},
	    {"00-" ID "-" PARENT "-ff", TRACE_FLAGS}, /* unknown ones mean nothing */
	    {"01-" ID "-" PARENT "-01", 1},
	    {"cc-" ID "-" PARENT "-01-what-the-future-will-be-like", 1},
	    {"fe-" ID "-" PARENT "-01-", 1},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		struct trace trace = {.span = 7};

		if (!trace_parse(rpc_str_of(good[i].text), &trace))
			fail_msg("%s was refused", good[i].text);
		assert_true(trace.id[0] == UINT64_C(0x0af7651916cd43dd));
		assert_true(trace.id[1] == UINT64_C(0x8448eb211c80319c));
		assert_true(trace.parent_span == UINT64_C(0xb7ad6b7169203331));
		assert_int_equal(trace.flags, good[i].flags);
		assert_int_equal(trace.span, 7);
	}
}

static void parse_takes_ids_that_are_half_zero(void **state)
{
	struct trace trace;

	(void)state;
	assert_true(trace_parse(rpc_str_of("00-0000000000000000000000000000000a-"
					   "000000000000000b-00"),
				&trace));
	assert_int_equal(trace.id[0], 0);
	assert_int_equal(trace.id[1], 10);
	assert_int_equal(trace.parent_span, 11);
}

static void parse_refuses_everything_else(void **state)
{
	static const char *const bad[] = {
	    "",
	    "00",
	    GOOD "-", /* version 00 ends there */
	    GOOD "0",
	    "ff-" ID "-" PARENT "-01",	 /* never a version */
	    "FE-" ID "-" PARENT "-01",	 /* upper case */
	    "01-" ID "-" PARENT "-01.x", /* no dash before more */
	    "00-0AF7651916CD43DD8448EB211C80319C-" PARENT "-01",
	    "00-" ID "-B7AD6B7169203331-01",
	    "00-00000000000000000000000000000000-" PARENT "-01",
	    "00-" ID "-0000000000000000-01",
	    "00_" ID "-" PARENT "-01",
	    "00-" ID "_" PARENT "-01",
	    "00-" ID "-" PARENT "_01",
	    "00-" ID "-" PARENT "-0",
	    "00-" ID "-" PARENT "-0g",
	    " 00-" ID "-" PARENT "-01",
	    "0x-" ID "-" PARENT "-01",
	    "00-0af7651916cd43dd8448eb211c80319 -" PARENT "-01",
	};
	struct trace trace = {.flags = 42};

	(void)state;
	assert_false(trace_parse((struct rpc_str){0}, &trace));
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		if (trace_parse(rpc_str_of(bad[i]), &trace))
			fail_msg("%s was taken", bad[i]);
	assert_int_equal(trace.flags, 42);
}

/* Not NUL-terminated, and not a byte beyond the end: the sanitizer watches. */
static void parse_stays_within_the_text(void **state)
{
	struct trace trace;

	(void)state;
	for (size_t len = 1; len <= strlen(GOOD); len++) {
		char *copy = malloc(len);

		assert_non_null(copy);
		memcpy(copy, GOOD, len);
		assert_int_equal(trace_parse((struct rpc_str){copy, len}, &trace),
				 len == strlen(GOOD));
		free(copy);
	}
}

static void begin_joins_the_trace_of_the_client(void **state)
{
	struct prng prng = {{1, 2, 3, 4}};
	struct trace trace;

	(void)state;
	trace_begin(&trace, rpc_str_of(GOOD), &prng);
	assert_true(trace.id[0] == UINT64_C(0x0af7651916cd43dd));
	assert_true(trace.parent_span == UINT64_C(0xb7ad6b7169203331));
	assert_true(trace.span != 0);
	assert_true(trace.span != trace.parent_span);
}

static void begin_makes_a_trace_where_none_came(void **state)
{
	struct prng prng = {{1, 2, 3, 4}};
	struct trace a = {.parent_span = 1, .flags = 1}, b;

	(void)state;
	trace_begin(&a, rpc_str_of("00-" ID "-0000000000000000-01"), &prng);
	trace_begin(&b, (struct rpc_str){0}, &prng);
	assert_int_equal(a.parent_span, 0);
	assert_int_equal(a.flags, 0);
	assert_true(a.id[0] != b.id[0] && a.id[1] != b.id[1] && a.span != b.span);
	assert_true(a.id[0] != UINT64_C(0x0af7651916cd43dd));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(parse_takes_what_the_standard_allows),
	    cmocka_unit_test(parse_takes_ids_that_are_half_zero),
	    cmocka_unit_test(parse_refuses_everything_else),
	    cmocka_unit_test(parse_stays_within_the_text),
	    cmocka_unit_test(begin_joins_the_trace_of_the_client),
	    cmocka_unit_test(begin_makes_a_trace_where_none_came),
	};

	return cmocka_run_group_tests_name("runtime/trace", tests, NULL, NULL);
}
