/* SPDX-License-Identifier: Apache-2.0 */
/*
 * text.h - tables and durations for people.
 *
 * Cells come from segments, which others write: control characters are replaced, so no
 * escape sequence reaches the terminal. One thread at a time.
 */
#ifndef SNAKEPIT_TEXT_H
#define SNAKEPIT_TEXT_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "model/buf.h"

#define TEXT_COLUMNS_MAX 16

/* Start with {.align = "lrr"}: one letter a column, 'l' left, 'r' right. */
struct text_table {
	const char *align;
	struct snp_buf cells; /* NUL-terminated, row by row */
	size_t cells_nr;
	size_t width[TEXT_COLUMNS_MAX];
};

/* Append a cell; the next row begins when a row is full. */
void text_cell(struct text_table *table, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));

/* Print the rows, columns two blanks apart, and free the table. -ENOMEM: nothing was
 * printed. */
int text_table_print(struct text_table *table, FILE *out);

#define TEXT_DURATION_BYTES 32

/* "412ms", "8.3s", "5m07s", "3h12m", "4d05h"; returns `ret`. */
const char *text_duration(uint64_t ns, char ret[TEXT_DURATION_BYTES]);

/* `text` line by line, each after `indent`, without control characters. */
void text_lines_print(const char *text, const char *indent, FILE *out);

#endif
