/* SPDX-License-Identifier: Apache-2.0 */
#include "scene.h"

/* ---- helpers ------------------------------------------------------------- */

static void press(struct scene *s, const uint32_t *keys)
{
	struct top_context context = scene_context(s);

	for (; *keys; keys++)
		top_ui_key(&s->ui, *keys, &context);
}

#define PRESS(s, ...) press(s, (const uint32_t[]){__VA_ARGS__, 0})

/* Of the row at `i`: "pool/slot", or "pool" for a heading. */
static const char *row_name(const struct scene *s, size_t i)
{
	static char name[SNP_POOL_NAME_BYTES + 16];
	const struct top_row *row = &s->rows.row[i];

	if (row->worker == TOP_ROW_HEADING)
		return s->frame.look.pools[row->pool].name;
	(void)snprintf(name, sizeof(name), "%s/%u", s->frame.look.pools[row->pool].name,
		       s->frame.look.workers[row->worker].slot);
	return name;
}

static int reset(void **state)
{
	struct scene *s = *state;

	top_ui_fini(&s->ui);
	top_ui_init(&s->ui);
	s->ui.utf8 = true;
	scene_sort(s);
	return 0;
}

/* ---- the table of keys --------------------------------------------------- */

static void keys_each_mean_one_action(void **state)
{
	(void)state;
	for (int a = 1; a < TOP_ACTION_NR; a++) {
		assert_true(top_actions[a].keys[0] != 0);
		for (int i = 0; i < TOP_ACTION_KEYS_MAX && top_actions[a].keys[i]; i++)
			assert_int_equal(a, top_key_action(top_actions[a].keys[i]));
	}
	assert_int_equal(TOP_ACTION_NONE, top_key_action('%'));
	assert_int_equal(TOP_ACTION_NONE, top_key_action(TOP_KEY_OTHER));
	assert_int_equal(TOP_ACTION_NONE, top_key_action(0));
}

static void key_names_read_as_on_the_keyboard(void **state)
{
	static const struct {
		uint32_t key;
		const char *want;
	} cases[] = {{'q', "q"},
		     {' ', "Space"},
		     {TOP_KEY_F(10), "F10"},
		     {TOP_KEY_F(1), "F1"},
		     {TOP_KEY_CTRL('C'), "^C"},
		     {TOP_KEY_PAGE_UP, "PgUp"}};
	char name[TOP_KEY_NAME_BYTES];

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		top_key_name(name, cases[i].key);
		assert_string_equal(cases[i].want, name);
	}
}

static void quit_keys_quit_and_escape_does_not(void **state)
{
	static const uint32_t keys[] = {'q', TOP_KEY_F(10), TOP_KEY_CTRL('C')};
	struct scene *s = *state;

	PRESS(s, TOP_KEY_ESC);
	assert_int_equal(0, s->ui.wants);
	for (size_t i = 0; i < 3; i++) {
		PRESS(s, keys[i]);
		assert_true(top_ui_take(&s->ui, TOP_WANT_QUIT));
		assert_false(top_ui_take(&s->ui, TOP_WANT_QUIT));
	}
}

/* ---- selection ----------------------------------------------------------- */

static void first_movement_selects_the_top_row(void **state)
{
	struct scene *s = *state;

	PRESS(s, 'j');
	assert_int_equal(0, top_ui_selected_row(&s->ui, &s->rows, &s->frame.look));
	PRESS(s, 'j', TOP_KEY_DOWN, 'k');
	assert_int_equal(1, top_ui_selected_row(&s->ui, &s->rows, &s->frame.look));
}

static void movement_stops_at_both_ends(void **state)
{
	struct scene *s = *state;

	PRESS(s, 'G', 'j', 'j');
	assert_int_equal(s->rows.nr - 1,
			 top_ui_selected_row(&s->ui, &s->rows, &s->frame.look));
	PRESS(s, 'g', 'k', TOP_KEY_PAGE_UP);
	assert_int_equal(0, top_ui_selected_row(&s->ui, &s->rows, &s->frame.look));
	s->ui.page = 5;
	PRESS(s, TOP_KEY_PAGE_DOWN);
	assert_int_equal(4, top_ui_selected_row(&s->ui, &s->rows, &s->frame.look));
}

static void selection_follows_the_worker_through_sorting(void **state)
{
	struct scene *s = *state;
	char name[128];
	size_t was, now;

	PRESS(s, 'g', 'j');
	was = top_ui_selected_row(&s->ui, &s->rows, &s->frame.look);
	(void)snprintf(name, sizeof(name), "%s", row_name(s, was));
	PRESS(s, '!', 'I');
	scene_sort(s);
	now = top_ui_selected_row(&s->ui, &s->rows, &s->frame.look);
	assert_int_not_equal(was, now);
	assert_string_equal(name, row_name(s, now));
}

static void selection_of_a_vanished_worker_is_none(void **state)
{
	struct scene *s = *state;

	PRESS(s, 'g');
	s->ui.selected.slot = 999;
	assert_int_equal(s->rows.nr,
			 top_ui_selected_row(&s->ui, &s->rows, &s->frame.look));
}

/* Of what is selected; "" = nothing. */
static const char *selected_name(const struct scene *s)
{
	size_t at = top_ui_selected_row(&s->ui, &s->rows, &s->frame.look);

	return at < s->rows.nr ? row_name(s, at) : "";
}

static void headings_of_pools_can_be_selected(void **state)
{
	struct scene *s = *state;

	PRESS(s, 't');
	scene_sort(s);
	assert_int_equal(SCENE_WORKERS_NR + SCENE_POOLS, s->rows.nr);
	PRESS(s, 'g');
	assert_string_equal("default", selected_name(s));
	PRESS(s, 'j', 'j', 'j', 'j');
	assert_string_equal("default/10", selected_name(s));
	PRESS(s, 'j');
	assert_string_equal("ml_infer", selected_name(s));
	PRESS(s, 'j');
	assert_string_equal("ml_infer/0", selected_name(s));
}

static void movement_in_an_empty_table_is_fine(void **state)
{
	struct scene *s = *state;
	struct top_rows none = {0};
	struct top_context context = {.frame = &s->frame, .rows = &none};
	static const uint32_t keys[] = {
	    'j', 'k', 'g', 'G', TOP_KEY_PAGE_UP, TOP_KEY_PAGE_DOWN};

	for (size_t i = 0; i < sizeof(keys) / sizeof(*keys); i++)
		top_ui_key(&s->ui, keys[i], &context);
	assert_int_equal(TOP_PICK_NONE, s->ui.selected.kind);
}

/* ---- sorting ------------------------------------------------------------- */

static void sort_is_unhealthy_first_then_by_slot_number(void **state)
{
	struct scene *s = *state;

	assert_string_equal("default/10", row_name(s, 0));
	assert_string_equal("ml_infer/1", row_name(s, 1));
	PRESS(s, '!');
	scene_sort(s);
	assert_string_equal("default/2", row_name(s, 2)); /* before default/10 */
	assert_string_equal("default/10", row_name(s, 3));
}

static void sort_numbers_descend_and_unknown_comes_last(void **state)
{
	struct scene *s = *state;

	s->ui.sort = (struct top_sort){.column = TOP_COLUMN_WORKER_uptime_ns};
	scene_sort(s);
	assert_string_equal("default/10", row_name(s, s->rows.nr - 1));
	s->ui.sort.flags = TOP_SORT_INVERT;
	scene_sort(s);
	assert_string_equal("ml_infer/2", row_name(s, 0)); /* 12 s */
	assert_string_equal("default/10", row_name(s, s->rows.nr - 1));
}

static void sort_column_goes_round_and_skips_hidden_ones(void **state)
{
	struct scene *s = *state;
	enum top_column_id start = s->ui.sort.column;
	int steps = 0;

	do {
		PRESS(s, '>');
		assert_int_equal(TOP_TABLE_WORKER,
				 top_columns[s->ui.sort.column].table);
		assert_true(top_columns[s->ui.sort.column].rank != TOP_RANK_HIDDEN);
		steps++;
	} while (s->ui.sort.column != start && steps < 100);
	assert_int_equal(start, s->ui.sort.column);
	PRESS(s, '<', '>');
	assert_int_equal(start, s->ui.sort.column);
}

/* ---- settings ------------------------------------------------------------ */

static void delay_steps_stay_in_their_range(void **state)
{
	struct scene *s = *state;

	PRESS(s, '+');
	assert_int_equal(2000, s->ui.delay_ms);
	PRESS(s, '-', '-');
	assert_int_equal(500, s->ui.delay_ms);
	s->ui.delay_ms = 700; /* given with -d: the next step, not the nearest */
	PRESS(s, '-');
	assert_int_equal(500, s->ui.delay_ms);
	for (int i = 0; i < 20; i++)
		PRESS(s, '-');
	assert_int_equal(TOP_DELAY_MIN_MS, s->ui.delay_ms);
	for (int i = 0; i < 20; i++)
		PRESS(s, '+');
	assert_int_equal(TOP_DELAY_MAX_MS, s->ui.delay_ms);
}

static void charset_stays_ascii_without_utf8(void **state)
{
	struct scene *s = *state;

	PRESS(s, 'U');
	assert_true(s->ui.ascii);
	PRESS(s, 'U');
	assert_false(s->ui.ascii);
	s->ui.utf8 = false;
	s->ui.ascii = true;
	PRESS(s, 'U');
	assert_true(s->ui.ascii);
	assert_non_null(strstr(s->ui.toast, "not UTF-8"));
}

static void pause_toggles_and_works_in_help(void **state)
{
	struct scene *s = *state;

	PRESS(s, ' ');
	assert_true(s->ui.paused);
	PRESS(s, '?', 'p');
	assert_true(s->ui.help);
	assert_false(s->ui.paused);
	PRESS(s, 'j', 'j', 'k');
	assert_int_equal(1, s->ui.help_first);
	assert_int_equal(TOP_PICK_NONE, s->ui.selected.kind);
	PRESS(s, TOP_KEY_ESC);
	assert_false(s->ui.help);
}

int main(void)
{
#define T(f) cmocka_unit_test_setup(f, reset)
	const struct CMUnitTest tests[] = {
	    T(keys_each_mean_one_action),
	    T(key_names_read_as_on_the_keyboard),
	    T(quit_keys_quit_and_escape_does_not),
	    T(first_movement_selects_the_top_row),
	    T(movement_stops_at_both_ends),
	    T(selection_follows_the_worker_through_sorting),
	    T(selection_of_a_vanished_worker_is_none),
	    T(headings_of_pools_can_be_selected),
	    T(movement_in_an_empty_table_is_fine),
	    T(sort_is_unhealthy_first_then_by_slot_number),
	    T(sort_numbers_descend_and_unknown_comes_last),
	    T(sort_column_goes_round_and_skips_hidden_ones),
	    T(delay_steps_stay_in_their_range),
	    T(charset_stays_ascii_without_utf8),
	    T(pause_toggles_and_works_in_help),
	};

	return cmocka_run_group_tests_name("top/ui", tests, scene_open, scene_close);
}
