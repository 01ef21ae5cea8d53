/* SPDX-License-Identifier: Apache-2.0 */
/*
 * grid.h - a rectangle of character cells that views draw into.
 *
 * What a view draws is plain data: tests compare it, batch mode prints it, screen.c
 * puts it on a terminal. Drawing outside the rectangle is allowed and does nothing, so
 * views need no case for small sizes. Text is cleaned on the way in: control characters
 * (C0, C1, DEL, ESC), bidirectional controls and combining marks are left out, and text
 * is cut by display width, never inside a wide character.
 *
 * One thread at a time. Character widths follow the locale's LC_CTYPE.
 */
#ifndef SNP_TOP_GRID_H
#define SNP_TOP_GRID_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "model/buf.h"

enum top_style { /* what a cell means; screen.c decides how that looks */
		 TOP_NORMAL,
		 TOP_DIM,    /* present, not important */
		 TOP_STRONG, /* the number in a sentence */
		 TOP_GOOD,
		 TOP_WARN,
		 TOP_BAD,
		 TOP_ACCENT, /* names, keys */
		 TOP_GRAPH,
		 TOP_TITLE,    /* column titles */
		 TOP_BANNER,   /* the runtime is not there */
		 TOP_HEAT_LOW, /* of heat maps: few to most */
		 TOP_HEAT_MID,
		 TOP_HEAT_HIGH,
		 TOP_HEAT_TOP,
		 TOP_STYLE_NR
};

enum top_cell_flags {
	TOP_CELL_SELECTED = 1, /* the row under the cursor */
	TOP_CELL_FROZEN = 2,   /* final state of something that ended */
};

struct top_cell {
	uint32_t ch;   /* code point; 0 in the second half of a wide character */
	uint8_t width; /* columns: 1, 2, or 0 for such a second half */
	uint8_t style; /* enum top_style */
	uint8_t flags; /* enum top_cell_flags */
	uint8_t unused;
};

struct top_grid {
	int rows, cols;
	bool ascii; /* whatever is not ASCII becomes '?' */
	struct top_cell *cells;
	size_t cells_cap;
};

/* Zeroed struct = empty grid. Sets the size and fills it with blanks. -ENOMEM leaves it
 * empty. */
int top_grid_reset(struct top_grid *grid, int rows, int cols);
void top_grid_fini(struct top_grid *grid);

/* NULL outside. */
const struct top_cell *top_grid_cell(const struct top_grid *grid, int row, int col);

/* Draw at most `max` columns of UTF-8 text. Returns the columns used. */
int top_grid_put(struct top_grid *grid, int row, int col, int max, enum top_style style,
		 const char *text);
/* `n` times a character of width 1. */
void top_grid_fill(struct top_grid *grid, int row, int col, int n, enum top_style style,
		   uint32_t ch);
void top_grid_flag_row(struct top_grid *grid, int row, enum top_cell_flags flags);
/* Change the style of cells already drawn. */
void top_grid_style(struct top_grid *grid, int row, int col, int n,
		    enum top_style style);

/* The text as lines without trailing blanks. */
void top_grid_text(const struct top_grid *grid, struct snp_buf *out);

/* ---- text ---------------------------------------------------------------- */

/* The next character of `*text`, which moves past it: a printable code point, or 0 at
 * the end. What must not reach a terminal is skipped; a byte that is not UTF-8 reads as
 * '?'. */
uint32_t top_text_next(const char **text, bool ascii, int *ret_width);

/* Columns that top_grid_put() would use for all of it. */
int top_text_width(const char *text, bool ascii);

/* ---- pens: words one after another in a row ------------------------------ */

struct top_pen {
	struct top_grid *grid;
	int row, col, end; /* columns [col, end) are still free */
};

void top_pen_put(struct top_pen *pen, enum top_style style, const char *text);
void top_pen_printf(struct top_pen *pen, enum top_style style, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));
/* All of it or nothing; whether it was put. */
bool top_pen_put_whole(struct top_pen *pen, enum top_style style, const char *text);
/* Right-aligned against the end, which moves in front of it. Nothing where it does not
 * fit: half a number is worse than none. */
void top_pen_put_right(struct top_pen *pen, enum top_style style, const char *text);

#endif
