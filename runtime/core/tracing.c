/* SPDX-License-Identifier: Apache-2.0 */
#define LOG_COMPONENT "runtime"
#include "core/tracing.h"

#include <stdlib.h>
#include <strings.h>

#include "log/log.h"

#define SAMPLER "OTEL_TRACES_SAMPLER"
#define ARG	"OTEL_TRACES_SAMPLER_ARG"

/* An empty variable is one that is not set. */
static const char *variable(const char *name)
{
	const char *value = getenv(name);

	return value && *value ? value : NULL;
}

/* Somebody named a place for spans, or how they are to be sent. */
static bool environment_wants(void)
{
	const char *exporter = variable("OTEL_TRACES_EXPORTER");

	if (exporter)
		return strcasecmp(exporter, "none") != 0;
	return variable("OTEL_EXPORTER_OTLP_ENDPOINT") ||
	       variable("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT");
}

bool tracing_is_wanted(const struct snp_cfg_traces *cfg)
{
	const char *disabled = variable("OTEL_SDK_DISABLED");

	if (disabled && strcasecmp(disabled, "true") == 0)
		return false;
	return cfg->enabled || environment_wants();
}

void tracing_init(struct tracing *tracing, const struct snp_cfg_traces *cfg)
{
	const char *sampler = variable(SAMPLER), *arg = variable(ARG);
	unsigned ignored;

	*tracing = (struct tracing){.on = tracing_is_wanted(cfg)};
	if (!tracing->on)
		return;
	ignored = trace_sampler_init(&tracing->sampler, cfg, sampler, arg);
	if (ignored & TRACE_IGNORED_SAMPLER)
		log_warn("a variable names no sampler that there is, it is ignored",
			 LOG_STR("variable", SAMPLER), LOG_STR("value", sampler));
	if (ignored & TRACE_IGNORED_ARG)
		log_warn("a variable is no ratio from 0 to 1, it is ignored",
			 LOG_STR("variable", ARG), LOG_STR("value", arg));
	log_info("tracing is on");
}
