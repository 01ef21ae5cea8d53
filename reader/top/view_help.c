/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>

#include "view_parts.h"

#define KEYS_COLS 18

static void draw_action(const struct top_action_info *action, struct top_grid *grid,
			int row)
{
	struct top_pen pen = {
	    .grid = grid, .row = row, .col = 2, .end = grid->cols - 1};
	char name[TOP_KEY_NAME_BYTES];

	for (int i = 0; i < TOP_ACTION_KEYS_MAX && action->keys[i]; i++) {
		top_key_name(name, action->keys[i]);
		top_pen_put(&pen, i == 0 ? TOP_ACCENT : TOP_NORMAL, name);
		pen.col++;
	}
	pen.col = pen.col < KEYS_COLS ? KEYS_COLS : pen.col + 1;
	top_pen_put(&pen, TOP_NORMAL, action->help);
}

size_t view_help(const struct top_scene *scene, struct top_grid *grid)
{
	size_t lines = TOP_ACTION_NR - 1;
	size_t page = grid->rows > 2 ? (size_t)grid->rows - 2 : 1;
	size_t first = scene->ui->help_first;
	int row = 0;

	if (first > lines - 1)
		first = lines - 1;
	if (first + page > lines)
		first = lines > page ? lines - page : 0;
	if (grid->rows > 2) {
		top_grid_fill(grid, 0, 0, grid->cols, TOP_TITLE, ' ');
		(void)top_grid_put(
		    grid, 0, 1, grid->cols - 1, TOP_TITLE,
		    "KEYS  (snakepit-top only reads: no key changes the runtime)");
		row = 1;
	}
	for (size_t i = first; i < lines && i < first + page; i++, row++)
		draw_action(&top_actions[i + 1], grid, row);
	if (grid->rows > 2)
		(void)top_grid_put(grid, grid->rows - 1, 1, grid->cols - 1, TOP_DIM,
				   lines > page ? "Up and Down scroll, Esc goes back"
						: "Esc goes back");
	return first;
}
