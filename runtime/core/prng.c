/* SPDX-License-Identifier: Apache-2.0 */
/* xoshiro256++ 1.0, Blackman and Vigna 2019; splitmix64 for the seed of last resort. */
#include "core/prng.h"

#include <sys/random.h>

#include "snakepit/time.h"

static uint64_t rotl(uint64_t x, unsigned k)
{
	return (x << k) | (x >> (64 - k));
}

static uint64_t splitmix(uint64_t *x)
{
	uint64_t z = *x += UINT64_C(0x9E3779B97F4A7C15);

	z = (z ^ (z >> 30)) * UINT64_C(0xBF58476D1CE4E5B9);
	z = (z ^ (z >> 27)) * UINT64_C(0x94D049BB133111EB);
	return z ^ (z >> 31);
}

void prng_seed(struct prng *prng)
{
	uint64_t *s = prng->state, x;

	if (getrandom(s, sizeof(prng->state), 0) == (ssize_t)sizeof(prng->state) &&
	    (s[0] | s[1] | s[2] | s[3]) != 0)
		return;
	x = snp_wall_now().ns ^ rotl(snp_mono_now().ns, 32) ^ (uint64_t)(uintptr_t)prng;
	for (int i = 0; i < 4; i++)
		s[i] = splitmix(&x);
}

uint64_t prng_next(struct prng *prng)
{
	uint64_t *s = prng->state;
	const uint64_t result = rotl(s[0] + s[3], 23) + s[0];
	const uint64_t t = s[1] << 17;

	s[2] ^= s[0];
	s[3] ^= s[1];
	s[1] ^= s[2];
	s[0] ^= s[3];
	s[2] ^= t;
	s[3] = rotl(s[3], 45);
	return result;
}

uint64_t prng_next_nonzero(struct prng *prng)
{
	uint64_t id;

	do {
		id = prng_next(prng);
	} while (id == 0);
	return id;
}
