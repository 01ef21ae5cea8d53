/* SPDX-License-Identifier: Apache-2.0 */
#include <inttypes.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "format.h"
#include "view_parts.h"

#define WIDE_COLS 120

/* "label value" where both fit, two columns after what is there. */
static void put_pair(struct top_pen *pen, const char *label, enum top_style style,
		     const char *value)
{
	int width = top_text_width(label, pen->grid->ascii) + 1 +
		    top_text_width(value, pen->grid->ascii);
	int gap = pen->col > 1 ? 2 : 0;

	if (pen->col + gap + width > pen->end)
		return;
	pen->col += gap;
	top_pen_put(pen, TOP_DIM, label);
	pen->col++;
	top_pen_put(pen, style, value);
}

static void put_count(struct top_pen *pen, const char *label, enum top_style style,
		      uint64_t value)
{
	char text[TOP_FORMAT_BYTES];

	top_format_count(text, value, 6);
	put_pair(pen, label, value > 0 ? style : TOP_DIM, text);
}

static void clock_text(char out[32], snp_wall_t wall, const char *format)
{
	time_t s = (time_t)(wall.ns / SNP_NS_PER_S);
	struct tm tm;

	out[0] = '\0';
	if (wall.ns != 0 && localtime_r(&s, &tm))
		(void)strftime(out, 32, format, &tm);
}

static void delay_text(char out[32], const struct top_ui *ui)
{
	out[0] = '\0';
	if (ui->delay_ms > 0)
		(void)snprintf(out, 32, "every %gs", (double)ui->delay_ms / 1000.0);
}

/* ---- the first line ------------------------------------------------------ */

static void verdict_text(char out[64], const struct top_scene *scene)
{
	const struct top_frame *f = scene->frame;
	char age[TOP_FORMAT_BYTES], at[32];

	if (scene->ui->paused) {
		clock_text(at, scene->ui->paused_at, "%H:%M:%S");
		(void)snprintf(out, 64, "PAUSED at %s", at);
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
		(void)snprintf(out, 64, "%s %s ago", top_verdict_name(f->verdict), age);
		break;
	default:
		(void)snprintf(out, 64, "%s", top_verdict_name(f->verdict));
		break;
	}
}

static enum top_style verdict_style(const struct top_scene *scene)
{
	if (scene->frame->verdict == TOP_STALE)
		return TOP_BAD;
	if (scene->ui->paused || scene->frame->draining)
		return TOP_WARN;
	return scene->frame->verdict == TOP_LIVE ? TOP_GOOD : TOP_BAD;
}

static void put_details(struct top_pen *pen, const struct top_frame *f)
{
	char text[TOP_FORMAT_BYTES];

	if (f->generation == 0)
		return;
	if (top_verdict_is_final(f->verdict)) {
		(void)snprintf(text, sizeof(text), "%" PRIu64, f->heartbeat_seq);
		put_pair(pen, "last seq", TOP_NORMAL, text);
		(void)top_pen_put_whole(pen, TOP_NORMAL, "  final state");
	}
	(void)snprintf(text, sizeof(text), "%jd", (intmax_t)f->pid);
	put_pair(pen, "pid", TOP_NORMAL, text);
	top_format_uptime(text, f->uptime_ns, 6);
	put_pair(pen, "up", TOP_NORMAL, text);
	if (pen->grid->cols < WIDE_COLS)
		return;
	(void)snprintf(text, sizeof(text), "%" PRIu64, f->heartbeat_seq);
	if (!top_verdict_is_final(f->verdict))
		put_pair(pen, "seq", TOP_NORMAL, text);
	put_count(pen, "run", TOP_NORMAL, f->incarnation);
	put_count(pen, "torn", TOP_NORMAL, f->torn);
	put_count(pen, "skipped", TOP_WARN, f->skipped);
}

void view_status(const struct top_scene *scene, struct top_grid *grid, int row)
{
	const struct top_frame *f = scene->frame;
	bool final = top_verdict_is_final(f->verdict) && !scene->ui->paused;
	struct top_pen pen = {
	    .grid = grid, .row = row, .col = 1, .end = grid->cols - 1};
	char text[64];
	int room;

	if (grid->cols < 12) /* no margins where each column counts */
		pen = (struct top_pen){.grid = grid, .row = row, .end = grid->cols};
	if (grid->cols >= 60)
		top_pen_put(&pen, TOP_DIM,
			    grid->cols >= WIDE_COLS ? "snakepit-top " SNP_VERSION "  "
						    : "snakepit-top  ");
	verdict_text(text, scene);
	/* The verdict is what the line is for: the name gives way to it. */
	room = pen.end - pen.col - (int)strlen(text) - 2;
	if (room >= 3)
		pen.col +=
		    top_grid_put(grid, row, pen.col, room, TOP_ACCENT, f->instance) + 2;
	top_pen_put(&pen, verdict_style(scene), text);
	clock_text(text, f->clock,
		   grid->cols >= WIDE_COLS ? "%Y-%m-%d %H:%M:%S" : "%H:%M:%S");
	if (pen.end - pen.col > (int)strlen(text) + 2) {
		top_pen_put_right(&pen, TOP_NORMAL, text);
		pen.end -= 2;
	}
	delay_text(text, scene->ui);
	if (text[0] && !final && pen.end - pen.col > (int)strlen(text) + 22) {
		top_pen_put_right(&pen, TOP_DIM, text);
		pen.end -= 2;
	}
	put_details(&pen, f);
	if (final) {
		if (scene->ui->delay_ms > 0)
			(void)top_pen_put_whole(&pen, TOP_BANNER,
						"  waiting for a new run");
		top_grid_style(grid, row, 0, grid->cols, TOP_BANNER);
	}
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

/* One letter for so many workers: "bbbbbbiiiisX", each group at least one letter wide.
 */
static void put_lane(struct top_pen *pen, const struct snp_pool_stat *t)
{
	uint64_t cols = (uint64_t)(pen->end - pen->col - 4);
	uint64_t down = t->by_status[SNP_WORKER_STATUS_DOWN];
	uint64_t width = t->workers < cols ? t->workers : cols;

	if (pen->end - pen->col < 24 || t->workers == 0)
		return;
	pen->col += 2;
	top_pen_put(pen, TOP_DIM, "[");
	for (size_t i = 0; i < sizeof(statuses) / sizeof(*statuses); i++) {
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

void view_workers_line(const struct top_scene *scene, struct top_grid *grid, int row)
{
	const struct snp_pool_stat *t = &scene->frame->look.total;
	struct top_pen pen = {
	    .grid = grid, .row = row, .col = 1, .end = grid->cols - 1};
	uint64_t down = t->by_status[SNP_WORKER_STATUS_DOWN];
	uint64_t recent =
	    top_eventlog_restarts(&scene->frame->events, scene->frame->look.now, 60);
	char text[64];

	put_count(&pen, "workers", TOP_STRONG, t->workers);
	for (size_t i = 0; i < sizeof(statuses) / sizeof(*statuses); i++)
		put_count(&pen, statuses[i].label, statuses[i].style,
			  t->by_status[statuses[i].status]);
	(void)snprintf(text, sizeof(text), "%" PRIu64 "%s", down, down > 0 ? "!!" : "");
	put_pair(&pen, "down", down > 0 ? TOP_BAD : TOP_DIM, text);
	(void)snprintf(text, sizeof(text), "%" PRIu64, t->restarts);
	if (recent > 0)
		(void)snprintf(text, sizeof(text), "%" PRIu64 " +%" PRIu64 "/min",
			       t->restarts, recent);
	put_pair(&pen, "restarts", recent > 0 ? TOP_WARN : TOP_DIM, text);
	if (grid->cols >= WIDE_COLS)
		put_lane(&pen, t);
}

static void put_rate(struct top_pen *pen, const char *label, enum top_style style,
		     double rate)
{
	char text[TOP_FORMAT_BYTES];

	top_format_rate(text, rate, 6);
	put_pair(pen, label, rate > 0 ? style : TOP_DIM, text);
}

static void put_latency(struct top_pen *pen, const char *label, uint64_t ns)
{
	char text[TOP_FORMAT_BYTES];

	top_format_latency(text, ns, 6);
	put_pair(pen, label, ns == SNP_UNKNOWN ? TOP_DIM : TOP_STRONG, text);
}

void view_rates_line(const struct top_scene *scene, struct top_grid *grid, int row)
{
	const struct snp_pool_stat *t = &scene->frame->look.total;
	struct top_pen pen = {
	    .grid = grid, .row = row, .col = 1, .end = grid->cols - 1};
	char depth[TOP_FORMAT_BYTES], limit[TOP_FORMAT_BYTES], text[64];

	put_rate(&pen, "req/s", TOP_STRONG, t->req_s);
	put_latency(&pen, "p50", t->p50_ns);
	put_latency(&pen, "p95", t->p95_ns);
	put_latency(&pen, "p99", t->p99_ns);
	put_rate(&pen, "err/s", TOP_BAD, t->err_s);
	top_format_count(depth, t->queue_depth, 5);
	top_format_count(limit, t->queue_limit, 5);
	(void)snprintf(text, sizeof(text), "%s/%s", depth, limit);
	put_pair(&pen, "queue", t->queue_depth > 0 ? TOP_WARN : TOP_DIM, text);
	put_count(&pen, "refused", TOP_WARN, t->refused);
	put_count(&pen, "in flight", TOP_NORMAL, t->active);
	if (grid->cols < WIDE_COLS)
		return;
	put_count(&pen, "requests", TOP_NORMAL, t->requests);
	put_count(&pen, "errors", TOP_NORMAL, t->errors);
	put_count(&pen, "sessions", TOP_NORMAL, t->sessions);
	top_format_bytes(text, t->rss_bytes, 5);
	put_pair(&pen, "rss", TOP_NORMAL, text);
	top_format_percent(text, t->cpu_percent, 5);
	put_pair(&pen, "cpu%", TOP_NORMAL, text);
}

/* ---- small terminals ----------------------------------------------------- */

int view_compact_lines(const struct top_scene *scene, struct top_grid *grid)
{
	const struct snp_pool_stat *t = &scene->frame->look.total;
	struct top_pen pen = {.grid = grid, .row = 1, .end = grid->cols};
	char text[TOP_FORMAT_BYTES + 32];
	uint64_t down = t->by_status[SNP_WORKER_STATUS_DOWN];

	view_status(scene, grid, 0);
	(void)snprintf(text, sizeof(text), "%" PRIu64 "/%" PRIu64,
		       t->by_status[SNP_WORKER_STATUS_BUSY], t->workers);
	put_pair(&pen, "busy", TOP_STRONG, text);
	if (down > 0) {
		(void)snprintf(text, sizeof(text), "%" PRIu64 "!!", down);
		put_pair(&pen, "down", TOP_BAD, text);
	}
	pen = (struct top_pen){.grid = grid, .row = 2, .end = grid->cols};
	put_rate(&pen, "req/s", TOP_STRONG, t->req_s);
	put_latency(&pen, "p99", t->p99_ns);
	pen = (struct top_pen){.grid = grid, .row = 3, .end = grid->cols};
	put_rate(&pen, "err/s", TOP_BAD, t->err_s);
	put_count(&pen, "queue", TOP_WARN, t->queue_depth);
	pen = (struct top_pen){.grid = grid, .row = 4, .end = grid->cols};
	put_count(&pen, "restarts", TOP_NORMAL, t->restarts);
	return 5;
}
