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

static void draw_pair(const struct view *v, int row, const char *keys, const char *help)
{
	struct top_pen pen = view_pen(v, row);

	pen.col = 2;
	top_pen_put(&pen, TOP_ACCENT, keys);
	pen.col = view_max(pen.col + 1, KEYS_COLS);
	top_pen_put(&pen, TOP_NORMAL, help);
}

/* What stands in the help, one part after the other, blank lines between them. */
enum {
	KEYS_LINE = ABOUT_ROWS + 1,
	CHORDS_LINE = KEYS_LINE + TOP_ACTION_NR,
	COMMANDS_LINE = CHORDS_LINE + TOP_CHORD_NR + 1,
	LINES = COMMANDS_LINE + TOP_COMMAND_NR,
};

static void draw_line(const struct view *v, int line, int row)
{
	char keys[48];

	if (line < ABOUT_ROWS) {
		(void)top_grid_put(v->grid, row, 2, v->grid->cols - 3, TOP_NORMAL,
				   about[v->scene->ui->view][line]);
	} else if (line >= KEYS_LINE && line < CHORDS_LINE - 1) {
		draw_action(v, &top_actions[line - KEYS_LINE + 1], row);
	} else if (line >= CHORDS_LINE && line < COMMANDS_LINE - 1) {
		const struct top_chord *chord = &top_chords[line - CHORDS_LINE];

		(void)snprintf(keys, sizeof(keys), "o%c", (char)chord->letter);
		draw_pair(v, row, keys, chord->help);
	} else if (line >= COMMANDS_LINE) {
		const struct top_command_info *command =
		    &top_commands[line - COMMANDS_LINE];

		(void)snprintf(keys, sizeof(keys), ":%s %s", command->name,
			       command->value);
		draw_pair(v, row, keys, command->help);
	}
}

size_t view_help(const struct view *v)
{
	size_t lines = LINES;
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
		draw_line(v, (int)(first + i), row++);
	if (v->grid->rows > 2)
		(void)top_grid_put(v->grid, v->grid->rows - 1, 1, v->grid->cols - 1,
				   TOP_DIM,
				   lines > page ? "Up and Down scroll, Esc goes back"
						: "Esc goes back");
	return first;
}
