/* SPDX-License-Identifier: Apache-2.0 */
#include "worker/backoff.h"

#include "snakepit/time.h"

uint32_t backoff_bound_ms(uint32_t min_ms, uint32_t max_ms, unsigned failures)
{
	uint64_t bound = min_ms;

	for (unsigned i = 1; i < failures && bound < max_ms; i++)
		bound *= 2;
	return bound < max_ms ? (uint32_t)bound : max_ms;
}

uint32_t backoff_delay_ms(uint32_t min_ms, uint32_t max_ms, unsigned failures,
			  uint32_t random)
{
	uint64_t bound = backoff_bound_ms(min_ms, max_ms, failures);

	return (uint32_t)((bound + 1) * random >> 32);
}

bool backoff_settled(uint64_t ready_ns, uint64_t successes)
{
	uint64_t needed_ms = successes ? BACKOFF_SETTLED_MS : BACKOFF_SETTLED_IDLE_MS;

	return ready_ns >= needed_ms * SNP_NS_PER_MS;
}
