/* SPDX-License-Identifier: Apache-2.0 */
/*
 * verdict.h - what a worker's signs of life mean, and what is to be done about it.
 *
 * Pure: no clock, no descriptor, no state. The caller (liveness.h) measures, remembers
 * since when a verdict holds, and acts. Two tables decide: one finds the health that
 * fits the signs, one says what each health allows. docs/heartbeats.md explains both.
 *
 * All times are milliseconds in which the runtime itself was running: what it slept
 * through is nobody's silence.
 */
#ifndef SNAKEPIT_RUNTIME_VERDICT_H
#define SNAKEPIT_RUNTIME_VERDICT_H

#include <stdbool.h>
#include <stdint.h>

#include "config/config.h"
#include "snakepit/format.h" /* SNP_HEALTH_, SNP_MOVE_REASON_, SNP_SUPPRESSION_ */

#define VERDICT_NEVER UINT64_MAX

/* What the kernel says of the process. Only looked at where a sign fell silent. */
enum verdict_process {
	VERDICT_PROCESS_UNSEEN,
	VERDICT_PROCESS_RUNS,  /* one of its threads has, or waits for, a CPU */
	VERDICT_PROCESS_WAITS, /* all of them sleep */
	VERDICT_PROCESS_DISK,  /* one is in the kernel and cannot be interrupted */
	VERDICT_PROCESS_STOPPED,
	VERDICT_PROCESS_FROZEN, /* by its cgroup, or with the host */
	VERDICT_PROCESS_NR
};

struct verdict_signs {
	/* How long ago each was last given; VERDICT_NEVER: not once. */
	uint64_t process_ms, interpreter_ms, loop_ms, progress_ms;
	uint32_t missed; /* heartbeats in a row */
	uint32_t in_flight, capacity;
	uint64_t deadline_ms; /* until the last deadline in flight; 0: none is left */
	enum verdict_process process;
	bool traced;   /* by a debugger */
	bool squeezed; /* the host as a whole is short of CPU time */
};

/* Whether a sign that was given before is overdue. */
bool verdict_process_silent(const struct snp_cfg_heartbeat *cfg,
			    const struct verdict_signs *signs);
bool verdict_interpreter_silent(const struct snp_cfg_heartbeat *cfg,
				const struct verdict_signs *signs);
/* Whether /proc has to be asked before verdict_health() can tell. */
bool verdict_needs_process(const struct snp_cfg_heartbeat *cfg,
			   const struct verdict_signs *signs);

/* UNKNOWN where heartbeats are off, or the worker never beat: then misses alone decide.
 */
enum snp_enum_HEALTH verdict_health(const struct snp_cfg_heartbeat *cfg,
				    const struct verdict_signs *signs);

/* Too early to tell: /proc was not looked at often enough, or a worker answers nothing
 * and its interpreter is about to fall silent, which shows in a moment. */
bool verdict_is_open(const struct snp_cfg_heartbeat *cfg,
		     const struct verdict_signs *signs);

/* Neither OK nor UNKNOWN. */
bool verdict_is_ill(enum snp_enum_HEALTH health);

/* A health that holds. */
struct verdict_case {
	enum snp_enum_HEALTH health;
	uint64_t held_ms;
	bool mass; /* many are ill at once, see brake below */
};

struct verdict_orders {
	bool fence; /* no new requests */
	bool dump;  /* keep its stacks */
	/* Why it is to be killed; NONE: it is not. */
	enum snp_enum_MOVE_REASON kill;
	/* Why that kill is not carried out; SNP_SUPPRESSION_NR: it is. */
	enum snp_enum_SUPPRESSION suppressed;
};

struct verdict_orders verdict_orders(const struct snp_cfg_heartbeat *cfg,
				     const struct verdict_signs *signs,
				     const struct verdict_case *c);

/*
 * The brake: when many workers fall ill at once it is the host, not they. From then on
 * nobody is killed by a verdict for VERDICT_BRAKE_MS; it can only be pulled again after
 * fewer were ill.
 */
#define VERDICT_BRAKE_MS 60000

struct verdict_brake {
	bool pulled;
	uint64_t since_ms;
};

/* Whether it holds; `now_ms` only grows. At least three ill ones, or two that are half
 * of all that are judged. */
bool verdict_brake(struct verdict_brake *brake, uint32_t ill, uint32_t judged,
		   uint64_t now_ms);

#endif
