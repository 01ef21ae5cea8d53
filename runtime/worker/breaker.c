/* SPDX-License-Identifier: Apache-2.0 */
#include "worker/breaker.h"

static void open_until(struct breaker *b, const struct snp_cfg_restart *cfg,
		       snp_mono_t now)
{
	b->state = SNP_BREAKER_OPEN;
	b->probe_at = snp_mono_add_ms(now, cfg->breaker_probe_ms);
}

bool breaker_death(struct breaker *b, const struct snp_cfg_restart *cfg, snp_mono_t now)
{
	uint64_t window_ns = cfg->breaker_window_s * (1000 * SNP_NS_PER_MS);
	const snp_mono_t *first;

	b->at[b->deaths++ % BREAKER_DEATHS_MAX] = now;
	if (b->state != SNP_BREAKER_CLOSED || b->deaths < cfg->breaker_deaths)
		return false;
	first = &b->at[(b->deaths - cfg->breaker_deaths) % BREAKER_DEATHS_MAX];
	if (snp_mono_since_ns(now, *first) > window_ns)
		return false;
	open_until(b, cfg, now);
	return true;
}

bool breaker_crowd(struct breaker *b, const struct snp_cfg_restart *cfg,
		   uint32_t failing, uint32_t of, snp_mono_t now)
{
	if (b->state != SNP_BREAKER_CLOSED || failing <= of / 2)
		return false;
	open_until(b, cfg, now);
	return true;
}

bool breaker_probe(struct breaker *b, snp_mono_t now)
{
	if (b->state != SNP_BREAKER_OPEN || now.ns < b->probe_at.ns)
		return false;
	b->state = SNP_BREAKER_HALF_OPEN;
	return true;
}

void breaker_probe_failed(struct breaker *b, const struct snp_cfg_restart *cfg,
			  snp_mono_t now)
{
	if (b->state == SNP_BREAKER_HALF_OPEN)
		open_until(b, cfg, now);
}

bool breaker_close(struct breaker *b)
{
	bool was_open = b->state != SNP_BREAKER_CLOSED;

	b->state = SNP_BREAKER_CLOSED;
	if (was_open)
		b->deaths = 0;
	return was_open;
}
