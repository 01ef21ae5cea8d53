/* SPDX-License-Identifier: Apache-2.0 */
#include "retry.h"

/* The growth from wait to wait, and how far it is drawn to both sides. */
#define GROWTH 1.5
#define SPREAD 0.2

static const snp_mono_t never = {UINT64_MAX};

static snp_mono_t later(snp_mono_t a, snp_mono_t b)
{
	return a.ns > b.ns ? a : b;
}

static snp_mono_t earlier(snp_mono_t a, snp_mono_t b)
{
	return a.ns < b.ns ? a : b;
}

void otlp_retry_begin(struct otlp_retry *retry, snp_mono_t now, uint64_t budget_ms)
{
	retry->give_up = budget_ms ? snp_mono_add_ms(now, budget_ms) : never;
	retry->ours = now;
	retry->failures = 0;
	retry->failed_stopping = false;
	if (retry->stopping)
		retry->give_up = earlier(retry->give_up, retry->stop_by);
}

static uint64_t wait_ns(const struct otlp_retry *retry, uint32_t chance)
{
	double wait_ms = (double)retry->first_wait_ms;

	for (unsigned i = 1; i < retry->failures && wait_ms < OTLP_RETRY_MAX_MS; i++)
		wait_ms *= GROWTH;
	if (wait_ms > OTLP_RETRY_MAX_MS)
		wait_ms = OTLP_RETRY_MAX_MS;
	wait_ms *= 1 - SPREAD + 2 * SPREAD * (double)chance / UINT32_MAX;
	return (uint64_t)(wait_ms * (double)SNP_NS_PER_MS);
}

void otlp_retry_failed(struct otlp_retry *retry, snp_mono_t now, uint64_t asked_ns,
		       uint32_t chance)
{
	const uint64_t asked_max_ns = OTLP_RETRY_ASKED_MAX_MS * SNP_NS_PER_MS;

	retry->failures++;
	retry->failed_stopping = retry->stopping;
	retry->ours.ns = now.ns + wait_ns(retry, chance);
	if (asked_ns == 0)
		return;
	if (asked_ns > asked_max_ns)
		asked_ns = asked_max_ns;
	retry->asked = later(retry->asked, (snp_mono_t){now.ns + asked_ns});
}

void otlp_retry_stop(struct otlp_retry *retry, snp_mono_t by)
{
	retry->stopping = true;
	retry->stop_by = by;
	retry->give_up = earlier(retry->give_up, by);
}

enum otlp_step otlp_retry_next(const struct otlp_retry *retry, snp_mono_t now,
			       snp_mono_t *ret_until)
{
	const snp_mono_t due =
	    retry->stopping ? retry->asked : later(retry->ours, retry->asked);

	if (now.ns >= retry->give_up.ns || retry->failed_stopping)
		return OTLP_GIVE_UP;
	if (due.ns <= now.ns) {
		*ret_until = retry->give_up;
		return OTLP_ATTEMPT;
	}
	/* Nothing is gained by waiting for an attempt that will not come. */
	if (due.ns >= retry->give_up.ns)
		return OTLP_GIVE_UP;
	*ret_until = due;
	return OTLP_WAIT;
}
