/* SPDX-License-Identifier: Apache-2.0 */
#include "snp_test.h"

#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <poll.h>
#include <string.h>

#include "worker/legacy.h"

static char dir[64], path[160];
static int watch = -1;

static int set_up(void **state)
{
	(void)state;
	snp_test_tmpdir_make(dir, sizeof(dir));
	assert_int_equal(legacy_ready_name(dir, path, sizeof(path)), 0);
	watch = legacy_ready_watch(path);
	assert_true(watch >= 0);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	close(watch);
	snp_test_tmpdir_remove(dir);
	return 0;
}

static bool is_readable(void)
{
	struct pollfd p = {.fd = watch, .events = POLLIN};

	return poll(&p, 1, 0) == 1;
}

static void write_file(const char *name, const char *bytes, size_t len)
{
	int fd = open(name, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, bytes, len), (ssize_t)len);
	close(fd);
}

static void name_is_another_each_time(void **state)
{
	char other[sizeof(path)];

	(void)state;
	assert_int_equal(legacy_ready_name(dir, other, sizeof(other)), 0);
	assert_string_not_equal(other, path);
	assert_int_equal(strncmp(path, dir, strlen(dir)), 0);
	assert_int_equal(strlen(path), strlen(dir) + strlen("/.ready") + 32);
	assert_int_equal(legacy_ready_name(dir, other, 20), -ENAMETOOLONG);
}

static void port_is_read_when_the_file_is_moved_there(void **state)
{
	char scratch[sizeof(path) + 4];
	uint16_t port = 7;

	(void)state;
	assert_false(is_readable());
	assert_false(legacy_ready_port(watch, path, &port));
	(void)snprintf(scratch, sizeof(scratch), "%s.tmp", path);
	write_file(scratch, "50051", 5);
	assert_true(is_readable());
	assert_false(legacy_ready_port(watch, path, &port));
	assert_false(is_readable());
	assert_int_equal(rename(scratch, path), 0);
	assert_true(is_readable());
	assert_true(legacy_ready_port(watch, path, &port));
	assert_int_equal(port, 50051);
}

/* What is still being written is not looked at: half of a port is a port too. */
static void port_is_not_read_before_its_writer_is_done(void **state)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
	uint16_t port;

	(void)state;
	assert_true(fd >= 0);
	assert_int_equal(write(fd, "50", 2), 2);
	assert_false(is_readable());
	assert_int_equal(write(fd, "051", 3), 3);
	assert_false(is_readable());
	close(fd);
	assert_true(is_readable());
	assert_true(legacy_ready_port(watch, path, &port));
	assert_int_equal(port, 50051);
}

static void port_is_a_number_of_the_range_and_nothing_else(void **state)
{
	static const struct {
		const char *text;
		size_t len;
		uint16_t port; /* 0: none */
	} cases[] = {
#define C(text, port) {text, sizeof(text) - 1, port}
	    C("1", 1),
	    C("65535", 65535),
	    C("50051\n", 50051),
	    C(" \t50051 \r\n", 50051),
	    C("00080", 80),
	    C("", 0),
	    C("\n", 0),
	    C("0", 0),
	    C("65536", 0),
	    C("99999999999999999999", 0),
	    C("-1", 0),
	    C("+1", 0),
	    C("0x50", 0),
	    C("50051x", 0),
	    C("50 051", 0),
	    C("[::]:50051", 0),
	    C("50051\0", 0),
	    C("5\0", 0),
	    C("                                                             5", 0),
#undef C
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		uint16_t port = 7;

		write_file(path, cases[i].text, cases[i].len);
		if (legacy_ready_port(watch, path, &port) != (cases[i].port != 0))
			fail_msg("'%s'", cases[i].text);
		if (cases[i].port)
			assert_int_equal(port, cases[i].port);
	}
}

static void port_is_not_read_through_a_link(void **state)
{
	char other[sizeof(path) + 4];
	uint16_t port;

	(void)state;
	(void)snprintf(other, sizeof(other), "%s.of", path);
	write_file(other, "50051", 5);
	assert_int_equal(symlink(other, path), 0);
	assert_false(legacy_ready_port(watch, path, &port));
}

static void heartbeat_is_json_whatever_the_numbers(void **state)
{
	const struct snp_cfg_heartbeat most = {
	    .enabled = true,
	    .ping_interval_ms = UINT32_MAX,
	    .timeout_ms = UINT32_MAX,
	    .max_missed_heartbeats = UINT32_MAX,
	    .initial_delay_ms = UINT32_MAX,
	};
	char text[LEGACY_HEARTBEAT_BYTES];
	json_t *json;

	(void)state;
	legacy_heartbeat_json(&most, text);
	json = json_loads(text, JSON_REJECT_DUPLICATES, NULL);
	assert_non_null(json);
	assert_int_equal(json_object_size(json), 6);
	assert_true(json_is_true(json_object_get(json, "enabled")));
	assert_true(json_is_false(json_object_get(json, "dependent")));
	assert_int_equal(json_integer_value(json_object_get(json, "interval_ms")),
			 UINT32_MAX);
	json_decref(json);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define T(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
	    T(name_is_another_each_time),
	    T(port_is_read_when_the_file_is_moved_there),
	    T(port_is_not_read_before_its_writer_is_done),
	    T(port_is_a_number_of_the_range_and_nothing_else),
	    T(port_is_not_read_through_a_link),
	    T(heartbeat_is_json_whatever_the_numbers),
	};

	return cmocka_run_group_tests_name("runtime/legacy", tests, NULL, NULL);
}
