/* SPDX-License-Identifier: Apache-2.0 */
/*
 * request.h - one request from arrival to its one outcome.
 *
 *   front door             event loop of the worker        front door
 *   request_arrive  -->  [queue]  -->  on_run  -->  ...  --> on_back --> outcome
 *                          |                                    |
 *                          +-- refused, expired, cancelled      +-- never sent: queue
 * again
 *
 * The server call belongs to the thread that has the request: the front door, except
 * between dispatch and on_back, when the event loop may send stream chunks on it. While
 * a worker runs it, the client's cancellation and deadline reach the worker's call
 * through gRPC's parent link, so nothing of ours has to carry them.
 *
 * Lifetime: references; one of the front door until the server call is done, one for
 * each task that is on its way to another thread.
 */
#ifndef SNAKEPIT_RUNTIME_REQUEST_H
#define SNAKEPIT_RUNTIME_REQUEST_H

#include <stdatomic.h>

#include "core/trace.h"
#include "pool/pool.h"
#include "rpc/messages.h"
#include "rpc/metadata.h"
#include "rpc/server.h"

struct front;

/* How a protocol says the same things. */
struct request_protocol {
	const char *worker_method;
	bool streaming;
	int (*decode)(const struct rpc_buf *buf, struct rpc_arena *arena,
		      struct rpc_execute_request *ret, struct snp_err *err);
	int (*encode_response)(const struct rpc_execute_response *in,
			       struct rpc_buf **ret);
	int (*encode_chunk)(const struct rpc_chunk *in, struct rpc_buf **ret);
};
extern const struct request_protocol request_pool_unary, request_pool_stream,
    request_bridge_unary, request_bridge_stream;

enum request_state {
	REQUEST_NEW,
	REQUEST_QUEUED,
	REQUEST_ACTIVE,
	REQUEST_DONE,
};

/* One try of a worker. Written by the front door, `place` and `start` by the event
 * loop.
 */
struct request_try {
	unsigned number; /* from 1; 0 = none yet */
	uint32_t slot;	 /* of the worker plus 1; 0 = none */
	uint64_t incarnation;
	uint64_t queued_ns; /* before it */
	snp_mono_t start;
	uint32_t place; /* in flight */
};

struct request {
	struct pool_waiter waiter;
	_Atomic unsigned refs;
	enum request_state state; /* front door */
	struct front *front;
	struct pool *pool;
	const struct request_protocol *protocol;
	struct rpc_server_call *call;
	struct rpc_arena arena; /* holds msg */
	struct rpc_execute_request msg;
	char correlation[RPC_CORRELATION_BYTES];
	struct trace trace;
	struct tool *tool; /* taken while the request is a pool's and has no outcome */
	struct request_try last; /* the attempt under way, or the last one */
	snp_mono_t received, deadline, dispatched;
	snp_mono_t queued;  /* since when it waits, if it does */
	uint64_t queued_ns; /* and how long it did before */
	struct rpc_timer queue_timer;
	struct link *link; /* referenced while active */
	/* Event loop of the link. */
	struct rpc_call *worker_call;
	struct rpc_task run_task, more_task, back_task;
	/* Result, from the event loop to the front door. */
	struct rpc_buf *reply;
	enum snp_enum_OUTCOME outcome;
	bool tool_failed;
	bool undelivered; /* an answer could not be passed on; status says why */
	struct rpc_status status;
};

/* A handler's whole job: decode, admit, queue, dispatch. Takes over the server call. */
void request_arrive(struct front *front, struct rpc_server_call *call,
		    struct rpc_buf *buf, const struct request_protocol *protocol);

/* Front door: give queued requests of the pool to free workers. */
void request_dispatch(struct pool *pool);

/* Front door: end every queued request of the pool with UNAVAILABLE. */
void request_drop_queue(struct pool *pool, enum snp_enum_QUEUE_REJECTION why,
			const char *text);

void request_unref(struct request *request);

/* pool/run.c, event loop side: start the call on the request's link. */
void request_run(struct request *request);
/* pool/request.c: the event loop is finished with it; runs on the front door. */
void request_back(struct rpc_task *task);

/* FAILURE_CODE for a status. */
unsigned request_failure_code(enum rpc_code code);

/* What all spans of a request have in common; `code` is how it, or a try, ended. The
 * thread that has the request. */
struct snp_span_fields request_span(const struct request *request,
				    enum snp_enum_SPAN_KIND kind, enum rpc_code code,
				    snp_mono_t end);

#endif
