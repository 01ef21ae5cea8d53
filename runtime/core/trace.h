/* SPDX-License-Identifier: Apache-2.0 */
/*
 * trace.h - to which trace a request belongs: the client's, or one of its own.
 *
 * For what the runtime records in the segment only; nothing here is sent to anybody.
 */
#ifndef SNAKEPIT_RUNTIME_TRACE_H
#define SNAKEPIT_RUNTIME_TRACE_H

#include <stdbool.h>
#include <stdint.h>

#include "core/prng.h"
#include "rpc/str.h"

/* W3C trace flags that have a meaning: sampled, random. */
#define TRACE_FLAGS 0x03

struct trace {
	uint64_t id[2];	      /* first and last 8 bytes as big-endian numbers */
	uint64_t parent_span; /* the client's; 0 = this is the root */
	uint64_t span;	      /* of the request */
	unsigned flags;
};

/* Parse a `traceparent` (W3C Trace Context): id, parent_span and flags. False, and
 * nothing set, where it is absent or not valid: upper case, ids of zeros, version ff, a
 * version 00 with more behind it. */
bool trace_parse(struct rpc_str traceparent, struct trace *ret_trace);

/* The trace of a request that came with this `traceparent`, and a span id for it. */
void trace_begin(struct trace *trace, struct rpc_str traceparent, struct prng *prng);

#endif
