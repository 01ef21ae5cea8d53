/* SPDX-License-Identifier: Apache-2.0 */
#include "ui.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "terms.h"
#include "ui_parts.h"

#define TOAST_MS 1250
#define STILL_MS 1500 /* after a move of the cursor */

static const unsigned delay_steps_ms[] = {50,	100,  200,   500,   1000,
					  2000, 5000, 10000, 30000, 60000};
#define DELAY_STEPS (sizeof(delay_steps_ms) / sizeof(*delay_steps_ms))

const char *const top_view_names[TOP_VIEW_NR] = {
    [TOP_VIEW_OVERVIEW] = "overview", [TOP_VIEW_WORKERS] = "workers",
    [TOP_VIEW_REQUESTS] = "requests", [TOP_VIEW_LATENCY] = "latency",
    [TOP_VIEW_EVENTS] = "events",     [TOP_VIEW_LINTS] = "lints"};

void top_ui_init(struct top_ui *ui)
{
	*ui = (struct top_ui){.sort = {.column = TOP_COLUMN_WORKER_worker,
				       .flags = TOP_SORT_UNHEALTHY_FIRST},
			      .delay_ms = TOP_DELAY_DEFAULT_MS,
			      .follow = true,
			      .mouse = true,
			      .colors = true,
			      .page = 1};
	top_lint_limits_init(&ui->limits);
}

void top_ui_fini(struct top_ui *ui)
{
	snp_query_free(ui->filter);
	for (size_t kind = 0; kind < TOP_PROMPT_NR; kind++)
		for (size_t i = 0; i < ui->lines[kind].nr; i++)
			free(ui->lines[kind].line[i]);
	*ui = (struct top_ui){0};
}

void top_ui_toast(struct top_ui *ui, snp_mono_t now, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	(void)vsnprintf(ui->toast, sizeof(ui->toast), fmt, ap);
	va_end(ap);
	ui->toast_until = snp_mono_add_ms(now, TOAST_MS);
}

bool top_ui_take(struct top_ui *ui, enum top_want want)
{
	bool wanted = (ui->wants & want) != 0;

	ui->wants &= ~(unsigned)want;
	return wanted;
}

int top_ui_filter(struct top_ui *ui, const char *text,
		  struct snp_query_place *ret_place, struct snp_err *err)
{
	struct snp_query *query = NULL;
	int rc = 0;

	if (*text)
		rc = snp_query_compile(text, &top_worker_terms, &query, ret_place, err);
	if (rc < 0)
		return rc;
	snp_query_free(ui->filter);
	ui->filter = query;
	(void)snprintf(ui->filter_text, sizeof(ui->filter_text), "%s", text);
	return 0;
}

struct top_order top_ui_order(const struct top_ui *ui)
{
	return (struct top_order){.sort = ui->sort,
				  .filter = ui->filter,
				  .pins = ui->pins,
				  .pins_nr = ui->pins_nr,
				  .folded = ui->folded};
}

int top_ui_rows(struct top_ui *ui, struct top_rows *rows, const struct snp_look *look,
		snp_mono_t now)
{
	const struct top_order order = top_ui_order(ui);
	bool moving = ui->moved.ns != 0 &&
		      snp_mono_since_ns(now, ui->moved) < STILL_MS * SNP_NS_PER_MS;

	if (!(moving && top_rows_fit(rows, look)) &&
	    top_rows_build(rows, look, &order) < 0)
		return -ENOMEM;
	if (!ui->follow && ui->selected.kind != TOP_PICK_NONE && rows->nr > 0) {
		size_t at = ui->selected_at < rows->nr ? ui->selected_at : rows->nr - 1;

		ui->selected = top_pick_of_row(&rows->row[at], look);
	}
	return 0;
}

void ui_set_view(struct top_ui *ui, enum top_view_id view)
{
	ui->view = view;
	ui->detail = (struct top_pick){0};
	ui->help = ui->setup.open = false;
}

/* ---- display ------------------------------------------------------------- */

static void step_delay(struct top_ui *ui, int dir, snp_mono_t now)
{
	unsigned next = ui->delay_ms;

	for (size_t i = 0; i < DELAY_STEPS; i++) {
		unsigned step = delay_steps_ms[dir > 0 ? i : DELAY_STEPS - 1 - i];

		if (dir > 0 ? step > ui->delay_ms : step < ui->delay_ms) {
			next = step;
			break;
		}
	}
	ui->delay_ms = next;
	top_ui_toast(ui, now, "update every %g s", (double)next / 1000.0);
}

static void toggle_charset(struct top_ui *ui, snp_mono_t now)
{
	if (!ui->utf8) {
		top_ui_toast(ui, now, "the locale is not UTF-8: ASCII only");
		return;
	}
	ui->ascii = !ui->ascii;
	top_ui_toast(ui, now, ui->ascii ? "plain ASCII" : "line graphics");
}

static void next_theme(struct top_ui *ui, snp_mono_t now)
{
	if (!ui->colors) {
		top_ui_toast(ui, now, "no colours here: NO_COLOR, --color, or TERM");
		return;
	}
	ui->theme = (ui->theme + 1) % TOP_THEME_NR;
	ui->wants |= TOP_WANT_THEME;
	top_ui_toast(ui, now, "theme %s", top_theme_names[ui->theme]);
}

static void toggle(struct top_ui *ui, bool *hidden, const char *what, snp_mono_t now)
{
	*hidden = !*hidden;
	top_ui_toast(ui, now, "%s %s", what, *hidden ? "hidden" : "shown");
}

void ui_silence(struct top_ui *ui, enum top_lint_id id, snp_mono_t now)
{
	uint64_t bit = UINT64_C(1) << id;

	ui->lints_silenced ^= bit;
	top_ui_toast(ui, now,
		     ui->lints_silenced & bit ? "%s is silenced; :silence %s undoes it"
					      : "%s is heard again",
		     top_lint_infos[id].name, top_lint_infos[id].name);
}

static bool display_key(struct top_ui *ui, enum top_action action, snp_mono_t now)
{
	switch (action) {
	case TOP_ACTION_SLOWER:
		step_delay(ui, 1, now);
		return true;
	case TOP_ACTION_FASTER:
		step_delay(ui, -1, now);
		return true;
	case TOP_ACTION_CHARSET:
		toggle_charset(ui, now);
		return true;
	case TOP_ACTION_THEME:
		next_theme(ui, now);
		return true;
	case TOP_ACTION_HEADER:
		toggle(ui, &ui->header_hidden, "header", now);
		return true;
	case TOP_ACTION_EVENTS:
		toggle(ui, &ui->events_hidden, "events", now);
		return true;
	case TOP_ACTION_LINTS:
		toggle(ui, &ui->lints_hidden, "lints", now);
		return true;
	case TOP_ACTION_SILENCE:
		if (ui->lint.kind == TOP_PICK_LINT &&
		    (ui->view == TOP_VIEW_LINTS || ui->detail.kind == TOP_PICK_LINT))
			ui_silence(ui, (enum top_lint_id)ui->lint.lint, now);
		else
			top_ui_toast(ui, now, "select a lint to silence its kind");
		return true;
	case TOP_ACTION_RESET:
		ui->peaks_since = now;
		top_ui_toast(ui, now, "peaks begin anew");
		return true;
	default:
		return false;
	}
}

/* ---- tables -------------------------------------------------------------- */

void ui_toast_sort(struct top_ui *ui, snp_mono_t now)
{
	unsigned flags = ui->sort.flags;

	if (flags & TOP_SORT_BY_POOL)
		top_ui_toast(ui, now, "grouped by pool%s",
			     ui->folded ? ", folded" : "");
	else
		top_ui_toast(
		    ui, now, "sort by %s%s%s", top_columns[ui->sort.column].field,
		    flags & TOP_SORT_INVERT ? ", inverted" : "",
		    flags & TOP_SORT_UNHEALTHY_FIRST ? ", unhealthy first" : "");
}

static bool sort_key(struct top_ui *ui, enum top_action action, snp_mono_t now)
{
	unsigned *flags = &ui->sort.flags;

	switch (action) {
	case TOP_ACTION_INVERT:
		*flags ^= TOP_SORT_INVERT;
		*flags &= ~(unsigned)TOP_SORT_BY_POOL;
		break;
	case TOP_ACTION_UNHEALTHY:
		*flags ^= TOP_SORT_UNHEALTHY_FIRST;
		break;
	case TOP_ACTION_GROUP:
		*flags ^= TOP_SORT_BY_POOL;
		break;
	case TOP_ACTION_FOLD:
		ui->folded = !(ui->folded && *flags & TOP_SORT_BY_POOL);
		*flags |= TOP_SORT_BY_POOL;
		break;
	case TOP_ACTION_SORT_LEFT:
	case TOP_ACTION_SORT_RIGHT:
		ui->sort.column = top_sort_step(
		    ui->sort.column, action == TOP_ACTION_SORT_LEFT ? -1 : 1);
		*flags &= ~(unsigned)TOP_SORT_BY_POOL;
		break;
	default:
		return false;
	}
	ui_toast_sort(ui, now);
	return true;
}

static void ask_chord(struct top_ui *ui, snp_mono_t now)
{
	char text[sizeof(ui->toast)] = "";
	size_t len = 0;

	ui->chord = top_actions[TOP_ACTION_SORT_BY].keys[0];
	for (int i = 0; i < TOP_CHORD_NR && len < sizeof(text); i++)
		len += (size_t)snprintf(text + len, sizeof(text) - len, "%c %s  ",
					(char)top_chords[i].letter, top_chords[i].help);
	top_ui_toast(ui, now, "sort by: %s", text);
}

static void end_chord(struct top_ui *ui, uint32_t key, snp_mono_t now)
{
	ui->chord = 0;
	ui->toast[0] = '\0';
	for (int i = 0; i < TOP_CHORD_NR; i++) {
		if (top_chords[i].letter != key)
			continue;
		ui->sort.column = top_chords[i].column;
		ui->sort.flags &= TOP_SORT_UNHEALTHY_FIRST;
		ui_toast_sort(ui, now);
	}
}

static void pin(struct top_ui *ui, snp_mono_t now)
{
	if (ui->selected.kind != TOP_PICK_WORKER) {
		top_ui_toast(ui, now, "select a worker to pin");
		return;
	}
	for (size_t i = 0; i < ui->pins_nr; i++) {
		if (!top_pick_is_same(&ui->pins[i], &ui->selected))
			continue;
		ui->pins_nr--;
		memmove(&ui->pins[i], &ui->pins[i + 1],
			(ui->pins_nr - i) * sizeof(*ui->pins));
		return;
	}
	if (ui->pins_nr == TOP_PINS_MAX)
		top_ui_toast(ui, now, "%d pinned rows are all there can be",
			     TOP_PINS_MAX);
	else
		ui->pins[ui->pins_nr++] = ui->selected;
}

static bool table_key(struct top_ui *ui, enum top_action action,
		      const struct top_context *context)
{
	switch (action) {
	case TOP_ACTION_SORT_BY:
		ask_chord(ui, context->now);
		return true;
	case TOP_ACTION_PIN:
		pin(ui, context->now);
		return true;
	case TOP_ACTION_UNPIN:
		ui->pins_nr = 0;
		return true;
	case TOP_ACTION_FOLLOW:
		ui->follow = !ui->follow;
		top_ui_toast(ui, context->now, "the cursor %s",
			     ui->follow ? "follows its worker" : "stays where it is");
		return true;
	case TOP_ACTION_FIND_NEXT:
	case TOP_ACTION_FIND_PREVIOUS:
		if (!ui_find(ui, action == TOP_ACTION_FIND_NEXT ? 1 : -1, context))
			top_ui_toast(ui, context->now, "nothing found: %s", ui->find);
		return true;
	default:
		return sort_key(ui, action, context->now);
	}
}

/* ---- views --------------------------------------------------------------- */

static void go_back(struct top_ui *ui, const struct top_context *context)
{
	if (ui->help)
		ui->help = false;
	else if (ui->setup.open)
		ui->setup.open = false;
	else if (ui->detail.kind != TOP_PICK_NONE)
		ui->detail = (struct top_pick){0};
	else if (ui->find[0])
		ui->find[0] = '\0';
	else if (ui->selected.kind != TOP_PICK_NONE)
		ui->selected = (struct top_pick){0};
	else if (context->instances_nr > 0)
		ui->all = true;
}

/* Of what is selected; of a worker shown already, its pool. */
static void open_detail(struct top_ui *ui, const struct top_context *context)
{
	if (ui->all) {
		ui->wants |= TOP_WANT_ENTER;
		return;
	}
	if (ui->view == TOP_VIEW_LINTS && ui->detail.kind == TOP_PICK_NONE) {
		if (ui->lint.kind == TOP_PICK_NONE)
			ui_move_by(ui, 0, context);
		ui->detail = ui->lint;
	} else if (ui->detail.kind == TOP_PICK_WORKER) {
		ui->detail.kind = TOP_PICK_POOL;
		ui->detail.slot = TOP_SLOT_NONE;
	} else if (ui->detail.kind == TOP_PICK_NONE) {
		if (ui->selected.kind == TOP_PICK_NONE && context->rows->nr > 0)
			ui_select_row(ui, 0, context);
		ui->detail = ui->selected;
	}
	ui->detail_first = 0;
}

static bool view_key(struct top_ui *ui, enum top_action action,
		     const struct top_context *context)
{
	switch (action) {
	case TOP_ACTION_VIEW_NEXT:
		ui_set_view(ui, (ui->view + 1) % TOP_VIEW_NR);
		return true;
	case TOP_ACTION_VIEW_PREVIOUS:
		ui_set_view(ui, (ui->view + TOP_VIEW_NR - 1) % TOP_VIEW_NR);
		return true;
	case TOP_ACTION_VIEW_1:
	case TOP_ACTION_VIEW_2:
	case TOP_ACTION_VIEW_3:
	case TOP_ACTION_VIEW_4:
	case TOP_ACTION_VIEW_5:
	case TOP_ACTION_VIEW_6:
		ui_set_view(ui, (enum top_view_id)(action - TOP_ACTION_VIEW_1));
		return true;
	case TOP_ACTION_HELP:
		ui->help = !ui->help;
		ui->help_first = 0;
		return true;
	case TOP_ACTION_SETUP:
		ui->setup.open = !ui->setup.open;
		ui->setup.at = 0;
		return true;
	case TOP_ACTION_DETAIL:
		open_detail(ui, context);
		return true;
	case TOP_ACTION_BACK:
		go_back(ui, context);
		return true;
	default:
		return false;
	}
}

/* ---- keys ---------------------------------------------------------------- */

/* What is for the program to do. */
static bool wanting_key(struct top_ui *ui, enum top_action action)
{
	static const unsigned wants[TOP_ACTION_NR] = {
	    [TOP_ACTION_QUIT] = TOP_WANT_QUIT,
	    [TOP_ACTION_REPAINT] = TOP_WANT_REPAINT,
	    [TOP_ACTION_SUSPEND] = TOP_WANT_SUSPEND,
	    [TOP_ACTION_MARK] = TOP_WANT_MARK,
	    [TOP_ACTION_UNMARK] = TOP_WANT_UNMARK,
	    [TOP_ACTION_SAVE] = TOP_WANT_SAVE,
	    [TOP_ACTION_DUMP] = TOP_WANT_DUMP,
	    [TOP_ACTION_RECORD] = TOP_WANT_RECORD,
	    [TOP_ACTION_COPY] = TOP_WANT_COPY,
	};

	ui->wants |= wants[action];
	return wants[action] != 0;
}

static bool prompt_key(struct top_ui *ui, enum top_action action)
{
	switch (action) {
	case TOP_ACTION_FIND:
		ui_prompt_open(ui, TOP_PROMPT_FIND, "");
		return true;
	case TOP_ACTION_FILTER:
		ui_prompt_open(ui, TOP_PROMPT_FILTER, ui->filter_text);
		return true;
	case TOP_ACTION_DELAY:
		ui_prompt_open(ui, TOP_PROMPT_DELAY, "");
		return true;
	case TOP_ACTION_GO_TO:
		ui_prompt_open(ui, TOP_PROMPT_TIME, "");
		return true;
	case TOP_ACTION_COMMAND:
		ui_prompt_open(ui, TOP_PROMPT_COMMAND, "");
		return true;
	default:
		return false;
	}
}

void ui_act(struct top_ui *ui, enum top_action action,
	    const struct top_context *context)
{
	if (ui_move_key(ui, action, context))
		return;
	ui->moved = (snp_mono_t){0};
	if (wanting_key(ui, action) || view_key(ui, action, context) ||
	    ui_time_key(ui, action, context) || display_key(ui, action, context->now))
		return;
	/* Nobody sees what these would do behind the help. */
	if (!ui->help && !prompt_key(ui, action))
		(void)table_key(ui, action, context);
}

/* Keys that mean the same even while something is typed. */
static bool is_urgent(uint32_t key)
{
	return key == TOP_KEY_CTRL('C') || key == TOP_KEY_F(10) ||
	       key == TOP_KEY_CTRL('L') || key == TOP_KEY_CTRL('Z');
}

void top_ui_key(struct top_ui *ui, uint32_t key, const struct top_context *context)
{
	enum top_action action = top_key_action(key);

	if (ui->prompt.kind != TOP_PROMPT_NONE && !is_urgent(key)) {
		ui_prompt_key(ui, key, context);
		return;
	}
	if (ui->chord != 0 && !is_urgent(key)) {
		end_chord(ui, key, context->now);
		return;
	}
	if (ui->setup.open && !ui->help && ui_setup_key(ui, key, context))
		return;
	if (key == TOP_KEY_END && ui->rewind_ns > 0 && !ui->help)
		action = TOP_ACTION_LIVE;
	ui_act(ui, action, context);
}

/* ---- what the view says -------------------------------------------------- */

void top_ui_viewed(struct top_ui *ui, const struct top_viewport *viewport,
		   const struct top_context *context)
{
	size_t at = top_ui_selected_row(ui, context->rows, &context->frame->look);

	ui->first = viewport->first;
	ui->view_first[ui->view] = viewport->view_first;
	ui->detail_first = viewport->detail_first;
	ui->help_first = viewport->help_first;
	ui->page = viewport->page;
	if (at < context->rows->nr)
		ui->selected_at = at;
}
