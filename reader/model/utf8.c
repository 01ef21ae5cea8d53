/* SPDX-License-Identifier: Apache-2.0 */
#include "model/utf8.h"

#include <stdbool.h>
#include <string.h>

static bool continues(unsigned char c)
{
	return (c & 0xC0) == 0x80;
}

size_t snp_utf8_char_len(const char *text, size_t len)
{
	const unsigned char *s = (const unsigned char *)text;

	if (s[0] < 0x80)
		return 1;
	if (s[0] >= 0xC2 && s[0] <= 0xDF)
		return len >= 2 && continues(s[1]) ? 2 : 0;
	if ((s[0] & 0xF0) == 0xE0) {
		if (len < 3 || !continues(s[1]) || !continues(s[2]))
			return 0;
		if (s[0] == 0xE0 && s[1] < 0xA0) /* overlong */
			return 0;
		if (s[0] == 0xED && s[1] > 0x9F) /* surrogate */
			return 0;
		return 3;
	}
	if (s[0] >= 0xF0 && s[0] <= 0xF4) {
		if (len < 4 || !continues(s[1]) || !continues(s[2]) || !continues(s[3]))
			return 0;
		if (s[0] == 0xF0 && s[1] < 0x90) /* overlong */
			return 0;
		if (s[0] == 0xF4 && s[1] > 0x8F) /* beyond U+10FFFF */
			return 0;
		return 4;
	}
	return 0;
}

uint32_t snp_utf8_decode(const char *text, size_t char_len)
{
	const unsigned char *s = (const unsigned char *)text;

	switch (char_len) {
	case 0:
		return '?';
	case 1:
		return s[0];
	case 2:
		return (s[0] & 0x1fu) << 6 | (s[1] & 0x3fu);
	case 3:
		return (s[0] & 0x0fu) << 12 | (s[1] & 0x3fu) << 6 | (s[2] & 0x3fu);
	default:
		return (s[0] & 0x07u) << 18 | (s[1] & 0x3fu) << 12 |
		       (s[2] & 0x3fu) << 6 | (s[3] & 0x3fu);
	}
}

static char continuation(uint32_t bits)
{
	return (char)(0x80 | (bits & 0x3f));
}

size_t snp_utf8_encode(char out[SNP_UTF8_BYTES_MAX], uint32_t ch)
{
	size_t len = ch < 0x80 ? 1 : ch < 0x800 ? 2 : ch < 0x10000 ? 3 : 4;
	static const unsigned char lead[] = {0, 0, 0xc0, 0xe0, 0xf0};

	for (size_t i = len - 1; i > 0; i--, ch >>= 6)
		out[i] = continuation(ch);
	out[0] = (char)(lead[len] | ch);
	return len;
}

void snp_utf8_copy(char *to, size_t size, const char *text)
{
	size_t len = text ? strlen(text) : 0, n = 0, step;

	while (n < len && (step = snp_utf8_char_len(text + n, len - n)) > 0 &&
	       n + step < size)
		n += step;
	if (n > 0)
		memcpy(to, text, n);
	to[n] = '\0';
}
