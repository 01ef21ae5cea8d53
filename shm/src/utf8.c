/* SPDX-License-Identifier: Apache-2.0 */
#include "reader_private.h"

/* Bytes of the sequence that starts with `lead`, and the allowed range of its second byte
 * (RFC 3629, table of section 4: no overlong forms, no surrogates, nothing over U+10FFFF). */
static unsigned sequence(unsigned char lead, unsigned char *ret_lo, unsigned char *ret_hi)
{
	*ret_lo = 0x80;
	*ret_hi = 0xBF;
	if (lead < 0x80)
		return 1;
	if (lead >= 0xC2 && lead <= 0xDF)
		return 2;
	if (lead >= 0xE0 && lead <= 0xEF) {
		*ret_lo = lead == 0xE0 ? 0xA0 : 0x80;
		*ret_hi = lead == 0xED ? 0x9F : 0xBF;
		return 3;
	}
	if (lead >= 0xF0 && lead <= 0xF4) {
		*ret_lo = lead == 0xF0 ? 0x90 : 0x80;
		*ret_hi = lead == 0xF4 ? 0x8F : 0xBF;
		return 4;
	}
	return 0;
}

bool snp__utf8_ok(const char *text, size_t len)
{
	const unsigned char *p = (const unsigned char *)text;
	unsigned char lo, hi;
	size_t i = 0;

	while (i < len) {
		unsigned n = sequence(p[i], &lo, &hi);

		if (n == 0 || n > len - i || p[i] == 0)
			return false;
		for (unsigned k = 1; k < n; k++) {
			if (p[i + k] < lo || p[i + k] > hi)
				return false;
			lo = 0x80;
			hi = 0xBF;
		}
		i += n;
	}
	return true;
}
