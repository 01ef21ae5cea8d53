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

static struct top_scene scene_of(const struct scene *s)
{
	return (struct top_scene){.frame = &s->frame, .ui = &s->ui, .rows = &s->rows};
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

static void view_of_each_size_matches_golden(void **state)
{
	static const struct {
		const char *name;
		int cols, rows;
	} sizes[] = {{"1x1", 1, 1},	  {"20x5", 20, 5},	{"39x10", 39, 10},
		     {"40x6", 40, 6},	  {"60x16", 60, 16},	{"80x24", 80, 24},
		     {"160x45", 160, 45}, {"400x100", 400, 100}};
	struct scene *s = *state;

	for (size_t i = 0; i < sizeof(sizes) / sizeof(*sizes); i++)
		assert_drawn(s, sizes[i].name, sizes[i].cols, sizes[i].rows);
}

static void view_in_ascii_matches_golden(void **state)
{
	struct scene *s = *state;

	s->ui.ascii = true;
	assert_drawn(s, "80x24-ascii", 80, 24);
	assert_drawn(s, "160x45-ascii", 160, 45);
	s->ui.ascii = false;
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

static void view_of_help_scrolled_to_end_shows_last_key(void **state)
{
	struct scene *s = *state;
	struct top_grid grid = {0};
	struct top_viewport viewport;
	char *text;

	press(s, '?');
	press(s, 'G');
	viewport = draw(s, &grid, 60, 8);
	viewed(s, &viewport);
	assert_int_equal(TOP_ACTION_NR - 1 - 6, s->ui.help_first);
	text = drawn_text(s, 60, 8);
	assert_non_null(strstr(text, "^Z  "));
	free(text);
	press(s, '?');
	top_grid_fini(&grid);
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
	    cmocka_unit_test(view_of_each_size_matches_golden),
	    cmocka_unit_test(view_in_ascii_matches_golden),
	    cmocka_unit_test(view_in_ascii_is_ascii_at_every_size),
	    cmocka_unit_test(view_of_dead_runtime_matches_golden),
	    cmocka_unit_test(view_of_dead_runtime_is_banner_and_frozen),
	    cmocka_unit_test(view_grouped_matches_golden),
	    cmocka_unit_test(view_of_help_matches_golden),
	    cmocka_unit_test(view_of_help_scrolled_to_end_shows_last_key),
	    cmocka_unit_test(view_once_matches_golden),
	    cmocka_unit_test(view_once_with_columns_shows_their_tables_only),
	    cmocka_unit_test(view_keeps_selected_worker_in_sight),
	    cmocka_unit_test(view_marks_each_condition_without_color),
	    cmocka_unit_test(view_with_hostile_names_shows_no_control_character),
	    cmocka_unit_test(view_paused_says_since_when),
	};

	return cmocka_run_group_tests_name("top/view", tests, scene_open, scene_close);
}
