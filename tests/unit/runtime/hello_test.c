/* SPDX-License-Identifier: Apache-2.0 */
#include "snp_test.h"

#include <errno.h>
#include <string.h>

#include "test_random.h"
#include "worker/hello.h"

#define GOOD                                                                           \
	"{\"ready\": true, \"pid\": 123, \"python\": \"3.11.2\", \"protocol\": 1, "    \
	"\"capacity\": 4}"

static int parse(const char *line, size_t len, struct hello *ret, struct snp_err *err)
{
	/* from the heap and without a NUL, so that a sanitizer sees a read too far */
	char *copy = malloc(len ? len : 1);
	int rc;

	assert_non_null(copy);
	memcpy(copy, line, len);
	rc = hello_parse(copy, len, ret, err);
	free(copy);
	return rc;
}

static void parse_good_line_returns_its_values(void **state)
{
	struct snp_err err = {0};
	struct hello hello;

	(void)state;
	assert_int_equal(parse(GOOD, strlen(GOOD), &hello, &err), 0);
	assert_int_equal(hello.pid, 123);
	assert_string_equal(hello.python, "3.11.2");
	assert_int_equal(hello.capacity, 4);
}

static void parse_tolerates_space_order_and_further_keys(void **state)
{
	static const char line[] =
	    " {\"capacity\":256,\"new\":{\"a\":[1]},\"protocol\":1,\"python\":\"\","
	    "\"pid\":2147483647,\"ready\":true}\r";
	struct snp_err err = {0};
	struct hello hello;

	(void)state;
	assert_int_equal(parse(line, strlen(line), &hello, &err), 0);
	assert_int_equal(hello.pid, INT32_MAX);
	assert_int_equal(hello.capacity, 256);
	assert_string_equal(hello.python, "");
}

static void parse_long_version_is_cut_to_16_bytes(void **state)
{
	static const char line[] = "{\"ready\":true,\"pid\":1,\"python\":\"3.14.0rc3+"
				   "debug-nogil\",\"protocol\":1,\"capacity\":1}";
	struct hello hello;

	(void)state;
	assert_int_equal(parse(line, strlen(line), &hello, NULL), 0);
	assert_string_equal(hello.python, "3.14.0rc3+debug-");
}

static const struct {
	const char *line;
	int rc;
} bad[] = {
    {"", -EBADMSG},
    {" ", -EBADMSG},
    {"null", -EBADMSG},
    {"[]", -EBADMSG},
    {"{}", -EBADMSG},
    {"true", -EBADMSG},
    {"\"ready\"", -EBADMSG},
    {"Traceback (most recent call last):", -EBADMSG},
    {GOOD "x", -EBADMSG},
    {GOOD GOOD, -EBADMSG},
    /* ready */
    {"{\"pid\":1,\"python\":\"3\",\"protocol\":1,\"capacity\":1}", -EBADMSG},
    {"{\"ready\":false,\"pid\":1,\"python\":\"3\",\"protocol\":1,\"capacity\":1}",
     -EBADMSG},
    {"{\"ready\":1,\"pid\":1,\"python\":\"3\",\"protocol\":1,\"capacity\":1}",
     -EBADMSG},
    /* pid */
    {"{\"ready\":true,\"python\":\"3\",\"protocol\":1,\"capacity\":1}", -EBADMSG},
    {"{\"ready\":true,\"pid\":\"1\",\"python\":\"3\",\"protocol\":1,\"capacity\":1}",
     -EBADMSG},
    {"{\"ready\":true,\"pid\":1.0,\"python\":\"3\",\"protocol\":1,\"capacity\":1}",
     -EBADMSG},
    {"{\"ready\":true,\"pid\":0,\"python\":\"3\",\"protocol\":1,\"capacity\":1}",
     -EBADMSG},
    {"{\"ready\":true,\"pid\":-5,\"python\":\"3\",\"protocol\":1,\"capacity\":1}",
     -EBADMSG},
    {"{\"ready\":true,\"pid\":2147483648,\"python\":\"3\",\"protocol\":1,"
     "\"capacity\":1}",
     -EBADMSG},
    {"{\"ready\":true,\"pid\":99999999999999999999,\"python\":\"3\",\"protocol\":1,"
     "\"capacity\":1}",
     -EBADMSG},
    {"{\"ready\":true,\"pid\":1,\"pid\":2,\"python\":\"3\",\"protocol\":1,"
     "\"capacity\":1}",
     -EBADMSG},
    /* python */
    {"{\"ready\":true,\"pid\":1,\"protocol\":1,\"capacity\":1}", -EBADMSG},
    {"{\"ready\":true,\"pid\":1,\"python\":3,\"protocol\":1,\"capacity\":1}", -EBADMSG},
    {"{\"ready\":true,\"pid\":1,\"python\":null,\"protocol\":1,\"capacity\":1}",
     -EBADMSG},
    {"{\"ready\":true,\"pid\":1,\"python\":\"3\\u0000\",\"protocol\":1,"
     "\"capacity\":1}",
     -EBADMSG},
    {"{\"ready\":true,\"pid\":1,\"python\":\"\xff\",\"protocol\":1,\"capacity\":1}",
     -EBADMSG},
    /* protocol */
    {"{\"ready\":true,\"pid\":1,\"python\":\"3\",\"capacity\":1}", -EBADMSG},
    {"{\"ready\":true,\"pid\":1,\"python\":\"3\",\"protocol\":\"1\",\"capacity\":1}",
     -EBADMSG},
    {"{\"ready\":true,\"pid\":1,\"python\":\"3\",\"protocol\":0,\"capacity\":1}",
     -EPROTO},
    {"{\"ready\":true,\"pid\":1,\"python\":\"3\",\"protocol\":2,\"capacity\":1}",
     -EPROTO},
    {"{\"ready\":true,\"pid\":1,\"python\":\"3\",\"protocol\":4294967297,"
     "\"capacity\":1}",
     -EPROTO},
    /* capacity */
    {"{\"ready\":true,\"pid\":1,\"python\":\"3\",\"protocol\":1}", -EBADMSG},
    {"{\"ready\":true,\"pid\":1,\"python\":\"3\",\"protocol\":1,\"capacity\":0}",
     -EBADMSG},
    {"{\"ready\":true,\"pid\":1,\"python\":\"3\",\"protocol\":1,\"capacity\":-1}",
     -EBADMSG},
    {"{\"ready\":true,\"pid\":1,\"python\":\"3\",\"protocol\":1,\"capacity\":257}",
     -EBADMSG},
    {"{\"ready\":true,\"pid\":1,\"python\":\"3\",\"protocol\":1,"
     "\"capacity\":4294967297}",
     -EBADMSG},
    {"{\"ready\":true,\"pid\":1,\"python\":\"3\",\"protocol\":1,\"capacity\":true}",
     -EBADMSG},
};

static void parse_bad_line_fails_with_a_text_and_leaves_the_result(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct hello hello = {.pid = 77, .python = "kept", .capacity = 78};
		struct snp_err err = {0};
		int rc = parse(bad[i].line, strlen(bad[i].line), &hello, &err);

		if (rc != bad[i].rc)
			fail_msg("%s: %d, not %d", bad[i].line, rc, bad[i].rc);
		assert_int_equal(err.code, rc);
		assert_true(strlen(err.msg) > 0);
		assert_int_equal(hello.pid, 77);
		assert_string_equal(hello.python, "kept");
		assert_int_equal(hello.capacity, 78);
	}
}

static void parse_other_protocol_names_both_versions(void **state)
{
	static const char line[] =
	    "{\"ready\":true,\"pid\":1,\"python\":\"3\",\"protocol\":9,\"capacity\":1}";
	struct snp_err err = {0};
	struct hello hello;

	(void)state;
	assert_int_equal(parse(line, strlen(line), &hello, &err), -EPROTO);
	assert_non_null(strstr(err.msg, "protocol 9"));
	assert_non_null(strstr(err.msg, "runtime 1"));
}

static void parse_nul_anywhere_fails(void **state)
{
	struct hello hello;

	(void)state;
	for (size_t at = 0; at <= strlen(GOOD); at++) {
		char line[sizeof(GOOD) + 1];

		memcpy(line, GOOD, at);
		line[at] = '\0';
		memcpy(line + at + 1, GOOD + at, strlen(GOOD) - at);
		assert_int_equal(parse(line, sizeof(GOOD), &hello, NULL), -EBADMSG);
	}
}

static void parse_every_truncation_fails(void **state)
{
	struct hello hello;

	(void)state;
	for (size_t len = 0; len < strlen(GOOD); len++)
		assert_int_equal(parse(GOOD, len, &hello, NULL), -EBADMSG);
}

static void parse_ten_kilobytes_is_handled(void **state)
{
	enum { LONG = 10240 };
	char *line = malloc(LONG);
	struct hello hello;

	(void)state;
	assert_non_null(line);
	memset(line, '[', LONG); /* deeper than any parser should follow */
	assert_int_equal(parse(line, LONG, &hello, NULL), -EBADMSG);
	memset(line, 'a', LONG);
	assert_int_equal(parse(line, LONG, &hello, NULL), -EBADMSG);
	memset(line, ' ', LONG);
	memcpy(line + LONG - strlen(GOOD), GOOD, strlen(GOOD));
	assert_int_equal(parse(line, LONG, &hello, NULL), 0);
	free(line);
}

/* Whatever a damaged line says, what is taken from it is in range. */
static void parse_random_damage_gives_an_error_or_values_in_range(void **state)
{
	struct test_random random = test_random_seeded(1);

	(void)state;
	for (int i = 0; i < 20000; i++) {
		char line[] = GOOD;
		struct hello hello;
		int rc;

		for (uint32_t n = 1 + test_random_below(&random, 3); n > 0; n--)
			line[test_random_below(&random, sizeof(line) - 1)] =
			    (char)test_random_u32(&random);
		rc = parse(line, sizeof(line) - 1, &hello, NULL);
		if (rc == 0) {
			assert_true(hello.pid > 0);
			assert_in_range(hello.capacity, 1, 256);
			assert_true(strnlen(hello.python, sizeof(hello.python)) <
				    sizeof(hello.python));
		} else {
			assert_true(rc == -EBADMSG || rc == -EPROTO);
		}
	}
}

static void check_compares_pid_and_capacity_with_what_was_started(void **state)
{
	const struct hello hello = {.pid = 123, .capacity = 4};
	struct snp_err err = {0};

	(void)state;
	assert_int_equal(hello_check(&hello, 123, 4, &err), 0);
	assert_int_equal(hello_check(&hello, 124, 4, &err), -EPROTO);
	assert_non_null(strstr(err.msg, "process 123, but 124 was started"));
	assert_int_equal(hello_check(&hello, 123, 5, &err), -EPROTO);
	assert_non_null(strstr(err.msg, "4 calls at a time, but was started for 5"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(parse_good_line_returns_its_values),
	    cmocka_unit_test(parse_tolerates_space_order_and_further_keys),
	    cmocka_unit_test(parse_long_version_is_cut_to_16_bytes),
	    cmocka_unit_test(parse_bad_line_fails_with_a_text_and_leaves_the_result),
	    cmocka_unit_test(parse_other_protocol_names_both_versions),
	    cmocka_unit_test(parse_nul_anywhere_fails),
	    cmocka_unit_test(parse_every_truncation_fails),
	    cmocka_unit_test(parse_ten_kilobytes_is_handled),
	    cmocka_unit_test(check_compares_pid_and_capacity_with_what_was_started),
	    cmocka_unit_test(parse_random_damage_gives_an_error_or_values_in_range),
	};

	return cmocka_run_group_tests_name("runtime/hello", tests, NULL, NULL);
}
