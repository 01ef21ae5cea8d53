/* SPDX-License-Identifier: Apache-2.0 */
#include <inttypes.h>
#include <stdio.h>

#include "format.h"
#include "view_parts.h"

#define NAME_COLS  20
#define STATE_COLS 16
#define PID_COLS   7
#define UP_COLS	   6

/* Of the sum of an instance's pools, in this order; the last give way first. */
static const enum top_column_id columns[] = {
    TOP_COLUMN_POOL_workers,	  TOP_COLUMN_POOL_workers_busy,
    TOP_COLUMN_POOL_workers_down, TOP_COLUMN_POOL_req_s,
    TOP_COLUMN_POOL_p99_ns,	  TOP_COLUMN_POOL_queue_depth,
    TOP_COLUMN_POOL_err_s,	  TOP_COLUMN_POOL_restarts,
    TOP_COLUMN_POOL_rss_bytes,	  TOP_COLUMN_POOL_cpu_percent,
    TOP_COLUMN_POOL_timeouts,	  TOP_COLUMN_POOL_sessions,
};
#define COLUMNS (sizeof(columns) / sizeof(*columns))

/* Where column `i` begins; beyond the screen where there is no room for all of it. */
static int column_at(const struct view *v, size_t i)
{
	int col = 1 + NAME_COLS + 1 + STATE_COLS + 1 + PID_COLS + 1 + UP_COLS + 1;

	for (size_t k = 0; k < i; k++)
		col += top_columns[columns[k]].width + 1;
	return col + top_columns[columns[i]].width < v->grid->cols ? col
								   : v->grid->cols;
}

static void draw_titles(const struct view *v, int row)
{
	struct top_pen pen = view_pen(v, row);

	top_grid_fill(v->grid, row, 0, v->grid->cols, TOP_TITLE, ' ');
	top_pen_printf(&pen, TOP_TITLE, "%-*s %-*s %*s %*s", NAME_COLS, "INSTANCE",
		       STATE_COLS, "STATE", PID_COLS, "PID", UP_COLS, "UP");
	for (size_t i = 0; i < COLUMNS; i++) {
		struct top_pen title = {.grid = v->grid, .row = row};

		title.col = column_at(v, i);
		title.end = title.col + top_columns[columns[i]].width;
		top_pen_put_right(&title, TOP_TITLE, top_columns[columns[i]].title);
	}
}

static void state_text(char out[64], const struct top_frame *frame)
{
	char age[TOP_FORMAT_BYTES];

	if (frame->verdict == TOP_LIVE && frame->draining)
		(void)snprintf(out, 64, "DRAINING");
	else if (frame->verdict == TOP_LIVE || frame->generation == 0)
		(void)snprintf(out, 64, "%s", top_verdict_name(frame->verdict));
	else {
		top_format_uptime(age, frame->heartbeat_age_ns, 5);
		(void)snprintf(out, 64, "%s %s ago", top_verdict_name(frame->verdict),
			       age);
	}
}

static void draw_instance(const struct view *v, int row, size_t at)
{
	const struct top_instance *instance = v->scene->instances->at[at];
	const struct top_frame *f = instance->frame;
	char text[64];
	int col = 1;

	(void)top_grid_put(v->grid, row, col, NAME_COLS, TOP_ACCENT, instance->name);
	col += NAME_COLS + 1;
	state_text(text, f);
	(void)top_grid_put(v->grid, row, col, STATE_COLS,
			   f->verdict == TOP_LIVE ? TOP_GOOD : TOP_BAD, text);
	col += STATE_COLS + 1;
	if (f->generation == 0) { /* never read: all there is to say is why */
		(void)top_grid_put(v->grid, row, col, v->grid->cols - col - 1, TOP_WARN,
				   f->problem);
		return;
	}
	(void)snprintf(text, sizeof(text), "%*jd", PID_COLS, (intmax_t)f->pid);
	(void)top_grid_put(v->grid, row, col, PID_COLS, TOP_NORMAL, text);
	col += PID_COLS + 1;
	top_format_uptime(text, f->uptime_ns, UP_COLS);
	col += UP_COLS - top_text_width(text, true);
	(void)top_grid_put(v->grid, row, col, UP_COLS, TOP_NORMAL, text);
	for (size_t i = 0; i < COLUMNS; i++) {
		struct top_place place = {.grid = v->grid,
					  .row = row,
					  .col = column_at(v, i),
					  .width = top_columns[columns[i]].width};

		if (place.col < v->grid->cols)
			top_column_draw(&place, columns[i], &f->look.total, NULL);
	}
}

void view_instances(const struct view *v, struct view_area area)
{
	const struct top_instances *all = v->scene->instances;
	size_t selected = v->scene->ui->instance_at, first = 0;
	int page = view_max(area.rows - 1, 0);

	draw_titles(v, area.row);
	if (page > 0 && selected >= (size_t)page)
		first = selected - (size_t)page + 1;
	first = view_scroll(v, all->nr, page, first);
	for (int i = 0; i < page && first + (size_t)i < all->nr; i++) {
		int row = area.row + 1 + i;

		draw_instance(v, row, first + (size_t)i);
		view_hit(v, (struct top_hit){.row = row,
					     .width = v->grid->cols,
					     .kind = TOP_HIT_LINE,
					     .what = (uint32_t)first + (uint32_t)i});
		if (first + (size_t)i != selected)
			continue;
		top_grid_fill(v->grid, row, 0, 1, TOP_ACCENT, '>');
		top_grid_flag_row(v->grid, row, TOP_CELL_SELECTED);
	}
	if (all->nr == 0 && page > 0)
		(void)top_grid_put(
		    v->grid, area.row + 1, 1, v->grid->cols - 2, TOP_DIM,
		    "no instance runs here; start one with snakepit run");
}
