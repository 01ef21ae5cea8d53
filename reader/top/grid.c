/* SPDX-License-Identifier: Apache-2.0 */
#include "grid.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <wchar.h>

#include "model/utf8.h"

static struct top_cell *cell_at(struct top_grid *grid, int row, int col)
{
	if (row < 0 || col < 0 || row >= grid->rows || col >= grid->cols)
		return NULL;
	return &grid->cells[(size_t)row * (size_t)grid->cols + (size_t)col];
}

const struct top_cell *top_grid_cell(const struct top_grid *grid, int row, int col)
{
	if (row < 0 || col < 0 || row >= grid->rows || col >= grid->cols)
		return NULL;
	return &grid->cells[(size_t)row * (size_t)grid->cols + (size_t)col];
}

int top_grid_reset(struct top_grid *grid, int rows, int cols)
{
	static const struct top_cell blank = {.ch = ' ', .width = 1};
	size_t n;

	rows = rows < 0 ? 0 : rows;
	cols = cols < 0 ? 0 : cols;
	n = (size_t)rows * (size_t)cols;
	if (n > grid->cells_cap) {
		struct top_cell *cells = reallocarray(grid->cells, n, sizeof(*cells));

		if (!cells) {
			grid->rows = grid->cols = 0;
			return -ENOMEM;
		}
		grid->cells = cells;
		grid->cells_cap = n;
	}
	grid->rows = rows;
	grid->cols = cols;
	for (size_t i = 0; i < n; i++)
		grid->cells[i] = blank;
	return 0;
}

void top_grid_fini(struct top_grid *grid)
{
	free(grid->cells);
	*grid = (struct top_grid){0};
}

/* ---- text ---------------------------------------------------------------- */

/* Controls, and the marks with which text could reorder its surroundings. */
static bool is_unsafe(uint32_t ch)
{
	return ch < 0x20 || (ch >= 0x7f && ch < 0xa0) || ch == 0xad ||
	       (ch >= 0x200b && ch <= 0x200f) || (ch >= 0x2028 && ch <= 0x202e) ||
	       (ch >= 0x2060 && ch <= 0x206f) || ch == 0xfeff;
}

uint32_t top_text_next(const char **text, bool ascii, int *ret_width)
{
	while (**text) {
		/* A character has at most 4 bytes; the NUL ends a cut one. */
		size_t left = strnlen(*text, 4);
		size_t len = snp_utf8_char_len(*text, left);
		uint32_t ch = snp_utf8_decode(*text, len);
		int width;

		*text += len > 0 ? len : 1;
		if (is_unsafe(ch))
			continue;
		width = ch < 0x7f ? 1 : wcwidth((wchar_t)ch);
		if (ch > 0x7e && ascii) {
			if (width == 0)
				continue; /* a combining mark: its letter is enough */
			ch = '?';
			width = 1;
		}
		if (width <= 0)
			continue;
		*ret_width = width;
		return ch;
	}
	return 0;
}

int top_text_width(const char *text, bool ascii)
{
	int sum = 0, width;

	while (top_text_next(&text, ascii, &width))
		sum += width;
	return sum;
}

/* ---- drawing ------------------------------------------------------------- */

/* Overwriting half of a wide character leaves a blank in the other half. */
static void cell_release(struct top_grid *grid, int row, int col)
{
	struct top_cell *cell = cell_at(grid, row, col);
	struct top_cell *other = NULL;

	if (!cell)
		return;
	if (cell->width == 2)
		other = cell_at(grid, row, col + 1);
	else if (cell->width == 0)
		other = cell_at(grid, row, col - 1);
	if (!other)
		return;
	cell->ch = other->ch = ' ';
	cell->width = other->width = 1;
}

static void cell_set(struct top_grid *grid, int row, int col, struct top_cell value)
{
	struct top_cell *cell = cell_at(grid, row, col);

	if (!cell)
		return;
	cell_release(grid, row, col);
	*cell = value;
}

int top_grid_put(struct top_grid *grid, int row, int col, int max, enum top_style style,
		 const char *text)
{
	int used = 0, width = 0;
	uint32_t ch;

	if (max > grid->cols - col)
		max = grid->cols - col;
	if (row < 0 || row >= grid->rows || col < 0)
		return 0;
	while ((ch = top_text_next(&text, grid->ascii, &width)) != 0 &&
	       used + width <= max) {
		int at = col + used;

		cell_set(
		    grid, row, at,
		    (struct top_cell){.ch = ch, .width = 1, .style = (uint8_t)style});
		if (width == 2) {
			cell_set(grid, row, at + 1,
				 (struct top_cell){.style = (uint8_t)style});
			cell_at(grid, row, at)->width = 2;
		}
		used += width;
	}
	return used;
}

void top_grid_fill(struct top_grid *grid, int row, int col, int n, enum top_style style,
		   uint32_t ch)
{
	for (int i = 0; i < n; i++)
		cell_set(
		    grid, row, col + i,
		    (struct top_cell){.ch = ch, .width = 1, .style = (uint8_t)style});
}

void top_grid_flag_row(struct top_grid *grid, int row, enum top_cell_flags flags)
{
	for (int col = 0; col < grid->cols; col++) {
		struct top_cell *cell = cell_at(grid, row, col);

		if (cell)
			cell->flags |= (uint8_t)flags;
	}
}

void top_grid_style(struct top_grid *grid, int row, int col, int n,
		    enum top_style style)
{
	for (int i = 0; i < n; i++) {
		struct top_cell *cell = cell_at(grid, row, col + i);

		if (cell)
			cell->style = (uint8_t)style;
	}
}

/* ---- reading ------------------------------------------------------------- */

static void put_utf8(struct snp_buf *out, uint32_t ch)
{
	char bytes[SNP_UTF8_BYTES_MAX] = {0};

	snp_buf_put(out, bytes, snp_utf8_encode(bytes, ch));
}

void top_grid_text(const struct top_grid *grid, struct snp_buf *out)
{
	for (int row = 0; row < grid->rows; row++) {
		int end = grid->cols;

		while (end > 0 && top_grid_cell(grid, row, end - 1)->ch == ' ')
			end--;
		for (int col = 0; col < end; col++) {
			const struct top_cell *cell = top_grid_cell(grid, row, col);

			if (cell->width > 0)
				put_utf8(out, cell->ch);
		}
		snp_buf_putc(out, '\n');
	}
}

/* ---- pens ---------------------------------------------------------------- */

void top_pen_put(struct top_pen *pen, enum top_style style, const char *text)
{
	if (pen->col < pen->end)
		pen->col += top_grid_put(pen->grid, pen->row, pen->col,
					 pen->end - pen->col, style, text);
}

void top_pen_printf(struct top_pen *pen, enum top_style style, const char *fmt, ...)
{
	char text[1024];
	va_list ap;

	va_start(ap, fmt);
	(void)vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	top_pen_put(pen, style, text);
}

bool top_pen_put_whole(struct top_pen *pen, enum top_style style, const char *text)
{
	if (top_text_width(text, pen->grid->ascii) > pen->end - pen->col)
		return false;
	top_pen_put(pen, style, text);
	return true;
}

void top_pen_put_right(struct top_pen *pen, enum top_style style, const char *text)
{
	int width = top_text_width(text, pen->grid->ascii);

	if (width > pen->end - pen->col)
		return;
	pen->end -= width;
	(void)top_grid_put(pen->grid, pen->row, pen->end, width, style, text);
}
