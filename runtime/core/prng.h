/* SPDX-License-Identifier: Apache-2.0 */
/*
 * prng.h - random numbers for jitter and for the ids of traces and spans: unique, not
 * secret. One generator a thread; it is seeded once and makes no system call after
 * that.
 */
#ifndef SNAKEPIT_RUNTIME_PRNG_H
#define SNAKEPIT_RUNTIME_PRNG_H

#include <stdint.h>

/* 256 bits, so that ids of 128 bits are as unique as they look. */
struct prng {
	uint64_t state[4]; /* not all zero */
};

/* From the kernel's random source, or from clock and address where that fails. */
void prng_seed(struct prng *prng);

uint64_t prng_next(struct prng *prng);

/* For an id of which zero means "none". */
uint64_t prng_next_nonzero(struct prng *prng);

#endif
