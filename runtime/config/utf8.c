/* SPDX-License-Identifier: Apache-2.0 */
#include "utf8.h"

size_t snp__utf8_decode(const char *p, size_t n, uint32_t *ret_cp)
{
	static const uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
	unsigned char lead = (unsigned char)p[0];
	size_t need;
	uint32_t cp;

	if (lead < 0x80U) {
		*ret_cp = lead;
		return 1;
	}
	need = lead < 0xC0U   ? 0
	       : lead < 0xE0U ? 2
	       : lead < 0xF0U ? 3
	       : lead < 0xF8U ? 4
			      : 0;
	if (need == 0 || need > n)
		return 0;
	cp = lead & (0x7FU >> need);
	for (size_t i = 1; i < need; i++) {
		unsigned char c = (unsigned char)p[i];

		if ((c & 0xC0U) != 0x80U)
			return 0;
		cp = cp << 6 | (c & 0x3FU);
	}
	if (cp < least[need] || cp > 0x10FFFFU || (cp >= 0xD800U && cp <= 0xDFFFU))
		return 0;
	*ret_cp = cp;
	return need;
}

size_t snp__utf8_valid_len(const char *text, size_t len)
{
	size_t at = 0;

	while (at < len) {
		uint32_t cp;
		size_t n = snp__utf8_decode(text + at, len - at, &cp);

		if (n == 0)
			break;
		at += n;
	}
	return at;
}
