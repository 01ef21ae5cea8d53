/* SPDX-License-Identifier: Apache-2.0 */
#include "worker/recycle.h"

#include "snakepit/check.h"
#include "snakepit/time.h"

#define MIB	 UINT64_C(1048576)
#define NS_PER_S (1000 * SNP_NS_PER_MS)

void recycle_begin(struct recycle *r, uint32_t random)
{
	*r = (struct recycle){.dice = (double)random / (UINT32_MAX / 2.0) - 1.0};
}

/* The limit with its jitter; at least 1, so that it stays a limit. */
static uint64_t spread(const struct recycle *r, uint64_t limit, double jitter)
{
	double value = (double)limit * (1.0 + jitter * r->dice);

	return value < 1.0 ? 1 : (uint64_t)value;
}

uint64_t recycle_age_limit_ns(const struct recycle *r,
			      const struct snp_cfg_lifecycle *cfg)
{
	return cfg->worker_ttl_s ? spread(r, cfg->worker_ttl_s * NS_PER_S, cfg->jitter)
				 : UINT64_MAX;
}

enum snp_enum_MOVE_REASON recycle_judge(const struct recycle *r,
					const struct snp_cfg_lifecycle *cfg,
					const struct recycle_facts *facts)
{
	/* One that wishes so from its first moment would be replaced for ever. */
	if (facts->wish && facts->ready_ns >= cfg->min_lifetime_ms * SNP_NS_PER_MS)
		return SNP_MOVE_REASON_WORKER_REQUESTED;
	if (facts->ready_ns >= recycle_age_limit_ns(r, cfg))
		return SNP_MOVE_REASON_TTL;
	if (cfg->worker_max_requests &&
	    facts->requests >= spread(r, cfg->worker_max_requests, cfg->jitter))
		return SNP_MOVE_REASON_MAX_REQUESTS;
	return SNP_MOVE_REASON_NONE;
}

static unsigned count_over(unsigned before, uint64_t bytes, uint64_t limit)
{
	return limit && bytes > limit ? before + 1 : 0;
}

enum snp_enum_MOVE_REASON recycle_sample(struct recycle *r,
					 const struct snp_cfg_lifecycle *cfg,
					 uint64_t ready_ns, uint64_t anon_bytes)
{
	bool young = ready_ns < cfg->min_lifetime_ms * SNP_NS_PER_MS;
	uint64_t soft = cfg->memory_soft_mb * MIB, limit = soft;

	if (young && anon_bytes > r->baseline_bytes)
		r->baseline_bytes = anon_bytes;
	if (soft && r->baseline_bytes > soft)
		limit = r->baseline_bytes + r->baseline_bytes / 4;
	r->over_soft = count_over(r->over_soft, anon_bytes, soft);
	r->grown = young ? 0 : count_over(r->grown, anon_bytes, limit);
	r->over_hard =
	    young ? 0 : count_over(r->over_hard, anon_bytes, cfg->memory_hard_mb * MIB);
	if (r->over_hard >= RECYCLE_SAMPLES)
		return SNP_MOVE_REASON_RSS_HARD;
	if (r->grown >= RECYCLE_SAMPLES)
		return SNP_MOVE_REASON_RSS_SOFT;
	if (r->over_soft < RECYCLE_SAMPLES || limit == soft || r->baseline_told)
		return SNP_MOVE_REASON_NONE;
	r->baseline_told = true;
	return SNP_MOVE_REASON_RSS_BASELINE;
}

uint32_t recycle_budget(const struct snp_cfg_lifecycle *cfg, uint32_t workers)
{
	uint32_t share = (uint32_t)(cfg->max_unavailable * workers);

	return share ? share : 1;
}

enum snp_enum_RECYCLE_REASON recycle_counts_as(enum snp_enum_MOVE_REASON reason)
{
	switch (reason) {
	case SNP_MOVE_REASON_TTL:
		return SNP_RECYCLE_REASON_TTL;
	case SNP_MOVE_REASON_MAX_REQUESTS:
		return SNP_RECYCLE_REASON_REQUESTS;
	case SNP_MOVE_REASON_RSS_SOFT:
	case SNP_MOVE_REASON_RSS_HARD:
		return SNP_RECYCLE_REASON_MEMORY;
	case SNP_MOVE_REASON_GENERATION:
		return SNP_RECYCLE_REASON_GENERATION;
	case SNP_MOVE_REASON_WORKER_REQUESTED:
		return SNP_RECYCLE_REASON_WORKER;
	default:
		SNP_CHECK(reason == SNP_MOVE_REASON_OPERATOR);
		return SNP_RECYCLE_REASON_MANUAL;
	}
}
