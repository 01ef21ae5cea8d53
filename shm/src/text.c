/* SPDX-License-Identifier: Apache-2.0 */
#include "text.h"

#include <string.h>

#include "utf8.h"

size_t snp__text_clean(char *ret, size_t room, const char *text, size_t len)
{
	size_t used = 0;

	while (used < len) {
		size_t n = snp__utf8_char(text + used, len - used);

		if (used + (n ? n : 1) > room)
			break;
		if (n)
			memcpy(ret + used, text + used, n);
		else
			ret[used] = '?';
		used += n ? n : 1;
	}
	return used;
}
