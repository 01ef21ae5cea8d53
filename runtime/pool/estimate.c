/* SPDX-License-Identifier: Apache-2.0 */
#include "pool/estimate.h"

#define MARGIN_NS (5 * SNP_NS_PER_MS)
#define SLACK_NS  (50 * SNP_NS_PER_MS)

uint64_t estimate_add(uint64_t average_ns, uint64_t observed_ns)
{
	if (average_ns == 0)
		return observed_ns;
	return average_ns - average_ns / 8 + observed_ns / 8;
}

uint64_t estimate_wait_ns(uint64_t service_ns, uint32_t ahead, uint32_t capacity)
{
	uint64_t wait;

	if (capacity == 0 || __builtin_mul_overflow(service_ns, ahead, &wait))
		return 0;
	return wait / capacity;
}

static uint64_t time_given(snp_mono_t received, snp_mono_t asked)
{
	return asked.ns > received.ns ? asked.ns - received.ns : 0;
}

/* `ns`, but no more than a quarter of what is given. */
static uint64_t quarter_or(uint64_t given, uint64_t ns)
{
	return given / 4 < ns ? given / 4 : ns;
}

snp_mono_t estimate_deadline(snp_mono_t received, snp_mono_t asked)
{
	return (snp_mono_t){asked.ns -
			    quarter_or(time_given(received, asked), MARGIN_NS)};
}

bool estimate_is_deadline(snp_mono_t received, snp_mono_t asked, snp_mono_t now)
{
	uint64_t given = time_given(received, asked);
	uint64_t slack = given / 100 + quarter_or(given, SLACK_NS);

	return asked.ns != 0 && now.ns >= asked.ns - slack;
}
