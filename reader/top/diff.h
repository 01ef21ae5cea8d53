/* SPDX-License-Identifier: Apache-2.0 */
/*
 * diff.h - two spells of the same pools, side by side.
 *
 * A side is what several frames say, pool by pool: the mean of what was known in them.
 * Pure. One thread at a time.
 */
#ifndef SNP_TOP_DIFF_H
#define SNP_TOP_DIFF_H

#include "columns.h"
#include "frame.h"

struct top_diff_pool {
	char name[SNP_POOL_NAME_BYTES]; /* "" = all pools together */
	double sum[TOP_COLUMN_NR];
	uint64_t known[TOP_COLUMN_NR]; /* frames in which it was */
};

struct top_diff_side {
	struct top_diff_pool *pools; /* the first is all of them */
	size_t nr;
	uint64_t frames;
};

/* -ENOMEM. */
int top_diff_add(struct top_diff_side *side, const struct top_frame *frame);
void top_diff_fini(struct top_diff_side *side);

/* A table: pool, column, before, after, change. Of `columns`; where there are none, of
 * those that say how it went, and not how long it ran. As text for people, or as JSON.
 * -ENOMEM. */
int top_diff_print(const struct top_diff_side *before,
		   const struct top_diff_side *after, const enum top_column_id *columns,
		   size_t columns_nr, bool json, struct snp_buf *out);

#endif
