/* SPDX-License-Identifier: Apache-2.0 */
/*
 * request.h - one request from arrival to its one outcome.
 *
 *   front door                       event loop of the worker      front door
 *   arrival.c  -->  dispatch.c  -->  run.c  ----------------->  dispatch.c --> outcome
 *      |            [queue]  ^                                      |
 *      +-- refused     |     +------ never received, or idempotent -+
 *                      +-- expired, cancelled, dropped
 *
 * The server call belongs to the thread that has the request: the front door, except
 * between dispatch and request_back(), when the event loop may send stream chunks on
 * it. While a worker runs it, the client's cancellation and deadline reach the worker's
 * call through gRPC's parent link, so nothing of ours has to carry them.
 *
 * Lifetime: references; one of the front door until the server call is done, one for
 * each task that is on its way to another thread.
 */
#ifndef SNAKEPIT_RUNTIME_REQUEST_H
#define SNAKEPIT_RUNTIME_REQUEST_H

#include <stdatomic.h>

#include "log/log.h"
#include "pool/error_kind.h"
#include "pool/pool.h"
#include "pool/queue.h"
#include "rpc/messages.h"
#include "rpc/metadata.h"
#include "rpc/server.h"
#include "trace/carrier.h"

/* How a protocol says the same things. */
struct request_protocol {
	const char *worker_method;
	enum snp_enum_SPAN_METHOD method, attempt_method; /* the client's, ours */
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

/* One try of a worker. Written by the front door, `start`, `span` and `place` by the
 * event loop. */
struct request_try {
	unsigned number; /* from 1; 0 = none yet */
	uint32_t slot;	 /* of the worker plus 1; 0 = none */
	uint64_t incarnation;
	uint64_t queued_ns; /* before it */
	snp_mono_t start;
	uint64_t span;	/* its id */
	uint32_t place; /* in flight */
};

struct request {
	struct waiter waiter;
	_Atomic unsigned refs;
	enum request_state state; /* front door */
	struct front *front;
	struct pool *pool;
	const struct request_protocol *protocol;
	struct rpc_server_call *call;
	struct rpc_arena arena; /* holds msg */
	struct rpc_execute_request msg;
	char correlation[RPC_CORRELATION_BYTES];
	struct trace_context parent; /* the client's; span 0: none */
	struct trace_context trace;  /* with the span of the request */
	struct tool *tool; /* taken while the request is a pool's and has no outcome */
	struct session *session; /* the same; NULL: none */
	struct request_try last; /* the attempt under way, or the last one */
	snp_mono_t received, dispatched;
	snp_mono_t asked;    /* when the client gives up; .ns == 0: it did not say */
	snp_mono_t deadline; /* when we do, a little earlier */
	snp_mono_t queued;   /* since when it waits, if it does */
	uint64_t queued_ns;  /* and how long it did before */
	struct rpc_timer queue_timer;
	struct link *link;	 /* referenced while active */
	struct event_loop *loop; /* of the worker; also when link is gone again */
	bool repeated;		 /* a worker died with it, and it was sent again */
	/* Event loop of the link. */
	struct rpc_call *worker_call;
	snp_mono_t chunk_sent; /* and not taken by the client; .ns == 0: none is */
	struct rpc_task run_task, more_task, back_task;
	/* Result, from the event loop to the front door; or the front door's own. */
	struct rpc_buf *reply;
	enum snp_enum_OUTCOME outcome;
	bool tool_failed;
	bool undelivered;     /* an answer could not be passed on; status says why */
	bool begun;	      /* the client was told that its stream begins */
	bool chunks;	      /* at least one was passed on */
	enum error_kind kind; /* ERROR_KIND_NR: no error */
	struct rpc_status status;
};

/* ---- arrival.c ----------------------------------------------------------- */

/* A handler's whole job: decode, admit, queue, dispatch. Takes over the server call. */
void request_arrive(struct front *front, struct rpc_server_call *call,
		    struct rpc_buf *buf, const struct request_protocol *protocol);

/* ---- dispatch.c, front door ---------------------------------------------- */

/* Give queued requests of the pool to free workers. */
void request_dispatch(struct pool *pool);

/* The supervisor has opened, closed or replaced workers of the pool. Dispatches. */
void request_workers_changed(struct pool *pool);

/* End every queued request of the pool. `text` NULL: the kind's meaning. */
void request_drop_queue(struct pool *pool, enum error_kind kind, const char *text);

/* Where a request goes that is at the head of a queue, or in none. */
enum request_way {
	REQUEST_SENDS,	/* to *ret_seat, now */
	REQUEST_BLOCKS, /* until any worker has room */
	REQUEST_WAITS,	/* until the one in *ret_seat has room */
	REQUEST_FAILS,	/* request_fail() has been called */
};
enum request_way request_choose(struct request *request, snp_mono_t now,
				struct seat **ret_seat);

/* Hand it to the seat's worker. The caller keeps the books. */
void request_send(struct request *request, struct seat *seat, snp_mono_t now);

/* Let it wait, for the worker in `seat` or (NULL) for any. */
void request_enqueue(struct request *request, struct seat *seat, snp_mono_t now);

/* The client went away while it waited. */
void request_abandon(struct request *request);

/* The event loop is finished with it; runs on the front door. */
void request_back(struct rpc_task *task);

/* ---- run.c, event loop --------------------------------------------------- */

/* Start the call on the request's link. */
void request_run(struct request *request);
/* The client took a chunk. */
void request_more(struct request *request);

/* ---- outcome.c ----------------------------------------------------------- */

/* Say how it fails; what follows ends it. `fmt` NULL: the kind's meaning. */
void request_fail(struct request *request, enum error_kind kind, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

/* Each ends the request: before it belonged to a pool; before it was in the pool's
 * books; while it was queued; after it was active. The first three after
 * request_fail(). */
void request_turn_away(struct request *request);
void request_refuse(struct request *request);
void request_drop(struct request *request);
void request_conclude(struct request *request);

/* ---- request.c ----------------------------------------------------------- */

/* NULL: out of memory. One reference, which the end of `call` drops. */
struct request *request_create(struct front *front, struct rpc_server_call *call,
			       const struct request_protocol *protocol);
struct request *request_ref(struct request *request);
void request_unref(struct request *request);

struct snp_pool_cells *request_pool_cells(const struct request *request);
struct snp_tool_cells *request_tool_cells(const struct request *request);

/* FAILURE_CODE for a status. */
unsigned request_failure_code(enum rpc_code code);

/* ---- spans.c ------------------------------------------------------------- */

/* Which trace it belongs to, the client's or one of its own, and whether that is
 * sampled. Front door, before anything is said of the request. */
void request_trace_begin(struct request *request);

/* How it names itself in log lines. The thread that has the request. */
struct log_context request_log(const struct request *request);

/* Record that it ended, as its status says; front door. That it waited until now, and
 * how that ended; front door. That a worker is done with it; event loop. */
void request_span_whole(const struct request *request, snp_mono_t now);
void request_span_queue(const struct request *request, enum rpc_code code,
			snp_mono_t now);
void request_span_attempt(const struct request *request, snp_mono_t now);

/* To the call of a worker: the trace context, which may live in `buffers`. Event loop.
 */
void request_trace_outgoing(const struct request *request,
			    struct trace_buffers *buffers,
			    struct rpc_md_list *metadata);

#endif
