/* SPDX-License-Identifier: Apache-2.0 */
#include "options.h"

#include <errno.h>
#include <string.h>

#include "snp_test.h"

#define ARGS_MAX 6

static struct options options;
static struct snp_err err;

static int parse(const char *const *args)
{
	char *argv[ARGS_MAX + 2] = {(char *)(size_t) "snakepit-otlp"};
	int argc = 1;

	while (args[argc - 1]) {
		argv[argc] = (char *)(size_t)args[argc - 1];
		argc++;
	}
	err = (struct snp_err){0};
	return options_parse(argc, argv, &options, &err);
}

static void options_stand_for_variables(void **state)
{
	static const struct {
		const char *args[ARGS_MAX], *variable, *value, *name;
	} rows[] = {
	    {{NULL}, "OTEL_EXPORTER_OTLP_ENDPOINT", NULL, NULL},
	    {{"--endpoint=http://c:1"},
	     "OTEL_EXPORTER_OTLP_ENDPOINT",
	     "http://c:1",
	     "endpoint"},
	    {{"--exporter", "console"}, "OTEL_LOGS_EXPORTER", "console", "logs"},
	    {{"--exporter=console", "--logs=none"},
	     "OTEL_LOGS_EXPORTER",
	     "none",
	     "logs"},
	    {{"--exporter=console", "--logs=none"},
	     "OTEL_METRICS_EXPORTER",
	     "console",
	     "metrics"},
	    {{"--interval=2m"}, "OTEL_METRIC_EXPORT_INTERVAL", "120000", "interval"},
	    {{"--timeout=250ms"}, "OTEL_EXPORTER_OTLP_TIMEOUT", "250", "timeout"},
	    {{"--timeout=250ms"}, "OTEL_BSP_SCHEDULE_DELAY", NULL, NULL},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const char *value, *name;

		assert_int_equal(parse(rows[i].args), 0);
		value = options_variable(&options, rows[i].variable);
		name = options_name(&options, rows[i].variable);
		if (rows[i].value) {
			assert_string_equal(value, rows[i].value);
			assert_string_equal(name, rows[i].name);
		} else {
			assert_null(value);
			assert_null(name);
		}
	}
}

static void others_are_our_own(void **state)
{
	static const char *const args[] = {
	    "-nprod", "--once", "--collector.diag", "--log.level=warn", "--log.format",
	    "json",   NULL};

	(void)state;
	assert_int_equal(parse(args), 0);
	assert_int_equal(options.action, OPTIONS_ONCE);
	assert_string_equal(options.instance, "prod");
	assert_true(options.diag);
	assert_false(options.stale_markers);
	assert_true(options.has_log_level);
	assert_int_equal(options.log_level, SNP_LOG_WARN);
	assert_int_equal(options.log_form, SNP_LOG_JSON);
}

static void what_is_wrong_is_said(void **state)
{
	static const struct {
		const char *args[ARGS_MAX], *expected;
	} rows[] = {
	    {{"--interval=60"}, "--interval '60': expected 1ms to 60m"},
	    {{"--interval=61m"}, "such as 10s"},
	    {{"--log.level=loud"}, "expected debug, info, warn or error"},
	    {{"--endpiont=x"}, "--endpoint"},
	    {{"stray"}, "unexpected argument 'stray'"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		assert_int_equal(parse(rows[i].args), -EINVAL);
		if (!strstr(err.msg, rows[i].expected))
			fail_msg("'%s' does not say '%s'", err.msg, rows[i].expected);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(options_stand_for_variables),
	    cmocka_unit_test(others_are_our_own),
	    cmocka_unit_test(what_is_wrong_is_said),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
