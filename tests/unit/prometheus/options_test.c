/* SPDX-License-Identifier: Apache-2.0 */
#include "options.h"

#include <errno.h>
#include <string.h>

#include "snp_test.h"

#define ARGS_MAX 8

static int parse(const char *const *args, struct options *ret, struct snp_err *err)
{
	char *argv[ARGS_MAX + 2] = {(char *)(size_t) "snakepit-prometheus"};
	int argc = 1;

	*err = (struct snp_err){0};
	for (; *args; args++) {
		assert_true(argc <= ARGS_MAX);
		argv[argc++] = (char *)(size_t)*args;
	}
	return options_parse(argc, argv, ret, err);
}

#define PARSE(...) parse((const char *const[]){__VA_ARGS__, NULL}, &options, &err)

static void parse_nothing_gives_the_defaults(void **state)
{
	struct options options;
	struct snp_err err;

	(void)state;
	assert_int_equal(parse((const char *const[]){NULL}, &options, &err), 0);
	assert_int_equal(options.action, OPTIONS_SERVE);
	assert_null(options.instance);
	assert_string_equal(options.telemetry_path, "/metrics");
	assert_int_equal(options.listen_nr, 0);
	assert_int_equal(options.levels, FAMILIES_DEFAULT);
	assert_int_equal(options.log_level, SNP_LOG_INFO);
}

static void parse_every_option_is_understood(void **state)
{
	struct options options;
	struct snp_err err;

	(void)state;
	assert_int_equal(PARSE("-n", "prod", "--web.listen-address=:9568",
			       "--web.listen-address", "[::1]:0", "--collector.diag",
			       "--log.level=debug", "--web.telemetry-path=/m"),
			 0);
	assert_string_equal(options.instance, "prod");
	assert_int_equal(options.listen_nr, 2);
	assert_string_equal(options.listen[0].host, "");
	assert_string_equal(options.listen[0].port, "9568");
	assert_string_equal(options.listen[1].host, "::1");
	assert_string_equal(options.listen[1].port, "0");
	assert_int_equal(options.levels, FAMILIES_DIAG);
	assert_int_equal(options.log_level, SNP_LOG_DEBUG);
	assert_string_equal(options.telemetry_path, "/m");
	assert_int_equal(PARSE("--version"), 0);
	assert_int_equal(options.action, OPTIONS_VERSION);
	assert_int_equal(PARSE("-h"), 0);
	assert_int_equal(options.action, OPTIONS_HELP);
}

static void assert_refused(const char *const *args, const char *about)
{
	struct options options;
	struct snp_err err;

	assert_int_equal(parse(args, &options, &err), -EINVAL);
	if (!strstr(err.msg, about))
		fail_msg("'%s' does not speak of %s", err.msg, about);
}

static void parse_wrong_lines_are_named(void **state)
{
	(void)state;
	assert_refused((const char *const[]){"--bogus", NULL}, "--bogus");
	assert_refused((const char *const[]){"-n", NULL}, "-n");
	assert_refused((const char *const[]){"extra", NULL}, "extra");
	assert_refused((const char *const[]){"--log.level=loud", NULL}, "loud");
	assert_refused((const char *const[]){"--web.telemetry-path=metrics", NULL},
		       "metrics");
	assert_refused((const char *const[]){"--web.telemetry-path=/\"><b>", NULL},
		       "path");
	assert_refused((const char *const[]){"--web.telemetry-path=/-/ready", NULL},
		       "/-/");
	assert_refused((const char *const[]){"--collector.diag=1", NULL},
		       "--collector.diag");
}

static void listen_parse_addresses(void **state)
{
	static const char *const bad[] = {
	    "",	    "9568",	"host",	 "host:",  "h:99999", "h:-1",
	    "h:1x", "::1:9568", "[::1]", "[::1:9", "[]:9568", "h:123456"};
	struct listen_address address;
	struct snp_err err;

	(void)state;
	assert_int_equal(listen_parse("example.org:80", &address, &err), 0);
	assert_string_equal(address.host, "example.org");
	assert_string_equal(address.port, "80");
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		if (listen_parse(bad[i], &address, &err) != -EINVAL)
			fail_msg("'%s' was taken", bad[i]);
	}
}

static void listen_open_says_where(void **state)
{
	struct listen_address address;
	char first[LISTEN_NAME_BYTES], second[LISTEN_NAME_BYTES];
	struct snp_err err = {0};
	int fd, taken;

	(void)state;
	assert_int_equal(listen_parse("127.0.0.1:0", &address, &err), 0);
	fd = listen_open(&address, first, &err);
	assert_true(fd >= 0);
	assert_int_equal(strncmp(first, "127.0.0.1:", 10), 0);
	assert_string_not_equal(first, "127.0.0.1:0");
	assert_int_equal(listen_parse(first, &address, &err), 0);
	taken = listen_open(&address, second, &err);
	assert_int_equal(taken, -EADDRINUSE);
	assert_non_null(strstr(err.msg, strrchr(first, ':')));
	(void)close(fd);
}

static void help_fits_a_screen(void **state)
{
	unsigned lines = 0;

	(void)state;
	for (const char *line = options_help; *line; line = strchr(line, '\n') + 1) {
		assert_true(strcspn(line, "\n") <= 80);
		lines++;
	}
	assert_in_range(lines, 10, 40);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(parse_nothing_gives_the_defaults),
	    cmocka_unit_test(parse_every_option_is_understood),
	    cmocka_unit_test(parse_wrong_lines_are_named),
	    cmocka_unit_test(listen_parse_addresses),
	    cmocka_unit_test(listen_open_says_where),
	    cmocka_unit_test(help_fits_a_screen),
	};

	return cmocka_run_group_tests_name("prometheus/options", tests, NULL, NULL);
}
