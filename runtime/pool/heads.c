/* SPDX-License-Identifier: Apache-2.0 */
#include "pool/heads.h"

#include "snakepit/check.h"

static_assert(sizeof(struct heads_words) == sizeof(struct snp_pool_heads),
	      "heads_words lists the words of the record");

static void publish(const struct heads *h)
{
	snp_latch_publish(h->latch, (const uint64_t *)(const void *)&h->now,
			  sizeof(h->now) / sizeof(uint64_t));
}

void heads_start(struct heads *h, enum snp_enum_START_REASON reason)
{
	h->now.starts[reason]++;
	h->now.processes++;
	publish(h);
}

void heads_exit(struct heads *h, enum snp_enum_EXIT_REASON reason)
{
	SNP_CHECK(h->now.processes > 0);
	h->now.exits[reason]++;
	h->now.processes--;
	publish(h);
}
