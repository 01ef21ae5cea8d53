/* SPDX-License-Identifier: Apache-2.0 */
#include "view.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "view_parts.h"

#define COMPACT_COLS 40 /* below either of these: words instead of a screen */
#define COMPACT_ROWS 6
#define AREA_COLS    100 /* from these on: tall graphs */
#define AREA_ROWS    34
#define AREA_HEIGHT  6

/* Rows each part gets. The worker table takes what is left. */
struct plan {
	int summary, graphs, area, pools, workers, rule, events, footer;
};

static int min(int a, int b)
{
	return a < b ? a : b;
}

static int max(int a, int b)
{
	return a > b ? a : b;
}

/* Take `want` of what is left above `reserve`, all or nothing. */
static int take(int *left, int want, int reserve)
{
	if (want <= 0 || *left - want < reserve)
		return 0;
	*left -= want;
	return want;
}

static int rows_of(size_t nr)
{
	return nr < 10000 ? (int)nr : 10000;
}

/* In order of importance: what comes later is dropped first on a short screen. */
static struct plan plan_of(const struct top_scene *scene, const struct top_grid *grid)
{
	const struct top_frame *f = scene->frame;
	int workers = rows_of(scene->rows->nr), pools = rows_of(f->look.pools_nr);
	int left = grid->rows - 1, table = min(workers, 3) + 1, slack;
	struct plan p = {0};

	p.summary = take(&left, 2, table);
	p.footer = take(&left, 1, table);
	p.rule = take(&left, 1, table);
	p.pools = take(&left, min(pools, max(3, grid->rows / 4)) + 1, table);
	if (grid->rows >= AREA_ROWS && grid->cols >= AREA_COLS) {
		p.area = take(&left, AREA_HEIGHT, table);
	} else {
		p.graphs = take(&left, 1, table);
		p.graphs += take(&left, 1, table + 1);
	}
	p.events = take(
	    &left, min((int)min(rows_of(f->events.nr), 64), max(3, grid->rows / 8)),
	    table + 1);
	p.workers = min(left, workers + 1);
	slack = left - p.workers;
	/* A short worker table leaves its room to the events. */
	if (p.rule)
		p.events += min(slack, rows_of(f->events.nr) - p.events);
	return p;
}

/* ---- parts of the whole screen ------------------------------------------- */

/* "-- workers 1-9 of 64 -- by worker, unhealthy first -- ..." */
static void draw_rule(const struct top_scene *scene, struct top_grid *grid, int row,
		      const struct top_viewport *viewport)
{
	const struct top_frame *f = scene->frame;
	const struct top_sort *sort = &scene->ui->sort;
	size_t nr = scene->rows->nr, last = viewport->first + viewport->page;
	struct top_pen pen = {
	    .grid = grid, .row = row, .col = 2, .end = grid->cols - 2};
	char text[96];

	top_grid_fill(grid, row, 0, grid->cols, TOP_DIM, grid->ascii ? '-' : 0x2500);
	if (sort->flags & TOP_SORT_BY_POOL || nr == 0)
		(void)snprintf(text, sizeof(text), " %zu workers ", f->look.workers_nr);
	else
		(void)snprintf(text, sizeof(text), " workers %zu-%zu of %zu ",
			       viewport->first + 1, last < nr ? last : nr, nr);
	pen.col += top_pen_put_whole(&pen, TOP_NORMAL, text);
	(void)snprintf(
	    text, sizeof(text), " %s%s%s ",
	    sort->flags & TOP_SORT_BY_POOL ? "grouped by pool" : "by ",
	    sort->flags & TOP_SORT_BY_POOL ? "" : top_columns[sort->column].field,
	    !(sort->flags & TOP_SORT_BY_POOL) && sort->flags & TOP_SORT_UNHEALTHY_FIRST
		? ", unhealthy first"
		: "");
	pen.col += top_pen_put_whole(&pen, TOP_DIM, text);
	if (f->look.window_ns > 0) {
		(void)snprintf(text, sizeof(text), " quantiles of the last %.0fs ",
			       (double)f->look.window_ns / 1e9);
		pen.col += top_pen_put_whole(&pen, TOP_DIM, text);
	}
	if (f->events.lost > 0) {
		(void)snprintf(text, sizeof(text), " %" PRIu64 " events lost ",
			       f->events.lost);
		(void)top_pen_put_whole(&pen, TOP_WARN, text);
	}
}

static int label_width(const struct top_action_info *action)
{
	char name[TOP_KEY_NAME_BYTES];

	top_key_name(name, action->keys[0]);
	return (int)(strlen(name) + strlen(action->label)) + 3;
}

static void draw_keys(struct top_grid *grid, int row)
{
	struct top_pen pen = {.grid = grid, .row = row, .col = 1, .end = grid->cols};
	int fitting = 0;
	char name[TOP_KEY_NAME_BYTES];

	for (int rank = 0; rank < 9; rank++) {
		int sum = 0;

		for (int a = 1; a < TOP_ACTION_NR; a++)
			if (top_actions[a].label[0] && top_actions[a].rank <= rank)
				sum += label_width(&top_actions[a]);
		if (sum > grid->cols)
			break;
		fitting = rank;
	}
	for (int a = 1; a < TOP_ACTION_NR; a++) {
		if (!top_actions[a].label[0] || top_actions[a].rank > fitting)
			continue;
		top_key_name(name, top_actions[a].keys[0]);
		top_pen_put(&pen, TOP_ACCENT, name);
		pen.col++;
		top_pen_put(&pen, TOP_DIM, top_actions[a].label);
		pen.col += 2;
	}
}

static void draw_footer(const struct top_scene *scene, struct top_grid *grid, int row)
{
	if (scene->ui->prompt.kind != TOP_PROMPT_NONE)
		view_prompt(scene, grid, row);
	else if (scene->ui->toast[0] && scene->now.ns < scene->ui->toast_until.ns)
		(void)top_grid_put(grid, row, 1, grid->cols - 1, TOP_STRONG,
				   scene->ui->toast);
	else if (scene->frame->problem[0])
		(void)top_grid_put(grid, row, 1, grid->cols - 1, TOP_WARN,
				   scene->frame->problem);
	else
		draw_keys(grid, row);
}

static void draw_graphs(const struct top_scene *scene, struct top_grid *grid, int row,
			const struct plan *plan)
{
	int half = (grid->cols - 5) / 2;

	if (plan->graphs > 0)
		view_graph_line(scene, grid, row, TOP_SERIES_REQ);
	if (plan->graphs > 1)
		view_graph_line(scene, grid, row + 1, TOP_SERIES_QUEUE);
	if (plan->area == 0)
		return;
	view_graph_area(scene, grid,
			(struct view_area){
			    .row = row, .col = 1, .rows = plan->area - 1, .cols = half},
			TOP_SERIES_REQ);
	view_graph_area(
	    scene, grid,
	    (struct view_area){
		.row = row, .col = half + 4, .rows = plan->area - 1, .cols = half},
	    TOP_SERIES_QUEUE);
}

/* ---- scrolling ----------------------------------------------------------- */

/* The selected worker is in sight, the page is full where it can be. */
static size_t first_row(const struct top_scene *scene, size_t page)
{
	size_t nr = scene->rows->nr, first = scene->ui->first;
	size_t selected =
	    top_ui_selected_row(scene->ui, scene->rows, &scene->frame->look);

	if (page == 0)
		return 0;
	if (selected < nr) {
		if (selected < first)
			first = selected;
		if (selected >= first + page)
			first = selected - page + 1;
		/* Its heading comes along where it stands right above. */
		if (selected == first && first > 0 &&
		    scene->rows->row[first - 1].worker == TOP_ROW_HEADING && page > 1)
			first--;
	}
	if (first + page > nr)
		first = nr > page ? nr - page : 0;
	return first;
}

static void view_compact(const struct top_scene *scene, struct top_grid *grid,
			 struct top_viewport *viewport)
{
	int row = view_compact_lines(scene, grid);
	int left = grid->rows - row;

	if (left < 2)
		return;
	viewport->page = (size_t)left - 1;
	viewport->first = first_row(scene, viewport->page);
	(void)view_workers(scene, grid, row, viewport->first, left - 1);
}

static void view_full(const struct top_scene *scene, struct top_grid *grid,
		      struct top_viewport *viewport)
{
	struct plan plan = plan_of(scene, grid);
	int row = 1;

	view_status(scene, grid, 0);
	if (plan.summary) {
		view_workers_line(scene, grid, row);
		view_rates_line(scene, grid, row + 1);
		row += plan.summary;
	}
	draw_graphs(scene, grid, row, &plan);
	row += plan.graphs + plan.area;
	if (plan.pools)
		row += view_pools(scene, grid, row, plan.pools - 1);
	viewport->page = plan.workers > 1 ? (size_t)plan.workers - 1 : 0;
	viewport->first = first_row(scene, viewport->page);
	(void)view_workers(scene, grid, row, viewport->first, (int)viewport->page);
	row += plan.workers;
	if (plan.rule)
		draw_rule(scene, grid, row++, viewport);
	(void)view_events(scene, grid, row, plan.events);
	if (plan.footer)
		draw_footer(scene, grid, grid->rows - 1);
}

static void freeze(const struct top_scene *scene, struct top_grid *grid)
{
	for (int row = 1; row < grid->rows - 1; row++)
		if (top_verdict_is_final(scene->frame->verdict))
			top_grid_flag_row(grid, row, TOP_CELL_FROZEN);
}

void top_view(const struct top_scene *scene, struct top_grid *grid,
	      struct top_viewport *ret_viewport)
{
	const struct top_ui *ui = scene->ui;

	ret_viewport->first = ui->first;
	ret_viewport->view_first = ui->view_first[ui->view];
	ret_viewport->detail_first = ui->detail_first;
	ret_viewport->help_first = ui->help_first;
	ret_viewport->page = 1;
	ret_viewport->hits_nr = 0;
	if (ui->help) {
		ret_viewport->help_first = view_help(scene, grid);
		ret_viewport->page = grid->rows > 2 ? (size_t)grid->rows - 2 : 1;
	} else if (grid->cols < COMPACT_COLS || grid->rows < COMPACT_ROWS) {
		view_compact(scene, grid, ret_viewport);
		freeze(scene, grid);
	} else {
		view_full(scene, grid, ret_viewport);
		freeze(scene, grid);
	}
}

/* ---- once ---------------------------------------------------------------- */

#define ONCE_EVENTS 5

int top_view_once(const struct top_scene *scene, int cols, struct top_grid *grid)
{
	const struct top_shown *shown = scene->ui->shown;
	bool all = shown[TOP_TABLE_POOL].nr == 0 && shown[TOP_TABLE_WORKER].nr == 0;
	int pools = rows_of(scene->frame->look.pools_nr), row = 0;
	int workers = rows_of(scene->rows->nr),
	    events = rows_of(scene->frame->events.nr);
	int rows = pools + workers + 2;

	events = all ? min(events, ONCE_EVENTS) : 0;
	rows += all ? 3 + 2 + (events > 0 ? events + 1 : 0) : 0;
	if (!all)
		rows = (shown[TOP_TABLE_POOL].nr ? pools + 1 : 0) +
		       (shown[TOP_TABLE_WORKER].nr ? workers + 1 : 0);
	if (top_grid_reset(grid, rows, cols) < 0)
		return -ENOMEM;
	if (all) {
		view_status(scene, grid, row++);
		view_workers_line(scene, grid, row++);
		view_rates_line(scene, grid, row++);
		row++;
	}
	if (all || shown[TOP_TABLE_POOL].nr)
		row += view_pools(scene, grid, row, pools);
	row += all;
	if (all || shown[TOP_TABLE_WORKER].nr)
		row += view_workers(scene, grid, row, 0, workers);
	if (events > 0)
		(void)view_events(scene, grid, row + 1, events);
	return 0;
}
