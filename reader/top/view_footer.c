/* SPDX-License-Identifier: Apache-2.0 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "view_parts.h"

/* ---- the rule below the table of workers --------------------------------- */

static void put_part(struct top_pen *pen, enum top_style style, const char *text)
{
	if (top_pen_put_whole(pen, style, text))
		pen->col++;
}

static void sort_text(char out[96], const struct top_sort *sort)
{
	bool grouped = sort->flags & TOP_SORT_BY_POOL;
	bool unhealthy = sort->flags & TOP_SORT_UNHEALTHY_FIRST;

	if (grouped)
		(void)snprintf(out, 96, " grouped by pool ");
	else
		(void)snprintf(out, 96, " by %s%s ", top_columns[sort->column].field,
			       unhealthy ? ", unhealthy first" : "");
}

static void workers_text(char out[96], const struct view *v)
{
	const struct top_rows *rows = v->scene->rows;
	size_t first = v->viewport->first, last = first + v->viewport->page;
	size_t all = v->scene->frame->look.workers_nr;

	if (v->scene->ui->sort.flags & TOP_SORT_BY_POOL || rows->nr == 0)
		(void)snprintf(out, 96, " %zu workers ", all);
	else
		(void)snprintf(out, 96, " workers %zu-%zu of %zu ", first + 1,
			       last < rows->nr ? last : rows->nr, rows->nr);
}

/* "-- workers 1-9 of 64 -- by worker, unhealthy first -- ..." */
void view_rule(const struct view *v, int row)
{
	const struct top_frame *f = v->scene->frame;
	const struct top_ui *ui = v->scene->ui;
	struct top_pen pen = {
	    .grid = v->grid, .row = row, .col = 2, .end = v->grid->cols - 2};
	char text[128];

	top_grid_fill(v->grid, row, 0, v->grid->cols, TOP_DIM,
		      v->grid->ascii ? '-' : 0x2500);
	workers_text(text, v);
	put_part(&pen, TOP_NORMAL, text);
	if (v->scene->rows->hidden > 0) {
		(void)snprintf(text, sizeof(text), " filter hides %zu: %.60s ",
			       v->scene->rows->hidden, ui->filter_text);
		put_part(&pen, TOP_WARN, text);
	}
	sort_text(text, &ui->sort);
	put_part(&pen, TOP_DIM, text);
	if (f->look.window_ns > 0) {
		(void)snprintf(text, sizeof(text), " quantiles of the last %.0fs ",
			       (double)f->look.window_ns / 1e9);
		put_part(&pen, TOP_DIM, text);
	}
	if (f->events.lost > 0) {
		(void)snprintf(text, sizeof(text), " %" PRIu64 " events lost ",
			       f->events.lost);
		put_part(&pen, TOP_WARN, text);
	}
	if (v->grid->cols >= VIEW_WIDE_COLS)
		put_part(&pen, TOP_DIM, " lane: " VIEW_LANE_LEGEND " ");
}

/* ---- keys ---------------------------------------------------------------- */

static int label_width(const struct top_action_info *action)
{
	char name[TOP_KEY_NAME_BYTES];

	top_key_name(name, action->keys[0]);
	return (int)(strlen(name) + strlen(action->label)) + 3;
}

/* The highest rank up to which all labels fit. */
static int fitting_rank(int cols)
{
	int fitting = 0;

	for (int rank = 0; rank < 9; rank++) {
		int sum = 0;

		for (int a = 1; a < TOP_ACTION_NR; a++)
			if (top_actions[a].label[0] && top_actions[a].rank <= rank)
				sum += label_width(&top_actions[a]);
		if (sum > cols)
			break;
		fitting = rank;
	}
	return fitting;
}

static void draw_keys(const struct view *v, int row)
{
	struct top_pen pen = {
	    .grid = v->grid, .row = row, .col = 1, .end = v->grid->cols};
	int fitting = fitting_rank(v->grid->cols);
	char name[TOP_KEY_NAME_BYTES];

	for (int a = 1; a < TOP_ACTION_NR; a++) {
		int col = pen.col;

		if (!top_actions[a].label[0] || top_actions[a].rank > fitting)
			continue;
		top_key_name(name, top_actions[a].keys[0]);
		top_pen_put(&pen, TOP_ACCENT, name);
		pen.col++;
		top_pen_put(&pen, TOP_DIM, top_actions[a].label);
		view_hit(v, (struct top_hit){.row = row,
					     .col = col,
					     .width = pen.col - col,
					     .kind = TOP_HIT_KEY,
					     .what = top_actions[a].keys[0]});
		pen.col += 2;
	}
}

/* ---- the last rows ------------------------------------------------------- */

int view_footer_rows(const struct view *v)
{
	const struct top_prompt *prompt = &v->scene->ui->prompt;

	if (v->grid->rows < 4)
		return prompt->kind != TOP_PROMPT_NONE;
	return prompt->kind != TOP_PROMPT_NONE && prompt->error[0] ? 3 : 1;
}

void view_footer(const struct view *v)
{
	const struct top_ui *ui = v->scene->ui;
	int row = v->grid->rows - 1;

	if (view_footer_rows(v) == 0)
		return;
	top_grid_fill(v->grid, row, 0, v->grid->cols, TOP_NORMAL, ' ');
	if (ui->prompt.kind != TOP_PROMPT_NONE)
		view_prompt(v->scene, v->grid, row);
	else if (ui->toast[0] && v->scene->now.ns < ui->toast_until.ns)
		(void)top_grid_put(v->grid, row, 1, v->grid->cols - 1, TOP_STRONG,
				   ui->toast);
	else if (v->scene->frame->problem[0] && !view_is_list(v))
		(void)top_grid_put(v->grid, row, 1, v->grid->cols - 1, TOP_WARN,
				   v->scene->frame->problem);
	else
		draw_keys(v, row);
}
