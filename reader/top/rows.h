/* SPDX-License-Identifier: Apache-2.0 */
/*
 * rows.h - which line of the worker table shows whom.
 *
 * Built anew from each look; lines refer to the look by index and are valid as long as
 * it is not read again. Pure. One thread at a time.
 */
#ifndef SNP_TOP_ROWS_H
#define SNP_TOP_ROWS_H

#include <stddef.h>
#include <stdint.h>

#include "columns.h"
#include "model/pools.h"
#include "model/query.h"

enum top_sort_flags {
	TOP_SORT_INVERT = 1,	      /* against the column's natural order */
	TOP_SORT_UNHEALTHY_FIRST = 2, /* whatever needs attention stands on top */
	TOP_SORT_BY_POOL =
	    4, /* headings, workers in order of their slots; rules the rest */
};

struct top_sort {
	enum top_column_id column; /* of TOP_TABLE_WORKER */
	unsigned flags;		   /* enum top_sort_flags */
};

#define TOP_ROW_HEADING SIZE_MAX

struct top_row {
	size_t worker; /* index in look.workers, or TOP_ROW_HEADING */
	uint32_t pool; /* index in look.pools */
};

struct top_rows {
	struct top_row *row;
	size_t nr, cap;
};

/* Text ascends and numbers descend, the interesting end first; what is unknown comes
 * last either way. Workers for which `filter` (of top_worker_terms, NULL: none) does
 * not hold have no line, and a pool has no heading then. On -ENOMEM there are no rows.
 */
int top_rows_build(struct top_rows *rows, const struct snp_look *look,
		   const struct top_sort *sort, const struct snp_query *filter);
void top_rows_fini(struct top_rows *rows);

/* The next or previous column to sort by; hidden ones are passed over. */
enum top_column_id top_sort_step(enum top_column_id column, int step);

#endif
