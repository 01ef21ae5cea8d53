/* SPDX-License-Identifier: Apache-2.0 */
#include "rows.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "terms.h"

/* A row with what it is sorted by, so that comparing does not look things up again. */
struct keyed {
	struct top_row row;
	struct top_value value;
	bool unhealthy;
};

struct order {
	unsigned unit;
	bool descending, unhealthy_first;
};

static int compare_values(const struct top_value *a, const struct top_value *b,
			  unsigned unit)
{
	if (top_unit_is_double(unit))
		return (a->d > b->d) - (a->d < b->d);
	if (unit == TOP_UNIT_NAME || unit == TOP_UNIT_TEXT)
		return strcmp(a->text, b->text);
	return (a->u > b->u) - (a->u < b->u);
}

static int compare(const void *pa, const void *pb, void *user)
{
	const struct keyed *a = pa, *b = pb;
	const struct order *order = user;
	int c;

	if (order->unhealthy_first && a->unhealthy != b->unhealthy)
		return a->unhealthy ? -1 : 1;
	if (a->value.known != b->value.known)
		return a->value.known ? -1 : 1;
	c = a->value.known ? compare_values(&a->value, &b->value, order->unit) : 0;
	if (c != 0)
		return order->descending ? -c : c;
	/* Equal ones stay in the order of pool and slot. */
	return (a->row.worker > b->row.worker) - (a->row.worker < b->row.worker);
}

static int rows_reserve(struct top_rows *rows, size_t nr)
{
	struct top_row *bigger;

	rows->nr = 0;
	if (nr <= rows->cap)
		return 0;
	bigger = reallocarray(rows->row, nr, sizeof(*bigger));
	if (!bigger)
		return -ENOMEM;
	rows->row = bigger;
	rows->cap = nr;
	return 0;
}

static bool is_wanted(const struct snp_look *look, size_t i,
		      const struct snp_query *filter)
{
	const struct snp_worker_stat *w = &look->workers[i];
	const struct top_terms_row row = {&look->pools[w->pool], w};

	return !filter || snp_query_matches(filter, &row);
}

static void build_grouped(struct top_rows *rows, const struct snp_look *look,
			  const struct snp_query *filter)
{
	size_t w = 0;

	for (size_t p = 0; p < look->pools_nr; p++) {
		size_t heading = rows->nr++;

		rows->row[heading] =
		    (struct top_row){.worker = TOP_ROW_HEADING, .pool = (uint32_t)p};
		for (; w < look->workers_nr && look->workers[w].pool == p; w++)
			if (is_wanted(look, w, filter))
				rows->row[rows->nr++] =
				    (struct top_row){.worker = w, .pool = (uint32_t)p};
		if (filter && rows->nr == heading + 1)
			rows->nr = heading;
	}
}

static struct keyed keyed_of(const struct snp_look *look, size_t i,
			     enum top_column_id column)
{
	const struct snp_worker_stat *w = &look->workers[i];
	struct keyed k = {.row = {.worker = i, .pool = w->pool}};

	k.unhealthy = snp_worker_unhealthy(w);
	k.value = top_column_value(column, &look->pools[w->pool], w);
	/* A worker's name orders by pool and number: x/2 before x/10. */
	if (top_columns[column].unit == TOP_UNIT_WORKER)
		k.value.u = i;
	return k;
}

int top_rows_build(struct top_rows *rows, const struct snp_look *look,
		   const struct top_sort *sort, const struct snp_query *filter)
{
	unsigned unit = top_columns[sort->column].unit;
	bool ascends = top_unit_is_text(unit) || unit == TOP_UNIT_PID;
	struct order order = {
	    .unit = unit,
	    .descending = ascends == ((sort->flags & TOP_SORT_INVERT) != 0),
	    .unhealthy_first = (sort->flags & TOP_SORT_UNHEALTHY_FIRST) != 0};
	struct keyed *keyed;
	size_t nr = 0;

	if (rows_reserve(rows, look->workers_nr + look->pools_nr) < 0)
		return -ENOMEM;
	if (sort->flags & TOP_SORT_BY_POOL) {
		build_grouped(rows, look, filter);
		return 0;
	}
	if (look->workers_nr == 0)
		return 0;
	keyed = calloc(look->workers_nr, sizeof(*keyed));
	if (!keyed)
		return -ENOMEM;
	for (size_t i = 0; i < look->workers_nr; i++)
		if (is_wanted(look, i, filter))
			keyed[nr++] = keyed_of(look, i, sort->column);
	qsort_r(keyed, nr, sizeof(*keyed), compare, &order);
	for (size_t i = 0; i < nr; i++)
		rows->row[rows->nr++] = keyed[i].row;
	free(keyed);
	return 0;
}

void top_rows_fini(struct top_rows *rows)
{
	free(rows->row);
	*rows = (struct top_rows){0};
}

enum top_column_id top_sort_step(enum top_column_id column, int step)
{
	int id = (int)column;

	do {
		id = (id + step + TOP_COLUMN_NR) % TOP_COLUMN_NR;
	} while (top_columns[id].table != TOP_TABLE_WORKER ||
		 top_columns[id].rank == TOP_RANK_HIDDEN);
	return (enum top_column_id)id;
}
