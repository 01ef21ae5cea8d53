/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One call on the serving side. Two things keep it: the batch that waits for its close,
 * and its owner until finish (whose batch takes the owner's place). `pending` counts
 * them, and what else is on its way; at zero comes on_done.
 *
 * gRPC takes one message at a time, and the owner may be on another thread than the
 * loop that learns of its completion. `state` settles who starts the last batch: finish
 * sets FINISHED and starts it unless SENDING was set; the completion of a message
 * clears SENDING and starts it if FINISHED was set. One atomic step each, so exactly
 * one does.
 */
#include "rpc/server.h"

#include <errno.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include <grpc/grpc.h>

#include "buf_internal.h"
#include "deadline.h"
#include "holds.h"
#include "metadata_internal.h"
#include "server_internal.h"
#include "snakepit/check.h"
#include "status_internal.h"
#include "tag.h"

enum {
	SENDING = 1u << 0,
	FINISHED = 1u << 1,
	BROKEN = 1u << 2, /* the stream is gone, nothing can be sent */
};

struct rpc_server_call {
	atomic_uint refs;
	atomic_uint pending;
	atomic_uint state;
	grpc_call *core;
	struct rpc__holds *server; /* one is ours */
	struct rpc_loop *loop;
	const struct rpc_server_call_ops *ops;
	void *user;
	snp_mono_t deadline;
	struct rpc_md_in metadata;

	/* The owner's, until finish hands them to the last batch. */
	bool initial_sent;
	struct rpc__md_out initial;
	struct rpc__md_out trailing;
	grpc_byte_buffer *message; /* on its way */
	grpc_byte_buffer *reply;
	enum rpc_code code;
	grpc_slice details;

	int cancelled; /* written by gRPC before close_tag */
	struct rpc__tag close_tag;
	struct rpc__tag initial_tag;
	struct rpc__tag send_tag;
	struct rpc__tag finish_tag;
};

#define CALL_OF(tag_ptr, member)                                                       \
	((struct rpc_server_call *)((char *)(tag_ptr)-offsetof(struct rpc_server_call, \
							       member)))

static const struct rpc_server_call_ops no_ops;

/* ---- References and accessors -------------------------------------------- */

struct rpc_server_call *rpc_server_call_ref(struct rpc_server_call *call)
{
	atomic_fetch_add_explicit(&call->refs, 1, memory_order_relaxed);
	return call;
}

void rpc_server_call_unref(struct rpc_server_call *call)
{
	struct rpc__holds *server;

	if (!call ||
	    atomic_fetch_sub_explicit(&call->refs, 1, memory_order_acq_rel) > 1)
		return;
	grpc_byte_buffer_destroy(call->message);
	grpc_byte_buffer_destroy(call->reply);
	rpc__md_out_fini(&call->initial);
	rpc__md_out_fini(&call->trailing);
	grpc_metadata_array_destroy(&call->metadata.array);
	grpc_slice_unref(call->details);
	grpc_call_unref(call->core);
	server = call->server;
	free(call);
	rpc__holds_drop(server); /* last: this may be the end of the server */
}

void rpc_server_call_set_ops(struct rpc_server_call *call,
			     const struct rpc_server_call_ops *ops, void *user)
{
	call->ops = ops;
	call->user = user;
}

void *rpc_server_call_user(const struct rpc_server_call *call)
{
	return call->user;
}

struct rpc_loop *rpc_server_call_loop(const struct rpc_server_call *call)
{
	return call->loop;
}

const struct rpc_md_in *rpc_server_call_metadata(const struct rpc_server_call *call)
{
	return &call->metadata;
}

snp_mono_t rpc_server_call_deadline(const struct rpc_server_call *call)
{
	return call->deadline;
}

bool rpc_server_call_is_cancelled(const struct rpc_server_call *call)
{
	return atomic_load_explicit(&call->state, memory_order_acquire) & BROKEN;
}

grpc_call *rpc__server_call_core(struct rpc_server_call *call)
{
	return call->core;
}

/* ---- Answering ----------------------------------------------------------- */

static int add_metadata(struct rpc_server_call *call, struct rpc__md_out *out,
			bool is_too_late, const char *key, struct rpc_str value)
{
	if (is_too_late || atomic_load(&call->state) & FINISHED)
		return -EALREADY;
	return rpc__md_out_add(out, rpc_str_of(key), value);
}

int rpc_server_call_add_initial(struct rpc_server_call *call, const char *key,
				struct rpc_str value)
{
	return add_metadata(call, &call->initial, call->initial_sent, key, value);
}

int rpc_server_call_add_trailing(struct rpc_server_call *call, const char *key,
				 struct rpc_str value)
{
	return add_metadata(call, &call->trailing, false, key, value);
}

static size_t fill_initial_op(struct rpc_server_call *call, grpc_op *op)
{
	if (call->initial_sent)
		return 0;
	call->initial_sent = true;
	op->op = GRPC_OP_SEND_INITIAL_METADATA;
	op->data.send_initial_metadata.count = call->initial.n;
	op->data.send_initial_metadata.metadata = call->initial.v;
	return 1;
}

/* Refusals by gRPC would be our own misuse: metadata was checked when it was added. */
static void start_batch(struct rpc_server_call *call, const grpc_op *ops, size_t n,
			struct rpc__tag *tag)
{
	grpc_call_error rc =
	    grpc_call_start_batch(call->core, ops, n, rpc__tag_arm(tag), NULL);

	SNP_CHECK(rc == GRPC_CALL_OK);
}

void rpc_server_call_send_initial(struct rpc_server_call *call)
{
	grpc_op op = {0};

	SNP_CHECK(fill_initial_op(call, &op) == 1);
	atomic_fetch_add_explicit(&call->pending, 1, memory_order_relaxed);
	start_batch(call, &op, 1, &call->initial_tag);
}

int rpc_server_call_send(struct rpc_server_call *call, struct rpc_buf *message)
{
	unsigned state = atomic_load_explicit(&call->state, memory_order_acquire);
	grpc_op ops[2] = {0};
	size_t n;

	if (state & FINISHED)
		return -EALREADY;
	if (state & BROKEN)
		return -ECANCELED;
	if (state & SENDING)
		return -EAGAIN;
	call->message = rpc__buf_for_send(message);
	n = fill_initial_op(call, ops);
	ops[n].op = GRPC_OP_SEND_MESSAGE;
	ops[n++].data.send_message.send_message = call->message;
	atomic_fetch_add_explicit(&call->pending, 1, memory_order_relaxed);
	atomic_fetch_or(&call->state, SENDING);
	start_batch(call, ops, n, &call->send_tag);
	return 0;
}

static void start_finish(struct rpc_server_call *call)
{
	grpc_op ops[3] = {0};
	size_t n = fill_initial_op(call, ops);

	if (call->reply) {
		ops[n].op = GRPC_OP_SEND_MESSAGE;
		ops[n++].data.send_message.send_message = call->reply;
	}
	ops[n].op = GRPC_OP_SEND_STATUS_FROM_SERVER;
	ops[n].data.send_status_from_server.status = (grpc_status_code)call->code;
	ops[n].data.send_status_from_server.status_details = &call->details;
	ops[n].data.send_status_from_server.trailing_metadata = call->trailing.v;
	ops[n++].data.send_status_from_server.trailing_metadata_count =
	    call->trailing.n;
	start_batch(call, ops, n, &call->finish_tag);
}

void rpc_server_call_finish(struct rpc_server_call *call, struct rpc_buf *message,
			    enum rpc_code code, const char *text)
{
	struct rpc_status status;
	unsigned before;

	SNP_CHECK(!message || code == RPC_OK);
	rpc__status_set_bytes(&status, code, text ? text : "", text ? strlen(text) : 0);
	call->code = code;
	call->details = grpc_slice_from_copied_string(status.message);
	if (message)
		call->reply = rpc__buf_for_send(message);
	before = atomic_fetch_or(&call->state, FINISHED);
	SNP_CHECK(!(before & FINISHED));
	if (!(before & SENDING))
		start_finish(call);
}

/* ---- Completions, on the loop's thread ----------------------------------- */

static void drop_pending(struct rpc_server_call *call)
{
	if (atomic_fetch_sub_explicit(&call->pending, 1, memory_order_acq_rel) > 1)
		return;
	if (call->ops->on_done)
		call->ops->on_done(call);
	rpc_server_call_unref(call);
}

/* Whether it left says the end of the call. */
static void on_initial_sent(struct rpc__tag *tag, bool ok)
{
	(void)ok;
	drop_pending(CALL_OF(tag, initial_tag));
}

static void on_sent(struct rpc__tag *tag, bool ok)
{
	struct rpc_server_call *call = CALL_OF(tag, send_tag);
	unsigned before;

	grpc_byte_buffer_destroy(call->message);
	call->message = NULL;
	if (!ok)
		atomic_fetch_or(&call->state, BROKEN);
	before = atomic_fetch_and(&call->state, ~(unsigned)SENDING);
	if (before & FINISHED)
		start_finish(call);
	else if (ok && call->ops->on_writable)
		call->ops->on_writable(call);
	drop_pending(call);
}

static void on_finished(struct rpc__tag *tag, bool ok)
{
	(void)ok; /* whether the peer still wanted to know */
	drop_pending(CALL_OF(tag, finish_tag));
}

static void on_close(struct rpc__tag *tag, bool ok)
{
	struct rpc_server_call *call = CALL_OF(tag, close_tag);
	unsigned before = 0;

	(void)ok;
	if (call->cancelled) {
		before = atomic_fetch_or(&call->state, BROKEN);
		if (!(before & FINISHED) && call->ops->on_cancelled)
			call->ops->on_cancelled(call);
	}
	drop_pending(call);
}

struct rpc_server_call *rpc__server_call_create(struct rpc__holds *server,
						struct rpc_loop *loop,
						struct rpc__arrival *arrival)
{
	struct rpc_server_call *call = calloc(1, sizeof(*call));
	grpc_op op = {.op = GRPC_OP_RECV_CLOSE_ON_SERVER};

	if (!call) {
		(void)grpc_call_cancel_with_status(arrival->core,
						   GRPC_STATUS_RESOURCE_EXHAUSTED,
						   "out of memory for the call", NULL);
		grpc_metadata_array_destroy(&arrival->metadata);
		grpc_call_unref(arrival->core);
		return NULL;
	}
	atomic_init(&call->refs, 1);
	atomic_init(&call->pending, 2);
	call->core = arrival->core;
	rpc__holds_take(server, 1);
	call->server = server;
	call->loop = loop;
	call->ops = &no_ops;
	call->deadline = rpc__deadline_from_core(arrival->deadline);
	call->metadata.array = arrival->metadata;
	call->close_tag.fn = on_close;
	call->initial_tag.fn = on_initial_sent;
	call->send_tag.fn = on_sent;
	call->finish_tag.fn = on_finished;
	op.data.recv_close_on_server.cancelled = &call->cancelled;
	start_batch(call, &op, 1, &call->close_tag);
	return call;
}
