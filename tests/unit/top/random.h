/* SPDX-License-Identifier: Apache-2.0 */
/*
 * random.h - numbers that are the same in every run of the same seed (xorshift64).
 */
#ifndef SNP_TEST_TOP_RANDOM_H
#define SNP_TEST_TOP_RANDOM_H

#include <stdint.h>

/* `state` is the seed at first, and never 0. */
static inline uint64_t random_next(uint64_t *state)
{
	*state ^= *state << 13;
	*state ^= *state >> 7;
	*state ^= *state << 17;
	return *state;
}

static inline unsigned random_below(uint64_t *state, unsigned nr)
{
	return (unsigned)(random_next(state) >> 33) % nr;
}

#endif
