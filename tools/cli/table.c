/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/table.h"

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <string.h>

#include "snakepit/time.h"

/* Bytes of the control character at `text`: C0 and DEL have one, C1 has two. */
static size_t control_bytes(const char *text)
{
	const unsigned char *u = (const unsigned char *)text;

	if (u[0] == 0xc2 && u[1] >= 0x80 && u[1] < 0xa0)
		return 2;
	return (u[0] > 0 && u[0] < 0x20) || u[0] == 0x7f;
}

char *cli_strip_controls(char *text)
{
	char *p = text;

	while (*p) {
		size_t len = control_bytes(p);

		memset(p, '?', len);
		p += len ? len : 1;
	}
	return text;
}

/* Characters, not bytes: a pool may have any UTF-8 name. */
static size_t width_of(const char *text)
{
	size_t width = 0;

	for (; *text; text++)
		width += ((unsigned char)*text & 0xc0) != 0x80;
	return width;
}

void cli_table_cell(struct cli_table *table, const char *fmt, ...)
{
	size_t column = table->cells_nr % strlen(table->align), width;
	char cell[256];
	va_list ap;

	va_start(ap, fmt);
	(void)vsnprintf(cell, sizeof(cell), fmt, ap);
	va_end(ap);
	(void)cli_strip_controls(cell);
	width = width_of(cell);
	if (width > table->width[column])
		table->width[column] = width;
	snp_buf_put(&table->cells, cell, strlen(cell) + 1);
	table->cells_nr++;
}

static void print_row(const struct cli_table *table, const char **cell, FILE *out)
{
	size_t columns = strlen(table->align);
	bool tabs = table->style == CLI_TABLE_TABS;

	for (size_t i = 0; i < columns; i++) {
		size_t pad = tabs ? 0 : table->width[i] - width_of(*cell);
		bool right = table->align[i] == 'r';

		if (right)
			(void)fprintf(out, "%*s", (int)pad, "");
		(void)fputs(*cell, out);
		if (!right && i + 1 < columns)
			(void)fprintf(out, "%*s", (int)pad, "");
		(void)fputs(i + 1 == columns ? "" : tabs ? "\t" : "  ", out);
		*cell += strlen(*cell) + 1;
	}
}

int cli_table_print(struct cli_table *table, FILE *out)
{
	const char *cell = table->cells.data;
	bool failed = table->cells.failed;

	for (size_t i = 0; !failed && i < table->cells_nr; i += strlen(table->align)) {
		bool bold = i == 0 && table->style == CLI_TABLE_BOLD;

		(void)fputs(bold ? "\033[1m" : "", out);
		print_row(table, &cell, out);
		(void)fputs(bold ? "\033[m\n" : "\n", out);
	}
	snp_buf_fini(&table->cells);
	return failed ? -ENOMEM : 0;
}

const char *cli_duration(uint64_t ns, char ret[CLI_DURATION_BYTES])
{
	uint64_t ms = ns / SNP_NS_PER_MS, s = ns / SNP_NS_PER_S;
	size_t len = CLI_DURATION_BYTES;

	if (ms < 1000)
		(void)snprintf(ret, len, "%" PRIu64 "ms", ms);
	else if (s < 60)
		(void)snprintf(ret, len, "%" PRIu64 ".%" PRIu64 "s", s,
			       ms % 1000 / 100);
	else if (s < 3600)
		(void)snprintf(ret, len, "%" PRIu64 "m%02" PRIu64 "s", s / 60, s % 60);
	else if (s < 86400)
		(void)snprintf(ret, len, "%" PRIu64 "h%02" PRIu64 "m", s / 3600,
			       s % 3600 / 60);
	else
		(void)snprintf(ret, len, "%" PRIu64 "d%02" PRIu64 "h", s / 86400,
			       s % 86400 / 3600);
	return ret;
}

void cli_lines_print(const char *text, const char *indent, FILE *out)
{
	while (*text) {
		size_t len = strcspn(text, "\n");

		(void)fputs(indent, out);
		for (size_t i = 0; i < len; i++) {
			size_t control = control_bytes(text + i);

			(void)fputc(control ? ' ' : text[i], out);
			i += control == 2;
		}
		(void)fputc('\n', out);
		text += len;
		text += *text == '\n';
	}
}
