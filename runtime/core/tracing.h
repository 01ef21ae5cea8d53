/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tracing.h - whether the runtime takes part in traces, and in which of them.
 *
 * The configuration says so, or the environment as OpenTelemetry's SDKs read it: what
 * starts tracing in a program's other parts starts it here.
 */
#ifndef SNAKEPIT_RUNTIME_TRACING_H
#define SNAKEPIT_RUNTIME_TRACING_H

#include <stdbool.h>

#include "config/config.h"
#include "trace/sampler.h"

/* Does not change once made: any thread may look. Zeros: off. */
struct tracing {
	bool on;
	struct trace_sampler sampler;
};

/* Whether spans are to leave this process; the environment is read. */
bool tracing_is_wanted(const struct snp_cfg_traces *cfg);

/* Warns of what in the environment is no good. */
void tracing_init(struct tracing *tracing, const struct snp_cfg_traces *cfg);

#endif
