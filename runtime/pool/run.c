/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The event loop's side of a request: the call to the worker and the translation of its
 * answer. Everything here runs on the loop that owns the worker's slot.
 */
#define LOG_COMPONENT "pool"
#include <errno.h>
#include <string.h>

#include "core/front.h"
#include "pool/request.h"

static struct snp_pool_cells *pool_cells(const struct request *r)
{
	return &r->loop->bank.pools[r->pool->index];
}

static enum link_call_end how_it_ended(const struct request *r)
{
	if (r->outcome == SNP_OUTCOME_OK)
		return LINK_CALL_OK;
	return r->kind == ERROR_WORKER_DIED ? LINK_CALL_LOST : LINK_CALL_FAILED;
}

/* The try is over; what came of it is in status, outcome and reply. */
static void end_try(struct request *r)
{
	snp_mono_t now = snp_mono_now();

	link_call_end(r->link, r->last.place, how_it_ended(r), now);
	request_span_attempt(r, now);
	r->back_task.fn = request_back;
}

static void fail(struct request *r, int rc, const char *what)
{
	r->outcome = SNP_OUTCOME_ERROR;
	request_fail(r, rc == -ENOMEM ? ERROR_OUT_OF_MEMORY : ERROR_NOT_SENDABLE,
		     "%s (errno %d)", what, -rc);
}

/* ---- answers ------------------------------------------------------------- */

static int translate_response(struct request *r, const struct rpc_buf *message,
			      struct rpc_arena *arena, struct snp_err *err)
{
	struct rpc_execute_response response;
	int rc = rpc_bridge_decode_execute_response(message, arena, &response, err);

	if (rc < 0)
		return rc;
	response.queue_wait_ns = snp_mono_since_ns(r->dispatched, r->received);
	response.service_ns = snp_mono_since_ns(snp_mono_now(), r->dispatched);
	response.worker_id = r->link->worker_id;
	r->tool_failed = response.outcome == RPC_OUTCOME_ERROR;
	return r->protocol->encode_response(&response, &r->reply);
}

/* What the client hears of a stream before its first chunk. Once, also where the
 * request runs again. */
static void add_initial(struct request *r)
{
	if (r->begun)
		return;
	r->begun = true;
	(void)rpc_server_call_add_initial(r->call, RPC_MD_CORRELATION_ID,
					  rpc_str_of(r->correlation));
	(void)rpc_server_call_add_initial(r->call, RPC_MD_WORKER_ID,
					  rpc_str_of(r->link->worker_id));
}

static int translate_chunk(struct request *r, const struct rpc_buf *message,
			   struct rpc_arena *arena, struct snp_err *err)
{
	struct rpc_buf *out = NULL;
	struct rpc_chunk chunk;
	int rc = rpc_bridge_decode_chunk(message, arena, &chunk, err);

	if (rc == 0)
		rc = r->protocol->encode_chunk(&chunk, &out);
	if (rc < 0)
		return rc;
	/* One at a time by construction: the next message is read when this one has
	 * left (request_more). */
	r->chunk_sent = snp_mono_now();
	add_initial(r);
	rc = rpc_server_call_send(r->call, out);
	rpc_buf_unref(out);
	if (rc < 0)
		return rc;
	r->chunks = true;
	snp_add(pool_cells(r)->chunks, 1);
	return 0;
}

/* An answer could not be passed on. The worker's own status may have come with it and
 * then cancelling changes nothing, so the request's end is settled here. */
static void give_up(struct request *r, struct rpc_call *call, int rc, const char *why)
{
	r->undelivered = true;
	if (rc == -ECANCELED)
		request_fail(r, ERROR_CANCELLED, "the client went away");
	else
		request_fail(r, ERROR_BAD_ANSWER,
			     "the answer of worker %s could not be passed on: %s",
			     r->link->worker_id, *why ? why : strerror(-rc));
	rpc_call_cancel(call);
}

/* Metadata without anything in it is no word of the worker's: gRPC makes it up where a
 * call ends before it began, and some workers have none before their first chunk. */
static void on_initial(struct rpc_call *call)
{
	struct request *r = rpc_call_user(call);

	if (!r->protocol->streaming || r->begun ||
	    rpc_md_in_count(rpc_call_initial_metadata(call)) == 0)
		return;
	add_initial(r);
	rpc_server_call_send_initial(r->call);
}

static void on_message(struct rpc_call *call, struct rpc_buf *message)
{
	struct request *r = rpc_call_user(call);
	struct snp_err err = {0};
	struct rpc_arena arena;
	int rc;

	rpc_arena_init(&arena, 0);
	rc = r->protocol->streaming ? translate_chunk(r, message, &arena, &err)
				    : translate_response(r, message, &arena, &err);
	rpc_arena_fini(&arena);
	if (rc < 0 && !r->undelivered)
		give_up(r, call, rc, err.msg);
}

/* A worker that ends a call by itself says so in metadata; without any, UNAVAILABLE is
 * what gRPC makes of a lost connection. */
static enum error_kind kind_of(const struct rpc_call *call,
			       const struct rpc_status *status)
{
	bool its_own = rpc_md_in_count(rpc_call_trailing_metadata(call)) > 0;

	switch (status->code) {
	case RPC_OK:
		return ERROR_KIND_NR;
	case RPC_UNAVAILABLE:
		if (status->never_sent)
			return ERROR_WORKER_UNREACHABLE;
		return its_own ? ERROR_WORKER_STATUS : ERROR_WORKER_DIED;
	case RPC_CANCELLED:
		return its_own ? ERROR_WORKER_STATUS : ERROR_CANCELLED;
	case RPC_DEADLINE_EXCEEDED:
		return ERROR_DEADLINE_EXCEEDED;
	default:
		return ERROR_WORKER_STATUS;
	}
}

static void on_done(struct rpc_call *call, const struct rpc_status *status)
{
	struct request *r = rpc_call_user(call);

	if (!r->undelivered) {
		r->status = *status;
		r->kind = kind_of(call, status);
	}
	r->outcome = r->status.code == RPC_OK && !r->tool_failed ? SNP_OUTCOME_OK
								 : SNP_OUTCOME_ERROR;
	rpc_call_close(call);
	rpc_call_unref(r->worker_call);
	r->worker_call = NULL;
	end_try(r);
	rpc_loop_hand(r->front->loop.rpc, &r->back_task);
}

void request_more(struct request *r)
{
	snp_add(pool_cells(r)->stream_stall,
		snp_mono_since_ns(snp_mono_now(), r->chunk_sent));
	if (r->worker_call)
		rpc_call_read_more(r->worker_call);
}

static const struct rpc_call_ops worker_call_ops = {
    .on_initial = on_initial,
    .on_message = on_message,
    .on_done = on_done,
};

/* ---- the call ------------------------------------------------------------ */

static int start_call(struct request *r, struct rpc_buf *buf)
{
	struct rpc_md_list md = {0};
	struct trace_buffers buffers;
	const struct rpc_call_args args = {
	    .channel = r->link->channel,
	    .loop = r->loop->rpc,
	    .method = r->protocol->worker_method,
	    .request = buf,
	    .metadata = &md,
	    .deadline = r->deadline,
	    .parent = r->call,
	    .flags = r->protocol->streaming ? RPC_CALL_SERVER_STREAM : RPC_CALL_UNARY,
	    .ops = &worker_call_ops,
	    .user = r,
	};

	(void)rpc_md_add(&md, RPC_MD_CORRELATION_ID, rpc_str_of(r->correlation));
	(void)rpc_md_add(&md, RPC_MD_WORKER_ID, rpc_str_of(r->link->worker_id));
	request_trace_outgoing(r, &buffers, &md);
	return rpc_call_start(&args, &r->worker_call);
}

static void begin(struct request *r)
{
	const struct snp_inflight_fields fields = {
	    .start = snp_mono_now(),
	    .deadline = r->deadline,
	    .received = r->received,
	    .tool = r->tool->row,
	    .incarnation = r->last.incarnation,
	    .trace_id = {r->trace.id[0], r->trace.id[1]},
	    .correlation = r->correlation,
	};

	r->last.start = fields.start;
	r->last.span = prng_next_nonzero(&r->loop->prng);
	r->last.place = link_call_begin(r->link, &fields);
}

static int encode(const struct request *r, struct rpc_buf **ret_buf)
{
	struct rpc_execute_request msg;

	if (*r->msg.session_id || !r->link->opt.no_session)
		return rpc_bridge_encode_execute_request(&r->msg, ret_buf);
	msg = r->msg;
	msg.session_id = r->link->opt.no_session;
	return rpc_bridge_encode_execute_request(&msg, ret_buf);
}

void request_run(struct request *r)
{
	struct rpc_buf *buf = NULL;
	int rc;

	r->tool_failed = r->undelivered = false;
	r->kind = ERROR_KIND_NR;
	begin(r);
	rc = encode(r, &buf);
	if (rc == 0)
		rc = start_call(r, buf);
	rpc_buf_unref(buf);
	if (rc < 0) {
		fail(r, rc, "cannot send the request to a worker");
		end_try(r);
		/* Not by hand: who sends it is not done with it yet. */
		rpc_loop_post(r->front->loop.rpc, &r->back_task);
	}
}
