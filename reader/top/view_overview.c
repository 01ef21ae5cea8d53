/* SPDX-License-Identifier: Apache-2.0 */
#include "view_parts.h"

#define BOXES_COLS   100 /* from these on: graph, heat map and bars side by side */
#define BOXES_ROWS   34
#define BOXES_HEIGHT 8
#define COUNTS_COLS  42

/* Rows each part gets. The worker table takes what is left. */
struct plan {
	int summary, graphs, boxes, pools, workers, rule, lints, events;
};

/* Take `want` of what is left above `reserve`, all or nothing. */
static int take(int *left, int want, int reserve)
{
	if (want <= 0 || *left - want < reserve)
		return 0;
	*left -= want;
	return want;
}

static void plan_head(struct plan *p, const struct view *v, int *left, int table)
{
	if (v->scene->ui->header_hidden)
		return;
	p->summary = take(left, 2, table);
}

static void plan_graphs(struct plan *p, const struct view *v, int *left, int table)
{
	if (v->scene->ui->header_hidden)
		return;
	if (v->grid->rows >= BOXES_ROWS && v->grid->cols >= BOXES_COLS) {
		p->boxes = take(left, BOXES_HEIGHT, table);
		return;
	}
	p->graphs = take(left, 1, table);
	p->graphs += take(left, 1, table + 1);
}

/* In order of importance: what comes later is dropped first on a short screen. */
static struct plan plan_of(const struct view *v, int rows)
{
	const struct top_frame *f = v->scene->frame;
	const struct top_ui *ui = v->scene->ui;
	int found = v->scene->lints ? view_rows(v->scene->lints->nr) : 0;
	int workers = view_rows(v->scene->rows->nr),
	    pools = view_rows(f->look.pools_nr);
	int kept = ui->events_hidden ? 0 : view_rows(f->events.nr);
	int left = rows, table = view_min(workers, 3) + 1;
	struct plan p = {0};

	plan_head(&p, v, &left, table);
	p.rule = take(&left, 1, table);
	p.pools =
	    take(&left, view_min(pools, view_max(3, v->grid->rows / 4)) + 1, table);
	plan_graphs(&p, v, &left, table);
	if (found > 0 && !ui->lints_hidden)
		p.lints = take(&left,
			       v->grid->rows >= BOXES_ROWS ? view_min(found, 5) + 1 : 1,
			       table + 1);
	p.events =
	    take(&left, view_min(kept, view_max(3, v->grid->rows / 8)), table + 1);
	p.workers = view_min(left, workers + 1);
	/* A short worker table leaves its room to the events. */
	if (p.rule)
		p.events += view_min(left - p.workers, kept - p.events);
	return p;
}

static void draw_boxes(const struct view *v, int row)
{
	int cols = v->grid->cols - 2 - COUNTS_COLS - 4, half = cols / 2;
	struct view_area area = {
	    .row = row, .col = 1, .rows = BOXES_HEIGHT - 1, .cols = half};

	view_graph_area(v, area, TOP_SERIES_REQ);
	area.col += half + 2;
	view_heat(v, area, TOP_ALL_POOLS);
	area.col += half + 2;
	area.cols = COUNTS_COLS;
	view_counts_box(v, area);
}

void view_overview(const struct view *v, struct view_area area)
{
	struct plan plan = plan_of(v, area.rows);
	size_t page = plan.workers > 1 ? (size_t)plan.workers - 1 : 0;
	int row = area.row;

	if (plan.summary) {
		view_workers_line(v, row);
		view_rates_line(v, row + 1);
		row += plan.summary;
	}
	if (plan.boxes)
		draw_boxes(v, row);
	if (plan.graphs > 0)
		view_graph_line(v, row, TOP_SERIES_REQ);
	if (plan.graphs > 1)
		view_graph_line(v, row + 1, TOP_SERIES_QUEUE);
	row += plan.graphs + plan.boxes;
	if (plan.pools)
		row += view_pools(v, row, plan.pools - 1);
	v->viewport->first = view_first_worker(v, page);
	(void)view_workers(v, row, v->viewport->first, (int)page);
	row += plan.workers;
	if (plan.rule)
		view_rule(v, row++);
	if (plan.lints == 1)
		view_lints_line(v, row);
	else if (plan.lints > 1)
		(void)view_lints_panel(v, row, plan.lints);
	row += plan.lints;
	(void)view_events_panel(v, row, plan.events);
}
