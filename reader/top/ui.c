/* SPDX-License-Identifier: Apache-2.0 */
#include "ui.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define TOAST_MS 1250

static const unsigned delay_steps_ms[] = {50,	100,  200,   500,   1000,
					  2000, 5000, 10000, 30000, 60000};
#define DELAY_STEPS (sizeof(delay_steps_ms) / sizeof(*delay_steps_ms))

void top_ui_init(struct top_ui *ui)
{
	*ui = (struct top_ui){.sort = {.column = TOP_COLUMN_WORKER_worker,
				       .flags = TOP_SORT_UNHEALTHY_FIRST},
			      .delay_ms = TOP_DELAY_DEFAULT_MS,
			      .page = 1};
}

void top_ui_toast(struct top_ui *ui, snp_mono_t now, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	(void)vsnprintf(ui->toast, sizeof(ui->toast), fmt, ap);
	va_end(ap);
	ui->toast_until = snp_mono_add_ms(now, TOAST_MS);
}

/* ---- selection ----------------------------------------------------------- */

size_t top_ui_selected_row(const struct top_ui *ui, const struct top_rows *rows,
			   const struct snp_look *look)
{
	if (!ui->selected)
		return rows->nr;
	for (size_t i = 0; i < rows->nr; i++) {
		const struct top_row *row = &rows->row[i];

		if (row->worker != TOP_ROW_HEADING &&
		    look->workers[row->worker].slot == ui->selected_slot &&
		    strcmp(look->pools[row->pool].name, ui->selected_pool) == 0)
			return i;
	}
	return rows->nr;
}

static void select_row(struct top_ui *ui, const struct top_row *row,
		       const struct snp_look *look)
{
	ui->selected = true;
	ui->selected_slot = look->workers[row->worker].slot;
	memcpy(ui->selected_pool, look->pools[row->pool].name,
	       sizeof(ui->selected_pool));
}

/* To the worker `steps` away, or the last one on the way there; headings do not count.
 */
static void move_by(struct top_ui *ui, long steps, const struct top_rows *rows,
		    const struct snp_look *look)
{
	size_t at = top_ui_selected_row(ui, rows, look);
	long pos = (long)at, dir = steps < 0 ? -1 : 1;

	/* Nothing selected yet: the first key selects what is on top of the page. */
	if (at == rows->nr) {
		pos = (long)ui->first - 1;
		dir = 1;
		steps = 1;
	}
	while (steps != 0) {
		long next = pos + dir;

		while (next >= 0 && next < (long)rows->nr &&
		       rows->row[next].worker == TOP_ROW_HEADING)
			next += dir;
		if (next < 0 || next >= (long)rows->nr)
			break;
		pos = next;
		steps -= dir;
	}
	if (pos >= 0 && pos < (long)rows->nr &&
	    rows->row[pos].worker != TOP_ROW_HEADING)
		select_row(ui, &rows->row[pos], look);
}

static void move_to_end(struct top_ui *ui, long dir, const struct top_rows *rows,
			const struct snp_look *look)
{
	long i = dir > 0 ? (long)rows->nr - 1 : 0;

	for (; i >= 0 && i < (long)rows->nr; i -= dir) {
		if (rows->row[i].worker != TOP_ROW_HEADING) {
			select_row(ui, &rows->row[i], look);
			return;
		}
	}
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

static void change_sort(struct top_ui *ui, enum top_action action, snp_mono_t now)
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
		top_ui_toast(ui, now,
			     *flags & TOP_SORT_BY_POOL ? "grouped by pool"
						       : "not grouped");
		return;
	default:
		ui->sort.column = top_sort_step(
		    ui->sort.column, action == TOP_ACTION_SORT_LEFT ? -1 : 1);
		*flags &= ~(unsigned)TOP_SORT_BY_POOL;
		break;
	}
	top_ui_toast(ui, now, "sort by %s%s%s", top_columns[ui->sort.column].field,
		     *flags & TOP_SORT_INVERT ? ", inverted" : "",
		     *flags & TOP_SORT_UNHEALTHY_FIRST ? ", unhealthy first" : "");
}

/* ---- keys ---------------------------------------------------------------- */

static void help_key(struct top_ui *ui, enum top_action action)
{
	size_t page = ui->page > 0 ? ui->page : 1;

	switch (action) {
	case TOP_ACTION_HELP:
	case TOP_ACTION_BACK:
		ui->help = false;
		break;
	case TOP_ACTION_UP:
		ui->help_first -= ui->help_first > 0;
		break;
	case TOP_ACTION_DOWN:
		ui->help_first++;
		break;
	case TOP_ACTION_PAGE_UP:
		ui->help_first -= ui->help_first < page ? ui->help_first : page;
		break;
	case TOP_ACTION_PAGE_DOWN:
		ui->help_first += page;
		break;
	case TOP_ACTION_FIRST:
		ui->help_first = 0;
		break;
	case TOP_ACTION_LAST:
		ui->help_first = TOP_ACTION_NR; /* the view clamps it */
		break;
	default:
		break;
	}
}

static bool movement_key(struct top_ui *ui, enum top_action action,
			 const struct top_rows *rows, const struct snp_look *look)
{
	long page = ui->page > 1 ? (long)ui->page - 1 : 1;

	switch (action) {
	case TOP_ACTION_UP:
		move_by(ui, -1, rows, look);
		return true;
	case TOP_ACTION_DOWN:
		move_by(ui, 1, rows, look);
		return true;
	case TOP_ACTION_PAGE_UP:
		move_by(ui, -page, rows, look);
		return true;
	case TOP_ACTION_PAGE_DOWN:
		move_by(ui, page, rows, look);
		return true;
	case TOP_ACTION_FIRST:
		move_to_end(ui, -1, rows, look);
		return true;
	case TOP_ACTION_LAST:
		move_to_end(ui, 1, rows, look);
		return true;
	case TOP_ACTION_BACK:
		ui->selected = false;
		return true;
	default:
		return false;
	}
}

/* Actions that mean the same in every view; false for all others. */
static bool global_key(struct top_ui *ui, enum top_action action, struct top_moment at)
{
	switch (action) {
	case TOP_ACTION_QUIT:
		ui->quit = true;
		return true;
	case TOP_ACTION_REPAINT:
		ui->repaint = true;
		return true;
	case TOP_ACTION_SUSPEND:
		ui->suspend = true;
		return true;
	case TOP_ACTION_PAUSE:
		ui->paused = !ui->paused;
		ui->paused_at = at.wall;
		return true;
	case TOP_ACTION_SLOWER:
		step_delay(ui, 1, at.now);
		return true;
	case TOP_ACTION_FASTER:
		step_delay(ui, -1, at.now);
		return true;
	case TOP_ACTION_CHARSET:
		toggle_charset(ui, at.now);
		return true;
	default:
		return false;
	}
}

void top_ui_key(struct top_ui *ui, uint32_t key, const struct top_rows *rows,
		const struct snp_look *look, struct top_moment at)
{
	enum top_action action = top_key_action(key);

	if (global_key(ui, action, at))
		return;
	if (ui->help) {
		help_key(ui, action);
		return;
	}
	if (movement_key(ui, action, rows, look))
		return;
	switch (action) {
	case TOP_ACTION_HELP:
		ui->help = true;
		ui->help_first = 0;
		break;
	case TOP_ACTION_SORT_LEFT:
	case TOP_ACTION_SORT_RIGHT:
	case TOP_ACTION_INVERT:
	case TOP_ACTION_UNHEALTHY:
	case TOP_ACTION_GROUP:
		change_sort(ui, action, at.now);
		break;
	default:
		break;
	}
}

void top_ui_viewed(struct top_ui *ui, const struct top_viewport *viewport)
{
	ui->first = viewport->first;
	ui->help_first = viewport->help_first;
	ui->page = viewport->page;
}
