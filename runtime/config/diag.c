/* SPDX-License-Identifier: Apache-2.0 */
#include "diag.h"

#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

/* A path may be as long as the whole message; its end says more than its start. */
#define NAME_BYTES_MAX 160

void snp__diag_record(const struct diag *diag, struct mark mark, const char *fmt, ...)
{
	char what[SNP_ERR_MSG_BYTES];
	size_t n = strlen(diag->name);
	bool is_long = n > NAME_BYTES_MAX;
	va_list ap;

	va_start(ap, fmt);
	(void)vsnprintf(what, sizeof(what), fmt, ap);
	va_end(ap);
	(void)snp_err_set(diag->err, -EINVAL, "%s%s:%zu:%zu: %s", is_long ? "..." : "",
			  diag->name + (is_long ? n - NAME_BYTES_MAX : 0), mark.line,
			  mark.column, what);
}

const char *snp__diag_quote(const char *text, char ret_quoted[QUOTE_BYTES])
{
	static const char ending[] = "...\"";
	size_t room = QUOTE_BYTES - sizeof(ending);
	size_t len = 0;

	ret_quoted[len++] = '"';
	for (; *text; text++) {
		unsigned char c = (unsigned char)*text;
		int is_start = (c & 0xC0U) != 0x80U;

		/* A character takes at most 4 bytes; stop only before a whole one. */
		if (is_start && len + 4 > room) {
			memcpy(ret_quoted + len, ending, sizeof(ending));
			return ret_quoted;
		}
		if (c < 0x20U || c == 0x7FU)
			len += (size_t)snprintf(ret_quoted + len, 5, "\\x%02x", c);
		else
			ret_quoted[len++] = (char)c;
	}
	ret_quoted[len++] = '"';
	ret_quoted[len] = '\0';
	return ret_quoted;
}
