/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The trace of a request and the spans it leaves in the segment: one of the whole, one
 * of each time it waited, one of each worker that tried. They are recorded whether or
 * not anybody traces; whether they may leave the host is a bit of theirs.
 */
#include "core/front.h"
#include "pool/estimate.h"
#include "pool/request.h"

/* The statuses of spans are gRPC's, by number. */
#define X(id, number, name)                                                            \
	static_assert((int)SNP_SPAN_STATUS_##id == (int)RPC_##id, name);
RPC_CODES(X)
#undef X

void request_trace_begin(struct request *r)
{
	const struct tracing *tracing = &r->front->tracing;
	struct prng *prng = &r->front->loop.prng;

	trace_incoming(rpc_server_call_metadata(r->call), &r->parent);
	r->trace = r->parent;
	if (!r->parent.span)
		trace_context_root(&r->trace, prng_next(prng), prng_next_nonzero(prng));
	r->trace = trace_context_child(&r->trace, prng_next_nonzero(prng));
	if (!tracing->on)
		return;
	r->trace.flags &= ~TRACE_FLAG_SAMPLED;
	if (trace_sampler_decide(&tracing->sampler, &r->parent, r->trace.id[1]))
		r->trace.flags |= TRACE_FLAG_SAMPLED;
}

struct log_context request_log(const struct request *r)
{
	return (struct log_context){
	    .correlation_id = r->correlation,
	    .trace_id = {r->trace.id[0], r->trace.id[1]},
	    .span_id = r->trace.span,
	    .trace_flags = r->trace.flags,
	};
}

void request_trace_outgoing(const struct request *r, struct trace_buffers *buffers,
			    struct rpc_md_list *metadata)
{
	const struct rpc_md_in *in = rpc_server_call_metadata(r->call);
	struct trace_context span;

	if (!r->front->tracing.on) {
		trace_forward(buffers, in, metadata);
		return;
	}
	span = trace_context_child(&r->trace, r->last.span);
	trace_outgoing(buffers, in, &r->parent, &span, metadata);
}

/* ---- records ------------------------------------------------------------- */

/* What its spans have in common. All but that of the whole are children of that. */
static struct snp_span_fields fields_of(const struct request *r, enum rpc_code code,
					snp_mono_t end)
{
	bool leaves = r->front->tracing.on && trace_context_is_sampled(&r->trace);

	return (struct snp_span_fields){
	    .status = (enum snp_enum_SPAN_STATUS)code,
	    .flags = r->trace.flags | SNP_SPAN_FLAGS_REMOTE |
		     (leaves ? SNP_SPAN_FLAGS_EXPORT : 0),
	    .end = end,
	    .trace_id = {r->trace.id[0], r->trace.id[1]},
	    .parent_span_id = r->trace.span,
	    .pool = r->pool ? r->pool->index : UINT32_MAX,
	    .tool = r->tool ? r->tool->row : UINT32_MAX,
	    .attempt = r->last.number,
	    .correlation = r->correlation,
	    .session = r->msg.session_id,
	};
}

/* gRPC calls it OK where the tool itself has failed. */
static enum snp_enum_SPAN_STATUS status_of(const struct request *r, enum rpc_code code)
{
	return r->tool_failed ? SNP_SPAN_STATUS_TOOL_ERROR
			      : (enum snp_enum_SPAN_STATUS)code;
}

/* What the program itself asks for is no call to it, though it comes as one. */
static enum snp_enum_SPAN_METHOD method_of(const struct request *r)
{
	struct rpc_str key =
	    rpc_md_in_get(rpc_server_call_metadata(r->call), RPC_MD_C_API);
	bool is_ours = rpc_str_equal(key, rpc_str_of(r->front->program_key));

	return is_ours ? SNP_SPAN_METHOD_C_API : r->protocol->method;
}

void request_span_whole(const struct request *r, snp_mono_t now)
{
	struct snp_span_fields span = fields_of(r, r->status.code, now);

	span.kind = SNP_SPAN_KIND_REQUEST;
	span.method = method_of(r);
	span.status = status_of(r, r->status.code);
	span.start = r->received;
	span.span_id = r->trace.span;
	span.parent_span_id = r->parent.span;
	if (r->parent.span)
		span.flags |= SNP_SPAN_FLAGS_IS_REMOTE;
	span.slot = r->last.slot;
	span.incarnation = r->last.incarnation;
	span.queue_ns = r->queued_ns;
	if (r->state == REQUEST_QUEUED)
		span.queue_ns += snp_mono_since_ns(now, r->queued);
	snp_span_record(&r->front->loop.bank, &span);
}

void request_span_queue(const struct request *r, enum rpc_code code, snp_mono_t now)
{
	struct snp_span_fields span = fields_of(r, code, now);

	span.kind = SNP_SPAN_KIND_QUEUE;
	span.method = SNP_SPAN_METHOD_CHECKOUT;
	span.start = r->queued;
	span.span_id = prng_next_nonzero(&r->front->loop.prng);
	span.queue_ns = snp_mono_since_ns(now, r->queued);
	snp_span_record(&r->front->loop.bank, &span);
}

/* A worker's call is cancelled with the client's, also where that is because its time
 * is up. */
static enum rpc_code code_of_attempt(const struct request *r, snp_mono_t now)
{
	bool in_time = r->status.code != RPC_CANCELLED ||
		       !estimate_is_deadline(r->received, r->asked, now);

	return in_time ? r->status.code : RPC_DEADLINE_EXCEEDED;
}

void request_span_attempt(const struct request *r, snp_mono_t now)
{
	enum rpc_code code = code_of_attempt(r, now);
	struct snp_span_fields span = fields_of(r, code, now);

	span.kind = SNP_SPAN_KIND_ATTEMPT;
	span.method = r->protocol->attempt_method;
	span.status = status_of(r, code);
	span.start = r->last.start;
	span.span_id = r->last.span;
	span.slot = r->last.slot;
	span.incarnation = r->last.incarnation;
	span.queue_ns = r->last.queued_ns;
	snp_span_record(&r->loop->bank, &span);
}
