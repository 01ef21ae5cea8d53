/* SPDX-License-Identifier: Apache-2.0 */
#include "view.h"

#include <errno.h>
#include <string.h>

#include "view_parts.h"

#define COMPACT_COLS 40 /* below either of these: words instead of a screen */
#define COMPACT_ROWS 6

void view_hit(const struct view *v, struct top_hit hit)
{
	if (v->viewport)
		top_viewport_hit(v->viewport, hit);
}

size_t view_scroll(const struct view *v, size_t nr, int page, size_t first)
{
	size_t rows = page > 0 ? (size_t)page : 0;

	if (first + rows > nr)
		first = nr > rows ? nr - rows : 0;
	if (v->viewport)
		v->viewport->page = rows;
	return first;
}

void view_title(const struct view *v, int row, const char *title)
{
	struct top_pen pen = view_pen(v, row);

	top_grid_fill(v->grid, row, 0, v->grid->cols, TOP_TITLE, ' ');
	top_pen_put(&pen, TOP_TITLE, title);
}

size_t view_first_worker(const struct view *v, size_t page)
{
	const struct top_rows *rows = v->scene->rows;
	size_t first = v->scene->ui->first;
	size_t selected =
	    top_ui_selected_row(v->scene->ui, rows, &v->scene->frame->look);

	if (page == 0)
		return 0;
	if (selected < rows->nr) {
		if (selected < first)
			first = selected;
		if (selected >= first + page)
			first = selected - page + 1;
		/* Its heading comes along where it stands right above. */
		if (selected == first && first > 0 &&
		    rows->row[first - 1].worker == TOP_ROW_HEADING && page > 1)
			first--;
	}
	return view_scroll(v, rows->nr, (int)page, first);
}

/* ---- the screen ---------------------------------------------------------- */

static view_body_fn *const bodies[TOP_VIEW_NR] = {
    [TOP_VIEW_OVERVIEW] = view_overview, [TOP_VIEW_WORKERS] = view_all_workers,
    [TOP_VIEW_REQUESTS] = view_requests, [TOP_VIEW_LATENCY] = view_latency,
    [TOP_VIEW_EVENTS] = view_events,	 [TOP_VIEW_LINTS] = view_lints,
};

/* The runtime is gone: everything but the line that says so and the keys. */
static void freeze(const struct view *v)
{
	if (!top_verdict_is_final(v->scene->frame->verdict))
		return;
	for (int row = 1; row < v->grid->rows - 1; row++)
		top_grid_flag_row(v->grid, row, TOP_CELL_FROZEN);
}

static void view_compact(const struct view *v)
{
	int row = view_compact_lines(v);
	int left = v->grid->rows - row;

	if (left < 2)
		return;
	v->viewport->first = view_first_worker(v, (size_t)left - 1);
	(void)view_workers(v, row, v->viewport->first, left - 1);
}

/* Small screens have their words; all else is one line of state, a body, the keys. */
static void view_full(const struct view *v)
{
	const struct top_ui *ui = v->scene->ui;
	int footer = view_footer_rows(v), row = 1;
	bool tabs = v->grid->rows >= 30 || ui->view != TOP_VIEW_OVERVIEW ||
		    ui->detail.kind != TOP_PICK_NONE;
	struct view_area area;

	view_status(v, 0);
	if (tabs && !ui->header_hidden && v->grid->rows >= COMPACT_ROWS)
		view_tabs(v, row++);
	area = (struct view_area){
	    .row = row, .rows = v->grid->rows - row - footer, .cols = v->grid->cols};
	if (ui->setup.open)
		view_setup(v, area);
	else if (ui->detail.kind != TOP_PICK_NONE)
		view_detail(v, area);
	else
		bodies[ui->view](v, area);
	view_footer(v);
}

static void view_list(const struct view *v)
{
	int footer = view_footer_rows(v);

	view_list_status(v, 0);
	view_instances(v, (struct view_area){.row = 1,
					     .rows = v->grid->rows - 1 - footer,
					     .cols = v->grid->cols});
	view_footer(v);
}

static bool is_compact(const struct view *v)
{
	const struct top_ui *ui = v->scene->ui;

	return (v->grid->cols < COMPACT_COLS || v->grid->rows < COMPACT_ROWS) &&
	       ui->view == TOP_VIEW_OVERVIEW && ui->detail.kind == TOP_PICK_NONE &&
	       !ui->setup.open && ui->prompt.kind == TOP_PROMPT_NONE;
}

void top_view(const struct top_scene *scene, struct top_grid *grid,
	      struct top_viewport *ret_viewport)
{
	const struct top_ui *ui = scene->ui;
	struct view v = {scene, grid, ret_viewport};

	ret_viewport->first = ui->first;
	ret_viewport->view_first = ui->view_first[ui->view];
	ret_viewport->detail_first = ui->detail_first;
	ret_viewport->help_first = ui->help_first;
	ret_viewport->page = 1;
	ret_viewport->hits_nr = 0;
	if (ui->help) {
		ret_viewport->help_first = view_help(&v);
		ret_viewport->page = grid->rows > 2 ? (size_t)grid->rows - 2 : 1;
		return;
	}
	if (view_is_list(&v)) {
		view_list(&v);
		return;
	}
	if (is_compact(&v))
		view_compact(&v);
	else
		view_full(&v);
	freeze(&v);
}

/* ---- once ---------------------------------------------------------------- */

#define ONCE_EVENTS 5
#define ONCE_LINTS  8

/* How much of each part there is. */
struct once {
	bool head, pools, workers;
	int lints, events, rows;
};

static struct once once_of(const struct top_scene *scene)
{
	const struct top_shown *shown = scene->ui->shown;
	const struct top_lints *lints = scene->lints;
	struct once o = {.pools = shown[TOP_TABLE_POOL].nr > 0,
			 .workers = shown[TOP_TABLE_WORKER].nr > 0};

	o.head = !o.pools && !o.workers;
	if (o.head) {
		o.pools = o.workers = true;
		o.events = view_min(view_rows(scene->frame->events.nr), ONCE_EVENTS);
		o.lints = lints ? view_min(view_rows(lints->nr), ONCE_LINTS) : 0;
		o.rows = 5; /* three lines and two blank ones */
		o.rows += o.events > 0 ? o.events + 1 : 0;
		o.rows += o.lints > 0 ? o.lints + 2 : 0;
	}
	o.rows += o.pools ? view_rows(scene->frame->look.pools_nr) + 1 : 0;
	o.rows += o.workers ? view_rows(scene->rows->nr) + 1 : 0;
	return o;
}

int top_view_once(const struct top_scene *scene, int cols, struct top_grid *grid)
{
	struct once o = once_of(scene);
	struct view v = {scene, grid, NULL};
	int row = 0;

	if (top_grid_reset(grid, o.rows, cols) < 0)
		return -ENOMEM;
	if (o.head) {
		view_status(&v, row++);
		view_workers_line(&v, row++);
		view_rates_line(&v, row++);
		row++;
	}
	if (o.pools)
		row += view_pools(&v, row, view_rows(scene->frame->look.pools_nr));
	row += o.head;
	if (o.workers)
		row += view_workers(&v, row, 0, view_rows(scene->rows->nr));
	if (o.lints > 0)
		row += 1 + view_lints_panel(&v, row + 1, o.lints + 1);
	if (o.events > 0)
		(void)view_events_panel(&v, row + 1, o.events);
	return 0;
}
