/* SPDX-License-Identifier: Apache-2.0 */
/*
 * context.h - which trace something belongs to, as W3C Trace Context Level 2 writes it
 * in a `traceparent`.
 *
 * Pure: no allocation, no clock, no randomness of its own, no state. Any thread.
 */
#ifndef TRACE_CONTEXT_H
#define TRACE_CONTEXT_H

#include <stdbool.h>
#include <stdint.h>

#include "rpc/str.h"

#define TRACE_FLAG_SAMPLED 0x01u
#define TRACE_FLAG_RANDOM  0x02u /* the last 56 bits of the trace id are random */
#define TRACE_FLAGS_KNOWN  (TRACE_FLAG_SAMPLED | TRACE_FLAG_RANDOM)

#define TRACE_PARENT_LEN   55
#define TRACE_PARENT_BYTES (TRACE_PARENT_LEN + 1) /* with the NUL */

struct trace_context {
	uint64_t id[2]; /* first and last 8 bytes as big-endian numbers */
	uint64_t span;	/* 0 = there is no context, and the rest means nothing */
	unsigned flags; /* of TRACE_FLAGS_KNOWN */
	bool is_remote; /* it came from another process */
};

static inline bool trace_context_is_sampled(const struct trace_context *context)
{
	return (context->flags & TRACE_FLAG_SAMPLED) != 0;
}

/* Parse a `traceparent`, white space around it allowed. False, and nothing set, where
 * it is absent or not valid: upper case, ids of zeros, version ff, a version 00 with
 * more behind it. Of later versions the parts that 00 has are taken. Flags without a
 * meaning are dropped. */
bool trace_context_parse(struct rpc_str traceparent, struct trace_context *ret_context);

/* Write it as version 00, with a NUL. */
void trace_context_format(const struct trace_context *context,
			  char ret_text[TRACE_PARENT_BYTES]);

/* A new trace whose id is `high` and `low`: 128 random bits of the caller's, `low` not
 * 0. Not sampled; the span is for the caller to choose. */
void trace_context_root(struct trace_context *ret_context, uint64_t high, uint64_t low);

/* The span of that id (not 0) in the parent's trace, with the parent's flags. */
struct trace_context trace_context_child(const struct trace_context *parent,
					 uint64_t span);

#endif
