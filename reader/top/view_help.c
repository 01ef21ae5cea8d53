/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>

#include "view_parts.h"

#define KEYS_COLS  18
#define ABOUT_ROWS 4 /* of each view */

/* What the view at hand shows, above the keys. */
static const char *const about[TOP_VIEW_NR][ABOUT_ROWS] = {
    [TOP_VIEW_OVERVIEW] =
	{"Overview: the runtime, its pools, its workers, what happened last.",
	 "A worker's state ends in ! when it misses heartbeats or is being",
	 "stopped, in !! when the slot has no usable worker. - is unknown.",
	 "Above them: requests a second, how long they took, who is busy."},
    [TOP_VIEW_WORKERS] =
	{"Workers: all of them, and what each did, a letter for 5 seconds:",
	 VIEW_LANE_LEGEND, "S: a whole 5 seconds in requests that began before them.",
	 "Enter shows one of them, with commands to look into it."},
    [TOP_VIEW_REQUESTS] =
	{"Requests: what runs on workers now, the oldest first.",
	 "AGE since it was received, RUN since a worker has it, LEFT until its",
	 "deadline, x P99 how many times the p99 of its pool it runs already;",
	 "10 and more have a !."},
    [TOP_VIEW_LATENCY] =
	{"Latency: how many requests took how long, over ten minutes.",
	 "Each row is twice as slow as the one below it; m, 5 and 9 are where",
	 "p50, p95 and p99 lie. | is where the runtime was started anew.",
	 "Of the pool of the worker selected, else of all."},
    [TOP_VIEW_EVENTS] =
	{"Events: what happened to the runtime, its pools and its workers.",
	 "WARN and ERROR are what somebody should know about.",
	 "The newest stands at the end. Lost ones were overwritten before",
	 "they were read."},
    [TOP_VIEW_LINTS] =
	{"Lints: what looks wrong, with numbers, and what to do next.",
	 "They are guesses: nothing acts on them. Enter shows the limits that",
	 "were passed, s silences the kind, W keeps that.",
	 "What is not known is never a lint."},
};

static void draw_action(const struct view *v, const struct top_action_info *action,
			int row)
{
	struct top_pen pen = view_pen(v, row);
	char name[TOP_KEY_NAME_BYTES];

	pen.col = 2;
	for (int i = 0; i < TOP_ACTION_KEYS_MAX && action->keys[i]; i++) {
		top_key_name(name, action->keys[i]);
		top_pen_put(&pen, i == 0 ? TOP_ACCENT : TOP_NORMAL, name);
		pen.col++;
	}
	pen.col = view_max(pen.col + 1, KEYS_COLS);
	top_pen_put(&pen, TOP_NORMAL, action->help);
}

static void draw_line(const struct view *v, size_t line, int row)
{
	if (line < ABOUT_ROWS)
		(void)top_grid_put(v->grid, row, 2, v->grid->cols - 3, TOP_NORMAL,
				   about[v->scene->ui->view][line]);
	else if (line > ABOUT_ROWS)
		draw_action(v, &top_actions[line - ABOUT_ROWS], row);
}

size_t view_help(const struct view *v)
{
	size_t lines = ABOUT_ROWS + TOP_ACTION_NR; /* and a blank one */
	size_t page = v->grid->rows > 2 ? (size_t)v->grid->rows - 2 : 1;
	size_t first = v->scene->ui->help_first;
	int row = 0;

	if (first + page > lines)
		first = lines > page ? lines - page : 0;
	if (v->grid->rows > 2)
		view_title(
		    v, row++,
		    "HELP  (snakepit-top only reads: no key changes the runtime)");
	for (size_t i = 0; i < page && first + i < lines; i++)
		draw_line(v, first + i, row++);
	if (v->grid->rows > 2)
		(void)top_grid_put(v->grid, v->grid->rows - 1, 1, v->grid->cols - 1,
				   TOP_DIM,
				   lines > page ? "Up and Down scroll, Esc goes back"
						: "Esc goes back");
	return first;
}
