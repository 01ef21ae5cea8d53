/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <string.h>

#include "terms.h"
#include "ui_parts.h"

size_t top_ui_selected_row(const struct top_ui *ui, const struct top_rows *rows,
			   const struct snp_look *look)
{
	if (ui->selected.kind == TOP_PICK_NONE)
		return rows->nr;
	for (size_t i = 0; i < rows->nr; i++)
		if (top_pick_is_row(&ui->selected, &rows->row[i], look))
			return i;
	return rows->nr;
}

void ui_select_row(struct top_ui *ui, size_t at, const struct top_context *context)
{
	ui->selected = top_pick_of_row(&context->rows->row[at], &context->frame->look);
	ui->selected_at = at;
	ui->moved = context->now;
}

static bool has_worker_table(const struct top_ui *ui)
{
	return ui->view == TOP_VIEW_OVERVIEW || ui->view == TOP_VIEW_WORKERS;
}

/* ---- moving -------------------------------------------------------------- */

size_t ui_moved_by(size_t at, long steps, size_t nr)
{
	size_t distance = steps < 0 ? (size_t)-steps : (size_t)steps;

	if (nr == 0)
		return 0;
	if (steps < 0)
		return at > distance ? at - distance : 0;
	return nr - 1 - at > distance ? at + distance : nr - 1;
}

static long steps_of(const struct top_ui *ui, enum top_action action)
{
	long page = ui->page > 1 ? (long)ui->page - 1 : 1;

	switch (action) {
	case TOP_ACTION_UP:
		return -1;
	case TOP_ACTION_DOWN:
		return 1;
	case TOP_ACTION_PAGE_UP:
		return -page;
	case TOP_ACTION_PAGE_DOWN:
		return page;
	case TOP_ACTION_FIRST:
		return -TOP_UI_FAR;
	case TOP_ACTION_LAST:
		return TOP_UI_FAR;
	default:
		return 0;
	}
}

/* A position that the view clamps to its lines. */
static void scroll(size_t *first, long steps)
{
	*first = ui_moved_by(*first, steps, TOP_UI_FAR + 1);
}

static void move_row(struct top_ui *ui, long steps, const struct top_context *context)
{
	const struct top_rows *rows = context->rows;
	size_t at = top_ui_selected_row(ui, rows, &context->frame->look);

	if (rows->nr == 0)
		return;
	/* Nothing selected yet: the first key selects what is on top of the page. */
	if (at < rows->nr)
		at = ui_moved_by(at, steps, rows->nr);
	else if (steps == TOP_UI_FAR)
		at = rows->nr - 1;
	else
		at = ui->first < rows->nr && steps != -TOP_UI_FAR ? ui->first : 0;
	ui_select_row(ui, at, context);
}

static struct top_pick pick_of_lint(const struct top_lint *lint)
{
	struct top_pick pick = {.kind = TOP_PICK_LINT,
				.slot = lint->is_worker ? lint->slot : TOP_SLOT_NONE,
				.lint = lint->id};

	memcpy(pick.pool, lint->pool, sizeof(pick.pool));
	return pick;
}

bool ui_select_lint(struct top_ui *ui, size_t at, const struct top_context *context)
{
	struct top_pick pick;
	bool same;

	if (at >= context->lints_nr)
		return false;
	pick = pick_of_lint(&context->lints[at]);
	same = top_pick_is_same(&pick, &ui->lint);
	ui->lint = pick;
	return same;
}

static void move_lint(struct top_ui *ui, long steps, const struct top_context *context)
{
	size_t at = 0, nr = context->lints_nr;

	if (nr == 0)
		return;
	for (; at < nr; at++) {
		struct top_pick pick = pick_of_lint(&context->lints[at]);

		if (top_pick_is_same(&ui->lint, &pick))
			break;
	}
	if (at < nr)
		at = ui_moved_by(at, steps, nr);
	else
		at = steps == TOP_UI_FAR ? nr - 1 : 0;
	(void)ui_select_lint(ui, at, context);
}

void ui_move_by(struct top_ui *ui, long steps, const struct top_context *context)
{
	if (ui->help)
		scroll(&ui->help_first, steps);
	else if (ui->setup.open)
		ui->setup.at = ui_moved_by(ui->setup.at, steps,
					   top_setup_lines(ui, ui->setup.page));
	else if (ui->all)
		ui->instance_at =
		    ui_moved_by(ui->instance_at, steps, context->instances_nr);
	else if (ui->detail.kind != TOP_PICK_NONE)
		scroll(&ui->detail_first, steps);
	else if (has_worker_table(ui))
		move_row(ui, steps, context);
	else if (ui->view == TOP_VIEW_LINTS)
		move_lint(ui, steps, context);
	else if (ui->view == TOP_VIEW_EVENTS)
		scroll(&ui->view_first[ui->view], -steps); /* the newest is below */
	else
		scroll(&ui->view_first[ui->view], steps);
}

bool ui_move_key(struct top_ui *ui, enum top_action action,
		 const struct top_context *context)
{
	long steps = steps_of(ui, action);

	if (steps != 0)
		ui_move_by(ui, steps, context);
	return steps != 0;
}

/* ---- finding ------------------------------------------------------------- */

/* What a line of the table says in words. */
static bool row_has(const struct top_row *row, const struct snp_look *look,
		    const char *text)
{
	const struct snp_pool_stat *pool = &look->pools[row->pool];
	const struct snp_worker_stat *w = NULL;
	char words[2 * SNP_POOL_NAME_BYTES + 160];

	if (row->worker == TOP_ROW_HEADING)
		return strcasestr(pool->name, text) != NULL;
	w = &look->workers[row->worker];
	(void)snprintf(words, sizeof(words), "%s/%u %s %jd %s %s %s", pool->name,
		       (unsigned)w->slot, top_worker_status(w).text, (intmax_t)w->pid,
		       w->last_exit, w->python, pool->adapter);
	return strcasestr(words, text) != NULL;
}

static bool find_row(struct top_ui *ui, int dir, const struct top_context *context)
{
	const struct top_rows *rows = context->rows;
	size_t nr = rows->nr, at = top_ui_selected_row(ui, rows, &context->frame->look);
	size_t step = dir < 0 ? nr - 1 : 1;

	if (nr == 0)
		return false;
	if (at == nr)
		at = 0;
	else if (dir != 0)
		at = (at + step) % nr;
	for (size_t i = 0; i < nr; i++, at = (at + step) % nr) {
		if (row_has(&rows->row[at], &context->frame->look, ui->find)) {
			ui_select_row(ui, at, context);
			return true;
		}
	}
	return false;
}

bool ui_find(struct top_ui *ui, int dir, const struct top_context *context)
{
	if (ui->find[0] == '\0')
		return false;
	/* Elsewhere there are no workers to find: go where they are. */
	if (!has_worker_table(ui))
		ui_set_view(ui, TOP_VIEW_WORKERS);
	return find_row(ui, dir, context);
}
