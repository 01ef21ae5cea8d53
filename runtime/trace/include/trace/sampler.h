/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sampler.h - which traces are exported: the samplers of OpenTelemetry, deciding for
 * each id as the Python SDK does, so that both sides of a call agree without asking.
 *
 * Pure, no allocation. A sampler does not change once made: any thread may ask it.
 */
#ifndef TRACE_SAMPLER_H
#define TRACE_SAMPLER_H

#include <stdbool.h>
#include <stdint.h>

#include "config/config.h"
#include "trace/context.h"

struct trace_sampler {
	bool by_parent; /* where there is a parent, as it was */
	bool all;	/* ratio 1 */
	uint64_t bound; /* else the ids whose last 64 bits are below this */
};

/* What of the environment was no good. */
#define TRACE_IGNORED_SAMPLER 0x1u
#define TRACE_IGNORED_ARG     0x2u

/* From the configuration; `name` and `arg` are the values of OTEL_TRACES_SAMPLER and
 * OTEL_TRACES_SAMPLER_ARG, which win: NULL or empty where they are not set. One that
 * makes no sense is ignored; the result says which, for a warning. */
unsigned trace_sampler_init(struct trace_sampler *sampler,
			    const struct snp_cfg_traces *cfg, const char *name,
			    const char *arg);

/* Whether the trace is sampled of which `id_low` are the last 64 bits; `parent` has
 * span 0 where there is none. */
static inline bool trace_sampler_decide(const struct trace_sampler *sampler,
					const struct trace_context *parent,
					uint64_t id_low)
{
	if (sampler->by_parent && parent->span)
		return trace_context_is_sampled(parent);
	return sampler->all || id_low < sampler->bound;
}

#endif
