/* SPDX-License-Identifier: Apache-2.0 */
/*
 * carrier.h - trace context in the metadata of calls: out of an incoming call, into an
 * outgoing one. The keys are those of HTTP: traceparent, tracestate, baggage.
 *
 * No allocation; what an outgoing call is given lives in the incoming one's metadata
 * and in buffers of the caller's. Any thread that holds the calls.
 */
#ifndef TRACE_CARRIER_H
#define TRACE_CARRIER_H

#include "rpc/metadata.h"
#include "trace/baggage.h"
#include "trace/context.h"
#include "trace/state.h"

/* What trace_outgoing() and trace_forward() may need until the call has started. On the
 * stack, as it is: nothing in it has to be set. */
struct trace_buffers {
	char parent[TRACE_PARENT_BYTES];
	char state[TRACE_STATE_MAX];
	char baggage[TRACE_BAGGAGE_MAX];
};

/* The context that came with a call; span 0 where none did, or none that is valid, or
 * more than one. */
void trace_incoming(const struct rpc_md_in *md, struct trace_context *ret_parent);

/* To a call made for the one that `md` came with, inside `span` of the runtime's own:
 * its traceparent, the tracestate where the trace goes on (`parent`, as
 * trace_incoming() gave it, has a span), and the baggage. */
void trace_outgoing(struct trace_buffers *buffers, const struct rpc_md_in *md,
		    const struct trace_context *parent,
		    const struct trace_context *span, struct rpc_md_list *list);

/* The same for a runtime that takes no part: all as it came. Of several traceparents
 * two go on, which say as much as all of them; several entries of tracestate or baggage
 * become one. */
void trace_forward(struct trace_buffers *buffers, const struct rpc_md_in *md,
		   struct rpc_md_list *list);

#endif
