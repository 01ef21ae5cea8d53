/* SPDX-License-Identifier: Apache-2.0 */
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "format.h"
#include "view_parts.h"

/* ---- the first line ------------------------------------------------------ */

/* Where in time the frame is, when it is not the newest. */
static bool moment_text(char out[64], const struct top_scene *scene)
{
	const struct top_frame *f = scene->frame;
	char at[32], back[TOP_FORMAT_BYTES];

	if (!scene->ui->paused && f->rewound_ns == 0)
		return false;
	view_clock(at, scene->ui->paused ? scene->ui->paused_at : f->wall, "%H:%M:%S");
	if (f->rewound_ns > 0) {
		view_clock(at, f->wall, "%H:%M:%S");
		top_format_uptime(back, f->rewound_ns, 6);
		(void)snprintf(out, 64, "PAUSED at %.8s (-%s)", at, back);
	} else {
		(void)snprintf(out, 64, "PAUSED at %s", at);
	}
	return true;
}

static void verdict_text(char out[64], const struct top_scene *scene)
{
	const struct top_frame *f = scene->frame;
	char age[TOP_FORMAT_BYTES];

	if (moment_text(out, scene))
		return;
	if (f->origin == TOP_ORIGIN_RECORDING) {
		(void)snprintf(out, 64, "REPLAY %" PRIu64 "/%" PRIu64, f->record_at + 1,
			       f->record_nr);
		return;
	}
	switch (f->verdict) {
	case TOP_LIVE:
		top_format_latency(age, f->heartbeat_age_ns, 4);
		(void)snprintf(out, 64, "%s +%s", f->draining ? "DRAINING" : "LIVE",
			       age);
		break;
	case TOP_STALE:
	case TOP_DEAD:
	case TOP_CLOSED:
		top_format_uptime(age, f->heartbeat_age_ns, 5);
		(void)snprintf(out, 64, "%s%s %s ago",
			       f->origin == TOP_ORIGIN_POST_MORTEM ? "POST-MORTEM "
								   : "",
			       top_verdict_name(f->verdict), age);
		break;
	default:
		(void)snprintf(out, 64, "%s", top_verdict_name(f->verdict));
		break;
	}
}

static bool is_moved(const struct top_scene *scene)
{
	return scene->ui->paused || scene->frame->rewound_ns > 0;
}

static enum top_style verdict_style(const struct top_scene *scene)
{
	if (scene->frame->verdict == TOP_STALE)
		return TOP_BAD;
	if (is_moved(scene) || scene->frame->draining ||
	    scene->frame->origin == TOP_ORIGIN_RECORDING)
		return TOP_WARN;
	return scene->frame->verdict == TOP_LIVE ? TOP_GOOD : TOP_BAD;
}

/* What it costs to look. */
static void put_own_cost(struct top_pen *pen, const struct top_frame *f)
{
	char text[TOP_FORMAT_BYTES];

	if (isnan(f->self_cpu_percent))
		return;
	(void)snprintf(text, sizeof(text), "%.2f%%", f->self_cpu_percent);
	view_pair(pen, "self", TOP_NORMAL, text);
	top_format_bytes(text, f->self_rss_bytes, 5);
	if (f->self_rss_bytes != SNP_UNKNOWN)
		view_pair(pen, "rss", TOP_NORMAL, text);
}

static void put_details(struct top_pen *pen, const struct top_scene *scene)
{
	const struct top_frame *f = scene->frame;
	char text[TOP_FORMAT_BYTES];

	if (f->generation == 0)
		return;
	if (is_moved(scene))
		(void)top_pen_put_whole(pen, TOP_DIM, "  [ ] step  { } minute  L live");
	else if (top_verdict_is_final(f->verdict)) {
		(void)snprintf(text, sizeof(text), "%" PRIu64, f->heartbeat_seq);
		view_pair(pen, "last seq", TOP_NORMAL, text);
		(void)top_pen_put_whole(pen, TOP_NORMAL, "  final state");
		if (scene->ui->delay_ms > 0 && f->origin == TOP_ORIGIN_LIVE)
			(void)top_pen_put_whole(pen, TOP_NORMAL,
						"  waiting for a new run");
	}
	(void)snprintf(text, sizeof(text), "%jd", (intmax_t)f->pid);
	view_pair(pen, "pid", TOP_NORMAL, text);
	top_format_uptime(text, f->uptime_ns, 6);
	view_pair(pen, "up", TOP_NORMAL, text);
	if (pen->grid->cols < VIEW_WIDE_COLS)
		return;
	(void)snprintf(text, sizeof(text), "%" PRIu64, f->heartbeat_seq);
	if (!top_verdict_is_final(f->verdict))
		view_pair(pen, "seq", TOP_NORMAL, text);
	view_pair_count(pen, "run", TOP_NORMAL, f->incarnation);
	view_pair_count(pen, "torn", TOP_NORMAL, f->torn);
	view_pair_count(pen, "skipped", TOP_WARN, f->skipped);
	put_own_cost(pen, f);
}

/* The clock and the delay, at the right end. */
static void put_clock(struct top_pen *pen, const struct top_scene *scene, bool final)
{
	unsigned delay_ms = scene->ui->delay_ms;
	char text[32];

	view_clock(text, scene->frame->clock,
		   pen->grid->cols >= VIEW_WIDE_COLS ? "%Y-%m-%d %H:%M:%S"
						     : "%H:%M:%S");
	if (pen->end - pen->col > (int)strlen(text) + 2) {
		top_pen_put_right(pen, TOP_NORMAL, text);
		pen->end -= 2;
	}
	(void)snprintf(text, sizeof(text), "every %gs", (double)delay_ms / 1000.0);
	if (delay_ms > 0 && !final && pen->end - pen->col > (int)strlen(text) + 22) {
		top_pen_put_right(pen, TOP_DIM, text);
		pen->end -= 2;
	}
}

void view_status(const struct view *v, int row)
{
	const struct top_frame *f = v->scene->frame;
	bool final = top_verdict_is_final(f->verdict) && !is_moved(v->scene) &&
		     f->origin != TOP_ORIGIN_RECORDING;
	struct top_pen pen = view_pen(v, row);
	char text[64];
	int room;

	if (v->grid->cols < 12) /* no margins where each column counts */
		pen =
		    (struct top_pen){.grid = v->grid, .row = row, .end = v->grid->cols};
	if (v->grid->cols >= 60)
		top_pen_put(&pen, TOP_DIM,
			    v->grid->cols >= VIEW_WIDE_COLS
				? "snakepit-top " SNP_VERSION "  "
				: "snakepit-top  ");
	verdict_text(text, v->scene);
	/* The verdict is what the line is for: the name gives way to it. */
	room = pen.end - pen.col - (int)strlen(text) - 2;
	if (room >= 3)
		pen.col +=
		    top_grid_put(v->grid, row, pen.col, room, TOP_ACCENT, f->instance) +
		    2;
	top_pen_put(&pen, verdict_style(v->scene), text);
	put_clock(&pen, v->scene, final);
	put_details(&pen, v->scene);
	if (final)
		top_grid_style(v->grid, row, 0, v->grid->cols, TOP_BANNER);
}

void view_list_status(const struct view *v, int row)
{
	const struct top_instances *all = v->scene->instances;
	struct top_scene first = *v->scene; /* whose clock is everybody's */
	struct top_pen pen = view_pen(v, row);
	char text[TOP_FORMAT_BYTES];

	if (all->nr > 0)
		first.frame = all->at[0]->frame;
	top_pen_put(&pen, TOP_DIM, "snakepit-top");
	top_format_count(text, all->nr, 6);
	view_pair(&pen, "instances", TOP_STRONG, text);
	put_clock(&pen, &first, false);
}

/* ---- tabs ---------------------------------------------------------------- */

static void tab_text(char out[48], const struct top_scene *scene, int id)
{
	static const char *const titles[TOP_VIEW_NR] = {
	    [TOP_VIEW_OVERVIEW] = "Overview", [TOP_VIEW_WORKERS] = "Workers",
	    [TOP_VIEW_REQUESTS] = "Requests", [TOP_VIEW_LATENCY] = "Latency",
	    [TOP_VIEW_EVENTS] = "Events",     [TOP_VIEW_LINTS] = "Lints"};
	char found[24] = "";

	if (id == TOP_VIEW_LINTS && scene->lints && scene->lints->nr > 0)
		(void)snprintf(found, sizeof(found), " %zu!", scene->lints->nr);
	(void)snprintf(out, 48, "%d %s%s", id + 1, titles[id], found);
}

/* What is switched on, from the right end as far as there is room. */
static void put_modes(struct top_pen *pen, const struct top_scene *scene)
{
	const struct top_ui *ui = scene->ui;
	char text[64], at[32];
	int end = pen->end;

	if (ui->recording)
		top_pen_put_right(pen, TOP_BAD, "  RECORDING (R ends)");
	if (ui->recording && pen->end == end)
		top_pen_put_right(pen, TOP_BAD, "  REC (R)");
	if (ui->baseline) {
		view_clock(at, ui->baseline_at, "%H:%M:%S");
		(void)snprintf(text, sizeof(text), "  +/-%% since %s (M ends)", at);
		top_pen_put_right(pen, TOP_ACCENT, text);
	}
	if (scene->rows->hidden > 0) {
		(void)snprintf(text, sizeof(text), "  filter hides %zu (\\)",
			       scene->rows->hidden);
		top_pen_put_right(pen, TOP_WARN, text);
	}
}

void view_tabs(const struct view *v, int row)
{
	bool narrow = v->grid->cols < 80;
	struct top_pen pen = view_pen(v, row);
	char text[48];

	for (int id = 0; id < TOP_VIEW_NR; id++) {
		bool active = id == (int)v->scene->ui->view;
		enum top_style style = active ? TOP_TITLE : TOP_DIM;
		int col = pen.col;

		tab_text(text, v->scene, id);
		if (!active && narrow)
			text[1] = '\0';
		/* Brackets say it without colour. */
		top_pen_put(&pen, style, active ? "[" : " ");
		top_pen_put(&pen, style, text);
		top_pen_put(&pen, style, active ? "]" : " ");
		view_hit(v, (struct top_hit){.row = row,
					     .col = col,
					     .width = pen.col - col,
					     .kind = TOP_HIT_KEY,
					     .what = (uint32_t)('1' + id)});
	}
	put_modes(&pen, v->scene);
}

/* ---- the lines below it -------------------------------------------------- */

static const struct {
	unsigned status;
	const char *label;
	char letter;
	enum top_style style;
} statuses[] = {
    {SNP_WORKER_STATUS_BUSY, "busy", 'b', TOP_GOOD},
    {SNP_WORKER_STATUS_IDLE, "idle", 'i', TOP_NORMAL},
    {SNP_WORKER_STATUS_STARTING, "starting", 's', TOP_ACCENT},
    {SNP_WORKER_STATUS_DRAINING, "draining", 'd', TOP_WARN},
};
#define STATUSES (sizeof(statuses) / sizeof(*statuses))

/* One letter for so many workers: "bbbbbbiiiisX", each group at least one letter wide.
 */
static void put_lane(struct top_pen *pen, const struct snp_pool_stat *t)
{
	uint64_t cols = (uint64_t)(pen->end - pen->col - 4);
	uint64_t down = t->by_status[SNP_WORKER_STATUS_DOWN];
	uint64_t width = t->workers < cols ? t->workers : cols;

	if (pen->end - pen->col < 24 || t->workers == 0 || t->workers == SNP_UNKNOWN)
		return;
	for (unsigned i = 0; i < SNP_WORKER_STATUS_NR; i++)
		if (t->by_status[i] == SNP_UNKNOWN)
			return;
	pen->col += 2;
	top_pen_put(pen, TOP_DIM, "[");
	for (size_t i = 0; i < STATUSES; i++) {
		uint64_t n = t->by_status[statuses[i].status];
		uint64_t part = (n * width + t->workers - 1) / t->workers;

		for (; part > 0 && pen->col < pen->end - 2; part--)
			top_pen_printf(pen, statuses[i].style, "%c",
				       statuses[i].letter);
	}
	for (down = (down * width + t->workers - 1) / t->workers;
	     down > 0 && pen->col < pen->end - 1; down--)
		top_pen_put(pen, TOP_BAD, "X");
	top_pen_put(pen, TOP_DIM, "]");
}

static uint64_t restarts_1min(const struct top_frame *f)
{
	return top_eventlog_restarts(&f->events, f->look.now, 60);
}

static void restarts_text(char out[64], const struct top_frame *f)
{
	uint64_t recent = restarts_1min(f);

	if (f->look.total.restarts == SNP_UNKNOWN)
		(void)snprintf(out, 64, "-");
	else if (recent > 0)
		(void)snprintf(out, 64, "%" PRIu64 " +%" PRIu64 "/min",
			       f->look.total.restarts, recent);
	else
		(void)snprintf(out, 64, "%" PRIu64, f->look.total.restarts);
}

void view_workers_line(const struct view *v, int row)
{
	const struct snp_pool_stat *t = &v->scene->frame->look.total;
	struct top_pen pen = view_pen(v, row);
	uint64_t down = t->by_status[SNP_WORKER_STATUS_DOWN];
	char text[64], count[TOP_FORMAT_BYTES];

	view_pair_count(&pen, "workers", TOP_STRONG, t->workers);
	for (size_t i = 0; i < STATUSES; i++)
		view_pair_count(&pen, statuses[i].label, statuses[i].style,
				t->by_status[statuses[i].status]);
	top_format_count(count, down, 6);
	(void)snprintf(text, sizeof(text), "%s%s", count,
		       down > 0 && down != SNP_UNKNOWN ? "!!" : "");
	view_pair(&pen, "down", down > 0 ? TOP_BAD : TOP_DIM, text);
	restarts_text(text, v->scene->frame);
	view_pair(&pen, "restarts", strchr(text, '+') ? TOP_WARN : TOP_DIM, text);
	if (v->grid->cols >= VIEW_WIDE_COLS)
		put_lane(&pen, t);
}

/* How a number of the total has changed since the baseline, right after it. */
static void put_delta(struct top_pen *pen, double then, double now)
{
	char text[VIEW_DELTA_BYTES + 1] = " ";
	enum top_style style = view_delta(text + 1, then, now);

	if (text[1])
		(void)top_pen_put_whole(pen, style, text);
}

static double known(uint64_t value)
{
	return value == SNP_UNKNOWN ? NAN : (double)value;
}

static void put_total(struct top_pen *pen, const struct snp_pool_stat *t,
		      const struct snp_pool_stat *was)
{
	view_pair_rate(pen, "req/s", TOP_STRONG, t->req_s);
	if (was)
		put_delta(pen, was->req_s, t->req_s);
	view_pair_latency(pen, "p50", t->p50_ns);
	if (was)
		put_delta(pen, known(was->p50_ns), known(t->p50_ns));
	view_pair_latency(pen, "p95", t->p95_ns);
	if (was)
		put_delta(pen, known(was->p95_ns), known(t->p95_ns));
	view_pair_latency(pen, "p99", t->p99_ns);
	if (was)
		put_delta(pen, known(was->p99_ns), known(t->p99_ns));
	view_pair_rate(pen, "err/s", TOP_BAD, t->err_s);
	if (was)
		put_delta(pen, was->err_s, t->err_s);
}

void view_rates_line(const struct view *v, int row)
{
	const struct snp_pool_stat *t = &v->scene->frame->look.total;
	const struct top_frame *baseline = v->scene->ui->baseline;
	struct top_pen pen = view_pen(v, row);
	char depth[TOP_FORMAT_BYTES], limit[TOP_FORMAT_BYTES], text[64];

	put_total(&pen, t, baseline ? &baseline->look.total : NULL);
	top_format_count(depth, t->queue_depth, 5);
	top_format_count(limit, t->queue_limit, 5);
	(void)snprintf(text, sizeof(text), "%s/%s", depth, limit);
	view_pair(&pen, "queue", t->queue_depth > 0 ? TOP_WARN : TOP_DIM, text);
	view_pair_count(&pen, "refused", TOP_WARN, t->refused);
	view_pair_count(&pen, "timeouts", TOP_WARN, t->timeouts);
	view_pair_count(&pen, "in flight", TOP_NORMAL, t->active);
	if (v->grid->cols < VIEW_WIDE_COLS)
		return;
	view_pair_count(&pen, "requests", TOP_NORMAL, t->requests);
	view_pair_count(&pen, "errors", TOP_NORMAL, t->errors);
	view_pair_count(&pen, "sessions", TOP_NORMAL, t->sessions);
	top_format_bytes(text, t->rss_bytes, 5);
	view_pair(&pen, "rss", TOP_NORMAL, text);
	top_format_percent(text, t->cpu_percent, 5);
	view_pair(&pen, "cpu%", TOP_NORMAL, text);
}

/* ---- the box at the right of a wide overview ----------------------------- */

#define BOX_LABEL_COLS 15

static void put_bar(const struct view *v, struct view_area area, size_t status,
		    const char *label)
{
	const struct snp_pool_stat *t = &v->scene->frame->look.total;
	bool down = status == STATUSES;
	uint64_t n =
	    t->by_status[down ? SNP_WORKER_STATUS_DOWN : statuses[status].status];
	enum top_style style = down ? TOP_BAD : statuses[status].style;
	int room = area.cols - BOX_LABEL_COLS - 1, full;
	struct top_pen pen = {.grid = v->grid,
			      .row = area.row,
			      .col = area.col,
			      .end = area.col + BOX_LABEL_COLS - 1};
	char text[TOP_FORMAT_BYTES];

	top_format_count(text, n, 5);
	top_pen_put_right(&pen, n > 0 ? style : TOP_DIM, text);
	top_pen_put(&pen, TOP_DIM, label);
	if (n == SNP_UNKNOWN || t->workers == 0 || t->workers == SNP_UNKNOWN || n == 0)
		return;
	full = (int)(fmin((double)n / (double)t->workers, 1.0) * room + 0.5);
	full = view_min(view_max(full, 1), room);
	top_grid_fill(v->grid, area.row, area.col + BOX_LABEL_COLS, full, style,
		      v->grid->ascii ? '#' : 0x2588);
	if (down)
		(void)top_grid_put(v->grid, area.row, area.col + BOX_LABEL_COLS + full,
				   2, style, "!!");
}

void view_counts_box(const struct view *v, struct view_area area)
{
	const struct top_frame *f = v->scene->frame;
	struct top_pen pen = {.grid = v->grid,
			      .row = area.row,
			      .col = area.col,
			      .end = area.col + area.cols};
	char text[64];

	view_pair_count(&pen, "workers", TOP_STRONG, f->look.total.workers);
	restarts_text(text, f);
	view_pair(&pen, "restarts", strchr(text, '+') ? TOP_WARN : TOP_NORMAL, text);
	for (size_t i = 0; i <= STATUSES && (int)i + 1 < area.rows; i++) {
		area.row++;
		put_bar(v, area, i, i < STATUSES ? statuses[i].label : "down");
	}
}

/* ---- small terminals ----------------------------------------------------- */

int view_compact_lines(const struct view *v)
{
	const struct snp_pool_stat *t = &v->scene->frame->look.total;
	struct top_pen pen = {.grid = v->grid, .row = 1, .end = v->grid->cols};
	char text[64], count[TOP_FORMAT_BYTES], all[TOP_FORMAT_BYTES];
	uint64_t down = t->by_status[SNP_WORKER_STATUS_DOWN];

	view_status(v, 0);
	top_format_count(count, t->by_status[SNP_WORKER_STATUS_BUSY], 5);
	top_format_count(all, t->workers, 5);
	(void)snprintf(text, sizeof(text), "%s/%s", count, all);
	view_pair(&pen, "busy", TOP_STRONG, text);
	if (down > 0 && down != SNP_UNKNOWN) {
		top_format_count(count, down, 5);
		(void)snprintf(text, sizeof(text), "%s!!", count);
		view_pair(&pen, "down", TOP_BAD, text);
	}
	pen = (struct top_pen){.grid = v->grid, .row = 2, .end = v->grid->cols};
	view_pair_rate(&pen, "req/s", TOP_STRONG, t->req_s);
	view_pair_latency(&pen, "p99", t->p99_ns);
	pen = (struct top_pen){.grid = v->grid, .row = 3, .end = v->grid->cols};
	view_pair_rate(&pen, "err/s", TOP_BAD, t->err_s);
	view_pair_count(&pen, "queue", TOP_WARN, t->queue_depth);
	pen = (struct top_pen){.grid = v->grid, .row = 4, .end = v->grid->cols};
	view_pair_count(&pen, "restarts", TOP_NORMAL, t->restarts);
	if (v->scene->lints)
		view_pair_count(&pen, "lints", TOP_WARN, v->scene->lints->nr);
	return 5;
}
