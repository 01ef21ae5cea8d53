/* SPDX-License-Identifier: Apache-2.0 */
#define LOG_COMPONENT "log"
#include "log/log.h"

#include "snakepit/time.h"

/* Whoever moves period_start_ns forward has won the turn of the period and accounts for
 * what was held back before it. */
static void begin_period(struct log_ratelimit *site, uint64_t start_ns, uint64_t now_ns)
{
	uint64_t held_back;

	if (!atomic_compare_exchange_strong(&site->period_start_ns, &start_ns, now_ns))
		return;
	atomic_store(&site->passed, 0);
	held_back = atomic_exchange(&site->held_back, 0);
	if (held_back > 0)
		log_warn("lines of one kind were held back",
			 LOG_STR("what", site->what), LOG_U64("held_back", held_back));
}

bool log_ratelimit(struct log_ratelimit *site)
{
	uint64_t now_ns = snp_mono_now().ns;
	uint64_t start_ns = atomic_load(&site->period_start_ns);
	uint64_t period_ns = (uint64_t)site->period_ms * SNP_NS_PER_MS;

	if (start_ns == 0 || (now_ns > start_ns && now_ns - start_ns >= period_ns))
		begin_period(site, start_ns, now_ns);
	/* Read first, so that a storm of any length cannot wrap the counter. */
	if (atomic_load(&site->passed) < site->burst &&
	    atomic_fetch_add(&site->passed, 1) < site->burst)
		return true;
	atomic_fetch_add(&site->held_back, 1);
	return false;
}
