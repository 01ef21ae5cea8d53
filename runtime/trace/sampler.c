/* SPDX-License-Identifier: Apache-2.0 */
#include "trace/sampler.h"

#include <math.h>
#include <stdlib.h>
#include <strings.h>

#define CONFIGURED (-1.0) /* for a ratio: as the configuration or OTEL_*_ARG says */

static const struct {
	bool by_parent;
	double ratio; /* of traces without a parent, or of all */
} rules[] = {
    [SNP_CFG_SAMPLER_ALWAYS_ON] = {false, 1},
    [SNP_CFG_SAMPLER_ALWAYS_OFF] = {false, 0},
    [SNP_CFG_SAMPLER_TRACEIDRATIO] = {false, CONFIGURED},
    [SNP_CFG_SAMPLER_PARENTBASED_ALWAYS_ON] = {true, 1},
    [SNP_CFG_SAMPLER_PARENTBASED_ALWAYS_OFF] = {true, 0},
    [SNP_CFG_SAMPLER_PARENTBASED_TRACEIDRATIO] = {true, CONFIGURED},
};

static bool is_set(const char *value)
{
	return value && *value;
}

static bool find_sampler(const char *name, enum snp_cfg_sampler *ret)
{
	static const struct {
		const char *name;
		enum snp_cfg_sampler id;
	} table[] = {
#define X(id, name) {name, SNP_CFG_SAMPLER_##id},
	    SNP_CFG_SAMPLERS(X)
#undef X
	};

	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		if (strcasecmp(name, table[i].name) == 0) {
			*ret = table[i].id;
			return true;
		}
	}
	return false;
}

/* A decimal number from 0 to 1, alone. */
static bool parse_ratio(const char *text, double *ret)
{
	char *end;
	double value = strtod(text, &end);

	if (end == text || *end || text[strspn(text, "0123456789.eE+-")] || value < 0 ||
	    value > 1)
		return false;
	*ret = value;
	return true;
}

unsigned trace_sampler_init(struct trace_sampler *sampler,
			    const struct snp_cfg_traces *cfg, const char *name,
			    const char *arg)
{
	enum snp_cfg_sampler id = cfg->sampler;
	double ratio = cfg->ratio;
	unsigned ignored = 0;

	if (is_set(name) && !find_sampler(name, &id))
		ignored |= TRACE_IGNORED_SAMPLER;
	if (is_set(arg) && !parse_ratio(arg, &ratio))
		ignored |= TRACE_IGNORED_ARG;
	if (rules[id].ratio != CONFIGURED)
		ratio = rules[id].ratio;
	*sampler = (struct trace_sampler){
	    .by_parent = rules[id].by_parent,
	    .all = ratio >= 1,
	    /* rint() rounds as Python's round() does: half to even. */
	    .bound = ratio < 1 ? (uint64_t)rint(ldexp(ratio, 64)) : 0,
	};
	return ignored;
}
