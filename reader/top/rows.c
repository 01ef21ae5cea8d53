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

struct direction {
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
	const struct direction *order = user;
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

static bool is_pinned(const struct top_rows *rows, size_t worker)
{
	for (size_t i = 0; i < rows->pinned; i++)
		if (rows->row[i].worker == worker)
			return true;
	return false;
}

static bool passes(const struct top_order *order, const struct snp_look *look, size_t i)
{
	const struct snp_worker_stat *w = &look->workers[i];
	const struct top_terms_row row = {&look->pools[w->pool], w};

	return !order->filter || snp_query_matches(order->filter, &row);
}

/* Whether worker `i` gets a line below the pinned ones; counts those that do not. */
static bool is_wanted(struct top_rows *rows, const struct top_order *order,
		      const struct snp_look *look, size_t i)
{
	if (is_pinned(rows, i))
		return false;
	if (passes(order, look, i))
		return true;
	rows->hidden++;
	return false;
}

static void put_row(struct top_rows *rows, const struct snp_look *look, size_t i)
{
	rows->row[rows->nr++] =
	    (struct top_row){.worker = i, .pool = look->workers[i].pool};
}

static void put_pinned(struct top_rows *rows, const struct top_order *order,
		       const struct snp_look *look)
{
	for (size_t pin = 0; pin < order->pins_nr; pin++) {
		for (size_t i = 0; i < look->workers_nr; i++) {
			struct top_row row = {i, look->workers[i].pool};

			if (top_pick_is_row(&order->pins[pin], &row, look) &&
			    is_wanted(rows, order, look, i))
				put_row(rows, look, i);
		}
		rows->pinned = rows->nr;
	}
}

static void put_grouped(struct top_rows *rows, const struct top_order *order,
			const struct snp_look *look)
{
	size_t w = 0;

	for (size_t p = 0; p < look->pools_nr; p++) {
		size_t heading = rows->nr++;
		bool any = !order->filter;

		rows->row[heading] =
		    (struct top_row){.worker = TOP_ROW_HEADING, .pool = (uint32_t)p};
		for (; w < look->workers_nr && look->workers[w].pool == p; w++) {
			if (!is_wanted(rows, order, look, w))
				continue;
			any = true;
			if (!order->folded)
				put_row(rows, look, w);
		}
		if (!any)
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

static int put_sorted(struct top_rows *rows, const struct top_order *order,
		      const struct snp_look *look)
{
	unsigned unit = top_columns[order->sort.column].unit;
	bool ascends = top_column_ascends(order->sort.column);
	struct direction direction = {
	    .unit = unit,
	    .descending = ascends == ((order->sort.flags & TOP_SORT_INVERT) != 0),
	    .unhealthy_first = (order->sort.flags & TOP_SORT_UNHEALTHY_FIRST) != 0};
	struct keyed *keyed;
	size_t nr = 0;

	if (look->workers_nr == 0)
		return 0;
	keyed = calloc(look->workers_nr, sizeof(*keyed));
	if (!keyed)
		return -ENOMEM;
	for (size_t i = 0; i < look->workers_nr; i++)
		if (is_wanted(rows, order, look, i))
			keyed[nr++] = keyed_of(look, i, order->sort.column);
	qsort_r(keyed, nr, sizeof(*keyed), compare, &direction);
	for (size_t i = 0; i < nr; i++)
		rows->row[rows->nr++] = keyed[i].row;
	free(keyed);
	return 0;
}

static uint64_t shape_of(const struct snp_look *look)
{
	uint64_t shape = look->workers_nr;

	for (size_t i = 0; i < look->workers_nr; i++) {
		const struct snp_worker_stat *w = &look->workers[i];

		/* FNV-1a, a word at a time: uids are unique within a run, and slots
		 * tell runs apart that begin alike. */
		shape = (shape ^ w->uid) * UINT64_C(0x100000001b3);
		shape = (shape ^ ((uint64_t)w->pool << 32 | w->slot)) *
			UINT64_C(0x100000001b3);
	}
	return shape;
}

bool top_rows_fit(const struct top_rows *rows, const struct snp_look *look)
{
	return rows->shape == shape_of(look);
}

int top_rows_build(struct top_rows *rows, const struct snp_look *look,
		   const struct top_order *order)
{
	rows->pinned = 0;
	rows->shape = shape_of(look);
	if (rows_reserve(rows, look->workers_nr + look->pools_nr) < 0)
		return -ENOMEM;
	put_pinned(rows, order, look);
	rows->hidden = 0;
	if (!(order->sort.flags & TOP_SORT_BY_POOL))
		return put_sorted(rows, order, look);
	put_grouped(rows, order, look);
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

/* ---- picks --------------------------------------------------------------- */

bool top_pick_is_same(const struct top_pick *a, const struct top_pick *b)
{
	return a->kind == b->kind && a->slot == b->slot && a->lint == b->lint &&
	       strcmp(a->pool, b->pool) == 0;
}

bool top_pick_is_row(const struct top_pick *pick, const struct top_row *row,
		     const struct snp_look *look)
{
	bool heading = row->worker == TOP_ROW_HEADING;

	if (pick->kind != (heading ? TOP_PICK_POOL : TOP_PICK_WORKER))
		return false;
	if (!heading && look->workers[row->worker].slot != pick->slot)
		return false;
	return strcmp(look->pools[row->pool].name, pick->pool) == 0;
}

struct top_pick top_pick_of_row(const struct top_row *row, const struct snp_look *look)
{
	struct top_pick pick = {.kind = TOP_PICK_POOL, .slot = TOP_SLOT_NONE};

	if (row->worker != TOP_ROW_HEADING) {
		pick.kind = TOP_PICK_WORKER;
		pick.slot = look->workers[row->worker].slot;
	}
	memcpy(pick.pool, look->pools[row->pool].name, sizeof(pick.pool));
	return pick;
}
