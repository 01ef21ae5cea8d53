/* SPDX-License-Identifier: Apache-2.0 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "format.h"
#include "view_parts.h"

#define NAME_COLS_MAX 32
#define AIRY_COLS     120 /* from here on two columns between columns */

/* Which columns stand where. */
struct layout {
	size_t nr;
	int gap;
	struct {
		enum top_column_id id;
		int col, width;
	} item[TOP_COLUMN_NR];
};

/* ---- choosing columns ---------------------------------------------------- */

static int digits(uint64_t n)
{
	int d = 1;

	for (; n >= 10; n /= 10)
		d++;
	return d;
}

/* The first column is as wide as what stands in it, within reason. */
static int name_width(const struct top_scene *scene, enum top_table table, int cols,
		      bool ascii)
{
	const struct snp_look *look = &scene->frame->look;
	int min = table == TOP_TABLE_POOL ? top_columns[TOP_COLUMN_POOL_pool].width
					  : top_columns[TOP_COLUMN_WORKER_worker].width;
	int max = cols / 4 < NAME_COLS_MAX ? cols / 4 : NAME_COLS_MAX, width = min;

	/* Both tables share the width, so that they stand in line. */
	for (size_t i = 0; i < look->pools_nr; i++) {
		int name = top_text_width(look->pools[i].name, ascii);

		width = name > width ? name : width;
	}
	for (size_t i = 0; i < look->workers_nr; i++) {
		const struct snp_worker_stat *w = &look->workers[i];
		int name = top_text_width(look->pools[w->pool].name, ascii);

		name += 1 + digits(w->slot);
		width = name > width ? name : width;
	}
	width = width < max ? width : max;
	return width > min ? width : min;
}

static bool is_name(enum top_column_id id)
{
	return top_columns[id].unit == TOP_UNIT_NAME ||
	       top_columns[id].unit == TOP_UNIT_WORKER;
}

static int column_width(enum top_column_id id, int name_cols)
{
	return is_name(id) ? name_cols : top_columns[id].width;
}

/* The highest rank up to which all columns fit into `cols`. */
static unsigned fitting_rank(enum top_table table, int cols, int name_cols)
{
	int gap = cols < AIRY_COLS ? 1 : 2;
	unsigned rank = 0;

	for (unsigned next = 0; next < TOP_RANK_HIDDEN; next++) {
		int sum = 0;

		for (int id = 0; id < TOP_COLUMN_NR; id++)
			if (top_columns[id].table == table &&
			    top_columns[id].rank <= next)
				sum += column_width((enum top_column_id)id, name_cols) +
				       gap;
		if (sum > cols + gap)
			break;
		rank = next;
	}
	return rank;
}

static void choose_columns(struct layout *layout, const struct top_scene *scene,
			   enum top_table table, int cols, int name_cols)
{
	const struct top_shown *shown = &scene->ui->shown[table];
	unsigned rank = fitting_rank(table, cols, name_cols);

	layout->nr = 0;
	for (size_t i = 0; i < shown->nr; i++)
		layout->item[layout->nr++].id = shown->id[i];
	if (shown->nr > 0)
		return;
	for (int id = 0; id < TOP_COLUMN_NR; id++)
		if (top_columns[id].table == table && top_columns[id].rank <= rank)
			layout->item[layout->nr++].id = (enum top_column_id)id;
}

static void lay_out(struct layout *layout, const struct top_scene *scene,
		    enum top_table table, const struct top_grid *grid)
{
	int cols =
	    grid->cols - 1; /* the first column of the screen is for the marker */
	int name_cols = name_width(scene, table, cols, grid->ascii), sum = 0, col = 1;

	choose_columns(layout, scene, table, cols, name_cols);
	for (size_t i = 0; i < layout->nr; i++) {
		layout->item[i].width = column_width(layout->item[i].id, name_cols);
		sum += layout->item[i].width;
	}
	layout->gap = sum + 2 * ((int)layout->nr - 1) < cols ? 2 : 1;
	for (size_t i = 0; i < layout->nr; i++) {
		layout->item[i].col = col;
		col += layout->item[i].width + layout->gap;
	}
}

/* ---- drawing ------------------------------------------------------------- */

static uint32_t arrow(const struct top_sort *sort, bool ascii)
{
	unsigned unit = top_columns[sort->column].unit;
	bool ascends = top_unit_is_text(unit) || unit == TOP_UNIT_PID;

	if (sort->flags & TOP_SORT_INVERT)
		ascends = !ascends;
	if (ascii)
		return ascends ? '^' : 'v';
	return ascends ? 0x25b2 : 0x25bc;
}

static void draw_titles(const struct layout *layout, const struct top_scene *scene,
			struct top_grid *grid, int row)
{
	const struct top_sort *sort = &scene->ui->sort;

	top_grid_fill(grid, row, 0, grid->cols, TOP_TITLE, ' ');
	for (size_t i = 0; i < layout->nr; i++) {
		const struct top_column *column = &top_columns[layout->item[i].id];
		int col = layout->item[i].col, width = layout->item[i].width;
		int title = (int)strlen(column->title);

		if (!top_unit_is_text(column->unit) && column->unit != TOP_UNIT_SHARE)
			col += width - title;
		(void)top_grid_put(grid, row, col, title, TOP_TITLE, column->title);
		if (layout->item[i].id == sort->column &&
		    !(sort->flags & TOP_SORT_BY_POOL))
			top_grid_fill(grid, row, col + title, 1, TOP_TITLE,
				      arrow(sort, grid->ascii));
	}
}

static void draw_row(const struct layout *layout, struct top_grid *grid, int row,
		     const struct snp_pool_stat *pool,
		     const struct snp_worker_stat *worker)
{
	for (size_t i = 0; i < layout->nr; i++) {
		struct top_place place = {.grid = grid,
					  .row = row,
					  .col = layout->item[i].col,
					  .width = layout->item[i].width};

		top_column_draw(&place, layout->item[i].id, pool, worker);
	}
}

static bool pool_has_selection(const struct top_ui *ui,
			       const struct snp_pool_stat *pool)
{
	return ui->selected.kind != TOP_PICK_NONE &&
	       strcmp(ui->selected.pool, pool->name) == 0;
}

int view_pools(const struct top_scene *scene, struct top_grid *grid, int row, int rows)
{
	const struct snp_look *look = &scene->frame->look;
	size_t shown = look->pools_nr;
	struct layout layout;
	char more[64];

	lay_out(&layout, scene, TOP_TABLE_POOL, grid);
	draw_titles(&layout, scene, grid, row);
	if (shown > (size_t)rows)
		shown = rows > 0 ? (size_t)rows - 1 : 0;
	for (size_t i = 0; i < shown; i++) {
		draw_row(&layout, grid, row + 1 + (int)i, &look->pools[i], NULL);
		if (pool_has_selection(scene->ui, &look->pools[i]))
			top_grid_fill(grid, row + 1 + (int)i, 0, 1, TOP_ACCENT, '>');
	}
	if (shown == look->pools_nr)
		return 1 + (int)shown;
	(void)snprintf(more, sizeof(more), "and %zu more pools",
		       look->pools_nr - shown);
	if (rows > 0)
		(void)top_grid_put(grid, row + 1 + (int)shown, 1, grid->cols - 2,
				   TOP_DIM, more);
	return 1 + rows;
}

static void draw_heading(const struct snp_pool_stat *pool, struct top_grid *grid,
			 int row)
{
	struct top_pen pen = {
	    .grid = grid, .row = row, .col = 1, .end = grid->cols - 1};

	top_pen_put(&pen, TOP_ACCENT, pool->name);
	top_pen_printf(&pen, TOP_DIM, "  %" PRIu64 " busy of %" PRIu64 " workers",
		       pool->by_status[SNP_WORKER_STATUS_BUSY], pool->workers);
}

int view_workers(const struct top_scene *scene, struct top_grid *grid, int row,
		 size_t first, int rows)
{
	const struct snp_look *look = &scene->frame->look;
	size_t selected = top_ui_selected_row(scene->ui, scene->rows, look);
	struct layout layout;
	int used = 1;

	lay_out(&layout, scene, TOP_TABLE_WORKER, grid);
	draw_titles(&layout, scene, grid, row);
	for (size_t i = first; i < scene->rows->nr && used <= rows; i++, used++) {
		const struct top_row *line = &scene->rows->row[i];

		if (line->worker == TOP_ROW_HEADING) {
			draw_heading(&look->pools[line->pool], grid, row + used);
		} else {
			draw_row(&layout, grid, row + used, &look->pools[line->pool],
				 &look->workers[line->worker]);
		}
		if (i == selected) {
			top_grid_fill(grid, row + used, 0, 1, TOP_ACCENT, '>');
			top_grid_flag_row(grid, row + used, TOP_CELL_SELECTED);
		}
	}
	return used;
}
