/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/nearest.h"

#include <limits.h>
#include <string.h>

static unsigned min3(unsigned a, unsigned b, unsigned c)
{
	unsigned least = a < b ? a : b;

	return least < c ? least : c;
}

/* Optimal string alignment, three rows at a time. */
unsigned cli_distance(const char *a, const char *b)
{
	unsigned rows[3][CLI_NEAREST_MAX + 1];
	size_t a_len = strlen(a), b_len = strlen(b);

	if (a_len > CLI_NEAREST_MAX || b_len > CLI_NEAREST_MAX)
		return UINT_MAX;
	for (size_t j = 0; j <= b_len; j++)
		rows[0][j] = (unsigned)j;
	for (size_t i = 1; i <= a_len; i++) {
		unsigned *now = rows[i % 3], *last = rows[(i + 2) % 3];
		const unsigned *before = rows[(i + 1) % 3];

		now[0] = (unsigned)i;
		for (size_t j = 1; j <= b_len; j++) {
			unsigned differ = a[i - 1] != b[j - 1];

			now[j] =
			    min3(last[j] + 1, now[j - 1] + 1, last[j - 1] + differ);
			if (i > 1 && j > 1 && a[i - 1] == b[j - 2] &&
			    a[i - 2] == b[j - 1])
				now[j] = min3(now[j], now[j], before[j - 2] + 1);
		}
	}
	return rows[a_len % 3][b_len];
}

void cli_nearest_try(struct cli_nearest *nearest, const char *candidate)
{
	unsigned distance = cli_distance(nearest->word, candidate);
	unsigned limit = (unsigned)(strlen(nearest->word) / 3);

	if (distance > (limit ? limit : 1))
		return;
	if (!nearest->best || distance < nearest->distance) {
		nearest->best = candidate;
		nearest->distance = distance;
	}
}
