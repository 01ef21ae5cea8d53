/* SPDX-License-Identifier: Apache-2.0 */
/* Random keys and clicks in front of random frames: the state stays one that makes
 * sense, and every view can be drawn of it. The seed of a failure is printed. */
#include "random.h"
#include "scene.h"

#include "model/utf8.h"

#define ROUNDS	60
#define KEYS	150
#define POOLS	5
#define WORKERS 40

struct world {
	uint64_t random, seed; /* of the round going on, 0 = none */
	struct top_frame *frame;
	struct top_rows rows;
	struct top_ui ui;
	struct top_grid grid;
	struct top_viewport viewport;
	snp_mono_t now;
};

static uint64_t draw_number(struct world *w)
{
	return random_next(&w->random);
}

static unsigned below(struct world *w, unsigned nr)
{
	return random_below(&w->random, nr);
}

/* ---- frames -------------------------------------------------------------- */

static uint64_t any_value(struct world *w)
{
	switch (below(w, 4)) {
	case 0:
		return SNP_UNKNOWN;
	case 1:
		return draw_number(w);
	default:
		return below(w, 1000);
	}
}

static void any_name(struct world *w, char *out)
{
	static const char *const names[] = {
	    "default", "ml_infer", "\xe6\xa8\xa1\xe5\x9e\x8b", "a\033[31mb", "",
	    "x\n\ty",  "\xff\xfe"};

	(void)snprintf(out, SNP_POOL_NAME_BYTES, "%s%u",
		       names[below(w, sizeof(names) / sizeof(*names))], below(w, 3));
}

static void any_worker(struct world *w, struct snp_worker_stat *worker, uint32_t pool)
{
	*worker = (struct snp_worker_stat){
	    .slot = below(w, 20),
	    .pool = pool,
	    .uid = draw_number(w),
	    .state = below(w, 12),
	    .status = below(w, SNP_WORKER_STATUS_NR),
	    .pid = (pid_t)below(w, 100000),
	    .uptime_ns = any_value(w),
	    .heartbeat_age_ns = any_value(w),
	    .heartbeat_missed = any_value(w),
	    .active = any_value(w),
	    .requests = any_value(w),
	    .rss_bytes = any_value(w),
	    .req_s = below(w, 2) ? NAN : (double)draw_number(w),
	    .cpu_percent = below(w, 2) ? NAN : (double)below(w, 900),
	};
}

/* Another look: workers come, go and change places. */
static void any_look(struct world *w)
{
	struct snp_look *look = &w->frame->look;

	look->pools_nr = below(w, POOLS + 1);
	look->workers_nr = 0;
	for (uint32_t p = 0; p < look->pools_nr; p++) {
		unsigned nr = below(w, WORKERS / POOLS + 1);

		look->pools[p] = (struct snp_pool_stat){
		    .row = p, .workers = nr, .queue_depth = any_value(w), .req_s = NAN};
		any_name(w, look->pools[p].name);
		for (unsigned i = 0; i < nr; i++)
			any_worker(w, &look->workers[look->workers_nr++], p);
	}
	w->frame->verdict = (enum top_verdict)below(w, TOP_VERDICT_NR);
	w->frame->wall.ns = SCENE_WALL_NS + below(w, 1000);
}

/* ---- keys ---------------------------------------------------------------- */

static uint32_t any_key(struct world *w)
{
	const struct top_action_info *action =
	    &top_actions[1 + below(w, TOP_ACTION_NR - 1)];

	switch (below(w, 8)) {
	case 0:
		return (uint32_t)draw_number(w);
	case 1:
		return below(w, TOP_KEY_F(13) + 1);
	case 2:
		return ' ' + below(w, 95);
	case 3:
		return TOP_KEY_ENTER;
	case 4:
		return TOP_KEY_UP + below(w, TOP_KEY_OTHER - TOP_KEY_UP);
	default:
		return action->keys[below(w, 2)] ? action->keys[0] : TOP_KEY_ESC;
	}
}

static void any_input(struct world *w)
{
	static const char *const phrases[] = {"\\pid>1\r", ":sort rss\r", "/1\r",
					      "T-5m\r",	   ":group\r",	  "\\\xc3\xa4"};
	const char *text = phrases[below(w, sizeof(phrases) / sizeof(*phrases))];
	const struct top_context context = {
	    .frame = w->frame, .rows = &w->rows, .now = w->now, .wall = w->frame->wall};
	uint32_t key;

	if (below(w, 6) == 0) {
		const struct top_mouse mouse = {.row = (int)below(w, 50),
						.col = (int)below(w, 170),
						.wheel = (int)below(w, 7) - 3};

		top_ui_mouse(&w->ui, &mouse, &w->viewport, &context);
	} else if (below(w, 6) == 0) {
		while ((key = top_keys_next(&text)) != 0)
			top_ui_key(&w->ui, key, &context);
	} else {
		top_ui_key(&w->ui, any_key(w), &context);
	}
}

/* ---- what always holds --------------------------------------------------- */

static void check_prompt(const struct top_prompt *prompt)
{
	assert_true(prompt->kind < TOP_PROMPT_NR);
	assert_true(prompt->cursor <= prompt->len);
	assert_int_equal(prompt->len, strlen(prompt->text));
	for (size_t i = 0; i < prompt->len;) {
		size_t n = snp_utf8_char_len(prompt->text + i, prompt->len - i);

		assert_true(n > 0);
		/* The cursor stands between characters. */
		assert_true(prompt->cursor <= i || prompt->cursor >= i + n);
		i += n;
	}
}

static void check_columns(const struct top_ui *ui, enum top_table table)
{
	const struct top_shown *shown = &ui->shown[table];

	for (size_t i = 0; i < shown->nr; i++) {
		assert_int_equal(table, top_columns[shown->id[i]].table);
		for (size_t j = 0; j < i; j++)
			assert_int_not_equal(shown->id[i], shown->id[j]);
	}
}

static void check_ui(const struct world *w)
{
	const struct top_ui *ui = &w->ui;

	assert_true(ui->view < TOP_VIEW_NR && ui->theme < TOP_THEME_NR);
	assert_int_equal(TOP_TABLE_WORKER, top_columns[ui->sort.column].table);
	assert_true(ui->delay_ms >= TOP_DELAY_MIN_MS &&
		    ui->delay_ms <= TOP_DELAY_MAX_MS);
	assert_true(ui->pins_nr <= TOP_PINS_MAX);
	assert_true((ui->filter != NULL) == (ui->filter_text[0] != '\0'));
	assert_true(ui->paused || ui->rewind_ns == 0);
	assert_true(ui->setup.page < TOP_SETUP_NR);
	assert_true(ui->setup.at < top_setup_lines(ui, ui->setup.page));
	assert_true(w->rows.pinned <= w->rows.nr && w->rows.nr <= w->rows.cap);
	check_prompt(&ui->prompt);
	check_columns(ui, TOP_TABLE_WORKER);
	check_columns(ui, TOP_TABLE_POOL);
}

/* Each worker at most once, and none that is not there. */
static void check_rows(const struct world *w)
{
	bool seen[WORKERS] = {false};

	for (size_t i = 0; i < w->rows.nr; i++) {
		const struct top_row *row = &w->rows.row[i];

		assert_true(row->pool < w->frame->look.pools_nr);
		if (row->worker == TOP_ROW_HEADING)
			continue;
		assert_true(row->worker < w->frame->look.workers_nr);
		assert_false(seen[row->worker]);
		seen[row->worker] = true;
	}
}

static void draw_it(struct world *w)
{
	const struct top_scene scene = {
	    .frame = w->frame, .ui = &w->ui, .rows = &w->rows, .now = w->now};
	const struct top_context context = {.frame = w->frame, .rows = &w->rows};
	struct top_grid *grid = &w->grid;

	assert_int_equal(
	    0, top_grid_reset(grid, 1 + (int)below(w, 50), 1 + (int)below(w, 170)));
	grid->ascii = w->ui.ascii;
	top_view(&scene, grid, &w->viewport);
	top_ui_viewed(&w->ui, &w->viewport, &context);
	for (int i = 0; i < grid->rows * grid->cols; i++)
		assert_true(grid->cells[i].ch >= ' ' || grid->cells[i].width == 0);
}

static void play(struct world *w)
{
	any_look(w);
	for (int i = 0; i < KEYS; i++) {
		w->now.ns += below(w, 800) * SNP_NS_PER_MS;
		if (below(w, 5) == 0)
			any_look(w);
		assert_int_equal(
		    0, top_ui_rows(&w->ui, &w->rows, &w->frame->look, w->now));
		check_rows(w);
		any_input(w);
		check_ui(w);
		assert_int_equal(
		    0, top_ui_rows(&w->ui, &w->rows, &w->frame->look, w->now));
		draw_it(w);
	}
}

static void any_keys_leave_a_state_that_makes_sense(void **state)
{
	struct world *w = *state;

	for (uint64_t seed = 1; seed <= ROUNDS; seed++) {
		w->random = seed * UINT64_C(0x9e3779b97f4a7c15);
		w->seed = seed;
		top_ui_fini(&w->ui);
		top_ui_init(&w->ui);
		w->ui.utf8 = true;
		play(w);
	}
	w->seed = 0;
}

static int open_world(void **state)
{
	struct world *w = calloc(1, sizeof(*w));

	assert_non_null(w);
	assert_non_null(setlocale(LC_CTYPE, "C.UTF-8"));
	assert_int_equal(0, setenv("TZ", "UTC0", 1));
	w->frame = calloc(1, sizeof(*w->frame));
	assert_non_null(w->frame);
	w->frame->look.pools = calloc(POOLS, sizeof(struct snp_pool_stat));
	w->frame->look.workers = calloc(WORKERS, sizeof(struct snp_worker_stat));
	assert_true(w->frame->look.pools && w->frame->look.workers);
	*state = w;
	return 0;
}

static int close_world(void **state)
{
	struct world *w = *state;

	if (w->seed != 0)
		print_error("it was seed %llu\n", (unsigned long long)w->seed);
	top_ui_fini(&w->ui);
	top_rows_fini(&w->rows);
	top_grid_fini(&w->grid);
	top_frame_fini(w->frame);
	free(w->frame);
	free(w);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(any_keys_leave_a_state_that_makes_sense)};

	return cmocka_run_group_tests_name("top/ui_fuzz", tests, open_world,
					   close_world);
}
