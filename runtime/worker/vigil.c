/* SPDX-License-Identifier: Apache-2.0 */
#include "worker/vigil.h"

/* Less than this between the two clocks is the time between reading them. */
#define SUSPENDED_MIN_NS (100 * SNP_NS_PER_MS)
#define SUSPENDED_GRACE	 2
#define SQUEEZED_NS	 (5 * SNP_NS_PER_S)
#define LATE_MIN_NS	 (100 * SNP_NS_PER_MS)
#define LONG_NS		 SNP_NS_PER_S

/* Half a period; on a busy host a short one is late by as much all the time. */
static uint64_t late_limit_ns(uint64_t period_ns)
{
	return period_ns / 2 > LATE_MIN_NS ? period_ns / 2 : LATE_MIN_NS;
}

static uint64_t grown(uint64_t now, uint64_t before)
{
	return now > before ? now - before : 0;
}

struct vigil_tick vigil_tick(struct vigil *v, snp_mono_t now, uint64_t boot_ns,
			     uint32_t period_ms)
{
	const uint64_t period_ns = period_ms * SNP_NS_PER_MS;
	uint64_t passed_ns = snp_mono_since_ns(now, v->last);
	uint64_t late_ns = snp_mono_since_ns(now, v->next);
	uint64_t suspended_ns = grown(grown(boot_ns, v->last_boot_ns), passed_ns);
	struct vigil_tick tick = {.judge = true, .pause = SNP_PAUSE_NR};

	if (v->next.ns == 0) {
		passed_ns = late_ns = suspended_ns = 0;
		tick.judge = false;
	}
	if (late_ns > late_limit_ns(period_ns)) {
		/* One that is always late must judge all the same. */
		tick.judge = v->late && late_ns < LONG_NS;
		tick.pause = SNP_PAUSE_STALL;
		tick.paused_ns = late_ns;
		v->watched_ns += passed_ns - late_ns;
		v->squeezed_until_ns = v->watched_ns + SQUEEZED_NS;
		v->late = !tick.judge;
	} else {
		v->watched_ns += passed_ns;
		v->late = false;
	}
	if (suspended_ns > SUSPENDED_MIN_NS) {
		tick = (struct vigil_tick){false, SNP_PAUSE_SUSPEND, suspended_ns};
		v->grace = SUSPENDED_GRACE;
	} else if (v->grace > 0) {
		v->grace--;
		tick.judge = false;
	}
	v->last = now;
	v->last_boot_ns = boot_ns;
	v->next = snp_mono_add_ms(now, period_ms);
	return tick;
}

bool vigil_is_squeezed(const struct vigil *v)
{
	return v->watched_ns < v->squeezed_until_ns;
}
