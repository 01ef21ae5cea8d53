/* SPDX-License-Identifier: Apache-2.0 */
#include "snp_test.h"

#include <stdlib.h>

#include "core/tracing.h"
#include "log/log.h"

static const char *const variables[] = {
    "OTEL_SDK_DISABLED",	   "OTEL_TRACES_EXPORTER",
    "OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT",
    "OTEL_TRACES_SAMPLER",	   "OTEL_TRACES_SAMPLER_ARG",
};

static int clear(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(variables) / sizeof(variables[0]); i++)
		(void)unsetenv(variables[i]);
	return 0;
}

static void wanted_by_key_or_environment(void **state)
{
	static const struct {
		bool key;
		const char *name, *value;
		bool wanted;
	} cases[] = {
	    {false, "OTEL_TRACES_SAMPLER", "always_on", false},
	    {true, "OTEL_TRACES_SAMPLER", "always_off", true},
	    {false, "OTEL_TRACES_EXPORTER", "otlp", true},
	    {false, "OTEL_TRACES_EXPORTER", "console", true},
	    {false, "OTEL_TRACES_EXPORTER", "none", false},
	    {false, "OTEL_TRACES_EXPORTER", "", false},
	    {true, "OTEL_TRACES_EXPORTER", "none", true},
	    {false, "OTEL_EXPORTER_OTLP_ENDPOINT", "http://127.0.0.1:4318", true},
	    {false, "OTEL_EXPORTER_OTLP_ENDPOINT", "", false},
	    {false, "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "http://127.0.0.1", true},
	    {true, "OTEL_SDK_DISABLED", "true", false},
	    {true, "OTEL_SDK_DISABLED", "True", false},
	    {true, "OTEL_SDK_DISABLED", "1", true}, /* no value of a Boolean */
	    {true, "OTEL_SDK_DISABLED", "", true},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		const struct snp_cfg_traces cfg = {.enabled = cases[i].key};

		(void)clear(state);
		assert_int_equal(setenv(cases[i].name, cases[i].value, 1), 0);
		if (tracing_is_wanted(&cfg) != cases[i].wanted)
			fail_msg("key %d and %s='%s'", cases[i].key, cases[i].name,
				 cases[i].value);
	}
}

static void exporter_none_beats_an_endpoint(void **state)
{
	const struct snp_cfg_traces cfg = {.enabled = false};

	(void)state;
	(void)setenv("OTEL_EXPORTER_OTLP_ENDPOINT", "http://127.0.0.1:4318", 1);
	(void)setenv("OTEL_TRACES_EXPORTER", "none", 1);
	assert_false(tracing_is_wanted(&cfg));
}

/* Whether a root would be sampled. */
static bool samples(const struct tracing *tracing)
{
	const struct trace_context none = {.span = 0};

	return trace_sampler_decide(&tracing->sampler, &none, 1);
}

static void init_takes_the_sampler_of_environment_or_key(void **state)
{
	struct snp_cfg_traces cfg = {
	    .enabled = true, .sampler = SNP_CFG_SAMPLER_ALWAYS_OFF, .ratio = 1};
	struct tracing tracing;

	(void)state;
	tracing_init(&tracing, &cfg);
	assert_true(tracing.on);
	assert_false(samples(&tracing));
	(void)setenv("OTEL_TRACES_SAMPLER", "always_on", 1);
	tracing_init(&tracing, &cfg);
	assert_true(samples(&tracing));
	(void)setenv("OTEL_TRACES_SAMPLER", "sometimes", 1);
	tracing_init(&tracing, &cfg);
	assert_false(samples(&tracing));
	cfg.enabled = false;
	tracing_init(&tracing, &cfg);
	assert_false(tracing.on);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define T(name) cmocka_unit_test_setup_teardown(name, clear, clear)
	    T(wanted_by_key_or_environment),
	    T(exporter_none_beats_an_endpoint),
	    T(init_takes_the_sampler_of_environment_or_key),
	};

	log_init(LOG_LEVEL_ERROR, LOG_FORMAT_JSON, STDERR_FILENO);
	return cmocka_run_group_tests_name("runtime/tracing", tests, NULL, NULL);
}
