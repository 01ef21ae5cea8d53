/* SPDX-License-Identifier: Apache-2.0 */
#include "scene.h"

/* ---- golden files: SNP_GOLDEN_UPDATE=1 writes them anew ------------------ */

#define GOLDEN_DIR "tests/golden/top/"

static char *read_file(const char *path)
{
	FILE *f = fopen(path, "re");
	char *text;
	size_t n;

	if (!f)
		fail_msg(
		    "%s is missing; SNP_GOLDEN_UPDATE=1 writes it (run from the top "
		    "of the tree)",
		    path);
	text = calloc(1, 1 << 20);
	assert_non_null(text);
	n = fread(text, 1, (1 << 20) - 1, f);
	text[n] = '\0';
	(void)fclose(f);
	return text;
}

static void write_file(const char *path, const struct snp_buf *text)
{
	FILE *f = fopen(path, "we");

	assert_non_null(f);
	assert_int_equal(text->len, fwrite(text->data, 1, text->len, f));
	assert_int_equal(0, fclose(f));
}

static void assert_golden(const char *name, struct snp_buf *text)
{
	char path[256], *want;

	assert_false(text->failed);
	(void)snprintf(path, sizeof(path), GOLDEN_DIR "%s.txt", name);
	if (getenv("SNP_GOLDEN_UPDATE"))
		write_file(path, text);
	want = read_file(path);
	snp_buf_putc(text, '\0');
	if (strcmp(want, text->data) != 0)
		fail_msg("%s differs; now it is\n%s", path, text->data);
	free(want);
}

/* ---- helpers ------------------------------------------------------------- */

static struct top_scene scene_of(struct scene *s)
{
	top_lints_find(&s->lints, &s->frame, &s->ui.limits, s->ui.lints_silenced);
	return (struct top_scene){.frame = &s->frame,
				  .ui = &s->ui,
				  .rows = &s->rows,
				  .lints = &s->lints,
				  .instances = &s->instances};
}

static struct top_viewport draw(struct scene *s, struct top_grid *grid, int cols,
				int rows)
{
	struct top_scene scene = scene_of(s);
	struct top_viewport viewport;

	scene_sort(s);
	assert_int_equal(0, top_grid_reset(grid, rows, cols));
	grid->ascii = s->ui.ascii;
	top_view(&scene, grid, &viewport);
	return viewport;
}

static void viewed(struct scene *s, const struct top_viewport *viewport)
{
	struct top_context context = scene_context(s);

	top_ui_viewed(&s->ui, viewport, &context);
}

static void assert_drawn(struct scene *s, const char *name, int cols, int rows)
{
	struct top_grid grid = {0};
	struct snp_buf text = {0};

	(void)draw(s, &grid, cols, rows);
	top_grid_text(&grid, &text);
	assert_golden(name, &text);
	snp_buf_fini(&text);
	top_grid_fini(&grid);
}

static char *drawn_text(struct scene *s, int cols, int rows)
{
	struct top_grid grid = {0};
	struct snp_buf text = {0};

	(void)draw(s, &grid, cols, rows);
	top_grid_text(&grid, &text);
	snp_buf_putc(&text, '\0');
	assert_false(text.failed);
	top_grid_fini(&grid);
	return text.data;
}

static void press(struct scene *s, uint32_t key)
{
	struct top_context context = scene_context(s);

	top_ui_key(&s->ui, key, &context);
}

/* ---- cases --------------------------------------------------------------- */

/* Where a row changes how it looks: "0 cyan, 12 -, 30 red+bold". */
static void put_looks(struct snp_buf *out, const struct top_grid *grid, int row,
		      enum top_theme theme)
{
	static const char *const colors[] = {
	    "-", "black", "red", "green", "yellow", "blue", "magenta", "cyan", "white"};
	static const char *const flags[] = {"", " sel", " frozen", " sel frozen"};
	char last[64] = "", now[64], at[80];

	for (int col = 0; col < grid->cols; col++) {
		const struct top_cell *cell = top_grid_cell(grid, row, col);
		struct top_look look =
		    top_theme_look(theme, (enum top_style)cell->style);

		(void)snprintf(now, sizeof(now), "%s%s%s%s%s%s%s", colors[look.fg + 1],
			       look.bg >= 0 ? " on " : "",
			       look.bg >= 0 ? colors[look.bg + 1] : "",
			       look.attrs & TOP_ATTR_BOLD ? " bold" : "",
			       look.attrs & TOP_ATTR_DIM ? " dim" : "",
			       look.attrs & TOP_ATTR_REVERSE ? " reverse" : "",
			       flags[cell->flags & 3]);
		if (strcmp(now, last) == 0)
			continue;
		(void)snprintf(at, sizeof(at), "%s%d %s", col ? ", " : "", col, now);
		snp_buf_puts(out, at);
		memcpy(last, now, sizeof(last));
	}
	snp_buf_putc(out, '\n');
}

/* One file: the text in UTF-8 and in ASCII, and what each theme makes of it. */
static void assert_all_forms(struct scene *s, const char *name, int cols, int rows)
{
	struct top_grid grid = {0};
	struct snp_buf text = {0};

	for (int ascii = 0; ascii < 2; ascii++) {
		s->ui.ascii = ascii;
		(void)draw(s, &grid, cols, rows);
		snp_buf_puts(&text, ascii ? "---- ascii\n" : "---- utf-8\n");
		top_grid_text(&grid, &text);
	}
	s->ui.ascii = false;
	for (int theme = 0; theme < TOP_THEME_NR; theme++) {
		snp_buf_puts(&text, "---- ");
		snp_buf_puts(&text, top_theme_names[theme]);
		snp_buf_putc(&text, '\n');
		for (int row = 0; row < rows; row++)
			put_looks(&text, &grid, row, (enum top_theme)theme);
	}
	assert_golden(name, &text);
	snp_buf_fini(&text);
	top_grid_fini(&grid);
}

static const struct {
	const char *name;
	int cols, rows;
} sizes[] = {
    {"80x24", 80, 24}, {"160x45", 160, 45}, {"39x10", 39, 10}, {"20x5", 20, 5}};
#define SIZES (sizeof(sizes) / sizeof(*sizes))

static void each_view_at_each_size_matches_golden(void **state)
{
	struct scene *s = *state;
	char name[64];

	for (int view = 0; view < TOP_VIEW_NR; view++) {
		s->ui.view = (enum top_view_id)view;
		for (size_t i = 0; i < SIZES; i++) {
			(void)snprintf(name, sizeof(name), "%s-%s",
				       top_view_names[view], sizes[i].name);
			assert_all_forms(s, name, sizes[i].cols, sizes[i].rows);
		}
	}
	s->ui.view = TOP_VIEW_OVERVIEW;
}

static void each_detail_matches_golden(void **state)
{
	static const struct {
		const char *name;
		struct top_pick pick;
	} details[] = {
	    {"worker", {TOP_PICK_WORKER, "ml_infer", 1, 0}},
	    {"pool", {TOP_PICK_POOL, "ml_infer", TOP_SLOT_NONE, 0}},
	    {"lint", {TOP_PICK_LINT, "ml_infer", 1, TOP_LINT_STUCK_WORKER}},
	    {"gone", {TOP_PICK_WORKER, "away", 7, 0}},
	};
	struct scene *s = *state;
	char name[64];

	for (size_t d = 0; d < sizeof(details) / sizeof(*details); d++) {
		s->ui.detail = details[d].pick;
		for (size_t i = 0; i < SIZES; i++) {
			(void)snprintf(name, sizeof(name), "detail-%s-%s",
				       details[d].name, sizes[i].name);
			assert_all_forms(s, name, sizes[i].cols, sizes[i].rows);
		}
	}
	s->ui.detail.kind = TOP_PICK_NONE;
}

static void setup_matches_golden(void **state)
{
	static const char *const names[] = {"setup-workers", "setup-pools",
					    "setup-display"};
	struct scene *s = *state;

	s->ui.setup.open = true;
	for (int page = 0; page < TOP_SETUP_NR; page++) {
		s->ui.setup.page = (enum top_setup_page)page;
		assert_drawn(s, names[page], 80, 24);
	}
	s->ui.setup = (struct top_setup){0};
}

/* The first line of the screen, in each state that there is. */
static void put_banner(struct scene *s, struct snp_buf *out, const char *what)
{
	static const int cols[] = {160, 80, 39};
	struct top_grid grid = {0};

	for (size_t i = 0; i < sizeof(cols) / sizeof(*cols); i++) {
		struct top_grid line;

		(void)draw(s, &grid, cols[i], 24);
		snp_buf_puts(out, "---- ");
		snp_buf_puts(out, what);
		snp_buf_putc(out, '\n');
		line = grid;
		line.rows = 1;
		top_grid_text(&line, out);
		put_looks(out, &grid, 0, TOP_THEME_DEFAULT);
	}
	top_grid_fini(&grid);
}

static void each_banner_matches_golden(void **state)
{
	static const struct {
		const char *what;
		enum top_verdict verdict;
		enum top_origin origin;
		bool draining, paused;
		uint64_t rewound_s;
	} banners[] = {
	    {"live", TOP_LIVE, TOP_ORIGIN_LIVE, false, false, 0},
	    {"draining", TOP_LIVE, TOP_ORIGIN_LIVE, true, false, 0},
	    {"stale", TOP_STALE, TOP_ORIGIN_LIVE, false, false, 0},
	    {"dead", TOP_DEAD, TOP_ORIGIN_LIVE, false, false, 0},
	    {"closed", TOP_CLOSED, TOP_ORIGIN_LIVE, false, false, 0},
	    {"broken", TOP_BROKEN, TOP_ORIGIN_LIVE, false, false, 0},
	    {"waiting", TOP_WAITING, TOP_ORIGIN_LIVE, false, false, 0},
	    {"paused", TOP_LIVE, TOP_ORIGIN_LIVE, false, true, 0},
	    {"rewound", TOP_LIVE, TOP_ORIGIN_LIVE, false, true, 41},
	    {"rewound, dead", TOP_DEAD, TOP_ORIGIN_LIVE, false, true, 41},
	    {"replay", TOP_LIVE, TOP_ORIGIN_RECORDING, false, false, 0},
	    {"post-mortem", TOP_DEAD, TOP_ORIGIN_POST_MORTEM, false, false, 0},
	};
	struct scene *s = *state;
	struct top_frame *f = &s->frame;
	struct snp_buf text = {0};

	f->record_at = 11;
	f->record_nr = 300;
	for (size_t i = 0; i < sizeof(banners) / sizeof(*banners); i++) {
		f->verdict = banners[i].verdict;
		f->origin = banners[i].origin;
		f->draining = banners[i].draining;
		f->heartbeat_age_ns =
		    f->verdict == TOP_LIVE ? 3 * SNP_NS_PER_MS : 41 * SNP_NS_PER_S;
		f->rewound_ns = banners[i].rewound_s * SNP_NS_PER_S;
		f->wall.ns = SCENE_WALL_NS - f->rewound_ns;
		s->ui.paused = banners[i].paused;
		s->ui.paused_at.ns = SCENE_WALL_NS;
		put_banner(s, &text, banners[i].what);
	}
	assert_golden("banners", &text);
	snp_buf_fini(&text);
	s->ui.paused = false;
	f->verdict = TOP_LIVE;
	f->origin = TOP_ORIGIN_LIVE;
	f->draining = false;
	f->rewound_ns = 0;
	f->wall.ns = SCENE_WALL_NS;
	f->heartbeat_age_ns = 3 * SNP_NS_PER_MS;
}

/* Some of it was less, some more, one pool was not there. */
static void with_baseline_matches_golden(void **state)
{
	struct scene *s = *state;
	struct top_frame *then = calloc(1, sizeof(*then));

	assert_non_null(then);
	assert_int_equal(0, top_frame_copy(then, &s->frame));
	then->look.total.req_s /= 1.06;
	then->look.total.p99_ns *= 2;
	then->look.pools[0].req_s /= 1.06;
	then->look.pools[0].p50_ns /= 40;
	then->look.pools[1].err_s = NAN;
	(void)strcpy(then->look.pools[2].name, "another");
	for (size_t i = 0; i < then->look.workers_nr; i++)
		then->look.workers[i].rss_bytes /= i + 1;
	s->ui.baseline = then;
	s->ui.baseline_at.ns = SCENE_WALL_NS - 600 * SNP_NS_PER_S;
	assert_drawn(s, "80x24-baseline", 80, 24);
	assert_drawn(s, "160x45-baseline", 160, 45);
	s->ui.baseline = NULL;
	top_frame_fini(then);
	free(then);
}

static void type(struct scene *s, const char *keys)
{
	for (; *keys; keys++)
		press(s, (unsigned char)*keys);
}

static void filter_and_prompt_match_golden(void **state)
{
	struct scene *s = *state;
	struct snp_query_place place;

	type(s, "\\status=busy and rs>2G\r");
	assert_drawn(s, "80x24-prompt-error", 80, 24);
	press(s, TOP_KEY_ESC);
	type(s, "\\pool~ml\r");
	assert_drawn(s, "80x24-filter", 80, 24);
	assert_int_equal(0, top_ui_filter(&s->ui, "", &place, NULL));
}

/* What another moment does not have is unknown, and not 0. */
static void rewound_frame_matches_golden(void **state)
{
	struct scene *s = *state;
	struct top_frame *now = calloc(1, sizeof(*now));
	struct top_frame *f = &s->frame;

	assert_non_null(now);
	assert_int_equal(0, top_frame_copy(now, f));
	f->rewound_ns = 300 * SNP_NS_PER_S;
	f->wall.ns -= f->rewound_ns;
	f->second -= 300;
	f->step -= 60;
	f->inflight_nr = 0;
	f->inflight_all = SNP_UNKNOWN;
	f->heartbeat_age_ns = SNP_UNKNOWN;
	f->look.total.req_s = NAN;
	f->look.total.p99_ns = f->look.total.timeouts = SNP_UNKNOWN;
	for (int i = 0; i < SNP_WORKER_STATUS_NR; i++)
		f->look.total.by_status[i] = SNP_UNKNOWN;
	for (size_t i = 0; i < f->look.workers_nr; i++)
		f->look.workers[i].status = SNP_WORKER_STATUS_NR;
	s->ui.paused = true;
	assert_drawn(s, "80x24-rewound", 80, 24);
	assert_drawn(s, "160x45-rewound", 160, 45);
	s->ui.paused = false;
	snp_look_fini(&f->look);
	*f = *now;
	f->history = s->history;
	free(now);
}

/* The samples do not tell idle and busy apart: no letter stands for either. */
static void lane_of_workers_needs_all_counts(void **state)
{
	struct scene *s = *state;
	uint64_t *by_status = s->frame.look.total.by_status;
	uint64_t idle = by_status[SNP_WORKER_STATUS_IDLE];
	char *text = drawn_text(s, 160, 24);

	assert_non_null(strstr(text, "[bbbb"));
	free(text);
	by_status[SNP_WORKER_STATUS_IDLE] = SNP_UNKNOWN;
	text = drawn_text(s, 160, 24);
	assert_null(strstr(text, "[b"));
	free(text);
	by_status[SNP_WORKER_STATUS_IDLE] = idle;
}

/* Instances that live, that ended, and one that cannot be read. */
static void list_of_instances_matches_golden(void **state)
{
	struct scene *s = *state;
	struct top_frame *dead = calloc(1, sizeof(*dead));
	struct top_frame *broken = calloc(1, sizeof(*broken));
	struct top_instance one = {.name = "ml7-prod", .frame = &s->frame};
	struct top_instance two = {.name = "ml7-staging-with-a-long-name"};
	struct top_instance three = {.name = "old"};
	struct top_instance *at[] = {&one, &two, &three};
	char name[64];

	assert_non_null(dead);
	assert_non_null(broken);
	*dead = s->frame;
	dead->verdict = TOP_DEAD;
	dead->heartbeat_age_ns = 95 * SNP_NS_PER_S;
	two.frame = dead;
	broken->verdict = TOP_BROKEN;
	(void)strcpy(broken->problem, "format 2.0, this program reads 1.x");
	three.frame = broken;
	s->instances = (struct top_instances){.at = at, .nr = 3};
	s->ui.all = true;
	s->ui.instance_at = 1;
	for (size_t i = 0; i < SIZES; i++) {
		(void)snprintf(name, sizeof(name), "instances-%s", sizes[i].name);
		assert_all_forms(s, name, sizes[i].cols, sizes[i].rows);
	}
	s->ui.all = false;
	s->instances = (struct top_instances){0};
	free(dead);
	free(broken);
}

static void overview_at_odd_sizes_matches_golden(void **state)
{
	struct scene *s = *state;

	assert_drawn(s, "1x1", 1, 1);
	assert_drawn(s, "40x6", 40, 6);
	assert_drawn(s, "60x16", 60, 16);
	assert_drawn(s, "400x100", 400, 100);
}

static void view_in_ascii_is_ascii_at_every_size(void **state)
{
	struct scene *s = *state;

	s->ui.ascii = true;
	for (int cols = 1; cols < 170; cols += 3) {
		char *text = drawn_text(s, cols, 1 + cols % 50);

		for (const char *c = text; *c; c++)
			assert_true((unsigned char)*c < 0x80);
		free(text);
	}
	s->ui.ascii = false;
}

static void view_of_dead_runtime_matches_golden(void **state)
{
	struct scene *s = *state;

	s->frame.verdict = TOP_DEAD;
	s->frame.heartbeat_age_ns = 41 * SNP_NS_PER_S;
	assert_drawn(s, "80x24-dead", 80, 24);
	assert_drawn(s, "20x5-dead", 20, 5);
	s->frame.verdict = TOP_LIVE;
	s->frame.heartbeat_age_ns = 3 * SNP_NS_PER_MS;
}

static void view_of_dead_runtime_is_banner_and_frozen(void **state)
{
	struct scene *s = *state;
	struct top_grid grid = {0};

	s->frame.verdict = TOP_DEAD;
	(void)draw(s, &grid, 80, 24);
	assert_int_equal(TOP_BANNER, top_grid_cell(&grid, 0, 79)->style);
	assert_true(top_grid_cell(&grid, 10, 5)->flags & TOP_CELL_FROZEN);
	s->frame.verdict = TOP_LIVE;
	(void)draw(s, &grid, 80, 24);
	assert_int_not_equal(TOP_BANNER, top_grid_cell(&grid, 0, 79)->style);
	assert_false(top_grid_cell(&grid, 10, 5)->flags & TOP_CELL_FROZEN);
	top_grid_fini(&grid);
}

static void view_grouped_matches_golden(void **state)
{
	struct scene *s = *state;

	press(s, 't');
	press(s, 'j');
	assert_drawn(s, "80x24-grouped", 80, 24);
	press(s, 't');
	press(s, TOP_KEY_ESC);
}

static void view_of_help_matches_golden(void **state)
{
	struct scene *s = *state;

	press(s, '?');
	assert_drawn(s, "80x24-help", 80, 24);
	assert_drawn(s, "20x5-help", 20, 5);
	press(s, TOP_KEY_ESC);
	assert_false(s->ui.help);
}

static void view_of_help_scrolled_to_end_shows_last_command(void **state)
{
	struct scene *s = *state;
	struct top_grid grid = {0};
	struct top_viewport viewport;
	char *text;

	press(s, '?');
	press(s, 'G');
	viewport = draw(s, &grid, 60, 8);
	viewed(s, &viewport);
	text = drawn_text(s, 60, 8);
	assert_non_null(strstr(text, top_commands[TOP_COMMAND_NR - 1].name));
	free(text);
	press(s, '?');
	top_grid_fini(&grid);
}

static void help_of_each_view_begins_with_the_view(void **state)
{
	static const char *const begins[TOP_VIEW_NR] = {
	    "Overview:", "Workers:", "Requests:", "Latency:", "Events:", "Lints:"};
	struct scene *s = *state;

	s->ui.help = true;
	for (int view = 0; view < TOP_VIEW_NR; view++) {
		char *text;

		s->ui.view = (enum top_view_id)view;
		text = drawn_text(s, 80, 24);
		assert_non_null(strstr(text, begins[view]));
		free(text);
	}
	s->ui.help = false;
	s->ui.view = TOP_VIEW_OVERVIEW;
}

static void view_once_matches_golden(void **state)
{
	struct scene *s = *state;
	struct top_scene scene = scene_of(s);
	struct top_grid grid = {0};
	struct snp_buf text = {0};

	s->ui.delay_ms = 0;
	assert_int_equal(0, top_view_once(&scene, 120, &grid));
	top_grid_text(&grid, &text);
	assert_golden("once", &text);
	s->ui.delay_ms = TOP_DELAY_DEFAULT_MS;
	snp_buf_fini(&text);
	top_grid_fini(&grid);
}

static void view_once_with_columns_shows_their_tables_only(void **state)
{
	struct scene *s = *state;
	struct top_scene scene = scene_of(s);
	struct top_grid grid = {0};

	s->ui.shown[TOP_TABLE_WORKER] = (struct top_shown){
	    .nr = 2, .id = {TOP_COLUMN_WORKER_pid, TOP_COLUMN_WORKER_worker}};
	assert_int_equal(0, top_view_once(&scene, 80, &grid));
	assert_int_equal(SCENE_WORKERS_NR + 1, grid.rows);
	assert_int_equal('P', top_grid_cell(&grid, 0, 5)->ch);
	s->ui.shown[TOP_TABLE_WORKER].nr = 0;
	top_grid_fini(&grid);
}

static void view_keeps_selected_worker_in_sight(void **state)
{
	struct scene *s = *state;
	struct top_grid grid = {0};
	struct top_viewport viewport;

	press(s, 'G');
	viewport = draw(s, &grid, 80, 12);
	assert_true(viewport.page > 0 && viewport.page < SCENE_WORKERS_NR);
	assert_int_equal(SCENE_WORKERS_NR - viewport.page, viewport.first);
	viewed(s, &viewport);
	press(s, 'g');
	viewport = draw(s, &grid, 80, 12);
	assert_int_equal(0, viewport.first);
	press(s, TOP_KEY_ESC);
	top_grid_fini(&grid);
}

static void view_marks_each_condition_without_color(void **state)
{
	struct scene *s = *state;
	char *text = drawn_text(s, 160, 45);

	assert_non_null(strstr(text, "backoff!!")); /* down */
	assert_non_null(strstr(text, "killing!"));  /* on its way out */
	assert_non_null(strstr(text, "busy!"));	    /* misses heartbeats */
	assert_non_null(strstr(text, "down 2!!"));
	free(text);
}

static void view_with_hostile_names_shows_no_control_character(void **state)
{
	struct scene *s = *state;
	char kept[SNP_POOL_NAME_BYTES], *text;

	memcpy(kept, s->frame.look.pools[0].name, sizeof(kept));
	(void)strcpy(s->frame.look.pools[0].name, "a\x1b[31mb\x07\xc2\x9b"
						  "c\xe2\x80\xae"
						  "d\xff");
	text = drawn_text(s, 80, 24);
	for (const char *c = text; *c; c++)
		assert_true((unsigned char)*c >= 0x20 || *c == '\n');
	assert_null(strstr(text, "\xc2\x9b"));
	assert_null(strstr(text, "\xe2\x80\xae"));
	assert_non_null(strstr(text, "a[31mbcd?"));
	free(text);
	memcpy(s->frame.look.pools[0].name, kept, sizeof(kept));
}

static void view_paused_says_since_when(void **state)
{
	struct scene *s = *state;
	char *text;

	s->ui.paused = true;
	s->ui.paused_at.ns = SCENE_WALL_NS;
	text = drawn_text(s, 80, 24);
	assert_non_null(strstr(text, "PAUSED at 17:03:21"));
	free(text);
	s->ui.paused = false;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(each_view_at_each_size_matches_golden),
	    cmocka_unit_test(each_detail_matches_golden),
	    cmocka_unit_test(setup_matches_golden),
	    cmocka_unit_test(list_of_instances_matches_golden),
	    cmocka_unit_test(overview_at_odd_sizes_matches_golden),
	    cmocka_unit_test(each_banner_matches_golden),
	    cmocka_unit_test(with_baseline_matches_golden),
	    cmocka_unit_test(filter_and_prompt_match_golden),
	    cmocka_unit_test(rewound_frame_matches_golden),
	    cmocka_unit_test(lane_of_workers_needs_all_counts),
	    cmocka_unit_test(view_in_ascii_is_ascii_at_every_size),
	    cmocka_unit_test(view_of_dead_runtime_matches_golden),
	    cmocka_unit_test(view_of_dead_runtime_is_banner_and_frozen),
	    cmocka_unit_test(view_grouped_matches_golden),
	    cmocka_unit_test(view_of_help_matches_golden),
	    cmocka_unit_test(view_of_help_scrolled_to_end_shows_last_command),
	    cmocka_unit_test(help_of_each_view_begins_with_the_view),
	    cmocka_unit_test(view_once_matches_golden),
	    cmocka_unit_test(view_once_with_columns_shows_their_tables_only),
	    cmocka_unit_test(view_keeps_selected_worker_in_sight),
	    cmocka_unit_test(view_marks_each_condition_without_color),
	    cmocka_unit_test(view_with_hostile_names_shows_no_control_character),
	    cmocka_unit_test(view_paused_says_since_when),
	};

	return cmocka_run_group_tests_name("top/view", tests, scene_open, scene_close);
}
