/* SPDX-License-Identifier: Apache-2.0 */
/* What a request is: its life, and what its client's call tells of it. */
#include "pool/request.h"

#include <stdlib.h>

#include "core/front.h"

const struct request_protocol request_pool_unary = {
    .worker_method = RPC_METHOD_BRIDGE_EXECUTE,
    .method = SNP_SPAN_METHOD_POOL_EXECUTE,
    .attempt_method = SNP_SPAN_METHOD_BRIDGE_EXECUTE_TOOL,
    .decode = rpc_pool_decode_execute_request,
    .encode_response = rpc_pool_encode_execute_response,
};
const struct request_protocol request_pool_stream = {
    .worker_method = RPC_METHOD_BRIDGE_EXECUTE_STREAM,
    .method = SNP_SPAN_METHOD_POOL_EXECUTE_STREAM,
    .attempt_method = SNP_SPAN_METHOD_BRIDGE_EXECUTE_STREAMING_TOOL,
    .streaming = true,
    .decode = rpc_pool_decode_execute_request,
    .encode_chunk = rpc_pool_encode_chunk,
};
const struct request_protocol request_bridge_unary = {
    .worker_method = RPC_METHOD_BRIDGE_EXECUTE,
    .method = SNP_SPAN_METHOD_BRIDGE_EXECUTE_TOOL,
    .attempt_method = SNP_SPAN_METHOD_BRIDGE_EXECUTE_TOOL,
    .decode = rpc_bridge_decode_execute_request,
    .encode_response = rpc_bridge_encode_execute_response,
};
const struct request_protocol request_bridge_stream = {
    .worker_method = RPC_METHOD_BRIDGE_EXECUTE_STREAM,
    .method = SNP_SPAN_METHOD_BRIDGE_EXECUTE_STREAMING_TOOL,
    .attempt_method = SNP_SPAN_METHOD_BRIDGE_EXECUTE_STREAMING_TOOL,
    .streaming = true,
    .decode = rpc_bridge_decode_execute_request,
    .encode_chunk = rpc_bridge_encode_chunk,
};

/* ---- lifetime ------------------------------------------------------------ */

static const struct rpc_server_call_ops call_ops;

struct request *request_create(struct front *front, struct rpc_server_call *call,
			       const struct request_protocol *protocol)
{
	struct request *r = calloc(1, sizeof(*r));

	if (!r)
		return NULL;
	atomic_init(&r->refs, 1); /* dropped by on_done */
	rpc_arena_init(&r->arena, 0);
	r->front = front;
	r->protocol = protocol;
	r->call = rpc_server_call_ref(call);
	r->received = snp_mono_now();
	r->kind = ERROR_KIND_NR;
	waiter_init(&r->waiter, r->received);
	rpc_server_call_set_ops(call, &call_ops, r);
	return r;
}

void request_unref(struct request *r)
{
	if (atomic_fetch_sub_explicit(&r->refs, 1, memory_order_acq_rel) != 1)
		return;
	rpc_buf_unref(r->reply);
	rpc_server_call_unref(r->call);
	rpc_arena_fini(&r->arena);
	free(r);
}

struct request *request_ref(struct request *r)
{
	atomic_fetch_add_explicit(&r->refs, 1, memory_order_relaxed);
	return r;
}

/* ---- events of the client's call ----------------------------------------- */

static void on_cancelled(struct rpc_server_call *call)
{
	struct request *r = rpc_server_call_user(call);

	/* While it is active, gRPC tells the worker's call. */
	if (r->state == REQUEST_QUEUED)
		request_abandon(r);
}

static void on_more(struct rpc_task *task)
{
	struct request *r =
	    (struct request *)(void *)((char *)task -
				       offsetof(struct request, more_task));

	request_more(r);
	request_unref(r);
}

/* The client took a chunk: the worker may send the next. This is the whole flow
 * control. */
static void on_writable(struct rpc_server_call *call)
{
	struct request *r = rpc_server_call_user(call);

	if (r->state != REQUEST_ACTIVE)
		return;
	r->more_task.fn = on_more;
	request_ref(r);
	rpc_loop_hand(r->loop->rpc, &r->more_task);
}

static void on_done(struct rpc_server_call *call)
{
	request_unref(rpc_server_call_user(call));
}

static const struct rpc_server_call_ops call_ops = {
    .on_cancelled = on_cancelled,
    .on_writable = on_writable,
    .on_done = on_done,
};

/* ---- where it is counted ------------------------------------------------- */

struct snp_pool_cells *request_pool_cells(const struct request *r)
{
	return &r->front->loop.bank.pools[r->pool->index];
}

struct snp_tool_cells *request_tool_cells(const struct request *r)
{
	return &r->front->loop.bank.tools[r->tool->row];
}

unsigned request_failure_code(enum rpc_code code)
{
	switch (code) {
	case RPC_CANCELLED:
		return SNP_FAILURE_CODE_CANCELLED;
	case RPC_UNKNOWN:
		return SNP_FAILURE_CODE_UNKNOWN;
	case RPC_INVALID_ARGUMENT:
		return SNP_FAILURE_CODE_INVALID_ARGUMENT;
	case RPC_DEADLINE_EXCEEDED:
		return SNP_FAILURE_CODE_DEADLINE_EXCEEDED;
	case RPC_NOT_FOUND:
		return SNP_FAILURE_CODE_NOT_FOUND;
	case RPC_RESOURCE_EXHAUSTED:
		return SNP_FAILURE_CODE_RESOURCE_EXHAUSTED;
	case RPC_UNIMPLEMENTED:
		return SNP_FAILURE_CODE_UNIMPLEMENTED;
	case RPC_INTERNAL:
		return SNP_FAILURE_CODE_INTERNAL;
	case RPC_UNAVAILABLE:
		return SNP_FAILURE_CODE_UNAVAILABLE;
	default:
		return SNP_FAILURE_CODE_OTHER;
	}
}
