/* SPDX-License-Identifier: Apache-2.0 */
/*
 * vigil.h - the clock by which silence is measured, and when not to judge by it.
 *
 * What the runtime slept through is nobody's silence: it may have been stopped, starved
 * of CPU, or suspended with its host, and then it did not look. Its clock passes over
 * such a pause, and the tick after it judges nobody; while it is late every time, by
 * less than a second, every other tick does.
 *
 * Pure: the caller reads the clocks.
 */
#ifndef SNAKEPIT_RUNTIME_VIGIL_H
#define SNAKEPIT_RUNTIME_VIGIL_H

#include <stdbool.h>
#include <stdint.h>

#include "snakepit/format.h" /* SNP_PAUSE_ */
#include "snakepit/time.h"
#include "worker/verdict.h"

struct vigil {
	snp_mono_t next;     /* tick; .ns == 0: there was none yet */
	uint64_t watched_ns; /* the clock: time the runtime was there to look */
	snp_mono_t last;
	uint64_t last_boot_ns;
	uint64_t squeezed_until_ns; /* on the clock */
	unsigned grace;		    /* ticks that still judge nobody */
	bool late;		    /* the last one came late and judged nobody */
	struct verdict_brake brake;
	bool braked;
};

struct vigil_tick {
	bool judge;
	enum snp_enum_PAUSE pause; /* SNP_PAUSE_NR: the runtime was there */
	uint64_t paused_ns;
};

/* A tick that was due: `boot_ns` is CLOCK_BOOTTIME at `now`, which also counts while
 * the host is suspended; the next one is due in period_ms. */
struct vigil_tick vigil_tick(struct vigil *vigil, snp_mono_t now, uint64_t boot_ns,
			     uint32_t period_ms);

/* The CPU was short just now: the runtime itself came late. */
bool vigil_is_squeezed(const struct vigil *vigil);

#endif
