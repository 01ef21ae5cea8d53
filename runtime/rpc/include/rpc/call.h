/* SPDX-License-Identifier: Apache-2.0 */
/*
 * call.h - a client's call: one request out, one reply or a stream of replies in; or
 * messages both ways.
 *
 * Callbacks run on the loop named at start, one at a time for a call. on_done is called
 * exactly once for every call that start accepted, and nothing is called after it.
 *
 *   start --> on_initial? --> { on_message | on_writable }* --> on_done
 *             (each optional; after a cancel, a deadline or a lost peer only on_done)
 *
 *   function           | thread
 *   -------------------+--------------------------------------------------------------
 *   rpc_call_start     | any. Off the loop's thread, callbacks may run before it
 *                      |   returns
 *   rpc_call_cancel*   | any that holds a reference
 *   rpc_call_ref/unref | any
 *   rpc_call_read_more,|
 *   rpc_call_send      | the loop's
 *   accessors          | the loop's; in or after the callback that made them valid
 *
 * Ownership: start gives the caller one reference; it may be dropped at any time, the
 * call goes on without it. Metadata views die with the last reference.
 */
#ifndef RPC_CALL_H
#define RPC_CALL_H

#include <stddef.h>
#include <stdint.h>

#include "rpc/buf.h"
#include "rpc/channel.h"
#include "rpc/loop.h"
#include "rpc/metadata.h"
#include "rpc/status.h"
#include "snakepit/time.h"

struct rpc_call;
struct rpc_server_call; /* server.h */

struct rpc_call_ops {
	/* Initial metadata arrived: the peer has taken the call. A unary call learns it
	 * together with the reply. May be NULL. */
	void (*on_initial)(struct rpc_call *call);
	/* One message, borrowed: take a reference to keep it. Required. */
	void (*on_message)(struct rpc_call *call, struct rpc_buf *message);
	/* Bidirectional: what was given to send, or the request, has left; the next may
	 * be sent. It may come before on_initial. May be NULL. */
	void (*on_writable)(struct rpc_call *call);
	/* The end, exactly once. `status` is borrowed. Required. */
	void (*on_done)(struct rpc_call *call, const struct rpc_status *status);
};

enum rpc_call_flags {
	RPC_CALL_UNARY = 0, /* one message in; OK without one is INTERNAL */
	RPC_CALL_SERVER_STREAM = 1u << 0, /* any number, see rpc_call_read_more() */
	/* The same, and rpc_call_send() sends more than the request, which may be NULL.
	 */
	RPC_CALL_BIDI = RPC_CALL_SERVER_STREAM | 1u << 2,
	/* Wait for the connection until the deadline instead of failing at once. */
	RPC_CALL_WAIT_FOR_READY = 1u << 1,
};

/* All pointers are borrowed for the duration of rpc_call_start() except ops (static)
 * and loop and channel (must outlive the call). */
struct rpc_call_args {
	struct rpc_channel *channel;
	struct rpc_loop *loop;
	const char *method;	 /* "/package.Service/Method" */
	struct rpc_buf *request; /* NULL: none yet, with RPC_CALL_BIDI only */
	const struct rpc_md_list *metadata; /* may be NULL */
	snp_mono_t deadline;		    /* .ns == 0: none */
	/* May be NULL. Its deadline, if earlier, and its cancellation reach this call.
	 */
	struct rpc_server_call *parent;
	unsigned flags; /* enum rpc_call_flags */
	const struct rpc_call_ops *ops;
	void *user;
};

/* Start a call. *ret_call is set before the first callback can run. On failure
 * (-ENOMEM, or -EINVAL for metadata gRPC refuses) no callback is made and *ret_call
 * stays as it was. A connection that cannot be made is not a failure here: it arrives
 * by on_done. */
int rpc_call_start(const struct rpc_call_args *args, struct rpc_call **ret_call);

/* Grant a stream one more message; grants add up. A stream starts with one grant. With
 * none left nothing more is read, the peer is slowed down by flow control, and on_done
 * waits until the messages before it were taken: cancel to end it sooner. */
void rpc_call_read_more(struct rpc_call *call);

/* Send one more message of a bidirectional call (a reference is taken). One at a time:
 * -EAGAIN until on_writable. -ECANCELED once the peer has ended the call or is gone.
 * A slow reader holds on_writable back. */
int rpc_call_send(struct rpc_call *call, struct rpc_buf *message);

/* End the call early; on_done follows with CANCELLED, or with how it had ended already.
 * Does nothing once it ended. */
void rpc_call_cancel(struct rpc_call *call);

/* The same with a code and text for our own on_done; the peer sees a plain cancel. */
void rpc_call_cancel_with(struct rpc_call *call, enum rpc_code code,
			  const char *message);

/* In on_done: give up gRPC's side of the call now, and the metadata with it. Who ends
 * the parent from on_done does this first: gRPC cancels calls that outlive theirs,
 * which costs it a tenth of the whole call even when there is nothing left to cancel.
 */
void rpc_call_close(struct rpc_call *call);

struct rpc_call *rpc_call_ref(struct rpc_call *call);
void rpc_call_unref(struct rpc_call *call);

void *rpc_call_user(const struct rpc_call *call);

/* Valid from on_initial (or on_done, where it may be empty). */
const struct rpc_md_in *rpc_call_initial_metadata(const struct rpc_call *call);
/* Valid from on_done; empty unless the peer itself ended the call. */
const struct rpc_md_in *rpc_call_trailing_metadata(const struct rpc_call *call);

#endif
