/* SPDX-License-Identifier: Apache-2.0 */
#include "options.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

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
	assert_int_equal(options.collect.choice, INSTANCES_NAMED);
	assert_int_equal(options.collect.names_nr, 0);
	assert_int_equal(options.collect.groups, SCRAPE_GROUPS_ALL);
	assert_true(options.collect.exporter_metrics);
	assert_false(options.collect.created);
	assert_false(options.systemd_socket);
	assert_null(options.config_file);
	assert_int_equal(options.max_requests, 40);
	assert_string_equal(options.telemetry_path, "/metrics");
	assert_int_equal(options.listen_nr, 0);
	assert_int_equal(options.collect.levels, FAMILIES_DEFAULT);
	assert_int_equal(options.log_level, SNP_LOG_INFO);
	assert_int_equal(options.log_form, SNP_LOG_LOGFMT);
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
	assert_int_equal(options.collect.names_nr, 1);
	assert_string_equal(options.instances[0], "prod");
	assert_int_equal(options.listen_nr, 2);
	assert_string_equal(options.listen[0].host, "");
	assert_string_equal(options.listen[0].port, "9568");
	assert_string_equal(options.listen[1].host, "::1");
	assert_string_equal(options.listen[1].port, "0");
	assert_int_equal(options.collect.levels, FAMILIES_DIAG);
	assert_int_equal(options.log_level, SNP_LOG_DEBUG);
	assert_string_equal(options.telemetry_path, "/m");
	assert_int_equal(PARSE("--web.config.file=w.yml", "--web.max-requests=0",
			       "--web.disable-exporter-metrics",
			       "--web.enable-created-metrics", "--log.format=json",
			       "--web.systemd-socket", "--all-instances"),
			 0);
	assert_string_equal(options.config_file, "w.yml");
	assert_int_equal(options.max_requests, 0);
	assert_false(options.collect.exporter_metrics);
	assert_true(options.collect.created);
	assert_int_equal(options.log_form, SNP_LOG_JSON);
	assert_true(options.systemd_socket);
	assert_int_equal(options.collect.choice, INSTANCES_FOUND);
	assert_int_equal(PARSE("-n", "blue", "--instance=green"), 0);
	assert_int_equal(options.collect.names_nr, 2);
	assert_string_equal(options.instances[1], "green");
	assert_int_equal(PARSE("--version"), 0);
	assert_int_equal(options.action, OPTIONS_VERSION);
	assert_int_equal(PARSE("-h"), 0);
	assert_int_equal(options.action, OPTIONS_HELP);
}

/* P18: --[no-]collector.NAME for every group of families. */
static void parse_collectors_are_switched(void **state)
{
	struct options options;
	struct snp_err err;

	(void)state;
	for (int i = 0; i < SCRAPE_GROUP_NR; i++) {
		const char *name = scrape_group_name((enum scrape_group)i);
		char without[64], with[64];

		(void)snprintf(without, sizeof(without), "--no-collector.%s", name);
		(void)snprintf(with, sizeof(with), "--collector.%s", name);
		assert_int_equal(PARSE(without), 0);
		assert_int_equal(options.collect.groups,
				 SCRAPE_GROUPS_ALL & ~(1U << i));
		assert_int_equal(PARSE(without, with), 0);
		assert_int_equal(options.collect.groups, SCRAPE_GROUPS_ALL);
	}
	assert_int_equal(PARSE("--collector.diag", "--no-collector.diag"), 0);
	assert_int_equal(options.collect.levels, FAMILIES_DEFAULT);
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
	assert_refused((const char *const[]){"--web.telemetry-pth=/m", NULL},
		       "did you mean '--web.telemetry-path'");
	assert_refused((const char *const[]){"--web.listen=:1", NULL}, "--web.listen");
	assert_refused((const char *const[]){"--no-collector.wroker", NULL},
		       "did you mean '--no-collector.worker'");
	assert_refused((const char *const[]){"--web.max-requests=-1", NULL}, "'-1'");
	assert_refused((const char *const[]){"--web.max-requests=99999", NULL},
		       "10000");
	assert_refused((const char *const[]){"--log.format=xml", NULL}, "logfmt");
	assert_refused((const char *const[]){"-n", "a", "-n", "a", NULL}, "twice");
	assert_refused((const char *const[]){"-n", "a", "--all-instances", NULL},
		       "exclude each other");
	assert_refused((const char *const[]){"--web.systemd-socket",
					     "--web.listen-address=:1", NULL},
		       "exclude each other");
}

static void listen_parse_addresses(void **state)
{
	static const char *const bad[] = {
	    "",		"9568",	     "host",	    "host:",
	    "h:99999",	"h:-1",	     "h:1x",	    "::1:9568",
	    "[::1]",	"[::1:9",    "[]:9568",	    "h:123456",
	    "vsock://", "vsock://:", "vsock://1:2", "vsock://:4294967295"};
	struct listen_address address;
	struct snp_err err;

	(void)state;
	assert_int_equal(listen_parse("example.org:80", &address, &err), 0);
	assert_string_equal(address.host, "example.org");
	assert_string_equal(address.port, "80");
	assert_false(address.vsock);
	assert_int_equal(listen_parse("vsock://:4294967294", &address, &err), 0);
	assert_true(address.vsock);
	assert_string_equal(address.port, "4294967294");
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

/* P22: what is not for us, or is no listening socket, is refused. */
static void listen_from_systemd_wants_sockets_for_us(void **state)
{
	struct snp_err err = {0};
	char pid[16];
	int saved;

	(void)state;
	(void)unsetenv("LISTEN_PID");
	assert_int_equal(listen_from_systemd(&err), -ENOENT);
	assert_int_equal(setenv("LISTEN_PID", "1", 1), 0);
	assert_int_equal(setenv("LISTEN_FDS", "1", 1), 0);
	assert_int_equal(listen_from_systemd(&err), -ENOENT);
	assert_null(getenv("LISTEN_FDS"));

	(void)snprintf(pid, sizeof(pid), "%d", (int)getpid());
	assert_int_equal(setenv("LISTEN_PID", pid, 1), 0);
	assert_int_equal(setenv("LISTEN_FDS", "1", 1), 0);
	saved = dup(LISTEN_FDS_FIRST);
	assert_int_equal(dup2(STDERR_FILENO, LISTEN_FDS_FIRST), LISTEN_FDS_FIRST);
	assert_int_equal(listen_from_systemd(&err), -EINVAL);
	assert_non_null(strstr(err.msg, "descriptor 3"));
	if (saved >= 0)
		assert_int_equal(dup2(saved, LISTEN_FDS_FIRST), LISTEN_FDS_FIRST);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(parse_nothing_gives_the_defaults),
	    cmocka_unit_test(parse_every_option_is_understood),
	    cmocka_unit_test(parse_collectors_are_switched),
	    cmocka_unit_test(parse_wrong_lines_are_named),
	    cmocka_unit_test(listen_parse_addresses),
	    cmocka_unit_test(listen_open_says_where),
	    cmocka_unit_test(listen_from_systemd_wants_sockets_for_us),
	};

	return cmocka_run_group_tests_name("prometheus/options", tests, NULL, NULL);
}
