/* SPDX-License-Identifier: Apache-2.0 */
#include "ui.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "terms.h"
#include "ui_parts.h"

#define TOAST_MS 1250

static const unsigned delay_steps_ms[] = {50,	100,  200,   500,   1000,
					  2000, 5000, 10000, 30000, 60000};
#define DELAY_STEPS (sizeof(delay_steps_ms) / sizeof(*delay_steps_ms))

const char *const top_view_names[TOP_VIEW_NR] = {
    [TOP_VIEW_OVERVIEW] = "overview", [TOP_VIEW_WORKERS] = "workers",
    [TOP_VIEW_REQUESTS] = "requests", [TOP_VIEW_LATENCY] = "latency",
    [TOP_VIEW_EVENTS] = "events",     [TOP_VIEW_LINTS] = "lints"};

const char *const top_prompt_labels[TOP_PROMPT_NR] = {
    [TOP_PROMPT_NONE] = "",
    [TOP_PROMPT_FIND] = "find: ",
    [TOP_PROMPT_FILTER] = "filter: ",
    [TOP_PROMPT_DELAY] = "seconds between updates: ",
    [TOP_PROMPT_TIME] = "go to time: ",
    [TOP_PROMPT_COMMAND] = ":"};

void top_ui_init(struct top_ui *ui)
{
	*ui = (struct top_ui){.sort = {.column = TOP_COLUMN_WORKER_worker,
				       .flags = TOP_SORT_UNHEALTHY_FIRST},
			      .delay_ms = TOP_DELAY_DEFAULT_MS,
			      .follow = true,
			      .mouse = true,
			      .page = 1};
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

/* ---- settings ------------------------------------------------------------ */

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

static void toast_sort(struct top_ui *ui, snp_mono_t now)
{
	unsigned flags = ui->sort.flags;

	if (flags & TOP_SORT_BY_POOL) {
		top_ui_toast(ui, now, "grouped by pool");
		return;
	}
	top_ui_toast(ui, now, "sort by %s%s%s", top_columns[ui->sort.column].field,
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
	case TOP_ACTION_SORT_LEFT:
	case TOP_ACTION_SORT_RIGHT:
		ui->sort.column = top_sort_step(
		    ui->sort.column, action == TOP_ACTION_SORT_LEFT ? -1 : 1);
		*flags &= ~(unsigned)TOP_SORT_BY_POOL;
		break;
	default:
		return false;
	}
	toast_sort(ui, now);
	return true;
}

/* ---- keys ---------------------------------------------------------------- */

static void set_view(struct top_ui *ui, enum top_view_id view)
{
	ui->view = view;
	ui->detail = (struct top_pick){0};
	ui->help = false;
}

static void go_back(struct top_ui *ui)
{
	if (ui->help)
		ui->help = false;
	else if (ui->detail.kind != TOP_PICK_NONE)
		ui->detail = (struct top_pick){0};
	else
		ui->selected = (struct top_pick){0};
}

/* Actions that mean the same in every view; false for all others. */
static bool global_key(struct top_ui *ui, enum top_action action,
		       const struct top_context *context)
{
	switch (action) {
	case TOP_ACTION_QUIT:
		ui->wants |= TOP_WANT_QUIT;
		return true;
	case TOP_ACTION_REPAINT:
		ui->wants |= TOP_WANT_REPAINT;
		return true;
	case TOP_ACTION_SUSPEND:
		ui->wants |= TOP_WANT_SUSPEND;
		return true;
	case TOP_ACTION_PAUSE:
		ui->paused = !ui->paused;
		ui->paused_at = context->wall;
		ui->rewind_ns = 0;
		ui->wants |= TOP_WANT_SEEK;
		return true;
	case TOP_ACTION_SLOWER:
		step_delay(ui, 1, context->now);
		return true;
	case TOP_ACTION_FASTER:
		step_delay(ui, -1, context->now);
		return true;
	case TOP_ACTION_CHARSET:
		toggle_charset(ui, context->now);
		return true;
	case TOP_ACTION_HELP:
		ui->help = !ui->help;
		ui->help_first = 0;
		return true;
	case TOP_ACTION_BACK:
		go_back(ui);
		return true;
	default:
		return false;
	}
}

static bool view_key(struct top_ui *ui, enum top_action action)
{
	switch (action) {
	case TOP_ACTION_VIEW_NEXT:
		set_view(ui, (ui->view + 1) % TOP_VIEW_NR);
		return true;
	case TOP_ACTION_VIEW_PREVIOUS:
		set_view(ui, (ui->view + TOP_VIEW_NR - 1) % TOP_VIEW_NR);
		return true;
	case TOP_ACTION_VIEW_1:
	case TOP_ACTION_VIEW_2:
	case TOP_ACTION_VIEW_3:
	case TOP_ACTION_VIEW_4:
	case TOP_ACTION_VIEW_5:
	case TOP_ACTION_VIEW_6:
		set_view(ui, (enum top_view_id)(action - TOP_ACTION_VIEW_1));
		return true;
	default:
		return false;
	}
}

void top_ui_key(struct top_ui *ui, uint32_t key, const struct top_context *context)
{
	enum top_action action = top_key_action(key);

	if (global_key(ui, action, context) || ui_move_key(ui, action, context) ||
	    view_key(ui, action) || ui->help)
		return;
	(void)sort_key(ui, action, context->now);
}

/* ---- what the view says -------------------------------------------------- */

void top_viewport_hit(struct top_viewport *viewport, struct top_hit hit)
{
	if (viewport->hits_nr < TOP_HITS_MAX)
		viewport->hits[viewport->hits_nr++] = hit;
}

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
