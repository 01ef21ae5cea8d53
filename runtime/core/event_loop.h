/* SPDX-License-Identifier: Apache-2.0 */
/*
 * event_loop.h - an rpc loop with what its thread needs to count: a bank of the
 * segment.
 *
 * The worker slots are dealt out over the event loops once; a slot's calls, heartbeats
 * and hot cells always belong to the same loop, whoever is in the slot. The front
 * door's loop is one of these too; it alone reads RCU-protected pointers.
 */
#ifndef SNAKEPIT_RUNTIME_EVENT_LOOP_H
#define SNAKEPIT_RUNTIME_EVENT_LOOP_H

#include <stdint.h>

#include "core/prng.h"
#include "rpc/loop.h"
#include "snakepit/err.h"
#include "snakepit/write.h"

enum event_loop_flags {
	EVENT_LOOP_PLAIN = 0,
	EVENT_LOOP_RCU_READER = 1,
};

struct event_loop {
	struct rpc_loop *rpc;
	struct snp_bank bank; /* the loop's thread only */
	struct prng prng;     /* the loop's thread only */
	/* Requests whose worker did not survive them; the loop's thread writes. */
	_Atomic uint64_t calls_lost;
	enum event_loop_flags flags;
};

int event_loop_init(struct event_loop *loop, const char *name,
		    struct snp_writer *writer, enum event_loop_flags flags,
		    struct snp_err *err);
/* Stops the thread. Nothing may use the loop any more. */
void event_loop_fini(struct event_loop *loop, struct snp_writer *writer);

#endif
