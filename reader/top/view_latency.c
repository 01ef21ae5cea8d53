/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <string.h>

#include "view_parts.h"

/* The pool that is selected, else all of them. */
static size_t chosen_pool(const struct view *v)
{
	const struct snp_look *look = &v->scene->frame->look;
	const struct top_pick *pick = &v->scene->ui->selected;

	for (size_t i = 0; pick->kind != TOP_PICK_NONE && i < look->pools_nr; i++)
		if (strcmp(look->pools[i].name, pick->pool) == 0)
			return i;
	return TOP_ALL_POOLS;
}

void view_latency(const struct view *v, struct view_area area)
{
	int pools = view_min(view_rows(v->scene->frame->look.pools_nr),
			     view_max(area.rows / 4, 1));
	int table = area.rows >= 8 ? pools + 1 : 0;
	struct view_area map = {.row = area.row + 1,
				.col = 1,
				.rows = area.rows - 1 - table,
				.cols = area.cols - 2};

	view_rates_line(v, area.row);
	view_heat(v, map, chosen_pool(v));
	if (table > 0)
		(void)view_pools(v, area.row + area.rows - table, pools);
}
