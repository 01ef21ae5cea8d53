/* SPDX-License-Identifier: Apache-2.0 */
#include "model/csv.h"

#include <string.h>

bool snp_csv_needs_quotes(const char *text, size_t len)
{
	return len > 0 && (memchr(text, ',', len) || memchr(text, '"', len) ||
			   memchr(text, '\n', len) || memchr(text, '\r', len));
}

void snp_csv_put_escaped(struct snp_buf *out, const char *text, size_t len)
{
	const char *quote;

	while (len > 0 && (quote = memchr(text, '"', len)) != NULL) {
		size_t run = (size_t)(quote - text) + 1;

		snp_buf_put(out, text, run);
		snp_buf_putc(out, '"');
		text += run;
		len -= run;
	}
	snp_buf_put(out, text, len);
}

void snp_csv_put(struct snp_buf *out, const char *text)
{
	size_t len = strlen(text);

	if (!snp_csv_needs_quotes(text, len)) {
		snp_buf_put(out, text, len);
		return;
	}
	snp_buf_putc(out, '"');
	snp_csv_put_escaped(out, text, len);
	snp_buf_putc(out, '"');
}
