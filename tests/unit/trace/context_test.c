/* SPDX-License-Identifier: Apache-2.0 */
#include "snp_test.h"

#include <stdlib.h>
#include <string.h>

#include "trace/context.h"

#define ID     "0af7651916cd43dd8448eb211c80319c"
#define PARENT "b7ad6b7169203331"
#define GOOD   "00-" ID "-" PARENT "-01"

static const struct {
	const char *text;
	unsigned flags;
} good[] = {
    {GOOD, 1},
    {"00-" ID "-" PARENT "-00", 0},
    {"00-" ID "-" PARENT "-02", 2},
    {"00-" ID "-" PARENT "-03", 3},
    {"00-" ID "-" PARENT "-ff", TRACE_FLAGS_KNOWN},
    {"00-" ID "-" PARENT "-fc", 0},
    {"01-" ID "-" PARENT "-01", 1},
    {"cc-" ID "-" PARENT "-01", 1},
    {"cc-" ID "-" PARENT "-01-what-the-future-will-be-like", 1},
    {"fe-" ID "-" PARENT "-01-", 1},
    {" " GOOD, 1},
    {"\t" GOOD, 1},
    {GOOD " ", 1},
    {GOOD "\t", 1},
    {"\t " GOOD " \t", 1},
};

static const char *const bad[] = {
    "",
    " ",
    "00",
    GOOD "-",
    GOOD "0",
    GOOD ".",
    GOOD "-what-the-future-will-be-like",
    "00-" ID "-" PARENT "-0",
    "ff-" ID "-" PARENT "-01",
    "FE-" ID "-" PARENT "-01",
    ".0-" ID "-" PARENT "-01",
    "0.-" ID "-" PARENT "-01",
    "0x-" ID "-" PARENT "-01",
    "0-" ID "-" PARENT "-01",
    "000-" ID "-" PARENT "-01",
    "0000-" ID "-" PARENT "-01",
    "cc-" ID "-" PARENT "-01.x",
    "cc-" ID "-" PARENT "-01.what-the-future-will-be-like",
    "cc-" ID "-" PARENT "-011",
    "00-0AF7651916CD43DD8448EB211C80319C-" PARENT "-01",
    "00-" ID "-B7AD6B7169203331-01",
    "00-00000000000000000000000000000000-" PARENT "-01",
    "00-.af7651916cd43dd8448eb211c80319c-" PARENT "-01",
    "00-0af7651916cd43dd8448eb211c80319.-" PARENT "-01",
    "00-0af7651916cd43dd8448eb211c80319 -" PARENT "-01",
    "00-" ID "a-" PARENT "-01",
    "00-0af7651916cd43dd8448eb211c80319-" PARENT "-01",
    "00-" ID "-0000000000000000-01",
    "00-" ID "-.7ad6b7169203331-01",
    "00-" ID "-b7ad6b716920333.-01",
    "00-" ID "-" PARENT "1-01",
    "00-" ID "-b7ad6b716920333-01",
    "00-" ID "-" PARENT "-.1",
    "00-" ID "-" PARENT "-0.",
    "00-" ID "-" PARENT "-0g",
    "00-" ID "-" PARENT "-0A",
    "00-" ID "-" PARENT "-001",
    "00-" ID "-" PARENT "-1",
    "00_" ID "-" PARENT "-01",
    "00-" ID "_" PARENT "-01",
    "00-" ID "-" PARENT "_01",
    GOOD "\n",
    "\v" GOOD,
};

static void t01_parse_takes_what_the_standard_allows(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		struct trace_context c = {0};

		if (!trace_context_parse(rpc_str_of(good[i].text), &c))
			fail_msg("'%s' was refused", good[i].text);
		assert_true(c.id[0] == UINT64_C(0x0af7651916cd43dd));
		assert_true(c.id[1] == UINT64_C(0x8448eb211c80319c));
		assert_true(c.span == UINT64_C(0xb7ad6b7169203331));
		assert_int_equal(c.flags, good[i].flags);
		assert_true(c.is_remote);
	}
}

static void t01_parse_takes_ids_that_are_half_zero(void **state)
{
	struct trace_context c;

	(void)state;
	assert_true(
	    trace_context_parse(rpc_str_of("00-0000000000000000000000000000000a-"
					   "000000000000000b-00"),
				&c));
	assert_int_equal(c.id[0], 0);
	assert_int_equal(c.id[1], 10);
	assert_int_equal(c.span, 11);
}

static void t01_parse_refuses_everything_else(void **state)
{
	struct trace_context c = {.flags = 42};

	(void)state;
	assert_false(trace_context_parse((struct rpc_str){0}, &c));
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		if (trace_context_parse(rpc_str_of(bad[i]), &c))
			fail_msg("'%s' was taken", bad[i]);
	assert_int_equal(c.flags, 42);
}

/* Each single byte of it replaced by each other byte: taken only where that is still a
 * traceparent. */
static void t01_parse_refuses_any_byte_that_is_not_its_own(void **state)
{
	char text[] = GOOD;

	(void)state;
	for (size_t i = 0; i < TRACE_PARENT_LEN; i++) {
		for (int byte = 0; byte < 256; byte++) {
			struct trace_context c;
			bool dash = i == 2 || i == 35 || i == 52;
			bool digit = (byte >= '0' && byte <= '9') ||
				     (byte >= 'a' && byte <= 'f');
			bool expected = dash ? byte == '-' : digit;

			text[i] = (char)byte;
			if (trace_context_parse(
				(struct rpc_str){text, sizeof(text) - 1}, &c) !=
			    expected)
				fail_msg("byte %02x at %zu", (unsigned)byte, i);
		}
		text[i] = GOOD[i];
	}
}

/* Not NUL-terminated, and not a byte beyond the end: the sanitizer watches. */
static void parse_stays_within_the_text(void **state)
{
	struct trace_context c;

	(void)state;
	for (size_t len = 1; len <= strlen(GOOD); len++) {
		char *copy = malloc(len);

		assert_non_null(copy);
		memcpy(copy, GOOD, len);
		assert_int_equal(trace_context_parse((struct rpc_str){copy, len}, &c),
				 len == strlen(GOOD));
		free(copy);
	}
}

static void t01_format_writes_what_parse_reads(void **state)
{
	static const uint64_t words[] = {
	    1,
	    UINT64_C(0x0123456789abcdef),
	    UINT64_C(0xfedcba9876543210),
	    UINT64_C(0x9999999999999999),
	    UINT64_C(0xaaaaaaaaaaaaaaaa),
	    UINT64_MAX,
	};
	size_t nr = sizeof(words) / sizeof(words[0]);

	(void)state;
	for (size_t i = 0; i < nr; i++) {
		struct trace_context back, c = {.id = {words[i], words[(i + 1) % nr]},
						.span = words[(i + 2) % nr],
						.flags = (unsigned)i & 3};
		char text[TRACE_PARENT_BYTES], expected[TRACE_PARENT_BYTES];

		(void)snprintf(expected, sizeof(expected),
			       "00-%016llx%016llx-%016llx-%02x",
			       (unsigned long long)c.id[0], (unsigned long long)c.id[1],
			       (unsigned long long)c.span, c.flags);
		trace_context_format(&c, text);
		assert_string_equal(text, expected);
		assert_true(trace_context_parse(rpc_str_of(text), &back));
		assert_memory_equal(back.id, c.id, sizeof(c.id));
		assert_true(back.span == c.span && back.flags == c.flags);
	}
}

static void t12_root_has_the_random_flag_alone(void **state)
{
	struct trace_context c;

	(void)state;
	trace_context_root(&c, 5, 7);
	assert_int_equal(c.id[0], 5);
	assert_int_equal(c.id[1], 7);
	assert_int_equal(c.span, 0);
	assert_int_equal(c.flags, TRACE_FLAG_RANDOM);
	assert_false(c.is_remote);
}

static void t12_child_keeps_the_random_flag_as_it_came(void **state)
{
	(void)state;
	for (unsigned flags = 0; flags <= TRACE_FLAGS_KNOWN; flags++) {
		const struct trace_context parent = {
		    .id = {5, 7}, .span = 9, .flags = flags, .is_remote = true};
		struct trace_context child = trace_context_child(&parent, 11);

		assert_memory_equal(child.id, parent.id, sizeof(child.id));
		assert_int_equal(child.span, 11);
		assert_int_equal(child.flags, flags);
		assert_false(child.is_remote);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(t01_parse_takes_what_the_standard_allows),
	    cmocka_unit_test(t01_parse_takes_ids_that_are_half_zero),
	    cmocka_unit_test(t01_parse_refuses_everything_else),
	    cmocka_unit_test(t01_parse_refuses_any_byte_that_is_not_its_own),
	    cmocka_unit_test(parse_stays_within_the_text),
	    cmocka_unit_test(t01_format_writes_what_parse_reads),
	    cmocka_unit_test(t12_root_has_the_random_flag_alone),
	    cmocka_unit_test(t12_child_keeps_the_random_flag_as_it_came),
	};

	return cmocka_run_group_tests_name("trace/context", tests, NULL, NULL);
}
