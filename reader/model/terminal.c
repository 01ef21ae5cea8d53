/* SPDX-License-Identifier: Apache-2.0 */
#include "model/terminal.h"

#include <string.h>

bool snp_terminal_is_control(const char *s)
{
	const unsigned char *u = (const unsigned char *)s;

	return u[0] < 0x20 || u[0] == 0x7F ||
	       (u[0] == 0xC2 && u[1] >= 0x80 && u[1] < 0xA0);
}

void snp_terminal_put_n(struct snp_buf *out, const char *text, size_t len)
{
	const char *end = text + len;

	for (; text < end; text++) {
		if (!snp_terminal_is_control(text)) {
			snp_buf_putc(out, *text);
			continue;
		}
		snp_buf_printf(out, "\\x%02x", (unsigned char)*text);
		if ((unsigned char)*text == 0xC2)
			snp_buf_printf(out, "\\x%02x", (unsigned char)*++text);
	}
}

void snp_terminal_put(struct snp_buf *out, const char *text)
{
	snp_terminal_put_n(out, text, strlen(text));
}
