/* SPDX-License-Identifier: Apache-2.0 */
#include "expo.h"

#include <string.h>

#include "model/utf8.h"

static bool is_letter(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
}

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

bool expo_metric_name_ok(const char *name)
{
	if (!is_letter(*name) && *name != ':')
		return false;
	while (is_letter(*name) || is_digit(*name) || *name == ':')
		name++;
	return *name == '\0';
}

bool expo_label_name_ok(const char *name)
{
	const char *c = name;

	if (!is_letter(*c) || strncmp(name, "__", 2) == 0)
		return false;
	while (is_letter(*c) || is_digit(*c))
		c++;
	return *c == '\0' && strcmp(name, "le") != 0 && strcmp(name, "quantile") != 0;
}

static bool is_plain(char c)
{
	return (unsigned char)c < 0x80 && c != '\\' && c != '"' && c != '\n';
}

/* `quote` is the text for a double quote, which only label values escape. */
static void put_escaped(struct snp_buf *buf, const char *text, const char *quote)
{
	const char *end = text + strlen(text);
	const char *run;
	size_t len;

	while (text < end) {
		for (run = text; run < end && is_plain(*run);)
			run++;
		snp_buf_put(buf, text, (size_t)(run - text));
		text = run;
		if (text == end)
			break;
		len = snp_utf8_char_len(text, (size_t)(end - text));
		if (len == 0) {
			snp_buf_puts(buf, SNP_UTF8_REPLACEMENT);
			len = 1;
		} else if (len > 1) {
			snp_buf_put(buf, text, len);
		} else if (*text == '"') {
			snp_buf_puts(buf, quote);
		} else {
			snp_buf_puts(buf, *text == '\n' ? "\\n" : "\\\\");
		}
		text += len;
	}
}

void expo_header(struct snp_buf *buf, const char *name, const char *type,
		 const char *help)
{
	snp_buf_puts(buf, "# HELP ");
	snp_buf_puts(buf, name);
	snp_buf_putc(buf, ' ');
	put_escaped(buf, help, "\"");
	snp_buf_puts(buf, "\n# TYPE ");
	snp_buf_puts(buf, name);
	snp_buf_putc(buf, ' ');
	snp_buf_puts(buf, type);
	snp_buf_putc(buf, '\n');
}

void expo_label(struct snp_buf *buf, const char *name, const char *value)
{
	snp_buf_puts(buf, name);
	snp_buf_put(buf, "=\"", 2);
	put_escaped(buf, value, "\\\"");
	snp_buf_putc(buf, '"');
}
