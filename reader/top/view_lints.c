/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <string.h>

#include "view_parts.h"

static size_t kept(const struct view *v)
{
	return v->scene->lints ? top_lints_kept(v->scene->lints) : 0;
}

/* "! 2 lints: ml_infer queue full in ~40s (+25/s); ..." */
void view_lints_line(const struct view *v, int row)
{
	struct top_pen pen = view_pen(v, row);
	char subject[TOP_LINT_SUBJECT_BYTES];
	size_t nr = kept(v);

	if (nr == 0)
		return;
	top_pen_printf(&pen, TOP_WARN, "! %zu lint%s: ", v->scene->lints->nr,
		       v->scene->lints->nr > 1 ? "s" : "");
	for (size_t i = 0; i < nr && pen.col < pen.end; i++) {
		const struct top_lint *lint = &v->scene->lints->lint[i];

		top_lint_subject(subject, lint);
		top_pen_printf(&pen, TOP_ACCENT, "%s%s ", i > 0 ? "; " : "", subject);
		top_pen_put(&pen, TOP_NORMAL, lint->brief);
	}
}

static bool is_selected(const struct view *v, const struct top_lint *lint)
{
	const struct top_pick *pick = &v->scene->ui->lint;

	return pick->kind == TOP_PICK_LINT && pick->lint == (unsigned)lint->id &&
	       pick->slot == (lint->is_worker ? lint->slot : TOP_SLOT_NONE) &&
	       strcmp(pick->pool, lint->pool) == 0;
}

/* " 1 queue-eta       ml_infer: queue 7/1000 ... -> $ snakepit scale ..." */
static void draw_lint(const struct view *v, int row, size_t i)
{
	const struct top_lint *lint = &v->scene->lints->lint[i];
	struct top_pen pen = view_pen(v, row);
	char subject[TOP_LINT_SUBJECT_BYTES];

	top_lint_subject(subject, lint);
	top_pen_printf(&pen, TOP_DIM, "%2zu ", i + 1);
	top_pen_printf(&pen, TOP_WARN, "%-15s ", top_lint_infos[lint->id].name);
	top_pen_printf(&pen, TOP_ACCENT, "%s: ", subject);
	top_pen_put(&pen, TOP_NORMAL, lint->what);
	if (lint->next[0]) {
		top_pen_put(&pen, TOP_DIM, " -> ");
		top_pen_put(&pen, TOP_STRONG, lint->next);
	}
	view_hit(v, (struct top_hit){.row = row,
				     .width = v->grid->cols,
				     .kind = TOP_HIT_LINE,
				     .what = (uint32_t)i});
}

static void put_title(const struct view *v, int row)
{
	const struct top_lints *lints = v->scene->lints;
	char title[96];

	(void)snprintf(title, sizeof(title),
		       "LINTS  %zu found, %zu silenced   Enter: why, and what next",
		       lints ? lints->nr : 0, lints ? lints->silenced : 0);
	view_title(v, row, title);
}

int view_lints_panel(const struct view *v, int row, int rows)
{
	int nr = view_min(view_rows(kept(v)), rows - 1);

	put_title(v, row);
	for (int i = 0; i < nr; i++)
		draw_lint(v, row + 1 + i, (size_t)i);
	return 1 + view_max(nr, 0);
}

/* What is looked for, below what was found. */
static void draw_kinds(const struct view *v, int row, int rows)
{
	for (int id = 0; id < TOP_LINT_NR && id < rows; id++) {
		bool silenced = v->scene->ui->lints_silenced >> id & 1;
		struct top_pen pen = view_pen(v, row + id);

		top_pen_printf(&pen, silenced ? TOP_WARN : TOP_DIM, "%-9s%-16s ",
			       silenced ? "silenced" : "", top_lint_infos[id].name);
		top_pen_put(&pen, TOP_DIM, top_lint_infos[id].help);
	}
}

void view_lints(const struct view *v, struct view_area area)
{
	size_t nr = kept(v), first = v->scene->ui->view_first[TOP_VIEW_LINTS];
	int page = view_max(area.rows - 1, 0), row = area.row + 1;

	put_title(v, area.row);
	for (size_t i = 0; i < nr; i++) {
		if (!is_selected(v, &v->scene->lints->lint[i]) || page == 0)
			continue;
		first = i < first		    ? i
			: i >= first + (size_t)page ? i - (size_t)page + 1
						    : first;
	}
	first = view_scroll(v, nr, page, first);
	v->viewport->view_first = first;
	for (size_t i = first; i < nr && row < area.row + area.rows; i++, row++) {
		draw_lint(v, row, i);
		if (!is_selected(v, &v->scene->lints->lint[i]))
			continue;
		top_grid_fill(v->grid, row, 0, 1, TOP_ACCENT, '>');
		top_grid_flag_row(v->grid, row, TOP_CELL_SELECTED);
	}
	if (nr == 0 && row < area.row + area.rows)
		(void)top_grid_put(v->grid, row++, 1, v->grid->cols - 2, TOP_GOOD,
				   "nothing found");
	draw_kinds(v, row + 1, area.row + area.rows - row - 1);
}
