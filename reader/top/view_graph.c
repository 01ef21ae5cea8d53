/* SPDX-License-Identifier: Apache-2.0 */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "format.h"
#include "view_parts.h"

/* One row: 9 levels. */
static const char ascii_ramp[] = "_.-=+*#%@";

/* What a graph shows: the newest value stands at the right. */
struct curve {
	const struct top_frame *frame;
	size_t pool, worker; /* one of the two */
	enum top_series series;
	unsigned step; /* seconds, or steps of a worker, in a column */
};

/* ---- values -------------------------------------------------------------- */

/* What a column says of the times in it: rates by their mean, else by the largest. */
struct cell {
	double sum, max;
	unsigned nr;
	bool gap;
};

static void cell_add(struct cell *cell, double value, bool gap)
{
	cell->gap |= gap;
	if (isnan(value))
		return;
	cell->sum += value;
	cell->max = cell->nr == 0 || value > cell->max ? value : cell->max;
	cell->nr++;
}

static double cell_value(const struct cell *cell, enum top_series series)
{
	if (cell->nr == 0)
		return NAN;
	return series == TOP_SERIES_REQ || series == TOP_SERIES_ERR
		   ? cell->sum / cell->nr
		   : cell->max;
}

/* Columns begin at whole multiples of the step: the picture moves by columns, not by
 * what falls into them. */
static unsigned phase(const struct curve *curve)
{
	if (curve->worker != SIZE_MAX)
		return 0;
	return curve->step - 1 - (unsigned)(curve->frame->second % curve->step);
}

/* The column `back` columns before the newest. */
static struct cell cell_at(const struct curve *curve, unsigned back)
{
	unsigned skip = phase(curve);
	unsigned first = back * curve->step, end = first + curve->step;
	struct cell cell = {0};

	first = first > skip ? first - skip : 0;
	end = end > skip ? end - skip : 0;
	for (unsigned at = first; at < end; at++) {
		if (curve->worker != SIZE_MAX) {
			const struct top_worker_point *point =
			    top_frame_worker_at(curve->frame, curve->worker, at);

			cell_add(&cell, point ? point->req_s : NAN,
				 point && point->gap);
		} else {
			const struct top_pool_point *point =
			    top_frame_pool_at(curve->frame, curve->pool, at);

			cell_add(&cell,
				 top_frame_value(curve->frame, curve->pool,
						 curve->series, at),
				 point && point->gap);
		}
	}
	return cell;
}

/* ---- drawing ------------------------------------------------------------- */

/* Eighths of a cell that a value of 0..max fills in `rows` rows; -1 = unknown. Anything
 * above 0 shows. */
static int level_of(double value, double max, int rows)
{
	int full = rows * 8, level;

	if (isnan(value))
		return -1;
	if (!(max > 0) || !(value > 0))
		return 0;
	if (value >= max)
		return full;
	level = (int)lround(value / max * full);
	return level < 1 ? 1 : level;
}

static uint32_t block(int eighths, bool ascii)
{
	if (ascii)
		return eighths < 3 ? '.' : eighths < 6 ? ':' : '#';
	return 0x2580 + (uint32_t)eighths; /* U+2581 ... U+2588 */
}

static uint32_t line_glyph(int level, bool ascii)
{
	if (ascii)
		return (
		    unsigned char)ascii_ramp[level * ((int)sizeof(ascii_ramp) - 2) / 8];
	return block(level > 0 ? level : 1, false);
}

static void draw_gap(struct top_grid *grid, struct view_area area, int col)
{
	for (int y = 0; y < area.rows; y++)
		top_grid_fill(grid, area.row + y, col, 1, TOP_DIM,
			      grid->ascii ? '|' : 0x2502);
}

static void draw_column(struct top_grid *grid, struct view_area area, int col,
			int level)
{
	int bottom = area.row + area.rows - 1;

	if (level < 0)
		return;
	if (area.rows == 1 || level == 0) {
		top_grid_fill(grid, bottom, col, 1, level > 0 ? TOP_GRAPH : TOP_DIM,
			      line_glyph(level, grid->ascii));
		return;
	}
	for (int y = 0; level > 0; y++, level -= 8)
		top_grid_fill(grid, bottom - y, col, 1, TOP_GRAPH,
			      block(level < 8 ? level : 8, grid->ascii));
}

/* Returns the largest value shown. */
static double draw(const struct curve *curve, struct top_grid *grid,
		   struct view_area area)
{
	double value[TOP_HISTORY_S], max = 0;
	bool gap[TOP_HISTORY_S];

	if (area.cols > TOP_HISTORY_S) {
		area.col += area.cols - TOP_HISTORY_S;
		area.cols = TOP_HISTORY_S;
	}
	for (int x = 0; x < area.cols; x++) {
		struct cell cell = cell_at(curve, (unsigned)(area.cols - 1 - x));

		value[x] = cell_value(&cell, curve->series);
		gap[x] = cell.gap;
		max = fmax(max, value[x]);
	}
	for (int x = 0; x < area.cols; x++) {
		if (gap[x])
			draw_gap(grid, area, area.col + x);
		else
			draw_column(grid, area, area.col + x,
				    level_of(value[x], max, area.rows));
	}
	return max;
}

/* ---- the whole runtime --------------------------------------------------- */

/* Seconds that count for "max": key 0 forgets those before it. */
static unsigned peak_seconds(const struct top_scene *scene, unsigned seconds)
{
	uint64_t since = scene->ui->peaks_since.ns;
	uint64_t age_s;

	if (since == 0)
		return seconds;
	age_s = snp_mono_since_ns(scene->frame->look.taken, scene->ui->peaks_since) /
		    SNP_NS_PER_S +
		1;
	return age_s < seconds ? (unsigned)age_s : seconds;
}

static void describe_peak(char out[64], const struct top_scene *scene,
			  enum top_series series, unsigned seconds)
{
	const struct snp_pool_stat *total = &scene->frame->look.total;
	double max = top_frame_max(scene->frame, TOP_ALL_POOLS, series,
				   peak_seconds(scene, seconds));
	char peak[TOP_FORMAT_BYTES], limit[TOP_FORMAT_BYTES];

	top_format_rate(peak, max, 5);
	if (series == TOP_SERIES_REQ) {
		(void)snprintf(out, 64, " peak %s/s", peak);
		return;
	}
	top_format_count(peak, (uint64_t)fmin(max, 1e18), 5);
	top_format_count(limit, total->queue_limit, 5);
	(void)snprintf(out, 64, " peak %s/%s", peak, limit);
}

static const char *series_name(enum top_series series)
{
	return series == TOP_SERIES_REQ ? "req/s" : "queue";
}

static struct curve total_curve(const struct view *v, enum top_series series,
				unsigned step)
{
	return (struct curve){.frame = v->scene->frame,
			      .pool = TOP_ALL_POOLS,
			      .worker = SIZE_MAX,
			      .series = series,
			      .step = step};
}

#define PEAK_COLS 14

void view_graph_line(const struct view *v, int row, enum top_series series)
{
	struct top_pen pen = view_pen(v, row);
	struct curve curve = total_curve(v, series, 1);
	int cols = v->grid->cols - 8 - PEAK_COLS - 1;
	char peak[64];

	top_pen_put(&pen, TOP_DIM, series_name(series));
	if (cols < 8) {
		cols = v->grid->cols - 8;
	} else {
		describe_peak(peak, v->scene, series, (unsigned)cols);
		(void)top_grid_put(v->grid, row, 8 + cols, PEAK_COLS, TOP_DIM, peak);
	}
	(void)draw(&curve, v->grid,
		   (struct view_area){.row = row, .col = 7, .rows = 1, .cols = cols});
}

void view_graph_area(const struct view *v, struct view_area area,
		     enum top_series series)
{
	unsigned step = area.cols > 0 ? (TOP_HISTORY_S + (unsigned)area.cols - 1) /
					    (unsigned)area.cols
				      : 1;
	struct curve curve = total_curve(v, series, step);
	struct top_pen pen = {.grid = v->grid,
			      .row = area.row,
			      .col = area.col,
			      .end = area.col + area.cols};
	char peak[64];

	describe_peak(peak, v->scene, series, TOP_HISTORY_S);
	top_pen_put(&pen, TOP_ACCENT, series_name(series));
	top_pen_put_right(&pen, TOP_DIM, peak);
	(void)draw(&curve, v->grid,
		   (struct view_area){.row = area.row + 1,
				      .col = area.col,
				      .rows = area.rows - 2,
				      .cols = area.cols});
	area.row += area.rows - 1;
	view_times(v, area, step * (unsigned)area.cols);
}

/* ---- in tables ----------------------------------------------------------- */

void view_spark_pool(const struct view *v, const struct view_spark *at, size_t pool,
		     enum top_series series)
{
	struct curve curve = {.frame = v->scene->frame,
			      .pool = pool,
			      .worker = SIZE_MAX,
			      .series = series,
			      .step = at->seconds / (unsigned)view_max(at->cols, 1)};

	curve.step = curve.step > 0 ? curve.step : 1;
	(void)draw(&curve, v->grid,
		   (struct view_area){
		       .row = at->row, .col = at->col, .rows = 1, .cols = at->cols});
}

void view_spark_worker(const struct view *v, const struct view_spark *at, size_t worker)
{
	struct curve curve = {.frame = v->scene->frame,
			      .worker = worker,
			      .series = TOP_SERIES_REQ,
			      .step = 1};

	(void)draw(&curve, v->grid,
		   (struct view_area){
		       .row = at->row, .col = at->col, .rows = 1, .cols = at->cols});
}
