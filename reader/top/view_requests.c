/* SPDX-License-Identifier: Apache-2.0 */
#include <inttypes.h>
#include <math.h>
#include <stdio.h>

#include "format.h"
#include "heat.h"
#include "view_parts.h"

/* The columns of requests in flight; the rightmost give way first. */
static const struct column {
	const char *title;
	int width;
	bool right; /* numbers */
} columns[] = {
    {"AGE", 6, true},		{"WORKER", 16, false}, {"METHOD", 20, false},
    {"RUN", 6, true},		{"LEFT", 6, true},     {"x P99", 6, true},
    {"CORRELATION", 32, false},
};
enum { AGE, WORKER, METHOD, RUN, LEFT, TIMES, CORRELATION, COLUMNS };
_Static_assert(sizeof(columns) / sizeof(*columns) == COLUMNS, "a title each");

static void put_cell(const struct view *v, int row, int column, enum top_style style,
		     const char *text)
{
	int col = 1, width, used;

	for (int i = 0; i < column; i++)
		col += columns[i].width + 2;
	width = columns[column].width;
	used = view_min(top_text_width(text, v->grid->ascii), width);
	if (col + width > v->grid->cols - 1 && columns[column].right)
		return;
	(void)top_grid_put(v->grid, row,
			   columns[column].right ? col + width - used : col,
			   view_min(width, v->grid->cols - 1 - col), style, text);
}

/* How many times the p99 of its pool a request runs already; NaN where unknown. */
static double times_p99(const struct top_inflight *r, uint64_t p99_ns)
{
	if (p99_ns == SNP_UNKNOWN || p99_ns == 0 || r->run_ns == SNP_UNKNOWN)
		return NAN;
	return (double)r->run_ns / (double)p99_ns;
}

static enum top_style times_style(double times)
{
	return times >= 10 ? TOP_BAD : times >= 2 ? TOP_WARN : TOP_NORMAL;
}

static void draw_request(const struct view *v, int row, const struct top_inflight *r,
			 uint64_t p99_ns)
{
	const struct snp_look *look = &v->scene->frame->look;
	double times = times_p99(r, p99_ns);
	char text[SNP_POOL_NAME_BYTES + 16];

	top_format_age(text, r->age_ns, 6);
	put_cell(v, row, AGE, TOP_STRONG, text);
	if (r->worker < look->workers_nr)
		(void)snprintf(text, sizeof(text), "%s/%" PRIu32,
			       look->pools[look->workers[r->worker].pool].name,
			       look->workers[r->worker].slot);
	put_cell(v, row, WORKER, TOP_ACCENT, r->worker < look->workers_nr ? text : "-");
	put_cell(v, row, METHOD, TOP_NORMAL, r->method[0] ? r->method : "-");
	top_format_age(text, r->run_ns, 6);
	put_cell(v, row, RUN, TOP_NORMAL, text);
	top_format_age(text, r->left_ns, 6);
	put_cell(v, row, LEFT, r->left_ns == 0 ? TOP_BAD : TOP_NORMAL,
		 r->left_ns == 0 ? "over!" : text);
	(void)snprintf(text, sizeof(text), "%.*f%s", times < 10 ? 1 : 0,
		       fmin(times, 99999.0), times >= 10 ? "!" : "");
	put_cell(v, row, TIMES, times_style(times), isnan(times) ? "-" : text);
	put_cell(v, row, CORRELATION, TOP_DIM, r->correlation);
}

/* Of each pool once: it is read from minutes of history. */
struct p99s {
	size_t pool;
	uint64_t ns;
};

static uint64_t p99_of(const struct view *v, struct p99s *last, size_t pool)
{
	if (last->pool != pool)
		*last = (struct p99s){pool, top_heat_p99_ns(v->scene->frame, pool)};
	return last->ns;
}

static void draw_titles(const struct view *v, int row)
{
	top_grid_fill(v->grid, row, 0, v->grid->cols, TOP_TITLE, ' ');
	for (int i = 0; i < COLUMNS; i++)
		put_cell(v, row, i, TOP_TITLE, columns[i].title);
}

void view_requests(const struct view *v, struct view_area area)
{
	const struct top_frame *f = v->scene->frame;
	int page = view_max(area.rows - 3, 0);
	size_t first = view_scroll(v, f->inflight_nr, page,
				   v->scene->ui->view_first[TOP_VIEW_REQUESTS]);
	struct p99s last = {.pool = SIZE_MAX};
	char text[128];

	v->viewport->view_first = first;
	view_rates_line(v, area.row);
	draw_titles(v, area.row + 1);
	for (size_t i = 0; i < (size_t)page && first + i < f->inflight_nr; i++) {
		const struct top_inflight *r = &f->inflight[first + i];

		draw_request(v, area.row + 2 + (int)i, r, p99_of(v, &last, r->pool));
	}
	if (f->inflight_nr == 0 && page > 0)
		(void)top_grid_put(v->grid, area.row + 2, 1, v->grid->cols - 2, TOP_DIM,
				   "no request is running");
	(void)snprintf(text, sizeof(text),
		       "%" PRIu64 " in flight, the oldest first; LEFT until its "
		       "deadline, x P99 of its pool",
		       f->inflight_all);
	if (area.rows > 3)
		(void)top_grid_put(v->grid, area.row + area.rows - 1, 1,
				   v->grid->cols - 2, TOP_DIM, text);
}
