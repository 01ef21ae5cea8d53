/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <string.h>

#include "view_parts.h"

/* Columns of the first `len` bytes. */
static int width_of(const char *text, size_t len, bool ascii)
{
	char part[SNP_QUERY_BYTES_MAX];

	(void)snprintf(part, sizeof(part), "%.*s", (int)len, text);
	return top_text_width(part, ascii);
}

/* The first byte to show so that the cursor has its place in `room` columns. */
static size_t first_shown(const struct top_prompt *prompt, int room, bool ascii)
{
	size_t first = 0;

	while (first < prompt->cursor &&
	       width_of(prompt->text + first, prompt->cursor - first, ascii) >= room)
		first++;
	while (first < prompt->cursor && (prompt->text[first] & 0xc0) == 0x80)
		first++;
	return first;
}

static void draw_carets(const struct top_prompt *prompt, struct top_grid *grid, int row,
			int col, size_t first)
{
	size_t at = prompt->place.at > first ? prompt->place.at - first : 0;
	size_t len = prompt->place.len;
	int from = width_of(prompt->text + first, at, grid->ascii);

	if (at + first + len > prompt->len)
		len = 1; /* what is missing at the end */
	top_grid_fill(grid, row, 0, grid->cols, TOP_NORMAL, ' ');
	top_grid_fill(grid, row, col + from,
		      width_of(prompt->text + first + at, len, grid->ascii) +
			  (at + first >= prompt->len),
		      TOP_BAD, '^');
}

void view_prompt(const struct top_scene *scene, struct top_grid *grid, int row)
{
	const struct top_prompt *prompt = &scene->ui->prompt;
	const char *label = top_prompt_labels[prompt->kind];
	int col = top_text_width(label, grid->ascii) + 1, cursor;
	size_t first;

	if (col + 8 > grid->cols)
		col = 0;
	first = first_shown(prompt, grid->cols - col - 1, grid->ascii);
	if (prompt->error[0] && row >= 3) {
		top_grid_fill(grid, row, 0, grid->cols, TOP_NORMAL, ' ');
		(void)top_grid_put(grid, row, 1, grid->cols - 1, TOP_BAD,
				   prompt->error);
		row -= 2;
		top_grid_fill(grid, row + 1, 0, grid->cols, TOP_NORMAL, ' ');
		if (prompt->place.len > 0)
			draw_carets(prompt, grid, row + 1, col, first);
	}
	top_grid_fill(grid, row, 0, grid->cols, TOP_NORMAL, ' ');
	if (col > 0)
		(void)top_grid_put(grid, row, 1, col - 1, TOP_ACCENT, label);
	(void)top_grid_put(grid, row, col, grid->cols - col, TOP_STRONG,
			   prompt->text + first);
	cursor =
	    col + width_of(prompt->text + first, prompt->cursor - first, grid->ascii);
	top_grid_style(grid, row, cursor, 1, TOP_TITLE);
}
