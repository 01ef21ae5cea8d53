/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <string.h>

#include "ui_parts.h"

/* ---- display ------------------------------------------------------------- */

/* What each line is called, and the key that changes it. */
static const struct {
	const char *name;
	enum top_action action;
} displays[] = {
    {"theme", TOP_ACTION_THEME},	   {"charset", TOP_ACTION_CHARSET},
    {"header", TOP_ACTION_HEADER},	   {"lints panel", TOP_ACTION_LINTS},
    {"events panel", TOP_ACTION_EVENTS},   {"unhealthy first", TOP_ACTION_UNHEALTHY},
    {"grouped by pool", TOP_ACTION_GROUP}, {"cursor follows", TOP_ACTION_FOLLOW},
    {"delay", TOP_ACTION_SLOWER},
};
#define DISPLAYS (sizeof(displays) / sizeof(*displays))

static const char *on_off(bool on)
{
	return on ? "on" : "off";
}

const char *top_setup_display(const struct top_ui *ui, size_t line, char value[32])
{
	const char *word = "";

	switch (displays[line].action) {
	case TOP_ACTION_THEME:
		word = top_theme_names[ui->theme];
		break;
	case TOP_ACTION_CHARSET:
		word = ui->ascii ? "ascii" : "utf-8";
		break;
	case TOP_ACTION_HEADER:
		word = on_off(!ui->header_hidden);
		break;
	case TOP_ACTION_LINTS:
		word = on_off(!ui->lints_hidden);
		break;
	case TOP_ACTION_EVENTS:
		word = on_off(!ui->events_hidden);
		break;
	case TOP_ACTION_UNHEALTHY:
		word = on_off(ui->sort.flags & TOP_SORT_UNHEALTHY_FIRST);
		break;
	case TOP_ACTION_GROUP:
		word = on_off(ui->sort.flags & TOP_SORT_BY_POOL);
		break;
	case TOP_ACTION_FOLLOW:
		word = on_off(ui->follow);
		break;
	default:
		(void)snprintf(value, 32, "%g s", (double)ui->delay_ms / 1000.0);
		return displays[line].name;
	}
	(void)snprintf(value, 32, "%s", word);
	return displays[line].name;
}

/* ---- columns ------------------------------------------------------------- */

static enum top_table table_of(enum top_setup_page page)
{
	return page == TOP_SETUP_POOLS ? TOP_TABLE_POOL : TOP_TABLE_WORKER;
}

size_t top_setup_lines(const struct top_ui *ui, enum top_setup_page page)
{
	size_t nr = 0;

	(void)ui;
	if (page == TOP_SETUP_DISPLAY)
		return DISPLAYS;
	for (int id = 0; id < TOP_COLUMN_NR; id++)
		nr += top_columns[id].table == table_of(page);
	return nr;
}

/* Where the column stands among those shown; shown->nr when it does not. */
static size_t place_of(const struct top_shown *shown, enum top_column_id id)
{
	size_t i = 0;

	while (i < shown->nr && shown->id[i] != id)
		i++;
	return i;
}

enum top_column_id top_setup_column(const struct top_ui *ui, enum top_setup_page page,
				    size_t line, bool *ret_shown)
{
	const struct top_shown *shown = &ui->shown[table_of(page)];
	size_t rest = line;

	if (line < shown->nr) {
		*ret_shown = true;
		return shown->id[line];
	}
	rest -= shown->nr;
	for (int id = 0; id < TOP_COLUMN_NR; id++) {
		if (top_columns[id].table != table_of(page) ||
		    place_of(shown, (enum top_column_id)id) < shown->nr)
			continue;
		if (rest-- == 0) {
			*ret_shown =
			    shown->nr == 0 && top_columns[id].rank != TOP_RANK_HIDDEN;
			return (enum top_column_id)id;
		}
	}
	*ret_shown = false;
	return TOP_COLUMN_NR;
}

/* From "as they fit" to a list of its own, which can then be changed. */
static void spell_out(struct top_shown *shown, enum top_table table)
{
	if (shown->nr > 0)
		return;
	for (int id = 0; id < TOP_COLUMN_NR; id++)
		if (top_columns[id].table == table &&
		    top_columns[id].rank != TOP_RANK_HIDDEN)
			shown->id[shown->nr++] = (enum top_column_id)id;
}

static void take_out(struct top_shown *shown, size_t at)
{
	memmove(shown->id + at, shown->id + at + 1,
		(shown->nr - at - 1) * sizeof(*shown->id));
	shown->nr--;
}

/* The cursor stays on its column. */
static void go_to_column(struct top_ui *ui, enum top_column_id id)
{
	bool is_shown;

	for (size_t line = 0; line < top_setup_lines(ui, ui->setup.page); line++)
		if (top_setup_column(ui, ui->setup.page, line, &is_shown) == id)
			ui->setup.at = line;
}

static void toggle_column(struct top_ui *ui, snp_mono_t now)
{
	struct top_shown *shown = &ui->shown[table_of(ui->setup.page)];
	bool is_shown;
	enum top_column_id id =
	    top_setup_column(ui, ui->setup.page, ui->setup.at, &is_shown);

	spell_out(shown, table_of(ui->setup.page));
	if (!is_shown)
		shown->id[shown->nr++] = id;
	else if (shown->nr > 1)
		take_out(shown, place_of(shown, id));
	else
		top_ui_toast(ui, now, "one column has to stay");
	go_to_column(ui, id);
}

static void move_column(struct top_ui *ui, int dir)
{
	struct top_shown *shown = &ui->shown[table_of(ui->setup.page)];
	bool is_shown;
	enum top_column_id id =
	    top_setup_column(ui, ui->setup.page, ui->setup.at, &is_shown);
	size_t at, to;

	if (!is_shown)
		return;
	spell_out(shown, table_of(ui->setup.page));
	at = place_of(shown, id);
	to = ui_moved_by(at, dir, shown->nr);
	shown->id[at] = shown->id[to];
	shown->id[to] = id;
	ui->setup.at = to;
}

/* ---- keys ---------------------------------------------------------------- */

static void turn_page(struct top_ui *ui, unsigned by)
{
	ui->setup.page = (ui->setup.page + by) % TOP_SETUP_NR;
	ui->setup.at = 0;
}

static void change(struct top_ui *ui, const struct top_context *context)
{
	if (ui->setup.page == TOP_SETUP_DISPLAY)
		ui_act(ui, displays[ui->setup.at].action, context);
	else
		toggle_column(ui, context->now);
}

static void shift(struct top_ui *ui, int dir, const struct top_context *context)
{
	if (ui->setup.page != TOP_SETUP_DISPLAY)
		move_column(ui, dir);
	else if (displays[ui->setup.at].action == TOP_ACTION_SLOWER)
		ui_act(ui, dir < 0 ? TOP_ACTION_FASTER : TOP_ACTION_SLOWER, context);
}

bool ui_setup_key(struct top_ui *ui, uint32_t key, const struct top_context *context)
{
	switch (key) {
	case TOP_KEY_TAB:
		turn_page(ui, 1);
		return true;
	case TOP_KEY_BACKTAB:
		turn_page(ui, TOP_SETUP_NR - 1);
		return true;
	case ' ':
	case TOP_KEY_ENTER:
		change(ui, context);
		return true;
	case '<':
	case TOP_KEY_LEFT:
		shift(ui, -1, context);
		return true;
	case '>':
	case TOP_KEY_RIGHT:
		shift(ui, 1, context);
		return true;
	case TOP_KEY_DELETE: /* as they fit */
		if (ui->setup.page != TOP_SETUP_DISPLAY)
			ui->shown[table_of(ui->setup.page)].nr = 0;
		return true;
	default:
		return false;
	}
}
