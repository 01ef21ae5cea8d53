/* SPDX-License-Identifier: Apache-2.0 */
#include "reformat.h"

#include <stdbool.h>

struct writer {
	struct snp_buf *out;
	unsigned depth;
	bool indented;
};

static void new_line(const struct writer *writer)
{
	if (!writer->indented)
		return;
	snp_buf_putc(writer->out, '\n');
	for (unsigned i = 0; i < writer->depth; i++)
		snp_buf_puts(writer->out, "  ");
}

static bool is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

/* Bytes of the string that starts at text[0] == '"', quotes included. */
static size_t string_len(const char *text, size_t len)
{
	size_t i = 1;

	while (i < len && text[i] != '"')
		i += text[i] == '\\' ? 2 : 1;
	return i < len ? i + 1 : len;
}

static size_t skip_blanks(const char *text, size_t len, size_t at)
{
	while (at < len && is_blank(text[at]))
		at++;
	return at;
}

/* Copy the token at text[at]; returns where the next one may start. */
static size_t copy_token(struct writer *writer, const char *text, size_t len, size_t at)
{
	size_t next = skip_blanks(text, len, at + 1);
	char c = text[at];

	switch (c) {
	case '"':
		next = at + string_len(text + at, len - at);
		snp_buf_put(writer->out, text + at, next - at);
		return next;
	case '{':
	case '[':
		snp_buf_putc(writer->out, c);
		if (next < len && (text[next] == '}' || text[next] == ']')) {
			snp_buf_putc(writer->out, text[next]);
			return next + 1;
		}
		writer->depth++;
		new_line(writer);
		return next;
	case '}':
	case ']':
		writer->depth -= writer->depth > 0;
		new_line(writer);
		snp_buf_putc(writer->out, c);
		return next;
	case ',':
		snp_buf_putc(writer->out, c);
		new_line(writer);
		return next;
	case ':':
		snp_buf_puts(writer->out, writer->indented ? ": " : ":");
		return next;
	default:
		snp_buf_putc(writer->out, c);
		return at + 1;
	}
}

void reformat(const char *text, size_t len, enum reformat_style style,
	      struct snp_buf *out)
{
	struct writer writer = {.out = out, .indented = style == REFORMAT_INDENTED};
	size_t at = 0;

	while ((at = skip_blanks(text, len, at)) < len)
		at = copy_token(&writer, text, len, at);
}
