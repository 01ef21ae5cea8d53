/* SPDX-License-Identifier: Apache-2.0 */
/*
 * view_parts.h - the parts views are put together from. Private to view*.c.
 *
 * Each part draws into rows of the scene's grid from `row` on and returns how many rows
 * it used. Pure.
 */
#ifndef SNP_TOP_VIEW_PARTS_H
#define SNP_TOP_VIEW_PARTS_H

#include "view.h"

/* view_header.c */
void view_status(const struct top_scene *scene, struct top_grid *grid, int row);
void view_workers_line(const struct top_scene *scene, struct top_grid *grid, int row);
void view_rates_line(const struct top_scene *scene, struct top_grid *grid, int row);
/* Short words for terminals too small for anything else: as many of its rows as fit. */
int view_compact_lines(const struct top_scene *scene, struct top_grid *grid);

/* view_graph.c */
struct view_area {
	int row, col, rows, cols;
};
void view_graph_line(const struct top_scene *scene, struct top_grid *grid, int row,
		     enum top_series series);
void view_graph_area(const struct top_scene *scene, struct top_grid *grid,
		     struct view_area area, enum top_series series);

/* view_table.c: a title and at most `rows` rows below it */
int view_pools(const struct top_scene *scene, struct top_grid *grid, int row, int rows);
int view_workers(const struct top_scene *scene, struct top_grid *grid, int row,
		 size_t first, int rows);

/* view_events.c: the newest `rows` events, oldest first */
int view_events(const struct top_scene *scene, struct top_grid *grid, int row,
		int rows);

/* view_prompt.c: the line being typed; with an error, three rows up to this one */
void view_prompt(const struct top_scene *scene, struct top_grid *grid, int row);

/* view_help.c: the whole screen; returns the first line shown after clamping */
size_t view_help(const struct top_scene *scene, struct top_grid *grid);

#endif
