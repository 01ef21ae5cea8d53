/* SPDX-License-Identifier: Apache-2.0 */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "format.h"
#include "lane.h"
#include "view_parts.h"

#define NAME_COLS_MAX 32
#define DELTA_COLS    6 /* beside a number, while there is a baseline */

/* What stands behind the columns, in the room they leave. */
#define LANE_COLS_MIN	  24 /* two minutes */
#define WORKER_SPARK_COLS 12 /* one minute */
#define POOL_SPARK_MIN	  12
#define POOL_SPARK_MAX	  60

/* Which columns stand where. */
struct layout {
	size_t nr;
	int gap, end; /* the first column of the screen that is free */
	bool has_delta;
	struct {
		enum top_column_id id;
		int col, width, delta;
	} item[TOP_COLUMN_NR];
	int spark, spark_cols, lane, lane_cols; /* 0 columns: there is none */
};

/* ---- choosing columns ---------------------------------------------------- */

static int digits(uint64_t n)
{
	int d = 1;

	for (; n >= 10; n /= 10)
		d++;
	return d;
}

/* The first column is as wide as what stands in it, within reason. Both tables share
 * the width, so that they stand in line. */
static int name_width(const struct view *v, enum top_table table, int cols)
{
	const struct snp_look *look = &v->scene->frame->look;
	int min = table == TOP_TABLE_POOL ? top_columns[TOP_COLUMN_POOL_pool].width
					  : top_columns[TOP_COLUMN_WORKER_worker].width;
	int max = view_min(cols / 4, NAME_COLS_MAX), width = min;

	for (size_t i = 0; i < look->pools_nr; i++)
		width = view_max(width,
				 top_text_width(look->pools[i].name, v->grid->ascii));
	for (size_t i = 0; i < look->workers_nr; i++) {
		const struct snp_worker_stat *w = &look->workers[i];

		/* Slots ascend: the last one of a pool has the longest number. */
		if (i + 1 < look->workers_nr && w[1].pool == w->pool)
			continue;
		width = view_max(
		    width, top_text_width(look->pools[w->pool].name, v->grid->ascii) +
			       1 + digits(w->slot));
	}
	return view_max(view_min(width, max), min);
}

static bool is_name(enum top_column_id id)
{
	return top_columns[id].unit == TOP_UNIT_NAME ||
	       top_columns[id].unit == TOP_UNIT_WORKER;
}

static bool has_delta(enum top_column_id id)
{
	switch (top_columns[id].unit) {
	case TOP_UNIT_BYTES:
	case TOP_UNIT_LATENCY:
	case TOP_UNIT_RATE:
	case TOP_UNIT_PERCENT:
		return true;
	default:
		return false;
	}
}

static int column_width(const struct layout *layout, enum top_column_id id,
			int name_cols)
{
	if (is_name(id))
		return name_cols;
	return top_columns[id].width +
	       (layout->has_delta && has_delta(id) ? DELTA_COLS : 0);
}

/* The highest rank up to which all columns fit into `cols`. */
static unsigned fitting_rank(const struct layout *layout, enum top_table table,
			     int cols, int name_cols)
{
	int gap = cols < VIEW_WIDE_COLS - 40 ? 1 : 2;
	unsigned rank = 0;

	for (unsigned next = 0; next < TOP_RANK_HIDDEN; next++) {
		int sum = 0;

		for (int id = 0; id < TOP_COLUMN_NR; id++)
			if (top_columns[id].table == table &&
			    top_columns[id].rank <= next)
				sum += column_width(layout, (enum top_column_id)id,
						    name_cols) +
				       gap;
		if (sum > cols + gap)
			break;
		rank = next;
	}
	return rank;
}

/* Room kept free for what stands behind the columns. */
static int reserved(const struct view *v, enum top_table table)
{
	int cols = v->grid->cols;

	if (!v->viewport)
		return 0; /* --once is about numbers */
	if (cols >= VIEW_WIDE_COLS)
		return table == TOP_TABLE_POOL ? POOL_SPARK_MIN + 12
					       : LANE_COLS_MIN + WORKER_SPARK_COLS + 4;
	if (cols >= 70 && table == TOP_TABLE_WORKER &&
	    v->scene->ui->view == TOP_VIEW_WORKERS)
		return LANE_COLS_MIN + 1;
	return 0;
}

static void choose_columns(struct layout *layout, const struct view *v,
			   enum top_table table, int name_cols)
{
	const struct top_shown *shown = &v->scene->ui->shown[table];
	int cols = v->grid->cols - 1 - reserved(v, table);
	unsigned rank = fitting_rank(layout, table, cols, name_cols);

	layout->nr = 0;
	for (size_t i = 0; i < shown->nr; i++)
		layout->item[layout->nr++].id = shown->id[i];
	if (shown->nr > 0)
		return;
	for (int id = 0; id < TOP_COLUMN_NR; id++)
		if (top_columns[id].table == table && top_columns[id].rank <= rank)
			layout->item[layout->nr++].id = (enum top_column_id)id;
}

static void place_rest(struct layout *layout, const struct view *v,
		       enum top_table table)
{
	int left = v->grid->cols - 1 - layout->end;

	layout->spark_cols = layout->lane_cols = 0;
	if (!v->viewport)
		return;
	if (table == TOP_TABLE_POOL) {
		if (left < POOL_SPARK_MIN)
			return;
		layout->spark = layout->end;
		layout->spark_cols = view_min(left, POOL_SPARK_MAX);
		return;
	}
	if (left >= LANE_COLS_MIN + WORKER_SPARK_COLS + 2) {
		layout->spark = layout->end;
		layout->spark_cols = WORKER_SPARK_COLS;
		layout->end += WORKER_SPARK_COLS + 2;
		left -= WORKER_SPARK_COLS + 2;
	}
	if (left < LANE_COLS_MIN)
		return;
	layout->lane = layout->end;
	layout->lane_cols = view_min(left, TOP_LANE_MAX);
}

static void lay_out(struct layout *layout, const struct view *v, enum top_table table)
{
	/* The first column of the screen is for the marker. */
	int cols = v->grid->cols - 1, sum = 0, col = 1;
	int name_cols = name_width(v, table, cols);

	layout->has_delta = v->scene->ui->baseline != NULL;
	choose_columns(layout, v, table, name_cols);
	for (size_t i = 0; i < layout->nr; i++) {
		enum top_column_id id = layout->item[i].id;
		int width = column_width(layout, id, name_cols);

		layout->item[i].delta =
		    layout->has_delta && has_delta(id) ? DELTA_COLS : 0;
		layout->item[i].width = width - layout->item[i].delta;
		sum += width;
	}
	layout->gap =
	    sum + 2 * ((int)layout->nr - 1) < cols - reserved(v, table) ? 2 : 1;
	for (size_t i = 0; i < layout->nr; i++) {
		layout->item[i].col = col;
		col += layout->item[i].width + layout->item[i].delta + layout->gap;
	}
	layout->end = col;
	place_rest(layout, v, table);
}

/* ---- drawing ------------------------------------------------------------- */

static uint32_t arrow(const struct top_sort *sort, bool ascii)
{
	bool ascends = top_column_ascends(sort->column);

	if (sort->flags & TOP_SORT_INVERT)
		ascends = !ascends;
	if (ascii)
		return ascends ? '^' : 'v';
	return ascends ? 0x25b2 : 0x25bc;
}

static void draw_rest_titles(const struct layout *layout, const struct view *v, int row,
			     enum top_table table)
{
	char text[48];

	if (layout->spark_cols > 0)
		(void)top_grid_put(
		    v->grid, row, layout->spark, layout->spark_cols, TOP_TITLE,
		    table == TOP_TABLE_POOL ? "QUEUE 10 min" : "REQ/S 1 min");
	(void)snprintf(text, sizeof(text), "STATE LANE %d min (1c=%ds)",
		       layout->lane_cols * TOP_WORKER_STEP_S / 60, TOP_WORKER_STEP_S);
	if (layout->lane_cols > 0)
		(void)top_grid_put(v->grid, row, layout->lane, layout->lane_cols,
				   TOP_TITLE, text);
}

static void draw_titles(const struct layout *layout, const struct view *v, int row,
			enum top_table table)
{
	const struct top_sort *sort = &v->scene->ui->sort;

	top_grid_fill(v->grid, row, 0, v->grid->cols, TOP_TITLE, ' ');
	for (size_t i = 0; i < layout->nr; i++) {
		enum top_column_id id = layout->item[i].id;
		const struct top_column *column = &top_columns[id];
		int col = layout->item[i].col, width = layout->item[i].width;
		int title = (int)strlen(column->title);

		if (table == TOP_TABLE_WORKER)
			view_hit(v, (struct top_hit){.row = row,
						     .col = col,
						     .width = width,
						     .kind = TOP_HIT_SORT,
						     .what = (uint32_t)id});
		if (!top_unit_is_text(column->unit) && column->unit != TOP_UNIT_SHARE)
			col += width - title;
		(void)top_grid_put(v->grid, row, col, title, TOP_TITLE, column->title);
		if (id == sort->column && !(sort->flags & TOP_SORT_BY_POOL))
			top_grid_fill(v->grid, row, col + title, 1, TOP_TITLE,
				      arrow(sort, v->grid->ascii));
	}
	draw_rest_titles(layout, v, row, table);
}

/* ---- then and now -------------------------------------------------------- */

static const struct snp_pool_stat *pool_then(const struct view *v,
					     const struct snp_pool_stat *pool)
{
	const struct top_frame *baseline = v->scene->ui->baseline;

	for (size_t i = 0; baseline && i < baseline->look.pools_nr; i++)
		if (strcmp(baseline->look.pools[i].name, pool->name) == 0)
			return &baseline->look.pools[i];
	return NULL;
}

static const struct snp_worker_stat *worker_then(const struct view *v,
						 const struct snp_pool_stat *pool,
						 const struct snp_worker_stat *worker)
{
	const struct top_frame *baseline = v->scene->ui->baseline;

	for (size_t i = 0; baseline && i < baseline->look.workers_nr; i++) {
		const struct snp_worker_stat *w = &baseline->look.workers[i];

		if (w->slot == worker->slot &&
		    strcmp(baseline->look.pools[w->pool].name, pool->name) == 0)
			return w;
	}
	return NULL;
}

static double as_number(enum top_column_id id, const struct snp_pool_stat *pool,
			const struct snp_worker_stat *worker)
{
	struct top_value value = top_column_value(id, pool, worker);

	if (!value.known)
		return NAN;
	return top_unit_is_double(top_columns[id].unit) ? value.d : (double)value.u;
}

/* Somebody of the look, now and at the baseline. */
struct pair {
	const struct snp_pool_stat *pool, *pool_then;
	const struct snp_worker_stat *worker, *worker_then;
};

static void draw_row(const struct layout *layout, const struct view *v, int row,
		     const struct pair *who)
{
	bool compare = who->pool_then && (!who->worker || who->worker_then);

	for (size_t i = 0; i < layout->nr; i++) {
		enum top_column_id id = layout->item[i].id;
		struct top_place place = {.grid = v->grid,
					  .row = row,
					  .col = layout->item[i].col,
					  .width = layout->item[i].width};
		char delta[VIEW_DELTA_BYTES];
		enum top_style style;

		top_column_draw(&place, id, who->pool, who->worker);
		if (layout->item[i].delta == 0 || !compare)
			continue;
		style =
		    view_delta(delta, as_number(id, who->pool_then, who->worker_then),
			       as_number(id, who->pool, who->worker));
		(void)top_grid_put(v->grid, row, place.col + place.width + 1,
				   layout->item[i].delta - 1, style, delta);
	}
}

static bool pool_has_selection(const struct top_ui *ui,
			       const struct snp_pool_stat *pool)
{
	return ui->selected.kind != TOP_PICK_NONE &&
	       strcmp(ui->selected.pool, pool->name) == 0;
}

static void draw_pool(const struct layout *layout, const struct view *v, int row,
		      size_t pool)
{
	const struct snp_pool_stat *p = &v->scene->frame->look.pools[pool];
	struct pair who = {.pool = p, .pool_then = pool_then(v, p)};

	draw_row(layout, v, row, &who);
	if (layout->spark_cols > 0)
		view_spark_pool(v,
				&(struct view_spark){.row = row,
						     .col = layout->spark,
						     .cols = layout->spark_cols,
						     .seconds = TOP_HISTORY_S},
				pool, TOP_SERIES_QUEUE);
	if (pool_has_selection(v->scene->ui, p))
		top_grid_fill(v->grid, row, 0, 1, TOP_ACCENT, '>');
}

int view_pools(const struct view *v, int row, int rows)
{
	size_t nr = v->scene->frame->look.pools_nr, shown = nr;
	struct layout layout;
	char more[64];

	lay_out(&layout, v, TOP_TABLE_POOL);
	draw_titles(&layout, v, row, TOP_TABLE_POOL);
	if (shown > (size_t)rows)
		shown = rows > 0 ? (size_t)rows - 1 : 0;
	for (size_t i = 0; i < shown; i++)
		draw_pool(&layout, v, row + 1 + (int)i, i);
	if (shown == nr)
		return 1 + (int)shown;
	(void)snprintf(more, sizeof(more), "and %zu more pools", nr - shown);
	if (rows > 0)
		(void)top_grid_put(v->grid, row + 1 + (int)shown, 1, v->grid->cols - 2,
				   TOP_DIM, more);
	return 1 + rows;
}

/* ---- workers ------------------------------------------------------------- */

static void draw_heading(const struct view *v, const struct snp_pool_stat *pool,
			 int row)
{
	struct top_pen pen = view_pen(v, row);
	char busy[TOP_FORMAT_BYTES], all[TOP_FORMAT_BYTES];

	top_format_count(busy, pool->by_status[SNP_WORKER_STATUS_BUSY], 6);
	top_format_count(all, pool->workers, 6);
	top_pen_put(&pen, TOP_ACCENT, pool->name);
	top_pen_printf(&pen, TOP_DIM, "  %s busy of %s workers", busy, all);
}

static void draw_worker(const struct layout *layout, const struct view *v, int row,
			const struct top_row *line)
{
	const struct snp_look *look = &v->scene->frame->look;
	const struct snp_pool_stat *p = &look->pools[line->pool];
	const struct snp_worker_stat *w = &look->workers[line->worker];
	struct pair who = {p, pool_then(v, p), w, worker_then(v, p, w)};

	draw_row(layout, v, row, &who);
	if (layout->spark_cols > 0)
		view_spark_worker(v,
				  &(struct view_spark){.row = row,
						       .col = layout->spark,
						       .cols = layout->spark_cols},
				  line->worker);
	if (layout->lane_cols > 0)
		view_lane(v, row, layout->lane, layout->lane_cols, line->worker);
}

int view_workers(const struct view *v, int row, size_t first, int rows)
{
	const struct top_rows *all = v->scene->rows;
	const struct snp_look *look = &v->scene->frame->look;
	size_t selected = top_ui_selected_row(v->scene->ui, all, look);
	struct layout layout;
	int used = 1;

	lay_out(&layout, v, TOP_TABLE_WORKER);
	draw_titles(&layout, v, row, TOP_TABLE_WORKER);
	for (size_t i = first; i < all->nr && used <= rows; i++, used++) {
		const struct top_row *line = &all->row[i];

		if (line->worker == TOP_ROW_HEADING)
			draw_heading(v, &look->pools[line->pool], row + used);
		else
			draw_worker(&layout, v, row + used, line);
		if (i < all->pinned)
			top_grid_fill(v->grid, row + used, 0, 1, TOP_ACCENT, '*');
		view_hit(v, (struct top_hit){.row = row + used,
					     .width = v->grid->cols,
					     .kind = TOP_HIT_LINE,
					     .what = (uint32_t)i});
		if (i != selected)
			continue;
		top_grid_fill(v->grid, row + used, 0, 1, TOP_ACCENT, '>');
		top_grid_flag_row(v->grid, row + used, TOP_CELL_SELECTED);
	}
	return used;
}

void view_all_workers(const struct view *v, struct view_area area)
{
	int rows = area.rows - 2;

	v->viewport->first = view_first_worker(v, (size_t)view_max(rows, 0));
	(void)view_workers(v, area.row, v->viewport->first, rows);
	view_rule(v, area.row + area.rows - 1);
}
