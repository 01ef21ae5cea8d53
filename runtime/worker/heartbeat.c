/* SPDX-License-Identifier: Apache-2.0 */
#include "worker/heartbeat.h"

/* A timeout that is noticed so much later was slept through: the answer may have been
 * there in time. */
#define LATE_MS 250
#define GRID_MS 100

void heartbeat_init(struct heartbeat *hb, const struct snp_cfg_heartbeat *cfg)
{
	*hb = (struct heartbeat){.cfg = cfg};
}

snp_mono_t heartbeat_next(const struct heartbeat *hb, snp_mono_t now, uint32_t random)
{
	uint64_t interval = hb->cfg->ping_interval_ms * SNP_NS_PER_MS;
	uint64_t jitter = hb->cfg->jitter_ms * SNP_NS_PER_MS;
	uint64_t spread;

	if (jitter > interval / 2) /* never so much that pings bunch up */
		jitter = interval / 2;
	spread = (uint64_t)((double)(2 * jitter) * ((double)random / UINT32_MAX));
	return (snp_mono_t){now.ns + interval - jitter + spread};
}

snp_mono_t heartbeat_on_grid(const struct heartbeat *hb, snp_mono_t next)
{
	uint64_t step = hb->cfg->ping_interval_ms * SNP_NS_PER_MS / 8;

	if (step > GRID_MS * SNP_NS_PER_MS)
		step = GRID_MS * SNP_NS_PER_MS;
	return (snp_mono_t){(next.ns + step / 2) / step * step};
}

bool heartbeat_skips(struct heartbeat *hb, snp_mono_t turned, snp_mono_t now)
{
	bool skips = turned.ns > hb->due.ns && hb->due.ns > 0 && hb->missed == 0 &&
		     hb->skipped < HEARTBEAT_SKIPS && !hb->cfg->strict;

	if (hb->due.ns > 0) /* the first is for all, and leaves each its turn */
		hb->skipped = skips ? hb->skipped + 1 : 0;
	hb->due = now;
	return skips;
}

void heartbeat_sent(struct heartbeat *hb, snp_mono_t now)
{
	hb->sent = now;
}

uint64_t heartbeat_answered(struct heartbeat *hb, snp_mono_t now)
{
	uint64_t rtt_ns = snp_mono_since_ns(now, hb->sent);

	hb->sent.ns = 0;
	hb->missed = 0;
	return rtt_ns;
}

enum heartbeat_failure heartbeat_failed(struct heartbeat *hb, snp_mono_t now)
{
	snp_mono_t due = snp_mono_add_ms(hb->sent, hb->cfg->timeout_ms);

	hb->sent.ns = 0;
	if (snp_mono_since_ns(now, due) > LATE_MS * SNP_NS_PER_MS)
		return HEARTBEAT_EXCUSED;
	hb->missed++;
	return HEARTBEAT_MISSED;
}
