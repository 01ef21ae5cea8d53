/* SPDX-License-Identifier: Apache-2.0 */
/*
 * heads.h - how many processes of a pool were started, have ended and live.
 *
 * Each change publishes all of it as one latched record of the segment, so that starts
 * = exits + processes at every look. The supervisor's thread.
 */
#ifndef SNAKEPIT_RUNTIME_HEADS_H
#define SNAKEPIT_RUNTIME_HEADS_H

#include <stdint.h>

#include "snakepit/write.h"

struct heads {
	struct snp_fmt_latch *latch; /* the pool's, snp_pool_heads() */
	/* The record's words in the order of metrics.def (struct snp_pool_heads). */
	struct heads_words {
		uint64_t starts[SNP_START_REASON_NR];
		uint64_t exits[SNP_EXIT_REASON_NR];
		uint64_t processes;
	} now;
};

/* A process was created. */
void heads_start(struct heads *heads, enum snp_enum_START_REASON reason);
/* One that had been is gone and reaped. */
void heads_exit(struct heads *heads, enum snp_enum_EXIT_REASON reason);

#endif
