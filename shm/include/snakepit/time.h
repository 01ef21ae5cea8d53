/* SPDX-License-Identifier: Apache-2.0 */
/*
 * time.h - clocks as types, so that monotonic and wall time cannot be mixed.
 *
 * Both are nanoseconds in an unsigned 64-bit word. Monotonic time orders and measures;
 * wall time is only ever shown to people or sent to other systems.
 */
#ifndef SNP_SHM_TIME_H
#define SNP_SHM_TIME_H

#include <stdint.h>
#include <time.h>

#define SNP_NS_PER_S  UINT64_C(1000000000)
#define SNP_NS_PER_MS UINT64_C(1000000)
#define SNP_NS_PER_US UINT64_C(1000)

typedef struct {
	uint64_t ns;
} snp_mono_t; /* CLOCK_MONOTONIC */

typedef struct {
	uint64_t ns;
} snp_wall_t; /* CLOCK_REALTIME */

#ifdef CLOCK_MONOTONIC /* strict ISO C (-std=c11 alone) has no clocks to read */

static inline uint64_t snp__clock_ns(clockid_t clock)
{
	struct timespec ts;

	clock_gettime(clock, &ts);
	return (uint64_t)ts.tv_sec * SNP_NS_PER_S + (uint64_t)ts.tv_nsec;
}

static inline snp_mono_t snp_mono_now(void)
{
	snp_mono_t now = {snp__clock_ns(CLOCK_MONOTONIC)};

	return now;
}

static inline snp_wall_t snp_wall_now(void)
{
	snp_wall_t now = {snp__clock_ns(CLOCK_REALTIME)};

	return now;
}

#endif

static inline snp_mono_t snp_mono_add_ms(snp_mono_t t, uint64_t ms)
{
	t.ns += ms * SNP_NS_PER_MS;
	return t;
}

/* later - earlier, or 0 where `later` is in fact earlier: a duration is never negative.
 */
static inline uint64_t snp_mono_since_ns(snp_mono_t later, snp_mono_t earlier)
{
	return later.ns > earlier.ns ? later.ns - earlier.ns : 0;
}

#endif
