/* SPDX-License-Identifier: Apache-2.0 */
/*
 * view_parts.h - the parts views are put together from. Private to view*.c.
 *
 * Each part draws into the grid from `row` on, or into an area, and returns how many
 * rows it used where it says so. What does not fit is left out. Pure.
 */
#ifndef SNP_TOP_VIEW_PARTS_H
#define SNP_TOP_VIEW_PARTS_H

#include "view.h"

#define VIEW_WIDE_COLS 120 /* from here on there is room for what is nice to have */

struct view {
	const struct top_scene *scene;
	struct top_grid *grid;
	struct top_viewport *viewport; /* NULL: nobody clicks or scrolls (--once) */
};

struct view_area {
	int row, col, rows, cols;
};

static inline int view_min(int a, int b)
{
	return a < b ? a : b;
}

static inline int view_max(int a, int b)
{
	return a > b ? a : b;
}

/* A number of things as a number of rows. */
static inline int view_rows(size_t nr)
{
	return nr < 10000 ? (int)nr : 10000;
}

/* The row from its second to its last but one column. */
static inline struct top_pen view_pen(const struct view *v, int row)
{
	return (struct top_pen){
	    .grid = v->grid, .row = row, .col = 1, .end = v->grid->cols - 1};
}

/* The list of instances is shown instead of one of them. */
static inline bool view_is_list(const struct view *v)
{
	return v->scene->ui->all && v->scene->instances;
}

/* view.c: say what a click there means. */
void view_hit(const struct view *v, struct top_hit hit);
/* Scroll a list of `nr` lines with `page` rows, from `first` on: what is clamped goes
 * into the viewport. Returns the first line to show. */
size_t view_scroll(const struct view *v, size_t nr, int page, size_t first);
/* "title --------" */
void view_title(const struct view *v, int row, const char *title);

/* view_words.c: times and pairs of label and value */
void view_clock(char out[32], snp_wall_t wall, const char *format);
/* "16:53      16:58      17:03" below columns that are `seconds` wide. */
void view_times(const struct view *v, struct view_area area, unsigned seconds);
/* "label value" where both fit, two columns after what is there. */
void view_pair(struct top_pen *pen, const char *label, enum top_style style,
	       const char *value);
void view_pair_count(struct top_pen *pen, const char *label, enum top_style style,
		     uint64_t value);
void view_pair_rate(struct top_pen *pen, const char *label, enum top_style style,
		    double rate);
void view_pair_latency(struct top_pen *pen, const char *label, uint64_t ns);
/* "+6%" of what there was at the baseline; nothing where either is not known, or there
 * is no baseline. `then` and `now` are NaN where unknown. */
#define VIEW_DELTA_BYTES 8
enum top_style view_delta(char out[VIEW_DELTA_BYTES], double then, double now);

/* view_header.c */
void view_status(const struct view *v, int row);
/* The first line of the list of instances. */
void view_list_status(const struct view *v, int row);
void view_tabs(const struct view *v, int row);
void view_workers_line(const struct view *v, int row);
void view_rates_line(const struct view *v, int row);
/* Bars of the workers by status, and what else is counted. */
void view_counts_box(const struct view *v, struct view_area area);
/* Short words for terminals too small for anything else; returns the rows used. */
int view_compact_lines(const struct view *v);

/* view_graph.c */
void view_graph_line(const struct view *v, int row, enum top_series series);
void view_graph_area(const struct view *v, struct view_area area,
		     enum top_series series);
/* One row: the last `seconds` of a pool, as high as the largest of them. */
struct view_spark {
	int row, col, cols;
	unsigned seconds;
};
void view_spark_pool(const struct view *v, const struct view_spark *at, size_t pool,
		     enum top_series series);
void view_spark_worker(const struct view *v, const struct view_spark *at,
		       size_t worker);

/* view_heat.c: titles and scale included */
void view_heat(const struct view *v, struct view_area area, size_t pool);

/* view_lane.c: one cell for TOP_WORKER_STEP_S seconds, the newest at the right */
void view_lane(const struct view *v, int row, int col, int cols, size_t worker);
#define VIEW_LANE_LEGEND                                                               \
	"b busy  i idle  s start  S slow  h miss  d drain  X dead  . none"

/* view_table.c: a title and at most `rows` rows below it; returns the rows used */
int view_pools(const struct view *v, int row, int rows);
int view_workers(const struct view *v, int row, size_t first, int rows);

/* view_events.c: the newest `rows` events, oldest first; returns the rows used */
int view_events_panel(const struct view *v, int row, int rows);

/* view_lints.c: a line of the first ones; a panel with a title, which returns the rows
 * used */
void view_lints_line(const struct view *v, int row);
int view_lints_panel(const struct view *v, int row, int rows);

/* view_footer.c */
void view_rule(const struct view *v, int row);
/* How many rows at the end the prompt or the keys take, and drawing them. */
int view_footer_rows(const struct view *v);
void view_footer(const struct view *v);

/* view_prompt.c: the line being typed; with an error, three rows up to this one */
void view_prompt(const struct top_scene *scene, struct top_grid *grid, int row);

/* Whole views, into the rows between header and footer. */
typedef void view_body_fn(const struct view *v, struct view_area area);
view_body_fn view_overview, view_all_workers, view_requests, view_latency, view_events,
    view_lints, view_detail, view_setup, view_instances;
/* The whole screen; returns the first line shown after clamping */
size_t view_help(const struct view *v);

/* The first row of the table of workers to show on a page of `page` rows. */
size_t view_first_worker(const struct view *v, size_t page);

#endif
