/* SPDX-License-Identifier: Apache-2.0 */
#include "worker/verdict.h"

#include <stddef.h>

#include "snakepit/check.h"

/* The interpreter beats once a second, the process every beat_interval_ms: a limit
 * below two or three of their intervals would find everybody silent. */
#define INTERPRETER_LIMIT_MIN_MS 2500
#define INTERPRETER_LATE_MS	 1500
#define PROCESS_BEATS_MIN	 3

/* ---- signs ---------------------------------------------------------------- */

static uint64_t at_least(uint64_t ms, uint64_t least)
{
	return ms > least ? ms : least;
}

static bool is_silent(uint64_t silence_ms, uint64_t limit_ms)
{
	return silence_ms != VERDICT_NEVER && silence_ms > limit_ms;
}

bool verdict_process_silent(const struct snp_cfg_heartbeat *cfg,
			    const struct verdict_signs *s)
{
	return is_silent(s->process_ms,
			 at_least(cfg->suspect_ms,
				  (uint64_t)PROCESS_BEATS_MIN * cfg->beat_interval_ms));
}

static uint64_t interpreter_limit_ms(const struct snp_cfg_heartbeat *cfg)
{
	return at_least(cfg->suspect_ms, INTERPRETER_LIMIT_MIN_MS);
}

bool verdict_interpreter_silent(const struct snp_cfg_heartbeat *cfg,
				const struct verdict_signs *s)
{
	return is_silent(s->interpreter_ms, interpreter_limit_ms(cfg));
}

static bool all_missed(const struct snp_cfg_heartbeat *cfg,
		       const struct verdict_signs *s)
{
	return s->missed >= cfg->max_missed_heartbeats;
}

static bool progresses(const struct snp_cfg_heartbeat *cfg,
		       const struct verdict_signs *s)
{
	return s->progress_ms != VERDICT_NEVER &&
	       !is_silent(s->progress_ms, interpreter_limit_ms(cfg));
}

/* What the table below tells apart; its rows take sets of these. */
enum {
	FRESH = 1,
	SILENT = 2,
	ABSENT = 4, /* never given: no native library */
};
enum {
	SERVES = 1,
	FULL = 2, /* as many calls as it can run: no reason to answer */
	MUTE = 4, /* no answers though there is room, or no turn of its loop */
	WORK_ANY = 7,
};
enum { NO = 1, YES = 2, EITHER = 3 };

static int process_sign(const struct snp_cfg_heartbeat *cfg,
			const struct verdict_signs *s)
{
	if (s->process_ms == VERDICT_NEVER)
		return ABSENT;
	return verdict_process_silent(cfg, s) ? SILENT : FRESH;
}

/* One whose interpreter never beat has but the one sign. */
static int interpreter_sign(const struct snp_cfg_heartbeat *cfg,
			    const struct verdict_signs *s)
{
	if (s->interpreter_ms == VERDICT_NEVER)
		return process_sign(cfg, s);
	return verdict_interpreter_silent(cfg, s) ? SILENT : FRESH;
}

static bool is_full(const struct verdict_signs *s)
{
	return s->capacity > 0 && s->in_flight >= s->capacity;
}

/* The loop runs no tool: it turns also in a worker that is full. Where it stands still
 * the calls of a full one cannot even end, unless they show that they get on. */
static int work_of(const struct snp_cfg_heartbeat *cfg, const struct verdict_signs *s)
{
	bool stands = is_silent(s->loop_ms, interpreter_limit_ms(cfg));

	if (is_full(s))
		return stands && !progresses(cfg, s) ? MUTE : FULL;
	return stands || (all_missed(cfg, s) && !progresses(cfg, s)) ? MUTE : SERVES;
}

static bool is_judged(const struct snp_cfg_heartbeat *cfg,
		      const struct verdict_signs *s)
{
	return cfg->enabled &&
	       (s->process_ms != VERDICT_NEVER || s->interpreter_ms != VERDICT_NEVER);
}

bool verdict_needs_process(const struct snp_cfg_heartbeat *cfg,
			   const struct verdict_signs *s)
{
	return is_judged(cfg, s) &&
	       (interpreter_sign(cfg, s) == SILENT || work_of(cfg, s) == MUTE);
}

/* ---- health --------------------------------------------------------------- */

#define K(name)	 (1 << VERDICT_PROCESS_##name)
#define LIVES	 (K(UNSEEN) | K(RUNS))
#define SLEEPS	 (K(WAITS) | K(DISK))
#define ANY_KERN (LIVES | SLEEPS | K(STOPPED) | K(FROZEN))

/* The first row that fits; one does whatever the signs are (verdict_test.c). Where
 * the interpreter beats the process lives, whatever became of its native thread. Where
 * the library is missing the kernel's word stands for it: a process that uses the CPU
 * lives. What was not looked at yet is taken for the harmless case. */
static const struct row {
	int interpreter, process, work, kernel, squeezed;
	enum snp_enum_HEALTH health;
} rows[] = {
    {FRESH, FRESH | SILENT | ABSENT, SERVES | FULL, ANY_KERN, EITHER, SNP_HEALTH_OK},
    {FRESH, FRESH | SILENT | ABSENT, MUTE, LIVES | SLEEPS, EITHER, SNP_HEALTH_WEDGED},
    {FRESH, FRESH | SILENT | ABSENT, MUTE, K(STOPPED), EITHER, SNP_HEALTH_STOPPED},
    {FRESH, FRESH | SILENT | ABSENT, MUTE, K(FROZEN), EITHER, SNP_HEALTH_SUSPENDED},
    {SILENT, FRESH | SILENT | ABSENT, WORK_ANY, K(STOPPED), EITHER, SNP_HEALTH_STOPPED},
    {SILENT, FRESH | SILENT | ABSENT, WORK_ANY, K(FROZEN), EITHER,
     SNP_HEALTH_SUSPENDED},
    {SILENT, FRESH | ABSENT, WORK_ANY, LIVES, EITHER, SNP_HEALTH_BUSY_GIL},
    {SILENT, FRESH | ABSENT, WORK_ANY, SLEEPS, EITHER, SNP_HEALTH_WEDGED},
    {SILENT, SILENT, WORK_ANY, LIVES, EITHER, SNP_HEALTH_STARVED},
    {SILENT, SILENT, WORK_ANY, SLEEPS, YES, SNP_HEALTH_STARVED},
    {SILENT, SILENT, WORK_ANY, SLEEPS, NO, SNP_HEALTH_UNRESPONSIVE},
};

static bool fits(const struct row *row, const struct row *found)
{
	return row->interpreter & found->interpreter && row->process & found->process &&
	       row->work & found->work && row->kernel & found->kernel &&
	       row->squeezed & found->squeezed;
}

static struct row row_of(const struct snp_cfg_heartbeat *cfg,
			 const struct verdict_signs *s)
{
	return (struct row){
	    .interpreter = interpreter_sign(cfg, s),
	    .process = process_sign(cfg, s),
	    .work = work_of(cfg, s),
	    .kernel = 1 << s->process,
	    .squeezed = s->squeezed ? YES : NO,
	};
}

enum snp_enum_HEALTH verdict_health(const struct snp_cfg_heartbeat *cfg,
				    const struct verdict_signs *s)
{
	const struct row found = row_of(cfg, s);

	if (!is_judged(cfg, s))
		return SNP_HEALTH_UNKNOWN;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		if (fits(&rows[i], &found))
			return rows[i].health;
	SNP_CHECK(!"a row for every combination");
	return SNP_HEALTH_UNKNOWN;
}

bool verdict_is_open(const struct snp_cfg_heartbeat *cfg, const struct verdict_signs *s)
{
	bool late = is_silent(s->interpreter_ms, INTERPRETER_LATE_MS) &&
		    interpreter_sign(cfg, s) == FRESH;

	if (!verdict_needs_process(cfg, s))
		return false;
	return s->process == VERDICT_PROCESS_UNSEEN ||
	       (late && work_of(cfg, s) == MUTE);
}

bool verdict_is_ill(enum snp_enum_HEALTH health)
{
	return health != SNP_HEALTH_OK && health != SNP_HEALTH_UNKNOWN;
}

/* ---- orders --------------------------------------------------------------- */

/* What each health allows. */
static const struct policy {
	bool fence, dump;
	bool replace; /* max_missed_heartbeats may replace the worker */
	enum snp_enum_MOVE_REASON reason; /* of a kill after its own time */
} policies[SNP_HEALTH_NR] = {
    [SNP_HEALTH_UNKNOWN] = {.replace = true},
    [SNP_HEALTH_OK] = {0},
    [SNP_HEALTH_BUSY_GIL] = {true, true, false, SNP_MOVE_REASON_BUSY_GIL},
    [SNP_HEALTH_WEDGED] = {true, true, true, SNP_MOVE_REASON_WEDGED},
    [SNP_HEALTH_STARVED] = {.fence = true},
    [SNP_HEALTH_STOPPED] = {true, false, true, SNP_MOVE_REASON_STOPPED},
    [SNP_HEALTH_SUSPENDED] = {.fence = true},
    [SNP_HEALTH_UNRESPONSIVE] = {true, true, true, SNP_MOVE_REASON_UNRESPONSIVE},
};

/* 0 = never. */
static uint64_t kill_after_ms(const struct snp_cfg_heartbeat *cfg,
			      const struct verdict_signs *s,
			      enum snp_enum_HEALTH health)
{
	switch (health) {
	case SNP_HEALTH_BUSY_GIL:
		return cfg->gil_stall_kill_ms;
	case SNP_HEALTH_WEDGED:
		return cfg->wedged_kill_ms;
	case SNP_HEALTH_STOPPED:
		return cfg->stopped_kill_ms;
	case SNP_HEALTH_UNRESPONSIVE:
		/* One that waits for a disk cannot die before it gets it. */
		if (s->process == VERDICT_PROCESS_DISK && cfg->unresponsive_kill_ms > 0)
			return at_least(cfg->unresponsive_kill_ms, cfg->wedged_kill_ms);
		return cfg->unresponsive_kill_ms;
	default:
		return 0;
	}
}

/* A wedged worker may be waiting in C code for a call that still has time. */
static bool time_is_up(const struct snp_cfg_heartbeat *cfg,
		       const struct verdict_signs *s, const struct verdict_case *c)
{
	uint64_t after_ms = kill_after_ms(cfg, s, c->health);

	return after_ms > 0 && c->held_ms >= after_ms &&
	       (c->health != SNP_HEALTH_WEDGED || s->deadline_ms == 0);
}

/* A verdict that just changed may change again: before misses replace a worker by it,
 * it has settled. By one that forbids it they ask at once, to be counted. The
 * calls of a full worker whose interpreter beats may yet be at work behind a loop that
 * stands still, so they have the time they were given. */
static bool misses_count(const struct snp_cfg_heartbeat *cfg,
			 const struct verdict_signs *s, const struct verdict_case *c)
{
	if (cfg->strict || c->health == SNP_HEALTH_UNKNOWN ||
	    !policies[c->health].replace)
		return true;
	if (c->health == SNP_HEALTH_WEDGED && is_full(s) && s->deadline_ms > 0 &&
	    !verdict_interpreter_silent(cfg, s))
		return false;
	return c->held_ms >= cfg->suspect_ms;
}

/* What the verdict itself forbids comes first: of the rest, shadow mode then tells what
 * would have been done. */
static enum snp_enum_SUPPRESSION suppression(const struct snp_cfg_heartbeat *cfg,
					     const struct verdict_signs *s,
					     const struct verdict_case *c,
					     enum snp_enum_MOVE_REASON kill)
{
	bool by_misses = kill == SNP_MOVE_REASON_HEARTBEAT;
	bool misses_decide = cfg->strict || c->health == SNP_HEALTH_UNKNOWN;

	if (!by_misses || !misses_decide) {
		if (by_misses && !policies[c->health].replace)
			return SNP_SUPPRESSION_BUSY;
		if (s->traced)
			return SNP_SUPPRESSION_TRACED;
		if (c->mass)
			return SNP_SUPPRESSION_MASS_SUSPICION;
	}
	if (!cfg->enforce)
		return SNP_SUPPRESSION_SHADOW;
	return cfg->dependent ? SNP_SUPPRESSION_NR : SNP_SUPPRESSION_INDEPENDENT;
}

struct verdict_orders verdict_orders(const struct snp_cfg_heartbeat *cfg,
				     const struct verdict_signs *s,
				     const struct verdict_case *c)
{
	const struct policy *policy = &policies[c->health];
	struct verdict_orders orders = {
	    .fence = policy->fence && cfg->enforce,
	    .dump = policy->dump && c->held_ms >= cfg->dump_ms,
	    .kill = SNP_MOVE_REASON_NONE,
	    .suppressed = SNP_SUPPRESSION_NR,
	};

	if (!cfg->enabled)
		return orders;
	if (all_missed(cfg, s) && misses_count(cfg, s, c))
		orders.kill = SNP_MOVE_REASON_HEARTBEAT;
	if (time_is_up(cfg, s, c) && !(all_missed(cfg, s) && cfg->strict))
		orders.kill = policy->reason;
	if (orders.kill != SNP_MOVE_REASON_NONE)
		orders.suppressed = suppression(cfg, s, c, orders.kill);
	return orders;
}

/* ---- brake ---------------------------------------------------------------- */

bool verdict_brake(struct verdict_brake *brake, uint32_t ill, uint32_t judged,
		   uint64_t now_ms)
{
	bool many = ill >= 3 || (ill == 2 && judged <= 4);

	if (!many) {
		brake->pulled = false;
		return false;
	}
	if (!brake->pulled)
		*brake = (struct verdict_brake){.pulled = true, .since_ms = now_ms};
	return now_ms - brake->since_ms < VERDICT_BRAKE_MS;
}
