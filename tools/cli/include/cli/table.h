/* SPDX-License-Identifier: Apache-2.0 */
/*
 * table.h - tables and durations for people.
 *
 * Cells come from segments, which others write: control characters are replaced, so no
 * escape sequence reaches the terminal. One thread at a time.
 */
#ifndef CLI_TABLE_H
#define CLI_TABLE_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "model/buf.h"

#define CLI_COLUMNS_MAX 16

enum cli_table_style {
	CLI_TABLE_ALIGNED,
	CLI_TABLE_BOLD, /* and the first row is bold */
	CLI_TABLE_TABS, /* one tab between cells, for programs */
};

/* Start with {.align = "lrr"}: one letter a column, 'l' left, 'r' right. */
struct cli_table {
	const char *align;
	enum cli_table_style style;
	struct snp_buf cells; /* NUL-terminated, row by row */
	size_t cells_nr;
	size_t width[CLI_COLUMNS_MAX];
};

/* Append a cell; the next row begins when a row is full. */
void cli_table_cell(struct cli_table *table, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));

/* Print the rows, columns two blanks apart unless tabs are, and free the table.
 * -ENOMEM: nothing was printed. */
int cli_table_print(struct cli_table *table, FILE *out);

#define CLI_DURATION_BYTES 32

/* "412ms", "8.3s", "5m07s", "3h12m", "4d05h"; returns `ret`. */
const char *cli_duration(uint64_t ns, char ret[CLI_DURATION_BYTES]);

/* Replace each byte of a control character (C0, DEL, C1) by '?': names from a segment
 * may hold what a terminal obeys. Returns `text`. */
char *cli_strip_controls(char *text);

/* `text` line by line, each after `indent`, without control characters. */
void cli_lines_print(const char *text, const char *indent, FILE *out);

#endif
