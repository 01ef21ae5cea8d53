/* SPDX-License-Identifier: Apache-2.0 */
/*
 * machine.h - the states of a worker slot and what moves it (worker_states.def). Pure.
 */
#ifndef SNAKEPIT_RUNTIME_MACHINE_H
#define SNAKEPIT_RUNTIME_MACHINE_H

#include <stdbool.h>

#include "snakepit/format.h"

enum machine_event {
#define SNP_CODE(code, state)
#define SNP_ON(event, ...) MACHINE_##event,
#include "worker/worker_states.def"
#undef SNP_CODE
#undef SNP_ON
	MACHINE_EVENT_NR
};

/* What machine_next() returns besides states. */
enum {
	MACHINE_SAME = SNP_WORKER_STATE_NR, /* the event changes nothing */
	MACHINE_BUG,			    /* it cannot come in this state */
};

/* The state that follows. Both arguments are in range. */
unsigned machine_next(enum machine_event event, enum snp_enum_WORKER_STATE state);

/* A process exists, as far as anybody knows. */
bool machine_has_process(enum snp_enum_WORKER_STATE state);

/* On the way to READY. */
bool machine_is_starting(enum snp_enum_WORKER_STATE state);

/* On the way out, with a process that may still work off what it has. */
bool machine_is_ending(enum snp_enum_WORKER_STATE state);

/* Who is behind a move for this reason. */
enum snp_enum_INITIATOR machine_initiator(enum snp_enum_MOVE_REASON reason);

#endif
