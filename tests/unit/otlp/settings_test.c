/* SPDX-License-Identifier: Apache-2.0 */
/* O05, O08 and O20: what each variable does, and what becomes of values that are empty
 * or cannot be used. */
#include "settings.h"

#include <errno.h>
#include <string.h>

#include "snp_test.h"

/* ---- an environment ------------------------------------------------------ */

#define VARIABLES_MAX 12

struct pair {
	const char *name, *value;
};

struct world {
	struct pair env[VARIABLES_MAX], flags[VARIABLES_MAX];
	unsigned warnings;
	char warned[64];
	char text[512];
};

static struct world world;
static struct otlp_settings settings;
static struct snp_err err;

static const char *find(const struct pair *pairs, const char *name)
{
	for (unsigned i = 0; i < VARIABLES_MAX && pairs[i].name; i++)
		if (strcmp(pairs[i].name, name) == 0)
			return pairs[i].value;
	return NULL;
}

static const char *env(void *user, const char *name)
{
	return find(((struct world *)user)->env, name);
}

static const char *flag(void *user, const char *name)
{
	return find(((struct world *)user)->flags, name);
}

static void warned(void *user, const char *name, const char *text)
{
	struct world *w = user;

	w->warnings++;
	(void)snprintf(w->warned, sizeof(w->warned), "%s", name);
	(void)snprintf(w->text, sizeof(w->text), "%s", text);
}

static int read_world(void)
{
	const struct otlp_source source = {env, flag, warned, &world};

	otlp_settings_fini(&settings);
	world.warnings = 0;
	return otlp_settings_read(&source, &settings, &err);
}

static void put(const char *name, const char *value)
{
	for (unsigned i = 0; i < VARIABLES_MAX; i++) {
		if (world.env[i].name)
			continue;
		world.env[i] = (struct pair){name, value};
		return;
	}
	fail_msg("more than %d variables", VARIABLES_MAX);
}

static void put_flag(const char *name, const char *value)
{
	world.flags[0] = (struct pair){name, value};
}

static int setup(void **state)
{
	(void)state;
	world = (struct world){0};
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	otlp_settings_fini(&settings);
	return 0;
}

static void expect_url(enum otlp_signal signal, const char *url)
{
	assert_int_equal(read_world(), 0);
	assert_string_equal(settings.endpoint[signal].url, url);
}

/* ---- O20: every row ------------------------------------------------------ */

/* The value of a setting as text, to compare by. */
typedef void (*show_fn)(char *text, size_t size);

#define SHOW(name, fmt, value)                                                         \
	static void name(char *text, size_t size)                                      \
	{                                                                              \
		(void)snprintf(text, size, fmt, value);                                \
	}
#define NUMBER(name, value) SHOW(name, "%llu", (unsigned long long)(settings.value))
#define ENUM(name, value)   SHOW(name, "%d", (int)(settings.value))
#define TEXT(name, value)   SHOW(name, "%s", settings.value ? settings.value : "none")

TEXT(url, endpoint[OTLP_TRACES].url)
ENUM(protocol, endpoint[OTLP_TRACES].protocol)
TEXT(ca, endpoint[OTLP_TRACES].ca)
TEXT(cert, endpoint[OTLP_TRACES].cert)
TEXT(key, endpoint[OTLP_TRACES].key)
NUMBER(headers_nr, endpoint[OTLP_TRACES].headers_nr)
ENUM(compression, endpoint[OTLP_TRACES].compression)
NUMBER(timeout, endpoint[OTLP_TRACES].timeout_ms)
NUMBER(interval, interval_ms)
NUMBER(metrics_budget, endpoint[OTLP_METRICS].budget_ms)
NUMBER(spans_budget, endpoint[OTLP_TRACES].budget_ms)
NUMBER(logs_budget, endpoint[OTLP_LOGS].budget_ms)
ENUM(exemplars, metrics.exemplars)
ENUM(temporality, metrics.temporality)
ENUM(histograms, metrics.histograms)
NUMBER(spans_delay, spans.delay_ms)
NUMBER(spans_queue, spans.queue_max)
NUMBER(spans_batch, spans.batch_max)
NUMBER(logs_delay, logs.delay_ms)
NUMBER(logs_queue, logs.queue_max)
NUMBER(logs_batch, logs.batch_max)
ENUM(metrics_exporter, endpoint[OTLP_METRICS].exporter)
ENUM(traces_exporter, endpoint[OTLP_TRACES].exporter)
ENUM(logs_exporter, endpoint[OTLP_LOGS].exporter)
ENUM(disabled, disabled)
ENUM(log_level, log_level)
TEXT(service, service_name)
TEXT(resource, resource_attributes)
NUMBER(retry_wait, endpoint[OTLP_TRACES].retry_wait_ms)

#define HTTP_DEFAULT "http://localhost:4318/v1/traces"

/* What a row of the table in the specification becomes: without the variable or with an
 * empty one, with a good value in any case of letters, and with a bad one (NULL where
 * every text is good). */
static const struct row {
	const char *name;
	show_fn show;
	const char *otherwise, *good, *gives, *bad;
} rows[] = {
    {"OTEL_EXPORTER_OTLP_ENDPOINT", url, HTTP_DEFAULT, "HTTPS://c:1",
     "https://c:1/v1/traces", "localhost:4318"},
    {"OTEL_EXPORTER_OTLP_PROTOCOL", protocol, "0", "GRPC", "2", "thrift"},
    {"OTEL_EXPORTER_OTLP_CERTIFICATE", ca, "none", "/ca.pem", "/ca.pem", NULL},
    {"OTEL_EXPORTER_OTLP_CLIENT_KEY", key, "none", "/k.pem", "/k.pem", NULL},
    {"OTEL_EXPORTER_OTLP_CLIENT_CERTIFICATE", cert, "none", "/c.pem", "/c.pem", NULL},
    {"OTEL_EXPORTER_OTLP_HEADERS", headers_nr, "0", "a=1,b=2", "2", "a"},
    {"OTEL_EXPORTER_OTLP_COMPRESSION", compression, "0", "Gzip", "1", "zstd"},
    {"OTEL_EXPORTER_OTLP_TIMEOUT", timeout, "10000", "0", "0", "-1"},
    {"OTEL_METRIC_EXPORT_INTERVAL", interval, "60000", "250", "250", "0"},
    {"OTEL_METRIC_EXPORT_TIMEOUT", metrics_budget, "30000", "7", "7", "1s"},
    {"OTEL_METRICS_EXEMPLAR_FILTER", exemplars, "0", "Always_Off", "2", "sometimes"},
    {"OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE", temporality, "0", "LowMemory",
     "2", "both"},
    {"OTEL_EXPORTER_OTLP_METRICS_DEFAULT_HISTOGRAM_AGGREGATION", histograms, "0",
     "Base2_exponential_bucket_histogram", "1", "summary"},
    {"OTEL_BSP_SCHEDULE_DELAY", spans_delay, "5000", "0", "0", "1e3"},
    {"OTEL_BSP_EXPORT_TIMEOUT", spans_budget, "30000", "0", "0", "99999999999"},
    {"OTEL_BSP_MAX_QUEUE_SIZE", spans_queue, "2048", "4096", "4096", "0"},
    {"OTEL_BSP_MAX_EXPORT_BATCH_SIZE", spans_batch, "512", "1", "1", "0"},
    {"OTEL_BLRP_SCHEDULE_DELAY", logs_delay, "1000", "7", "7", " 7"},
    {"OTEL_BLRP_EXPORT_TIMEOUT", logs_budget, "30000", "7", "7", "+7"},
    {"OTEL_BLRP_MAX_QUEUE_SIZE", logs_queue, "2048", "4096", "4096", "many"},
    {"OTEL_BLRP_MAX_EXPORT_BATCH_SIZE", logs_batch, "512", "1", "1", "0x10"},
    {"OTEL_METRICS_EXPORTER", metrics_exporter, "0", "Prometheus", "3", "statsd"},
    {"OTEL_TRACES_EXPORTER", traces_exporter, "0", "OTLP/stdout", "2", "prometheus"},
    {"OTEL_LOGS_EXPORTER", logs_exporter, "0", "Console", "1", "otlp,console"},
    {"OTEL_SDK_DISABLED", disabled, "0", "TRUE", "1", "1"},
    {"OTEL_LOG_LEVEL", log_level, "1", "WARN", "2", "trace"},
    {"OTEL_SERVICE_NAME", service, "none", "shop", "shop", NULL},
    {"OTEL_RESOURCE_ATTRIBUTES", resource, "none", "a=b", "a=b", NULL},
    {"SNAKEPIT_OTLP_RETRY_WAIT", retry_wait, "1000", "10", "10", "0"},
};

static void o20_each_variable_has_its_default_and_takes_good_values(void **state)
{
	char text[256];

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const char *values[] = {NULL, "", rows[i].good};

		for (int j = 0; j < 3; j++) {
			world = (struct world){0};
			put(rows[i].name, values[j]);
			assert_int_equal(read_world(), 0);
			rows[i].show(text, sizeof(text));
			assert_string_equal(text,
					    j == 2 ? rows[i].gives : rows[i].otherwise);
			assert_int_equal(world.warnings, 0);
		}
	}
}

static void o20_bad_values_are_told_and_ignored(void **state)
{
	char text[256];

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		if (!rows[i].bad)
			continue;
		world = (struct world){0};
		put(rows[i].name, rows[i].bad);
		assert_int_equal(read_world(), 0);
		rows[i].show(text, sizeof(text));
		assert_string_equal(text, rows[i].otherwise);
		/* A generic one is read once for each signal. */
		assert_true(world.warnings == 1 || world.warnings == OTLP_SIGNAL_NR);
		assert_string_equal(world.warned, rows[i].name);
	}
}

/* The variables that each signal has a form of its own of. */
static const struct own {
	const char *generic, *traces, *one, *other;
	show_fn show;
	const char *gives_one, *gives_other;
	const char *bad;
} owns[] = {
    {"OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "http://a",
     "http://b/x", url, "http://a/v1/traces", "http://b/x", "b"},
    {"OTEL_EXPORTER_OTLP_PROTOCOL", "OTEL_EXPORTER_OTLP_TRACES_PROTOCOL", "grpc",
     "http/json", protocol, "2", "1", "?"},
    {"OTEL_EXPORTER_OTLP_CERTIFICATE", "OTEL_EXPORTER_OTLP_TRACES_CERTIFICATE", "a",
     "b", ca, "a", "b", NULL},
    {"OTEL_EXPORTER_OTLP_CLIENT_KEY", "OTEL_EXPORTER_OTLP_TRACES_CLIENT_KEY", "a", "b",
     key, "a", "b", NULL},
    {"OTEL_EXPORTER_OTLP_CLIENT_CERTIFICATE",
     "OTEL_EXPORTER_OTLP_TRACES_CLIENT_CERTIFICATE", "a", "b", cert, "a", "b", NULL},
    {"OTEL_EXPORTER_OTLP_HEADERS", "OTEL_EXPORTER_OTLP_TRACES_HEADERS", "a=1",
     "a=1,b=2", headers_nr, "1", "2", NULL},
    {"OTEL_EXPORTER_OTLP_COMPRESSION", "OTEL_EXPORTER_OTLP_TRACES_COMPRESSION", "gzip",
     "none", compression, "1", "0", "?"},
    {"OTEL_EXPORTER_OTLP_TIMEOUT", "OTEL_EXPORTER_OTLP_TRACES_TIMEOUT", "1", "2",
     timeout, "1", "2", "?"},
};

static void expect_own(const struct own *own, const char *value, const char *gives)
{
	char text[256];

	world = (struct world){0};
	put(own->generic, own->one);
	put(own->traces, value);
	assert_int_equal(read_world(), 0);
	own->show(text, sizeof(text));
	assert_string_equal(text, gives);
}

static void o20_a_signals_own_variable_comes_before_the_generic_one(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(owns) / sizeof(owns[0]); i++) {
		expect_own(&owns[i], owns[i].other, owns[i].gives_other);
		expect_own(&owns[i], "", owns[i].gives_one);
		if (!owns[i].bad)
			continue;
		expect_own(&owns[i], owns[i].bad, owns[i].gives_one);
		assert_int_equal(world.warnings, 1);
		assert_string_equal(world.warned, owns[i].traces);
	}
}

static void o20_a_flag_comes_before_the_environment(void **state)
{
	(void)state;
	put("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "http://env/own");
	put("OTEL_METRIC_EXPORT_INTERVAL", "5");
	put_flag("OTEL_EXPORTER_OTLP_ENDPOINT", "http://flag");
	expect_url(OTLP_TRACES, "http://flag/v1/traces");
	assert_int_equal(settings.interval_ms, 5);
	put_flag("OTEL_METRIC_EXPORT_INTERVAL", "6");
	assert_int_equal(read_world(), 0);
	assert_int_equal(settings.interval_ms, 6);
}

static void o20_a_configuration_file_is_refused(void **state)
{
	static const char *const names[] = {"OTEL_CONFIG_FILE",
					    "OTEL_EXPERIMENTAL_CONFIG_FILE"};

	(void)state;
	for (int i = 0; i < 2; i++) {
		world = (struct world){0};
		put(names[i], "");
		assert_int_equal(read_world(), 0);
		world.env[0].value = "/etc/otel.yaml";
		assert_int_equal(read_world(), -ENOTSUP);
		assert_non_null(strstr(err.msg, names[i]));
		assert_non_null(strstr(err.msg, "unset it"));
	}
}

static void o20_limits_without_effect_are_told(void **state)
{
	(void)state;
	put("OTEL_SPAN_ATTRIBUTE_COUNT_LIMIT", "5");
	assert_int_equal(read_world(), 0);
	assert_int_equal(world.warnings, 1);
	assert_string_equal(world.warned, "OTEL_SPAN_ATTRIBUTE_COUNT_LIMIT");
}

static void o20_a_batch_is_no_larger_than_its_queue(void **state)
{
	(void)state;
	put("OTEL_BSP_MAX_QUEUE_SIZE", "100");
	put("OTEL_BLRP_MAX_EXPORT_BATCH_SIZE", "4000");
	assert_int_equal(read_world(), 0);
	assert_int_equal(settings.spans.batch_max, 100);
	assert_int_equal(settings.logs.batch_max, 2048);
	assert_int_equal(world.warnings, 2);
}

static void metrics_are_given_up_when_the_next_are_due(void **state)
{
	(void)state;
	put("OTEL_METRIC_EXPORT_INTERVAL", "1000");
	assert_int_equal(read_world(), 0);
	assert_int_equal(settings.endpoint[OTLP_METRICS].budget_ms, 1000);
}

/* ---- O05: addresses ------------------------------------------------------ */

static void o05_the_examples_of_the_specification(void **state)
{
	(void)state;
	put("OTEL_EXPORTER_OTLP_ENDPOINT", "http://collector:4318");
	expect_url(OTLP_TRACES, "http://collector:4318/v1/traces");
	expect_url(OTLP_METRICS, "http://collector:4318/v1/metrics");
	expect_url(OTLP_LOGS, "http://collector:4318/v1/logs");

	world = (struct world){0};
	put("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "http://collector:4318");
	put("OTEL_EXPORTER_OTLP_METRICS_ENDPOINT",
	    "https://collector.example.com/v1/metrics");
	expect_url(OTLP_TRACES, "http://collector:4318/");
	expect_url(OTLP_METRICS, "https://collector.example.com/v1/metrics");
	expect_url(OTLP_LOGS, "http://localhost:4318/v1/logs");

	world = (struct world){0};
	put("OTEL_EXPORTER_OTLP_ENDPOINT", "http://collector:4318/mycollector/");
	expect_url(OTLP_TRACES, "http://collector:4318/mycollector/v1/traces");
}

static void o05_paths_and_queries_are_kept(void **state)
{
	static const char *const cases[][3] = {
	    {"http://h", "http://h/v1/traces", "http://h/"},
	    {"http://h/", "http://h/v1/traces", "http://h/"},
	    {"http://h/a", "http://h/a/v1/traces", "http://h/a"},
	    {"http://h/a?k=v", "http://h/a/v1/traces?k=v", "http://h/a?k=v"},
	    {"http://h?k=v#f", "http://h/v1/traces?k=v", "http://h/?k=v"},
	    {"http://[::1]:80/a/", "http://[::1]:80/a/v1/traces", "http://[::1]:80/a/"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		world = (struct world){0};
		put("OTEL_EXPORTER_OTLP_ENDPOINT", cases[i][0]);
		expect_url(OTLP_TRACES, cases[i][1]);
		put("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", cases[i][0]);
		expect_url(OTLP_TRACES, cases[i][2]);
		assert_int_equal(world.warnings, 0);
	}
}

static void o05_grpc_takes_host_and_port_and_the_scheme_decides_on_tls(void **state)
{
	static const char *const cases[][3] = {
	    /* address, INSECURE, what is called */
	    {"", "", "http://localhost:4317"},
	    {"", "true", "http://localhost:4317"},
	    {"http://h:1/path", "false", "http://h:1"},
	    {"https://h:1", "true", "https://h:1"},
	    {"https://h", "", "https://h"},
	    {"h:1", "", "https://h:1"},
	    {"h:1", "True", "http://h:1"},
	    {"h:1", "yes", "https://h:1"},
	    {"h", "true", "http://h:4317"},
	    {"[::1]", "", "https://[::1]:4317"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		world = (struct world){0};
		put("OTEL_EXPORTER_OTLP_PROTOCOL", "grpc");
		put("OTEL_EXPORTER_OTLP_ENDPOINT", cases[i][0]);
		put("OTEL_EXPORTER_OTLP_INSECURE", cases[i][1]);
		expect_url(OTLP_TRACES, cases[i][2]);
	}
}

static void o05_what_is_no_address_is_told_and_ignored(void **state)
{
	static const char *const bad[] = {
	    "collector:4318",	"ftp://h",	 "http://",	   "http:///v1",
	    "http://:4318",	"http://h:0",	 "http://h:65536", "http://h:",
	    "http://h:4318x",	"http://[::1",	 "http://me:pw@h", "http://h o",
	    "http://h/\nEvil:", "http://h:http",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		world = (struct world){0};
		put("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", bad[i]);
		expect_url(OTLP_TRACES, HTTP_DEFAULT);
		assert_int_equal(world.warnings, 1);
	}
}

/* ---- O08: headers -------------------------------------------------------- */

static void expect_header(size_t i, const char *name, const char *value)
{
	const struct otlp_endpoint *endpoint = &settings.endpoint[OTLP_TRACES];

	assert_true(i < endpoint->headers_nr);
	assert_string_equal(endpoint->headers[i].name, name);
	assert_string_equal(endpoint->headers[i].value, value);
}

static void o08_headers_are_percent_decoded(void **state)
{
	(void)state;
	put("OTEL_EXPORTER_OTLP_HEADERS",
	    " Authorization = Basic%20dTpw%3D , x-a=1=2;p,,empty=,");
	assert_int_equal(read_world(), 0);
	assert_int_equal(world.warnings, 0);
	assert_int_equal(settings.endpoint[OTLP_TRACES].headers_nr, 3);
	expect_header(0, "Authorization", "Basic dTpw=");
	expect_header(1, "x-a", "1=2;p");
	expect_header(2, "empty", "");
}

static void o08_bad_members_are_left_out_and_never_quoted(void **state)
{
	static const char *const bad[] = {
	    "secret",
	    "=secret",
	    "a b=secret",
	    "x=secret%0d%0aY: 1",
	    "x=secret%0",
	    "x=secret%zz",
	    "x=secret%00",
	    "x=secret%c3%a9",
	    "Content-Type=secret",
	    "host=secret",
	    "grpc-timeout=secret",
	    "user-agent=secret",
	};
	char text[128];

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		world = (struct world){0};
		(void)snprintf(text, sizeof(text), "%s,good=1", bad[i]);
		put("OTEL_EXPORTER_OTLP_TRACES_HEADERS", text);
		assert_int_equal(read_world(), 0);
		assert_int_equal(world.warnings, 1);
		assert_null(strstr(world.text, "secret"));
		assert_int_equal(settings.endpoint[OTLP_TRACES].headers_nr, 1);
		expect_header(0, "good", "1");
	}
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	    TEST(o20_each_variable_has_its_default_and_takes_good_values),
	    TEST(o20_bad_values_are_told_and_ignored),
	    TEST(o20_a_signals_own_variable_comes_before_the_generic_one),
	    TEST(o20_a_flag_comes_before_the_environment),
	    TEST(o20_a_configuration_file_is_refused),
	    TEST(o20_limits_without_effect_are_told),
	    TEST(o20_a_batch_is_no_larger_than_its_queue),
	    TEST(metrics_are_given_up_when_the_next_are_due),
	    TEST(o05_the_examples_of_the_specification),
	    TEST(o05_paths_and_queries_are_kept),
	    TEST(o05_grpc_takes_host_and_port_and_the_scheme_decides_on_tls),
	    TEST(o05_what_is_no_address_is_told_and_ignored),
	    TEST(o08_headers_are_percent_decoded),
	    TEST(o08_bad_members_are_left_out_and_never_quoted),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
