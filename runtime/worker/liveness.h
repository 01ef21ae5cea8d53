/* SPDX-License-Identifier: Apache-2.0 */
/*
 * liveness.h - is a worker hung, busy, starved, stopped? Looks at its signs of life,
 * has them judged (verdict.h), and does what the verdict says: fence, keep the stacks,
 * kill.
 *
 * The supervisor's thread. It calls liveness_turn() after it heard all descriptors, so
 * that nothing is judged by news that lie in a buffer. Beats are read at every tick;
 * /proc only where they fell silent. Where heartbeat.enabled is false they are read for
 * the metrics and nothing is judged.
 */
#ifndef SNAKEPIT_RUNTIME_LIVENESS_H
#define SNAKEPIT_RUNTIME_LIVENESS_H

#include <stdbool.h>
#include <stdint.h>

#include "snakepit/write.h"
#include "worker/beat.h"
#include "worker/evidence.h"
#include "worker/looks.h"
#include "worker/vigil.h"

struct worker;

/* Of one worker; a member of struct worker. */
struct liveness {
	struct beat beat;
	/* The signs on the vigil's clock; 0 = never given. */
	uint64_t heard_ns[BEAT_SIGN_NR];

	enum snp_enum_HEALTH health;
	uint64_t since_ns; /* of the health, on the vigil's clock */
	/* Sequences at the last look that found it ill: it is well two beats later. */
	uint64_t ill_seq[BEAT_SIGN_NR];
	struct verdict_orders told; /* what was ordered and suppressed last */

	/* At /proc, since it fell silent. */
	struct looks looks;
	uint64_t look_cpu_ns, look_at_ns; /* of the last one */

	struct evidence evidence;
	bool dumped; /* the stacks of this illness are kept */
	bool dying;  /* it is killed as soon as they are */
	enum snp_enum_EXIT_REASON intent;
	enum snp_enum_MOVE_REASON reason;

	bool junk_told;
	uint64_t gc_before_ns, gc_before; /* of earlier processes of the slot */
};

/* Before a process of the slot is started: makes what it is handed down
 * (live.beat.page_fd and .stacks_fd, -1 where there is none). */
void liveness_prepare(struct worker *worker);
/* It was started; or it was not: then liveness_end(). */
void liveness_begin(struct worker *worker);
/* Its process is gone. */
void liveness_end(struct worker *worker);

/* SIGKILL as worker_kill() does, as soon as its stacks are kept, at most
 * EVIDENCE_WAIT_MS later. It takes no requests meanwhile. A second call changes
 * nothing. */
void liveness_kill(struct worker *worker, enum snp_enum_EXIT_REASON intent,
		   enum snp_enum_MOVE_REASON reason);

/* Do what is due for the workers; returns when something will be. A vigil starts as
 * zeros. */
snp_mono_t liveness_turn(struct vigil *vigil, struct worker *workers,
			 uint32_t workers_nr, snp_mono_t now);

#endif
