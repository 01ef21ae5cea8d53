/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_random.h - random numbers for property tests, the same in every run unless
 * SNP_TEST_SEED names another seed. Each thread has a generator of its own.
 */
#ifndef SNP_TEST_RANDOM_H
#define SNP_TEST_RANDOM_H

#include <stdint.h>
#include <stdlib.h>

struct test_random {
	uint64_t state;
};

static inline struct test_random test_random_seeded(uint64_t stream)
{
	const char *seed = getenv("SNP_TEST_SEED");

	return (struct test_random){(seed ? strtoull(seed, NULL, 0) : 1) *
					UINT64_C(0x9E3779B97F4A7C15) +
				    stream};
}

/* splitmix64 (Steele, Lea, Flood 2014) */
static inline uint64_t test_random_u64(struct test_random *r)
{
	uint64_t z = r->state += UINT64_C(0x9E3779B97F4A7C15);

	z = (z ^ (z >> 30)) * UINT64_C(0xBF58476D1CE4E5B9);
	z = (z ^ (z >> 27)) * UINT64_C(0x94D049BB133111EB);
	return z ^ (z >> 31);
}

static inline uint32_t test_random_u32(struct test_random *r)
{
	return (uint32_t)(test_random_u64(r) >> 32);
}

/* Less than `bound`, which is at least 1. */
static inline uint32_t test_random_below(struct test_random *r, uint32_t bound)
{
	return (uint32_t)((test_random_u64(r) >> 32) * bound >> 32);
}

#endif
