/* SPDX-License-Identifier: Apache-2.0 */
/*
 * baggage.h - how much `baggage` (W3C Baggage) is passed on: all of it, as it came, up
 * to what the standard asks of everyone. Never a part of a member. What it says is
 * nobody's business here, so it is neither decoded nor checked.
 *
 * Pure, no allocation.
 */
#ifndef TRACE_BAGGAGE_H
#define TRACE_BAGGAGE_H

#include <stddef.h>

#include "rpc/str.h"

#define TRACE_BAGGAGE_MEMBERS 64
#define TRACE_BAGGAGE_MAX     8192

/* What is still to be had. */
struct trace_baggage_room {
	unsigned members;
	size_t bytes;
};

static inline void trace_baggage_room_init(struct trace_baggage_room *room)
{
	room->members = TRACE_BAGGAGE_MEMBERS;
	room->bytes = TRACE_BAGGAGE_MAX;
}

/* The whole members at the beginning of `entry` for which there is room, and takes it:
 * a part of `entry`. Where not all of it fits there is no room left after it, so what
 * is left out is always the end. */
struct rpc_str trace_baggage_take(struct trace_baggage_room *room,
				  struct rpc_str entry);

#endif
