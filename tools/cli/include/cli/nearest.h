/* SPDX-License-Identifier: Apache-2.0 */
/* nearest.h - which word was meant? For suggestions after a typing error. Pure. */
#ifndef CLI_NEAREST_H
#define CLI_NEAREST_H

#include <stddef.h>

/* Insertions, deletions, substitutions and swaps of neighbours that turn `a` into `b`.
 * Words over CLI_NEAREST_MAX bytes count as infinitely far (UINT_MAX). */
#define CLI_NEAREST_MAX 63
unsigned cli_distance(const char *a, const char *b);

/* Collects the best of many candidates. Start with {.word = what was typed}. */
struct cli_nearest {
	const char *word;
	const char *best; /* NULL: nothing is near enough */
	unsigned distance;
};

/* `candidate` is borrowed as long as `best` is used. Of equally near ones the first
 * wins. Near enough is one slip for each three letters typed, and at least one. */
void cli_nearest_try(struct cli_nearest *nearest, const char *candidate);

#endif
