/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>

#include "view_parts.h"

static const char *const pages[TOP_SETUP_NR] = {
    [TOP_SETUP_WORKERS] = "Columns of workers",
    [TOP_SETUP_POOLS] = "Columns of pools",
    [TOP_SETUP_DISPLAY] = "Display",
};

static void draw_pages(const struct view *v, int row)
{
	struct top_pen pen = view_pen(v, row);

	for (int page = 0; page < TOP_SETUP_NR; page++) {
		bool active = page == (int)v->scene->ui->setup.page;

		top_pen_put(&pen, active ? TOP_TITLE : TOP_DIM, active ? "[" : " ");
		top_pen_put(&pen, active ? TOP_TITLE : TOP_DIM, pages[page]);
		top_pen_put(&pen, active ? TOP_TITLE : TOP_DIM, active ? "] " : "  ");
	}
}

static void draw_line(const struct view *v, int row, size_t line)
{
	const struct top_ui *ui = v->scene->ui;
	struct top_pen pen = view_pen(v, row);
	char value[32] = "";
	bool shown = false;

	if (ui->setup.page == TOP_SETUP_DISPLAY) {
		const char *name = top_setup_display(ui, line, value);

		top_pen_printf(&pen, TOP_NORMAL, "%-20s ", name);
		top_pen_put(&pen, TOP_STRONG, value);
	} else {
		const struct top_column *column =
		    &top_columns[top_setup_column(ui, ui->setup.page, line, &shown)];

		top_pen_put(&pen, shown ? TOP_GOOD : TOP_DIM, shown ? "[x] " : "[ ] ");
		top_pen_printf(&pen, TOP_NORMAL, "%-20s ", column->field);
		top_pen_put(&pen, TOP_DIM, column->help);
	}
	view_hit(v, (struct top_hit){.row = row,
				     .width = v->grid->cols,
				     .kind = TOP_HIT_LINE,
				     .what = (uint32_t)line});
	if (line != ui->setup.at)
		return;
	top_grid_fill(v->grid, row, 0, 1, TOP_ACCENT, '>');
	top_grid_flag_row(v->grid, row, TOP_CELL_SELECTED);
}

void view_setup(const struct view *v, struct view_area area)
{
	const struct top_setup *setup = &v->scene->ui->setup;
	size_t lines = top_setup_lines(v->scene->ui, setup->page), first = 0;
	int page = view_max(area.rows - 2, 1);

	draw_pages(v, area.row);
	if (setup->at >= (size_t)page)
		first = setup->at - (size_t)page + 1;
	first = view_scroll(v, lines, page, first);
	for (int i = 0; i < page && first + (size_t)i < lines; i++)
		draw_line(v, area.row + 1 + i, first + (size_t)i);
	if (area.rows > 2)
		(void)top_grid_put(v->grid, area.row + area.rows - 1, 1,
				   v->grid->cols - 2, TOP_DIM,
				   "Space changes, < > move, Tab turns the page, W "
				   "writes the settings, Esc goes back");
}
