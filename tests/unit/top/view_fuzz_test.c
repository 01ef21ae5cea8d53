/* SPDX-License-Identifier: Apache-2.0 */
/* Every view at random sizes of random frames: whatever the numbers and names, the
 * picture is a rectangle of printable cells. The seed of a failure is printed. */
#include "random.h"
#include "scene.h"

#include <inttypes.h>

#define ROUNDS	  2000
#define BIG_EVERY 25 /* a round of so many is at up to 400x100 */

struct world {
	struct scene *scene;
	uint64_t random, seed;
};

static uint64_t draw_number(struct world *w)
{
	return random_next(&w->random);
}

static unsigned below(struct world *w, unsigned nr)
{
	return random_below(&w->random, nr);
}

/* ---- values -------------------------------------------------------------- */

static uint64_t any_u64(struct world *w)
{
	switch (below(w, 6)) {
	case 0:
		return SNP_UNKNOWN;
	case 1:
		return SNP_UNKNOWN - 1;
	case 2:
		return draw_number(w);
	case 3:
		return 0;
	default:
		return below(w, 100000);
	}
}

static double any_double(struct world *w)
{
	static const double odd[] = {NAN, INFINITY, 1e300, 1e-300, 0, -5, 99.95, 999.5};

	return below(w, 2) ? odd[below(w, sizeof(odd) / sizeof(*odd))]
			   : (double)below(w, 1000000) / 10.0;
}

static void any_text(struct world *w, char *out, size_t size)
{
	static const char *const parts[] = {"default",
					    "\xe6\xa8\xa1\xe5\x9e\x8b",
					    "\033[31m",
					    "\n\t\r",
					    "\xc2\x9b",
					    "\xe2\x80\xae",
					    "\xff\xfe",
					    "e\xcc\x81",
					    "%s%n",
					    "'\"`$(",
					    "\xf0\x9f\x90\x8d",
					    "a-rather-long-name-that-fills-columns",
					    "",
					    "\x7f",
					    "\xe2"};
	size_t len = 0;

	out[0] = '\0';
	for (unsigned i = below(w, 5); i > 0; i--) {
		const char *part = parts[below(w, sizeof(parts) / sizeof(*parts))];

		if (len + strlen(part) >= size)
			break;
		memcpy(out + len, part, strlen(part) + 1);
		len += strlen(part);
	}
}

static void any_pool(struct world *w, struct snp_pool_stat *p)
{
	uint64_t *const counts[] = {
	    &p->workers,	&p->worker_limit,     &p->active,
	    &p->capacity,	&p->queue_depth,      &p->queue_limit,
	    &p->queue_peak,	&p->queue_oldest_ns,  &p->sessions,
	    &p->requests,	&p->errors,	      &p->refused,
	    &p->restarts,	&p->rss_bytes,	      &p->timeouts,
	    &p->p50_ns,		&p->p95_ns,	      &p->p99_ns,
	    &p->startup_p95_ns, &p->heartbeat_p50_ns, &p->heartbeat_p99_ns};

	for (size_t i = 0; i < sizeof(counts) / sizeof(*counts); i++)
		*counts[i] = any_u64(w);
	for (int i = 0; i < SNP_WORKER_STATUS_NR; i++)
		p->by_status[i] = any_u64(w);
	p->busy_percent = any_double(w);
	p->req_s = any_double(w);
	p->err_s = any_double(w);
	p->cpu_percent = any_double(w);
	any_text(w, p->name, sizeof(p->name));
	any_text(w, p->adapter, sizeof(p->adapter));
}

static void any_worker(struct world *w, struct snp_worker_stat *k)
{
	uint64_t *const counts[] = {
	    &k->uptime_ns,	    &k->heartbeat_age_ns, &k->heartbeat_missed,
	    &k->heartbeat_failures, &k->active,		  &k->capacity,
	    &k->requests,	    &k->errors,		  &k->restarts,
	    &k->rss_bytes,	    &k->incarnation};

	for (size_t i = 0; i < sizeof(counts) / sizeof(*counts); i++)
		*counts[i] = any_u64(w);
	k->slot = below(w, 3) ? below(w, 20) : (uint32_t)draw_number(w);
	k->status = below(w, SNP_WORKER_STATUS_NR + 1);
	k->state = below(w, 14);
	k->pid = (pid_t)below(w, 1u << 31) - 5;
	k->req_s = any_double(w);
	k->err_s = any_double(w);
	k->cpu_percent = any_double(w);
	k->busy_percent = any_double(w);
	any_text(w, k->last_exit, sizeof(k->last_exit));
	any_text(w, k->state_name, sizeof(k->state_name));
	any_text(w, k->python, sizeof(k->python));
}

static void any_point(struct world *w, struct top_pool_point *point)
{
	point->gap = below(w, 40) == 0;
	point->queue_depth = any_u64(w);
	point->active = any_u64(w);
	point->req_s = any_double(w);
	point->err_s = any_double(w);
	for (int o = 0; o < SNP_HIST_OCTAVES; o++)
		point->octave[o] = below(w, 3) ? 0 : (uint32_t)draw_number(w);
}

/* Some points of everybody, with holes. */
static void any_history(struct world *w)
{
	struct top_frame *f = &w->scene->frame;

	for (size_t i = 0; i < 200; i++) {
		size_t p = below(w, (unsigned)f->look.pools_nr);
		size_t k = below(w, (unsigned)f->look.workers_nr);
		uint64_t second = SCENE_SECOND + below(w, TOP_HISTORY_S);
		struct top_history_who who = {.row = f->look.pools[p].row};
		struct top_pool_point point = {.at.ns = second * SNP_NS_PER_S,
					       .run = 2};
		struct top_worker_point step = {.at.ns = second * SNP_NS_PER_S,
						.run = 2,
						.gap = below(w, 20) == 0,
						.state = below(w, 14),
						.requests = any_u64(w),
						.rss_bytes = any_u64(w),
						.req_s = any_double(w),
						.busy_percent = any_double(w)};

		(void)strcpy(who.pool, "default");
		any_point(w, &point);
		assert_int_equal(
		    0, top_history_put_pool(w->scene->history, &who, second, &point));
		who.row = f->look.workers[k].row;
		assert_int_equal(0, top_history_put_worker(w->scene->history, &who,
							   second / TOP_WORKER_STEP_S,
							   &step));
	}
}

static void any_frame(struct world *w)
{
	struct top_frame *f = &w->scene->frame;

	for (size_t i = 0; i < f->look.pools_nr; i++)
		any_pool(w, &f->look.pools[i]);
	for (size_t i = 0; i < f->look.workers_nr; i++)
		any_worker(w, &f->look.workers[i]);
	any_pool(w, &f->look.total);
	any_history(w);
	f->inflight_nr = below(w, 20);
	f->inflight_all = any_u64(w);
	for (size_t i = 0; i < f->inflight_nr; i++) {
		struct top_inflight *r = &f->inflight[i];

		r->worker = below(w, (unsigned)f->look.workers_nr);
		r->pool = f->look.workers[r->worker].pool;
		r->age_ns = any_u64(w);
		r->run_ns = any_u64(w);
		r->left_ns = any_u64(w);
		any_text(w, r->method, sizeof(r->method));
		any_text(w, r->correlation, sizeof(r->correlation));
	}
	f->origin = (enum top_origin)below(w, 3);
	f->verdict = (enum top_verdict)below(w, TOP_VERDICT_NR);
	f->wall.ns = any_u64(w);
	f->uptime_ns = any_u64(w);
	f->heartbeat_age_ns = any_u64(w);
	f->rewound_ns = below(w, 2) ? 0 : any_u64(w);
	f->torn = any_u64(w);
	f->self_cpu_percent = any_double(w);
	any_text(w, f->instance, sizeof(f->instance));
	any_text(w, f->problem, sizeof(f->problem));
}

static void any_ui(struct world *w)
{
	struct top_ui *ui = &w->scene->ui;
	struct top_pick *picks[] = {&ui->selected, &ui->lint, &ui->detail};
	const struct snp_look *look = &w->scene->frame.look;

	ui->view = (enum top_view_id)below(w, TOP_VIEW_NR);
	ui->help = below(w, 12) == 0;
	ui->setup.open = below(w, 12) == 0;
	ui->setup.page = (enum top_setup_page)below(w, TOP_SETUP_NR);
	ui->setup.at = 0;
	ui->header_hidden = below(w, 4) == 0;
	ui->events_hidden = below(w, 4) == 0;
	ui->lints_hidden = below(w, 4) == 0;
	ui->ascii = below(w, 2);
	ui->paused = below(w, 3) == 0;
	ui->folded = below(w, 4) == 0;
	ui->baseline = below(w, 2) ? &w->scene->frame : NULL;
	ui->first = below(w, 30);
	ui->detail_first = below(w, 60);
	ui->help_first = below(w, 60);
	for (int i = 0; i < TOP_VIEW_NR; i++)
		ui->view_first[i] = below(w, 60);
	for (size_t i = 0; i < 3; i++) {
		const struct snp_worker_stat *k =
		    &look->workers[below(w, (unsigned)look->workers_nr)];

		*picks[i] =
		    (struct top_pick){.kind = (enum top_pick_kind)below(w, 4),
				      .slot = below(w, 2) ? k->slot : TOP_SLOT_NONE,
				      .lint = below(w, TOP_LINT_NR)};
		(void)snprintf(picks[i]->pool, sizeof(picks[i]->pool), "%s",
			       look->pools[k->pool].name);
	}
	if (below(w, 3))
		ui->detail.kind = TOP_PICK_NONE;
	ui->sort.flags = below(w, 8);
	ui->shown[TOP_TABLE_WORKER].nr = 0;
	for (unsigned i = below(w, 2) ? 0 : below(w, 12); i > 0; i--)
		ui->shown[TOP_TABLE_WORKER].id[ui->shown[TOP_TABLE_WORKER].nr++] =
		    TOP_COLUMN_WORKER_worker +
		    below(w, TOP_COLUMN_NR - TOP_COLUMN_WORKER_worker);
}

/* ---- the picture --------------------------------------------------------- */

static bool is_printable(uint32_t ch)
{
	return ch >= 0x20 && !(ch >= 0x7f && ch < 0xa0) &&
	       !(ch >= 0x200b && ch <= 0x200f) && !(ch >= 0x2028 && ch <= 0x202e) &&
	       ch != 0xfeff && ch <= 0x10ffff;
}

static void assert_picture(const struct world *w, const struct top_grid *grid)
{
	for (int row = 0; row < grid->rows; row++) {
		for (int col = 0; col < grid->cols; col++) {
			const struct top_cell *c = top_grid_cell(grid, row, col);
			const struct top_cell *next = top_grid_cell(grid, row, col + 1);
			const struct top_cell *last = top_grid_cell(grid, row, col - 1);
			bool fine = c->style < TOP_STYLE_NR;

			if (c->width == 0)
				fine = fine && c->ch == 0 && last && last->width == 2;
			else
				fine = fine && is_printable(c->ch);
			if (c->width == 2)
				fine = fine && next && next->width == 0;
			if (grid->ascii)
				fine = fine && c->ch < 0x80;
			if (!fine)
				fail_msg("seed %" PRIu64 ", %dx%d: row %d, column %d: "
					 "U+%04x, width %u",
					 w->seed, grid->cols, grid->rows, row, col,
					 (unsigned)c->ch, c->width);
		}
	}
}

static void draw_once(struct world *w, struct top_grid *grid, int cols, int rows)
{
	struct scene *s = w->scene;
	static struct top_viewport viewport;
	struct top_scene scene = {
	    .frame = &s->frame, .ui = &s->ui, .rows = &s->rows, .lints = &s->lints};

	scene_sort(s);
	top_lints_find(&s->lints, &s->frame, &s->ui.limits, 0);
	grid->ascii = s->ui.ascii;
	if (below(w, 10) == 0) {
		assert_int_equal(0, top_view_once(&scene, cols, grid));
	} else {
		assert_int_equal(0, top_grid_reset(grid, rows, cols));
		top_view(&scene, grid, &viewport);
		assert_true(viewport.hits_nr <= TOP_HITS_MAX);
	}
	assert_picture(w, grid);
}

static void views_of_random_frames_are_printable_rectangles(void **state)
{
	struct world w = {.scene = *state};
	struct top_grid grid = {0};
	const char *seed = getenv("SNP_SEED");
	int rounds = seed ? 1 : ROUNDS;

	for (int i = 0; i < rounds; i++) {
		bool big = i % BIG_EVERY == 0;

		w.seed = seed ? strtoull(seed, NULL, 10)
			      : 1 + (uint64_t)i * UINT64_C(0x9e3779b97f4a7c15);
		w.random = w.seed;
		any_frame(&w);
		any_ui(&w);
		draw_once(&w, &grid, 1 + (int)below(&w, big ? 400 : 160),
			  1 + (int)below(&w, big ? 100 : 50));
	}
	w.scene->ui.baseline = NULL;
	top_grid_fini(&grid);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(views_of_random_frames_are_printable_rectangles),
	};

	return cmocka_run_group_tests_name("top/view_fuzz", tests, scene_open,
					   scene_close);
}
