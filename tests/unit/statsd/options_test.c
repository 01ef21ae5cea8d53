/* SPDX-License-Identifier: Apache-2.0 */
#include "options.h"

#include <errno.h>
#include <string.h>

#include "snp_test.h"

#define ARGS_MAX 20

static struct options options;
static struct snp_err err;

static int parse(const char *const *args)
{
	char *argv[ARGS_MAX + 2] = {(char *)(size_t) "snakepit-statsd"};
	int argc = 1;

	err = (struct snp_err){0};
	for (; *args; args++) {
		assert_true(argc <= ARGS_MAX);
		argv[argc++] = (char *)(size_t)*args;
	}
	return options_parse(argc, argv, &options, &err);
}

#define PARSE(...) parse((const char *const[]){__VA_ARGS__, NULL})

static void parse_nothing_gives_the_defaults(void **state)
{
	(void)state;
	assert_int_equal(parse((const char *const[]){NULL}), 0);
	assert_int_equal(options.action, OPTIONS_RUN);
	assert_null(options.exporter.instance);
	assert_string_equal(options.exporter.address.host, "127.0.0.1");
	assert_string_equal(options.exporter.address.port, "8125");
	assert_string_equal(options.exporter.address.path, "");
	assert_int_equal(options.exporter.flush.format.style, FORMAT_DOGSTATSD);
	assert_int_equal(options.exporter.flush.latency, FLUSH_LATENCY_COUNTERS);
	assert_int_equal(options.exporter.flush.datagram_bytes_max, 1432);
	assert_int_equal(options.exporter.flush.level_max, SNP_LEVEL_INFO);
	assert_false(options.exporter.flush.send_zero);
	assert_int_equal(options.interval_ms, 10000);
}

static void parse_every_option_is_understood(void **state)
{
	(void)state;
	assert_int_equal(PARSE("-n", "prod", "--statsd.address=udp://[::1]:9125",
			       "--statsd.tags=dogstatsd", "--statsd.tag", "env:prod",
			       "--statsd.tag=url:http://x", "--statsd.prefix=my.",
			       "--statsd.histograms=distributions",
			       "--statsd.interval=500ms", "--statsd.send-zero",
			       "--statsd.datagram-bytes=512", "--collector.diag",
			       "--once", "--log.level=debug", "--log.format=json"),
			 0);
	assert_string_equal(options.exporter.instance, "prod");
	assert_string_equal(options.exporter.address.host, "::1");
	assert_string_equal(options.exporter.address.port, "9125");
	assert_int_equal(options.exporter.flush.format.tags_nr, 2);
	assert_string_equal(options.exporter.flush.format.tags[0].key, "env");
	assert_string_equal(options.exporter.flush.format.tags[1].value, "http://x");
	assert_string_equal(options.exporter.flush.format.prefix, "my.");
	assert_int_equal(options.exporter.flush.latency, FLUSH_LATENCY_DISTRIBUTIONS);
	assert_int_equal(options.interval_ms, 500);
	assert_true(options.exporter.flush.send_zero);
	assert_int_equal(options.exporter.flush.datagram_bytes_max, 512);
	assert_int_equal(options.exporter.flush.level_max, SNP_LEVEL_DIAG);
	assert_int_equal(options.action, OPTIONS_ONCE);
	assert_int_equal(options.log_level, SNP_LOG_DEBUG);
	assert_int_equal(options.log_form, SNP_LOG_JSON);
	assert_int_equal(PARSE("--version"), 0);
	assert_int_equal(options.action, OPTIONS_VERSION);
	assert_int_equal(PARSE("-h"), 0);
	assert_int_equal(options.action, OPTIONS_HELP);
}

static void parse_unix_address_takes_longer_datagrams(void **state)
{
	(void)state;
	assert_int_equal(PARSE("--statsd.address=unix:///var/run/datadog/dsd.socket"),
			 0);
	assert_string_equal(options.exporter.address.path,
			    "/var/run/datadog/dsd.socket");
	assert_int_equal(options.exporter.flush.datagram_bytes_max, 8192);
	assert_int_equal(PARSE("--statsd.address=unix:/tmp/x"), 0);
	assert_string_equal(options.exporter.address.path, "/tmp/x");
}

static void parse_wrong_lines_say_what_is_wrong(void **state)
{
	static const struct {
		const char *args[3];
		const char *says;
	} cases[] = {
	    {{"--statsd.adress=a:1"}, "--statsd.address"},
	    {{"--statsd.address"}, "'--statsd.address' needs a value"},
	    {{"extra"}, "unexpected argument 'extra'"},
	    {{"--statsd.address=localhost"}, "'localhost' is no address"},
	    {{"--statsd.address=a:0"}, "'a:0' is no address"},
	    {{"--statsd.address=::1:8125"}, "'::1:8125' is no address"},
	    {{"--statsd.address=:8125"}, "':8125' is no address"},
	    {{"--statsd.address=unix:tmp/x"}, "'unix:tmp/x' is no address"},
	    {{"--statsd.tags=datadog"}, "expected none, dogstatsd, influx or librato"},
	    {{"--statsd.tag=novalue"}, "expected KEY:VALUE"},
	    {{"--statsd.tag=a:b", "--statsd.tags=none"}, "use --statsd.prefix"},
	    {{"--statsd.histograms=ms"}, "counters, timings or distributions"},
	    {{"--statsd.histograms=distributions", "--statsd.tags=influx"},
	     "needs --statsd.tags=dogstatsd"},
	    {{"--statsd.interval=99ms"}, "expected 100ms to 60m"},
	    {{"--statsd.interval=61m"}, "expected 100ms to 60m"},
	    {{"--statsd.interval=10"}, "such as 10s"},
	    {{"--statsd.interval=s"}, "such as 10s"},
	    {{"--statsd.prefix=a:b"}, "letters, digits"},
	    {{"--statsd.datagram-bytes=511"}, "expected 512 to 65000"},
	    {{"--statsd.datagram-bytes=1k"}, "expected 512 to 65000"},
	    {{"--log.level=loud"}, "debug, info, warn or error"},
	    {{"--log.format=xml"}, "logfmt or json"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		assert_int_equal(parse(cases[i].args), -EINVAL);
		if (!strstr(err.msg, cases[i].says))
			fail_msg("%s: %s", cases[i].args[0], err.msg);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(parse_nothing_gives_the_defaults),
	    cmocka_unit_test(parse_every_option_is_understood),
	    cmocka_unit_test(parse_unix_address_takes_longer_datagrams),
	    cmocka_unit_test(parse_wrong_lines_say_what_is_wrong),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
