/* SPDX-License-Identifier: Apache-2.0 */
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

void ui_select_row(struct top_ui *ui, const struct top_row *row,
		   const struct top_context *context)
{
	ui->selected = top_pick_of_row(row, &context->frame->look);
	ui->selected_at = (size_t)(row - context->rows->row);
	ui->moved = context->now;
}

/* ---- moving -------------------------------------------------------------- */

/* `at` moved by `steps` within [0, nr). */
static size_t moved_by(size_t at, long steps, size_t nr)
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
	*first = moved_by(*first, steps, TOP_UI_FAR + 1);
}

static void move_row(struct top_ui *ui, long steps, const struct top_context *context)
{
	const struct top_rows *rows = context->rows;
	size_t at = top_ui_selected_row(ui, rows, &context->frame->look);

	if (rows->nr == 0)
		return;
	/* Nothing selected yet: the first key selects what is on top of the page. */
	if (at < rows->nr)
		at = moved_by(at, steps, rows->nr);
	else if (steps == TOP_UI_FAR)
		at = rows->nr - 1;
	else
		at = ui->first < rows->nr && steps != -TOP_UI_FAR ? ui->first : 0;
	ui_select_row(ui, &rows->row[at], context);
}

bool ui_move_key(struct top_ui *ui, enum top_action action,
		 const struct top_context *context)
{
	long steps = steps_of(ui, action);

	if (steps == 0)
		return false;
	if (ui->help)
		scroll(&ui->help_first, steps);
	else if (ui->detail.kind != TOP_PICK_NONE)
		scroll(&ui->detail_first, steps);
	else if (ui->view == TOP_VIEW_OVERVIEW || ui->view == TOP_VIEW_WORKERS)
		move_row(ui, steps, context);
	else
		scroll(&ui->view_first[ui->view], steps);
	return true;
}
