/* SPDX-License-Identifier: Apache-2.0 */
/*
 * view_detail.c - one worker, pool or lint in full, with the commands for people to
 * act: this program runs none.
 *
 * Lines are written one after another and scrolled as a whole: what is above the first
 * line shown or below the last falls outside the area and is not drawn.
 */
#include <inttypes.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "advice.h"
#include "format.h"
#include "heat.h"
#include "lane.h"
#include "view_parts.h"

#define LABEL_COLS  14
#define EVENTS_MAX  12
#define DETAIL_HEAT 10 /* rows of the heat map of a pool */

struct page {
	const struct view *v;
	struct view_area area;
	int first; /* lines above this one are not shown */
	int nr;	   /* lines so far */
};

/* The row of the next line; -1 where it is out of sight. */
static int next_row(struct page *p)
{
	int at = p->nr++ - p->first;

	return at >= 0 && at < p->area.rows ? p->area.row + at : -1;
}

static void put_line(struct page *p, const char *label, enum top_style style,
		     const char *fmt, ...) __attribute__((format(printf, 4, 5)));
static void put_line(struct page *p, const char *label, enum top_style style,
		     const char *fmt, ...)
{
	int row = next_row(p);
	struct top_pen pen = view_pen(p->v, row);
	char text[768];
	va_list ap;

	if (row < 0)
		return;
	va_start(ap, fmt);
	(void)vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	top_pen_put(&pen, TOP_DIM, label);
	pen.col = LABEL_COLS + 1;
	top_pen_put(&pen, style, text);
}

static void put_title(struct page *p, const char *title)
{
	int row;

	if (p->nr > 0)
		(void)next_row(p);
	row = next_row(p);
	if (row >= 0)
		view_title(p->v, row, title);
}

static void put_command(struct page *p, const char *why, const char *command)
{
	put_line(p, why, TOP_STRONG, "%s", command);
}

static void put_snakepit(struct page *p, const char *why, const char *verb,
			 const char *rest)
{
	char command[TOP_ADVICE_BYTES];

	top_advice_snakepit(command, p->v->scene->frame, verb, rest);
	put_command(p, why, command);
}

/* ---- all columns of somebody --------------------------------------------- */

/* Every column of the table, as many beside each other as there is room for. */
static void put_columns(struct page *p, enum top_table table,
			const struct snp_pool_stat *pool,
			const struct snp_worker_stat *worker)
{
	enum { ITEM_COLS = 39, FIELD_COLS = 20 };
	int across = view_max((p->area.cols - 2) / ITEM_COLS, 1), n = 0, row = -1;

	for (int id = 0; id < TOP_COLUMN_NR; id++) {
		struct top_place place = {.grid = p->v->grid,
					  .width = ITEM_COLS - FIELD_COLS - 2};

		if (top_columns[id].table != table)
			continue;
		if (n % across == 0)
			row = next_row(p);
		place.row = row;
		place.col = 1 + n % across * ITEM_COLS;
		n++;
		if (row < 0)
			continue;
		(void)top_grid_put(p->v->grid, row, place.col, FIELD_COLS - 1, TOP_DIM,
				   top_columns[id].field);
		place.col += FIELD_COLS;
		top_column_draw(&place, (enum top_column_id)id, pool, worker);
	}
}

static bool is_about(const struct snp_told_event *event, const char *pool,
		     const struct snp_worker_stat *worker)
{
	if (strcmp(event->pool, pool) != 0)
		return false;
	return !worker ||
	       (snp_event_about(event->event.kind) == SNP_EVENT_ABOUT_WORKER &&
		event->event.slot == worker->slot);
}

static void put_events(struct page *p, const char *pool,
		       const struct snp_worker_stat *worker)
{
	const struct top_eventlog *log = &p->v->scene->frame->events;
	const struct snp_told_event *event;
	char subject[SNP_EVENT_BYTES], text[SNP_EVENT_BYTES], clock[32];
	int shown = 0;

	put_title(p, "EVENTS  the newest first");
	for (unsigned back = 0;
	     shown < EVENTS_MAX && (event = top_eventlog_at(log, back)) != NULL;
	     back++) {
		if (!is_about(event, pool, worker))
			continue;
		view_clock(clock, event->wall, "%H:%M:%S");
		snp_event_subject(subject, event);
		snp_event_text(text, event);
		put_line(p, clock, TOP_NORMAL, "%s  %s", worker ? "" : subject, text);
		shown++;
	}
	if (shown == 0)
		put_line(p, "", TOP_DIM, "none kept");
}

/* ---- a worker ------------------------------------------------------------ */

static void put_requests(struct page *p, size_t worker)
{
	const struct top_frame *f = p->v->scene->frame;
	char age[TOP_FORMAT_BYTES], left[TOP_FORMAT_BYTES];
	int shown = 0;

	put_title(p, "REQUESTS IN FLIGHT  the oldest first");
	for (size_t i = 0; i < f->inflight_nr; i++) {
		const struct top_inflight *r = &f->inflight[i];

		if (r->worker != worker)
			continue;
		top_format_age(age, r->age_ns, 6);
		top_format_age(left, r->left_ns, 6);
		put_line(p, age, TOP_NORMAL, "%s, until its deadline %s  %s",
			 r->method[0] ? r->method : "-", left, r->correlation);
		shown++;
	}
	if (shown == 0)
		put_line(p, "", TOP_DIM, "none");
}

static void put_worker_commands(struct page *p, const struct snp_pool_stat *pool,
				const struct snp_worker_stat *worker)
{
	char word[TOP_ADVICE_BYTES], command[TOP_ADVICE_BYTES];

	put_title(p, "TO RUN YOURSELF  (snakepit-top only reads)");
	if (worker->pid > 0) {
		(void)snprintf(command, sizeof(command), "$ py-spy dump --pid %jd",
			       (intmax_t)worker->pid);
		put_command(p, "its stacks", command);
		(void)snprintf(command, sizeof(command), "$ kill -TERM %jd",
			       (intmax_t)worker->pid);
		put_command(p, "end it", command);
	}
	top_advice_worker(word, pool->name, worker->slot);
	put_snakepit(p, "replace it", "recycle", word);
	top_advice_events(command, p->v->scene->frame, pool->name, worker->slot);
	put_command(p, "what happened", command);
}

static void put_lane(struct page *p, size_t worker)
{
	int row = next_row(p);
	int cols = view_min(p->area.cols - LABEL_COLS - 2, TOP_LANE_MAX);

	if (row >= 0) {
		(void)top_grid_put(p->v->grid, row, 1, LABEL_COLS, TOP_DIM, "did");
		view_lane(p->v, row, LABEL_COLS + 1, cols, worker);
	}
	row = next_row(p);
	if (row < 0)
		return;
	(void)top_grid_put(p->v->grid, row, 1, LABEL_COLS, TOP_DIM, "req/s");
	view_spark_worker(
	    p->v, &(struct view_spark){.row = row, .col = LABEL_COLS + 1, .cols = cols},
	    worker);
}

static void put_worker(struct page *p, size_t i)
{
	const struct snp_look *look = &p->v->scene->frame->look;
	const struct snp_worker_stat *w = &look->workers[i];
	const struct snp_pool_stat *pool = &look->pools[w->pool];
	char title[SNP_POOL_NAME_BYTES + 48];

	(void)snprintf(title, sizeof(title), "WORKER %s/%" PRIu32, pool->name, w->slot);
	put_title(p, title);
	put_lane(p, i);
	put_line(p, "", TOP_DIM, "%s", VIEW_LANE_LEGEND);
	put_worker_commands(p, pool, w);
	put_requests(p, i);
	put_title(p, "NUMBERS  (-o help says what they are)");
	put_columns(p, TOP_TABLE_WORKER, pool, w);
	put_events(p, pool->name, w);
}

/* ---- a pool -------------------------------------------------------------- */

static void put_heat(struct page *p, size_t pool)
{
	struct view_area area = p->area;
	int at = p->nr - p->first;

	p->nr += DETAIL_HEAT;
	area.row += at;
	area.col = 1;
	area.cols -= 2;
	area.rows = DETAIL_HEAT;
	/* All of it or none: it does not scroll. */
	if (at >= 0 && at + DETAIL_HEAT <= p->area.rows)
		view_heat(p->v, area, pool);
}

static void put_pool(struct page *p, size_t i)
{
	const struct snp_pool_stat *pool = &p->v->scene->frame->look.pools[i];
	char title[SNP_POOL_NAME_BYTES + 48], word[TOP_ADVICE_BYTES];
	char more[TOP_ADVICE_BYTES + 24];

	(void)snprintf(title, sizeof(title), "POOL %s", pool->name);
	put_title(p, title);
	put_columns(p, TOP_TABLE_POOL, pool, NULL);
	put_heat(p, i);
	top_advice_word(word, pool->name);
	put_title(p, "TO RUN YOURSELF  (snakepit-top only reads)");
	(void)snprintf(more, sizeof(more), "%s %" PRIu64, word,
		       pool->workers == SNP_UNKNOWN ? 1 : pool->workers + 1);
	put_snakepit(p, "more workers", "scale", more);
	put_snakepit(p, "replace them", "recycle", word);
	put_snakepit(p, "no new work", "drain", word);
	put_snakepit(p, "work again", "resume", word);
	put_events(p, pool->name, NULL);
}

/* ---- a lint -------------------------------------------------------------- */

static const struct top_lint *lint_of(const struct view *v, const struct top_pick *pick)
{
	const struct top_lints *lints = v->scene->lints;

	for (size_t i = 0; lints && i < lints->nr && i < TOP_LINTS_MAX; i++) {
		const struct top_lint *lint = &lints->lint[i];

		if ((unsigned)lint->id == pick->lint &&
		    (lint->is_worker ? lint->slot : TOP_SLOT_NONE) == pick->slot &&
		    strcmp(lint->pool, pick->pool) == 0)
			return lint;
	}
	return NULL;
}

static void put_limits(struct page *p, const char *lint)
{
	size_t len = strlen(lint);

	put_title(p, "FOUND FROM THESE LIMITS ON  (settings: lints)");
	for (int id = 0; id < TOP_LIMIT_NR; id++) {
		const struct top_limit_info *limit = &top_limit_infos[id];

		if (strncmp(limit->name, lint, len) != 0 || limit->name[len] != '.')
			continue;
		put_line(p, limit->name + len + 1, TOP_NORMAL, "%g  %s",
			 p->v->scene->ui->limits.value[id], limit->help);
	}
}

static void put_lint(struct page *p, const struct top_pick *pick)
{
	const struct top_lint *lint = lint_of(p->v, pick);
	const char *name =
	    pick->lint < TOP_LINT_NR ? top_lint_infos[pick->lint].name : "?";
	char subject[TOP_LINT_SUBJECT_BYTES], title[96];

	(void)snprintf(title, sizeof(title), "LINT %s", name);
	put_title(p, title);
	if (pick->lint < TOP_LINT_NR)
		put_line(p, "is", TOP_NORMAL, "%s", top_lint_infos[pick->lint].help);
	if (lint) {
		top_lint_subject(subject, lint);
		put_line(p, "about", TOP_ACCENT, "%s", subject);
		put_line(p, "found", TOP_STRONG, "%s", lint->what);
		put_line(p, "next", TOP_STRONG, "%s", lint->next);
	} else {
		put_line(p, "found", TOP_DIM, "no longer");
	}
	put_line(p, "silence", TOP_NORMAL, "s, and W to keep that");
	put_limits(p, name);
}

/* ---- all ----------------------------------------------------------------- */

static void put_all(struct page *p, const struct top_pick *pick)
{
	const struct snp_look *look = &p->v->scene->frame->look;

	if (pick->kind == TOP_PICK_LINT) {
		put_lint(p, pick);
		return;
	}
	for (size_t i = 0; pick->kind == TOP_PICK_POOL && i < look->pools_nr; i++) {
		if (strcmp(look->pools[i].name, pick->pool) != 0)
			continue;
		put_pool(p, i);
		return;
	}
	for (size_t i = 0; pick->kind == TOP_PICK_WORKER && i < look->workers_nr; i++) {
		const struct snp_worker_stat *w = &look->workers[i];

		if (w->slot != pick->slot ||
		    strcmp(look->pools[w->pool].name, pick->pool) != 0)
			continue;
		put_worker(p, i);
		return;
	}
	put_line(p, "gone", TOP_WARN, "%s is not there any more", pick->pool);
}

void view_detail(const struct view *v, struct view_area area)
{
	const struct top_pick *pick = &v->scene->ui->detail;
	struct page measure = {.v = v, .area = {.cols = area.cols}};
	struct page page = {.v = v, .area = area};

	put_all(&measure, pick); /* no row is in sight: only counts */
	page.first = (int)view_scroll(v, (size_t)measure.nr, area.rows,
				      v->scene->ui->detail_first);
	v->viewport->detail_first = (size_t)page.first;
	put_all(&page, pick);
}
