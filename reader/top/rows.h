/* SPDX-License-Identifier: Apache-2.0 */
/*
 * rows.h - which line of the worker table shows whom.
 *
 * Built anew from each look; lines refer to the look by index and are valid as long as
 * it is not read again. Pure. One thread at a time.
 */
#ifndef SNP_TOP_ROWS_H
#define SNP_TOP_ROWS_H

#include <stdbool.h>
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

/* Something on the screen by who it is, so that it is the same one wherever it goes. */
enum top_pick_kind {
	TOP_PICK_NONE,
	TOP_PICK_POOL,	 /* `pool` */
	TOP_PICK_WORKER, /* `pool` and `slot` */
	TOP_PICK_LINT,	 /* `lint` of `pool`, and of `slot` or TOP_SLOT_NONE */
};
#define TOP_SLOT_NONE UINT32_MAX

struct top_pick {
	enum top_pick_kind kind;
	char pool[SNP_POOL_NAME_BYTES];
	uint32_t slot;
	unsigned lint; /* enum top_lint_id */
};

#define TOP_ROW_HEADING SIZE_MAX

struct top_row {
	size_t worker; /* index in look.workers, or TOP_ROW_HEADING */
	uint32_t pool; /* index in look.pools */
};

struct top_rows {
	struct top_row *row;
	size_t nr, cap;
	size_t pinned;	/* of them, on top */
	size_t hidden;	/* workers that the filter leaves out */
	uint64_t shape; /* of the look: whom its indices mean */
};

/* Which rows there are, and how they stand. */
struct top_order {
	struct top_sort sort;
	const struct snp_query *filter; /* of top_worker_terms; NULL = none */
	const struct top_pick *pins;	/* workers on top, in this order */
	size_t pins_nr;
	bool folded; /* with TOP_SORT_BY_POOL: headings alone */
};

/* Text ascends and numbers descend, the interesting end first; what is unknown comes
 * last either way. Workers for which the filter does not hold have no line, pinned or
 * not, and a pool without a line has no heading then. On -ENOMEM there are no rows. */
int top_rows_build(struct top_rows *rows, const struct snp_look *look,
		   const struct top_order *order);
void top_rows_fini(struct top_rows *rows);

/* Whether the rows still mean whom they meant, in another look: they may be drawn with
 * its values without being built again. */
bool top_rows_fit(const struct top_rows *rows, const struct snp_look *look);

bool top_pick_is_same(const struct top_pick *a, const struct top_pick *b);
bool top_pick_is_row(const struct top_pick *pick, const struct top_row *row,
		     const struct snp_look *look);
struct top_pick top_pick_of_row(const struct top_row *row, const struct snp_look *look);

/* The next or previous column to sort by; hidden ones are passed over. */
enum top_column_id top_sort_step(enum top_column_id column, int step);

#endif
