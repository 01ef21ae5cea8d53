/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A unary call is one batch. A stream is two (everything but messages; the status) and
 * then one more for each message, started when the owner grants it. A bidirectional
 * call is a stream that does not say that its messages end, and sends each, also the
 * first, in a batch of its own: the first batch is only back with the peer's headers,
 * and sending shall not wait for them. `pending` counts
 * the batches in flight; when it falls to zero with the status in hand, the call is
 * done. It is raised for all first batches before the first of them is started: their
 * tags may come back on the loop's thread while start still runs on another. gRPC holds
 * the status back until the messages before it were read, so none is lost to a slow
 * reader.
 *
 * References: one for the library until on_done returned, one for the caller.
 */
#include "rpc/call.h"

#include <errno.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include <grpc/grpc.h>
#include <grpc/support/alloc.h>

#include "buf_internal.h"
#include "channel_internal.h"
#include "deadline.h"
#include "loop_internal.h"
#include "metadata_internal.h"
#include "server_internal.h"
#include "snakepit/check.h"
#include "status_internal.h"
#include "tag.h"

struct rpc_call {
	atomic_uint refs;
	grpc_call *core;
	const struct rpc_call_ops *ops;
	void *user;
	unsigned flags;

	/* Set by start, then only the loop's thread. */
	unsigned pending; /* batches in flight */
	unsigned grants;
	bool started; /* the first batch is back, so messages may be read */
	bool reading;
	bool sending;
	bool got_status;
	bool end_of_stream;
	bool done;
	/* Why we refused what the peer sent; it overrules the status. */
	enum rpc_code refusal;
	const char *refusal_text;

	/* gRPC writes these between the start of a batch and its tag. */
	grpc_byte_buffer *message;
	struct rpc_md_in initial;
	struct rpc_md_in trailing;
	grpc_status_code code;
	grpc_slice details;
	const char *error_string;

	grpc_byte_buffer *request;
	struct rpc__md_out metadata;

	struct rpc__tag first_tag;  /* unary: everything */
	struct rpc__tag status_tag; /* streams only, like the next one */
	struct rpc__tag read_tag;
	struct rpc__tag send_tag; /* bidirectional only */
};

#define CALL_OF(tag_ptr, member)                                                       \
	((struct rpc_call *)((char *)(tag_ptr)-offsetof(struct rpc_call, member)))

/* ---- References ---------------------------------------------------------- */

static void free_call(struct rpc_call *call)
{
	if (call->core)
		grpc_call_unref(call->core);
	grpc_byte_buffer_destroy(call->message);
	grpc_byte_buffer_destroy(call->request);
	rpc__md_out_fini(&call->metadata);
	grpc_metadata_array_destroy(&call->initial.array);
	grpc_metadata_array_destroy(&call->trailing.array);
	grpc_slice_unref(call->details);
	gpr_free((void *)(uintptr_t)call->error_string);
	free(call);
}

struct rpc_call *rpc_call_ref(struct rpc_call *call)
{
	atomic_fetch_add_explicit(&call->refs, 1, memory_order_relaxed);
	return call;
}

void rpc_call_unref(struct rpc_call *call)
{
	if (call &&
	    atomic_fetch_sub_explicit(&call->refs, 1, memory_order_acq_rel) == 1)
		free_call(call);
}

void *rpc_call_user(const struct rpc_call *call)
{
	return call->user;
}

const struct rpc_md_in *rpc_call_initial_metadata(const struct rpc_call *call)
{
	return &call->initial;
}

const struct rpc_md_in *rpc_call_trailing_metadata(const struct rpc_call *call)
{
	return &call->trailing;
}

/* ---- The end ------------------------------------------------------------- */

static bool slice_starts_with(const grpc_slice *slice, const char *prefix)
{
	size_t len = strlen(prefix);

	return GRPC_SLICE_LENGTH(*slice) >= len &&
	       memcmp(GRPC_SLICE_START_PTR(*slice), prefix, len) == 0;
}

/* gRPC has no flag for this, only texts. A peer could send the same text, so a status
 * that came over the wire, which the error string tells, never counts. Nor can the
 * statuses count that gRPC makes for calls on a connection that is closing: the error
 * string says of them, too, that they came from the peer. Where such a call was not
 * seen by the peer the channel starts it over (channel.c), and it ends as one of those
 * below if there is nobody any more. */
static bool was_never_sent(const struct rpc_call *call)
{
	if (call->code != GRPC_STATUS_UNAVAILABLE || call->initial.array.count > 0)
		return false;
	if (!call->error_string || strstr(call->error_string, "received from peer"))
		return false;
	return slice_starts_with(&call->details,
				 "failed to connect to all addresses") ||
	       slice_starts_with(&call->details, "DNS resolution failed");
}

static void finish_call(struct rpc_call *call)
{
	struct rpc_status status;
	enum rpc_code code = RPC_UNKNOWN;

	if ((unsigned)call->code < RPC_CODE_NR)
		code = (enum rpc_code)call->code;
	rpc__status_set_bytes(&status, code,
			      (const char *)GRPC_SLICE_START_PTR(call->details),
			      GRPC_SLICE_LENGTH(call->details));
	status.never_sent = was_never_sent(call);
	if (call->refusal != RPC_OK)
		rpc_status_set(&status, call->refusal, "%s", call->refusal_text);
	call->done = true;
	call->ops->on_done(call, &status);
	rpc_call_unref(call);
}

static void drop_pending(struct rpc_call *call)
{
	if (--call->pending > 0)
		return;
	SNP_CHECK(call->got_status);
	finish_call(call);
}

/* The metadata was checked when it was copied, and nothing else in a batch comes from
 * outside: a refusal by gRPC would be a mistake of ours. */
static void start_batch(struct rpc_call *call, const grpc_op *ops, size_t n,
			struct rpc__tag *tag)
{
	grpc_call_error rc =
	    grpc_call_start_batch(call->core, ops, n, rpc__tag_arm(tag), NULL);

	SNP_CHECK(rc == GRPC_CALL_OK);
}

/* ---- Messages ------------------------------------------------------------ */

static void refuse(struct rpc_call *call, enum rpc_code code, const char *text)
{
	call->refusal = code;
	call->refusal_text = text;
	rpc_call_cancel(call);
}

static void deliver_message(struct rpc_call *call)
{
	grpc_byte_buffer *bytes = call->message;
	struct rpc_buf *buf;

	/* Before the callback: it may start the next read, which writes here. */
	call->message = NULL;
	if (rpc__byte_buffer_is_compressed(bytes)) {
		grpc_byte_buffer_destroy(bytes);
		refuse(call, RPC_UNIMPLEMENTED, "compressed messages are not accepted");
		return;
	}
	buf = rpc__buf_wrap(bytes);
	if (!buf) {
		refuse(call, RPC_RESOURCE_EXHAUSTED, "out of memory for a message");
		return;
	}
	call->ops->on_message(call, buf);
	rpc_buf_unref(buf);
}

static void start_read(struct rpc_call *call)
{
	grpc_op op = {.op = GRPC_OP_RECV_MESSAGE};

	if (call->grants == 0 || call->reading || call->end_of_stream)
		return;
	call->grants--;
	call->reading = true;
	call->pending++;
	op.data.recv_message.recv_message = &call->message;
	start_batch(call, &op, 1, &call->read_tag);
}

static void on_read(struct rpc__tag *tag, bool ok)
{
	struct rpc_call *call = CALL_OF(tag, read_tag);

	call->reading = false;
	if (ok && call->message) {
		deliver_message(call);
		start_read(call);
	} else {
		call->end_of_stream = true;
	}
	drop_pending(call);
}

void rpc_call_read_more(struct rpc_call *call)
{
	SNP_CHECK(call->flags & RPC_CALL_SERVER_STREAM);
	call->grants++;
	if (call->started && !call->done)
		start_read(call);
}

static bool is_bidi(const struct rpc_call *call)
{
	return (call->flags & RPC_CALL_BIDI) == RPC_CALL_BIDI;
}

/* `sending` and `pending` say already that it is on its way. */
static void start_send(struct rpc_call *call)
{
	grpc_op op = {.op = GRPC_OP_SEND_MESSAGE};

	op.data.send_message.send_message = call->request;
	start_batch(call, &op, 1, &call->send_tag);
}

static void on_sent(struct rpc__tag *tag, bool ok)
{
	struct rpc_call *call = CALL_OF(tag, send_tag);

	call->sending = false;
	grpc_byte_buffer_destroy(call->request);
	call->request = NULL;
	if (ok && !call->got_status && call->ops->on_writable)
		call->ops->on_writable(call);
	drop_pending(call);
}

int rpc_call_send(struct rpc_call *call, struct rpc_buf *message)
{
	SNP_CHECK(is_bidi(call));
	if (call->got_status)
		return -ECANCELED;
	if (call->sending)
		return -EAGAIN;
	call->request = rpc__buf_for_send(message);
	call->sending = true;
	call->pending++;
	start_send(call);
	return 0;
}

/* ---- Tags of the first batches ------------------------------------------- */

static void on_unary(struct rpc__tag *tag, bool ok)
{
	struct rpc_call *call = CALL_OF(tag, first_tag);
	bool is_ok = call->code == GRPC_STATUS_OK;

	(void)ok; /* a batch that receives the status always succeeds */
	call->got_status = true;
	if ((is_ok || call->initial.array.count > 0) && call->ops->on_initial)
		call->ops->on_initial(call);
	if (is_ok && call->message)
		deliver_message(call);
	else if (is_ok)
		refuse(call, RPC_INTERNAL, "the reply has no message");
	drop_pending(call);
}

static void on_stream_started(struct rpc__tag *tag, bool ok)
{
	struct rpc_call *call = CALL_OF(tag, first_tag);

	call->started = true;
	if (ok && call->ops->on_initial)
		call->ops->on_initial(call);
	start_read(call);
	drop_pending(call);
}

static void on_stream_status(struct rpc__tag *tag, bool ok)
{
	struct rpc_call *call = CALL_OF(tag, status_tag);

	(void)ok;
	call->got_status = true;
	drop_pending(call);
}

/* ---- Start --------------------------------------------------------------- */

/* SEND_INITIAL_METADATA, RECV_INITIAL_METADATA, and where there is one message only
 * SEND_MESSAGE, SEND_CLOSE_FROM_CLIENT: what all calls begin with. Returns how many
 * were filled in. */
static size_t fill_first_ops(struct rpc_call *call, grpc_op *ops)
{
	ops[0].op = GRPC_OP_SEND_INITIAL_METADATA;
	ops[0].data.send_initial_metadata.count = call->metadata.n;
	ops[0].data.send_initial_metadata.metadata = call->metadata.v;
	if (call->flags & RPC_CALL_WAIT_FOR_READY)
		ops[0].flags = GRPC_INITIAL_METADATA_WAIT_FOR_READY |
			       GRPC_INITIAL_METADATA_WAIT_FOR_READY_EXPLICITLY_SET;
	ops[1].op = GRPC_OP_RECV_INITIAL_METADATA;
	ops[1].data.recv_initial_metadata.recv_initial_metadata = &call->initial.array;
	if (is_bidi(call))
		return 2;
	ops[2].op = GRPC_OP_SEND_MESSAGE;
	ops[2].data.send_message.send_message = call->request;
	ops[3].op = GRPC_OP_SEND_CLOSE_FROM_CLIENT;
	return 4;
}

static void fill_status_op(struct rpc_call *call, grpc_op *op)
{
	op->op = GRPC_OP_RECV_STATUS_ON_CLIENT;
	op->data.recv_status_on_client.trailing_metadata = &call->trailing.array;
	op->data.recv_status_on_client.status = &call->code;
	op->data.recv_status_on_client.status_details = &call->details;
	op->data.recv_status_on_client.error_string = &call->error_string;
}

static void start_unary(struct rpc_call *call)
{
	grpc_op ops[6] = {0};
	size_t n = fill_first_ops(call, ops);

	ops[n].op = GRPC_OP_RECV_MESSAGE;
	ops[n++].data.recv_message.recv_message = &call->message;
	fill_status_op(call, &ops[n++]);
	call->first_tag.fn = on_unary;
	call->pending = 1;
	start_batch(call, ops, n, &call->first_tag);
}

static void start_stream(struct rpc_call *call)
{
	grpc_op ops[4] = {0}, status_op = {0};
	size_t n = fill_first_ops(call, ops);
	/* Read now: once a batch is out, a callback may be sending already. */
	const bool sends_first = is_bidi(call) && call->request;

	fill_status_op(call, &status_op);
	call->first_tag.fn = on_stream_started;
	call->status_tag.fn = on_stream_status;
	call->read_tag.fn = on_read;
	call->send_tag.fn = on_sent;
	call->grants = 1;
	call->sending = sends_first;
	call->pending = sends_first ? 3 : 2;
	start_batch(call, ops, n, &call->first_tag);
	if (sends_first)
		start_send(call);
	start_batch(call, &status_op, 1, &call->status_tag);
}

static int copy_metadata(struct rpc_call *call, const struct rpc_md_list *list)
{
	for (size_t i = 0; list && i < list->n; i++) {
		int rc =
		    rpc__md_out_add(&call->metadata, list->v[i].key, list->v[i].value);

		if (rc < 0)
			return rc;
	}
	return 0;
}

static grpc_call *create_core(const struct rpc_call_args *args)
{
	grpc_slice method = grpc_slice_from_copied_string(args->method);
	grpc_call *core = grpc_channel_create_call(
	    rpc__channel_core(args->channel),
	    args->parent ? rpc__server_call_core(args->parent) : NULL,
	    GRPC_PROPAGATE_DEFAULTS, rpc__loop_cq(args->loop), method, NULL,
	    rpc__deadline_to_core(args->deadline), NULL);

	grpc_slice_unref(method);
	return core;
}

int rpc_call_start(const struct rpc_call_args *args, struct rpc_call **ret_call)
{
	struct rpc_call *call = calloc(1, sizeof(*call));
	int rc;

	if (!call)
		return -ENOMEM;
	atomic_init(&call->refs, 2);
	call->ops = args->ops;
	call->user = args->user;
	call->flags = args->flags;
	rc = copy_metadata(call, args->metadata);
	if (rc < 0) {
		free_call(call);
		return rc;
	}
	SNP_CHECK(args->request || is_bidi(call));
	if (args->request)
		call->request = rpc__buf_for_send(args->request);
	call->core = create_core(args);
	*ret_call = call;
	if (call->flags & RPC_CALL_SERVER_STREAM)
		start_stream(call);
	else
		start_unary(call);
	return 0;
}

void rpc_call_close(struct rpc_call *call)
{
	SNP_CHECK(call->done);
	grpc_call_unref(call->core);
	call->core = NULL;
	/* They pointed into it. */
	call->initial.array.count = 0;
	call->trailing.array.count = 0;
}

void rpc_call_cancel(struct rpc_call *call)
{
	(void)grpc_call_cancel(call->core, NULL);
}

void rpc_call_cancel_with(struct rpc_call *call, enum rpc_code code,
			  const char *message)
{
	(void)grpc_call_cancel_with_status(call->core, (grpc_status_code)code, message,
					   NULL);
}
