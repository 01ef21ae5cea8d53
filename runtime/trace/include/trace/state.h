/* SPDX-License-Identifier: Apache-2.0 */
/*
 * state.h - `tracestate` of W3C Trace Context Level 2: what tracing systems say to
 * themselves further down. The runtime passes it on and adds nothing.
 *
 * Pure, no allocation. A state borrows the entries that it was given.
 */
#ifndef TRACE_STATE_H
#define TRACE_STATE_H

#include <stdbool.h>
#include <stddef.h>

#include "rpc/str.h"

#define TRACE_STATE_MEMBERS 32
/* What is passed on; the standard asks for 512. A member of greatest length fits. */
#define TRACE_STATE_MAX 1024

struct trace_state {
	unsigned nr;
	bool invalid;
	struct rpc_str members[TRACE_STATE_MEMBERS];
};

static inline void trace_state_init(struct trace_state *state)
{
	state->nr = 0;
	state->invalid = false;
}

/* Add the members of one header, behind those of the headers before it. Empty ones are
 * passed over, and so is one whose key came before. Anything that is not valid, or a
 * member too many, makes the whole state invalid. */
void trace_state_add(struct trace_state *state, struct rpc_str entry);

/* Write the members with commas between them, without a NUL: the length, 0 where there
 * is nothing to pass on. Above TRACE_STATE_MAX whole members are left out: those of
 * more than 128 characters first, then from the right. */
size_t trace_state_write(struct trace_state *state, char ret_text[TRACE_STATE_MAX]);

#endif
