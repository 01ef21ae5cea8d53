/* SPDX-License-Identifier: Apache-2.0 */
#include "ui_parts.h"

void top_viewport_hit(struct top_viewport *viewport, struct top_hit hit)
{
	if (viewport->hits_nr < TOP_HITS_MAX)
		viewport->hits[viewport->hits_nr++] = hit;
}

static const struct top_hit *hit_at(const struct top_viewport *viewport, int row,
				    int col)
{
	for (size_t i = 0; i < viewport->hits_nr; i++) {
		const struct top_hit *hit = &viewport->hits[i];

		if (hit->row == row && col >= hit->col && col < hit->col + hit->width)
			return hit;
	}
	return NULL;
}

static void click_title(struct top_ui *ui, enum top_column_id column, snp_mono_t now)
{
	if (top_columns[column].table != TOP_TABLE_WORKER)
		return;
	if (ui->sort.column == column && !(ui->sort.flags & TOP_SORT_BY_POOL))
		ui->sort.flags ^= TOP_SORT_INVERT;
	else
		ui->sort.flags &= ~(unsigned)(TOP_SORT_INVERT | TOP_SORT_BY_POOL);
	ui->sort.column = column;
	ui->moved = (snp_mono_t){0};
	ui_toast_sort(ui, now);
}

/* Once selects, and once more on what is selected opens it. */
static void click_line(struct top_ui *ui, size_t at, const struct top_context *context)
{
	const struct top_rows *rows = context->rows;
	bool again = false;

	if (ui->setup.open) {
		again = ui->setup.at == at;
		if (at < top_setup_lines(ui, ui->setup.page))
			ui->setup.at = at;
		if (again)
			(void)ui_setup_key(ui, ' ', context);
		return;
	}
	if (ui->all) {
		again = ui->instance_at == at;
		if (at < context->instances_nr)
			ui->instance_at = at;
	} else if (ui->view == TOP_VIEW_LINTS) {
		again = ui_select_lint(ui, at, context);
	} else if (at < rows->nr) {
		again = top_ui_selected_row(ui, rows, &context->frame->look) == at;
		ui_select_row(ui, at, context);
	}
	if (again)
		ui_act(ui, TOP_ACTION_DETAIL, context);
}

void top_ui_mouse(struct top_ui *ui, const struct top_mouse *mouse,
		  const struct top_viewport *viewport,
		  const struct top_context *context)
{
	const struct top_hit *hit;

	if (ui->prompt.kind != TOP_PROMPT_NONE)
		return;
	if (mouse->wheel != 0) {
		ui_move_by(ui, mouse->wheel, context);
		return;
	}
	hit = hit_at(viewport, mouse->row, mouse->col);
	if (!hit)
		return;
	switch (hit->kind) {
	case TOP_HIT_KEY:
		top_ui_key(ui, hit->what, context);
		break;
	case TOP_HIT_SORT:
		click_title(ui, (enum top_column_id)hit->what, context->now);
		break;
	case TOP_HIT_LINE:
		click_line(ui, hit->what, context);
		break;
	}
}
