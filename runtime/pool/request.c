/* SPDX-License-Identifier: Apache-2.0 */
/* The front door's side of a request: arrival, waiting, dispatch, outcome. */
#define LOG_COMPONENT "pool"
#include "pool/request.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/front.h"
#include "log/log.h"
#include "snakepit/check.h"

#define ATTEMPTS_MAX 5
#define SHUN_MS	     50 /* how long a worker that could not be reached is passed over */
#define POOL_KEY     "x-snakepit-pool" /* names the pool in the bridge protocol */

const struct request_protocol request_pool_unary = {
    .worker_method = RPC_METHOD_BRIDGE_EXECUTE,
    .decode = rpc_pool_decode_execute_request,
    .encode_response = rpc_pool_encode_execute_response,
};
const struct request_protocol request_pool_stream = {
    .worker_method = RPC_METHOD_BRIDGE_EXECUTE_STREAM,
    .streaming = true,
    .decode = rpc_pool_decode_execute_request,
    .encode_chunk = rpc_pool_encode_chunk,
};
const struct request_protocol request_bridge_unary = {
    .worker_method = RPC_METHOD_BRIDGE_EXECUTE,
    .decode = rpc_bridge_decode_execute_request,
    .encode_response = rpc_bridge_encode_execute_response,
};
const struct request_protocol request_bridge_stream = {
    .worker_method = RPC_METHOD_BRIDGE_EXECUTE_STREAM,
    .streaming = true,
    .decode = rpc_bridge_decode_execute_request,
    .encode_chunk = rpc_bridge_encode_chunk,
};

/* ---- small helpers ------------------------------------------------------- */

void request_unref(struct request *r)
{
	if (atomic_fetch_sub_explicit(&r->refs, 1, memory_order_acq_rel) != 1)
		return;
	rpc_buf_unref(r->reply);
	rpc_server_call_unref(r->call);
	rpc_arena_fini(&r->arena);
	free(r);
}

static struct request *request_ref(struct request *r)
{
	atomic_fetch_add_explicit(&r->refs, 1, memory_order_relaxed);
	return r;
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

static struct snp_pool_cells *pool_cells(const struct request *r)
{
	return &r->front->loop.bank.pools[r->pool->index];
}

static struct snp_tool_cells *tool_cells(const struct request *r)
{
	return &r->front->loop.bank.tools[r->tool->row];
}

struct snp_span_fields request_span(const struct request *r,
				    enum snp_enum_SPAN_KIND kind, enum rpc_code code,
				    snp_mono_t end)
{
	struct snp_span_fields span = {
	    .kind = kind,
	    .flags = r->trace.flags,
	    .end = end,
	    .trace_id = {r->trace.id[0], r->trace.id[1]},
	    .pool = r->pool->index,
	    .tool = r->tool->row,
	    .slot = r->last.slot,
	    .incarnation = r->last.incarnation,
	    .attempt = r->last.number,
	    .correlation = r->correlation,
	};

	if (r->tool_failed)
		span.status = SNP_FAILURE_CODE_TOOL_ERROR + 1;
	else if (code != RPC_OK)
		span.status = request_failure_code(code) + 1;
	return span;
}

/* ---- the end ------------------------------------------------------------- */

static void record_span(const struct request *r, enum rpc_code code, snp_mono_t now)
{
	struct snp_span_fields span = request_span(r, SNP_SPAN_KIND_REQUEST, code, now);

	span.start = r->received;
	span.span_id = r->trace.span;
	span.parent_span_id = r->trace.parent_span;
	span.queue_ns = r->queued_ns;
	if (r->state == REQUEST_QUEUED)
		span.queue_ns += snp_mono_since_ns(now, r->queued);
	snp_span_record(&r->front->loop.bank, &span);
}

static void log_end(const struct request *r, const char *code, snp_mono_t now)
{
	uint64_t waited =
	    r->dispatched.ns ? snp_mono_since_ns(r->dispatched, r->received) : 0;

	log_info("request finished", LOG_STR("correlation_id", r->correlation),
		 LOG_STR("pool", r->pool ? r->pool->cfg->name : ""),
		 LOG_STR("tool", r->msg.tool ? r->msg.tool : ""), LOG_STR("code", code),
		 LOG_STR("worker", r->link ? r->link->worker_id : ""),
		 LOG_MS("queue_ms", waited),
		 LOG_MS("duration_ms", snp_mono_since_ns(now, r->received)));
}

/* Answer the client. The books and counters have been kept by the caller. */
static void answer(struct request *r, enum rpc_code code, const char *text)
{
	struct rpc_buf *reply = r->reply;

	r->state = REQUEST_DONE;
	r->reply = NULL;
	(void)rpc_server_call_add_trailing(r->call, RPC_MD_CORRELATION_ID,
					   rpc_str_of(r->correlation));
	rpc_server_call_finish(r->call, code == RPC_OK ? reply : NULL, code, text);
	rpc_buf_unref(reply);
}

/* Refused before it belonged to a pool. */
static void turn_away(struct request *r, enum rpc_code code, const char *text)
{
	snp_add(&r->front->loop.bank.proc->refused[request_failure_code(code)], 1);
	log_end(r, rpc_code_name(code), snp_mono_now());
	answer(r, code, text);
}

/* The request's outcome, whatever it is; its place in the books has been left. */
static void conclude(struct request *r, enum rpc_code code, const char *text)
{
	snp_mono_t now = snp_mono_now();
	struct snp_tool_cells *cells = tool_cells(r);

	if (r->tool_failed)
		snp_add(&cells->failures[SNP_FAILURE_CODE_TOOL_ERROR], 1);
	else if (code != RPC_OK)
		snp_add(&cells->failures[request_failure_code(code)], 1);
	snp_hist_record(cells->duration, snp_mono_since_ns(now, r->received));
	record_span(r, code, now);
	tool_release(r->tool, now);
	r->tool = NULL;
	log_end(r, r->tool_failed ? "TOOL_ERROR" : rpc_code_name(code), now);
	answer(r, code, text);
	front_request_ended(r->front);
}

static void refuse(struct request *r, enum snp_enum_QUEUE_REJECTION why,
		   enum rpc_code code, const char *text)
{
	snp_add(&pool_cells(r)->queue_rejections[why], 1);
	pool_book_refusal(r->pool);
	conclude(r, code, text);
}

/* Take a request out of the queue for good. */
static void drop(struct request *r, enum snp_enum_QUEUE_REJECTION why,
		 enum rpc_code code, const char *text)
{
	SNP_CHECK(r->state == REQUEST_QUEUED);
	(void)rpc_timer_cancel(r->front->loop.rpc, &r->queue_timer);
	pool_queue_remove(r->pool, r);
	snp_add(&pool_cells(r)->queue_rejections[why], 1);
	pool_book_outcome(r->pool, POOL_QUEUED, SNP_OUTCOME_ERROR);
	conclude(r, code, text);
}

void request_drop_queue(struct pool *pool, enum snp_enum_QUEUE_REJECTION why,
			const char *text)
{
	while (pool->queue_head)
		drop(pool->queue_head, why, RPC_UNAVAILABLE, text);
}

/* ---- waiting ------------------------------------------------------------- */

static struct request *request_of_timer(struct rpc_timer *timer)
{
	return (struct request *)(void *)((char *)timer -
					  offsetof(struct request, queue_timer));
}

static snp_mono_t queue_limit(const struct request *r)
{
	snp_mono_t limit =
	    snp_mono_add_ms(r->waiter.since, r->pool->cfg->queue.timeout_ms);

	return limit.ns < r->deadline.ns ? limit : r->deadline;
}

static void expire(struct request *r, snp_mono_t now)
{
	char text[RPC_STATUS_MSG_BYTES];

	if (now.ns >= r->deadline.ns)
		(void)snprintf(
		    text, sizeof(text),
		    "the deadline passed while waiting for a free worker of pool '%s'",
		    r->pool->cfg->name);
	else
		(void)snprintf(
		    text, sizeof(text),
		    "no worker of pool '%s' became free within its queue timeout of "
		    "%u ms",
		    r->pool->cfg->name, r->pool->cfg->queue.timeout_ms);
	drop(r, SNP_QUEUE_REJECTION_TIMEOUT, RPC_DEADLINE_EXCEEDED, text);
}

static void wait_until(struct request *r, snp_mono_t wake);

static void on_queue_timer(struct rpc_timer *timer)
{
	struct request *r = request_of_timer(timer);
	struct pool *pool = r->pool;
	snp_mono_t now = snp_mono_now();

	if (now.ns >= queue_limit(r).ns)
		expire(r, now);
	else
		wait_until(r, queue_limit(r));
	request_dispatch(pool);
}

static void wait_until(struct request *r, snp_mono_t wake)
{
	rpc_timer_start(r->front->loop.rpc, &r->queue_timer, wake, on_queue_timer);
}

/* The pool's head waits for a worker to become free, which leads to request_dispatch(),
 * or for one that could not be reached to be worth another attempt, which only time
 * does. */
static void wait_at_head(struct request *r, snp_mono_t now)
{
	snp_mono_t limit = queue_limit(r), next = pool_next_pick(r->pool, now);

	wait_until(r, next.ns < limit.ns ? next : limit);
}

/* ---- dispatch ------------------------------------------------------------ */

static void on_run(struct rpc_task *task)
{
	request_run((struct request *)(void *)((char *)task -
					       offsetof(struct request, run_task)));
}

/* Hand the request to the worker's loop. It is in the books as active. */
static void send_to(struct request *r, struct link *link, snp_mono_t now)
{
	r->state = REQUEST_ACTIVE;
	r->link = link_ref(link);
	r->dispatched = now;
	r->last = (struct request_try){
	    .number = r->last.number + 1,
	    .slot = link->opt.slot + 1,
	    .incarnation = link->opt.incarnation,
	    .queued_ns = snp_mono_since_ns(now, r->queued),
	};
	r->queued_ns += r->last.queued_ns;
	link->dispatched++;
	link->last_dispatch = ++r->pool->dispatches;
	snp_hist_record(pool_cells(r)->queue_wait, snp_mono_since_ns(now, r->received));
	r->run_task.fn = on_run;
	request_ref(r); /* the loop's, until request_back() */
	rpc_loop_post(link->opt.loop->rpc, &r->run_task);
}

void request_dispatch(struct pool *pool)
{
	struct request *r;
	struct link *link;

	while ((r = pool_queue_head(pool))) {
		snp_mono_t now = snp_mono_now();

		/* A client that has given up is not worth a worker. */
		if (now.ns >= r->deadline.ns) {
			expire(r, now);
			continue;
		}
		link = pool_pick(pool, now);
		if (!link) {
			wait_at_head(r, now);
			return;
		}
		(void)rpc_timer_cancel(r->front->loop.rpc, &r->queue_timer);
		pool_queue_remove(pool, r);
		pool_book_move(pool, POOL_QUEUED, POOL_ACTIVE);
		send_to(r, link, now);
	}
}

/* ---- back from the worker ------------------------------------------------ */

static bool may_retry(const struct request *r, snp_mono_t now)
{
	return r->status.never_sent && !r->front->queues_closed &&
	       r->last.number < ATTEMPTS_MAX && now.ns < r->deadline.ns &&
	       !rpc_server_call_is_cancelled(r->call);
}

/* The worker never received it, so sending it to another cannot run it twice. */
static void retry(struct request *r, snp_mono_t now)
{
	r->link->shunned_until = snp_mono_add_ms(now, SHUN_MS);
	snp_add(tool_cells(r)->retries, 1);
	pool_queue_unpop(r->pool, r);
	pool_book_move(r->pool, POOL_ACTIVE, POOL_QUEUED);
	r->state = REQUEST_QUEUED;
	r->queued = now;
	wait_until(r, queue_limit(r));
}

static const char *explain(const struct request *r, char *text, size_t size)
{
	if (r->status.code != RPC_UNAVAILABLE)
		return r->status.message;
	(void)snprintf(
	    text, size,
	    r->status.never_sent
		? "worker %s could not be reached: %s"
		: "worker %s died while it ran the request, which may have had "
		  "effects: %s",
	    r->link->worker_id, r->status.message);
	return text;
}

void request_back(struct rpc_task *task)
{
	struct request *r =
	    (struct request *)(void *)((char *)task -
				       offsetof(struct request, back_task));
	struct pool *pool = r->pool;
	snp_mono_t now = snp_mono_now();
	char text[RPC_STATUS_MSG_BYTES];

	SNP_CHECK(r->state == REQUEST_ACTIVE);
	r->link->dispatched--;
	if (may_retry(r, now)) {
		retry(r, now);
	} else {
		pool_book_outcome(pool, POOL_ACTIVE, r->outcome);
		conclude(r, r->status.code, explain(r, text, sizeof(text)));
	}
	link_unref(r->link);
	r->link = NULL;
	request_unref(r); /* the loop's */
	request_dispatch(pool);
}

/* ---- events of the client's call ----------------------------------------- */

static void on_cancelled(struct rpc_server_call *call)
{
	struct request *r = rpc_server_call_user(call);
	struct pool *pool = r->pool;
	snp_mono_t now = snp_mono_now();

	if (r->state != REQUEST_QUEUED)
		return; /* active: gRPC tells the worker's call */
	if (now.ns >= r->deadline.ns)
		expire(r, now);
	else
		drop(r, SNP_QUEUE_REJECTION_CANCELLED, RPC_CANCELLED,
		     "the client cancelled while the request was queued");
	request_dispatch(pool); /* another is at the head now */
}

static void on_more(struct rpc_task *task)
{
	struct request *r =
	    (struct request *)(void *)((char *)task -
				       offsetof(struct request, more_task));

	if (r->worker_call)
		rpc_call_read_more(r->worker_call);
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
	rpc_loop_post(r->link->opt.loop->rpc, &r->more_task);
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

/* ---- arrival ------------------------------------------------------------- */

static void adopt_correlation(struct request *r)
{
	struct rpc_str given = {0};
	enum rpc_correlation_origin origin;

	if (r->front->accept_correlation) {
		given = rpc_md_in_get(rpc_server_call_metadata(r->call),
				      RPC_MD_CORRELATION_ID);
		if (!given.data && r->msg.metadata.n)
			given = rpc_pairs_get(&r->msg.metadata, "correlation_id");
	}
	origin = rpc_correlation_adopt(given, r->correlation);
	if (origin == RPC_CORRELATION_REPLACED)
		log_warn("correlation id of a client is not valid, using a new one",
			 LOG_STR("correlation_id", r->correlation),
			 LOG_U64("given_len", given.len));
}

/* Which pool; NULL after the request has been turned away. */
static struct pool *find_pool(struct request *r)
{
	char name[SNP_FMT_NAME_BYTES], text[160];
	struct rpc_str asked = rpc_str_of(r->msg.pool);
	struct pool *pool = NULL;

	if (!asked.len)
		asked = rpc_md_in_get(rpc_server_call_metadata(r->call), POOL_KEY);
	(void)snprintf(name, sizeof(name), "%.*s", (int)asked.len,
		       asked.data ? asked.data : "");
	if (asked.len < sizeof(name)) /* no pool has a longer name */
		pool = front_find_pool(r->front, name);
	if (!pool) {
		(void)snprintf(text, sizeof(text),
			       "no pool '%s'; 'snakepit status' lists the pools", name);
		turn_away(r, RPC_NOT_FOUND, text);
	}
	return pool;
}

/* All pools share the segment's rows: where one finds none, a tool of any may give way.
 */
static void make_room(struct front *front, struct pool *pool, snp_mono_t now)
{
	bool done = tools_evict(&pool->tools, now);

	for (uint32_t i = 0; i < front->pools_nr && !done; i++)
		done = tools_evict(&front->pools[i]->tools, now);
	pool->tools.wants_row = false;
}

static void take_tool(struct request *r)
{
	struct tools *tools = &r->pool->tools;

	r->tool = tools_take(tools, r->msg.tool, r->received);
	if (r->tool != &tools->other)
		return;
	snp_add(&r->front->loop.bank.proc->overflows[SNP_OVERFLOW_TOOL_ROWS], 1);
	if (tools->wants_row)
		make_room(r->front, r->pool, r->received);
}

static snp_mono_t effective_deadline(const struct request *r)
{
	snp_mono_t asked = rpc_server_call_deadline(r->call);
	uint32_t timeout_ms = r->protocol->streaming ? r->pool->cfg->stream_timeout_ms
						     : r->pool->cfg->request_timeout_ms;

	return asked.ns ? asked : snp_mono_add_ms(r->received, timeout_ms);
}

static void refuse_closed(struct request *r)
{
	const struct pool *pool = r->pool;
	char text[RPC_STATUS_MSG_BYTES];

	if (pool->admission == POOL_DRAINED) {
		(void)snprintf(text, sizeof(text), "pool '%s' is drained by operator",
			       pool->cfg->name);
		refuse(r, SNP_QUEUE_REJECTION_DRAINING, RPC_UNAVAILABLE, text);
	} else {
		refuse(r, SNP_QUEUE_REJECTION_BREAKER, RPC_UNAVAILABLE, pool->why);
	}
}

static void admit(struct request *r)
{
	struct pool *pool = r->pool;
	struct link *link;
	char text[RPC_STATUS_MSG_BYTES];

	r->deadline = effective_deadline(r);
	r->waiter.since = r->queued = r->received;
	if (r->front->draining) {
		refuse(r, SNP_QUEUE_REJECTION_DRAINING, RPC_UNAVAILABLE,
		       "the runtime is stopping");
		return;
	}
	if (pool->admission != POOL_OPEN) {
		refuse_closed(r);
		return;
	}
	if (r->received.ns >= r->deadline.ns) {
		refuse(r, SNP_QUEUE_REJECTION_TIMEOUT, RPC_DEADLINE_EXCEEDED,
		       "the deadline had passed when the request arrived");
		return;
	}
	link = pool_queue_head(pool) ? NULL : pool_pick(pool, r->received);
	if (link) {
		pool_book_arrival(pool, POOL_ACTIVE);
		send_to(r, link, r->received);
	} else if (pool->books.queue_depth >= pool->cfg->queue.limit) {
		(void)snprintf(
		    text, sizeof(text),
		    "the queue of pool '%s' is full (%u requests wait); try again "
		    "later, or raise its workers or queue.limit",
		    pool->cfg->name, pool->cfg->queue.limit);
		refuse(r, SNP_QUEUE_REJECTION_FULL, RPC_RESOURCE_EXHAUSTED, text);
	} else {
		pool_queue_push(pool, r);
		pool_book_arrival(pool, POOL_QUEUED);
		r->state = REQUEST_QUEUED;
		wait_until(r, queue_limit(r));
		if (pool_queue_head(pool) == r)
			wait_at_head(r, r->received);
	}
}

static struct request *request_create(struct front *front, struct rpc_server_call *call,
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
	rpc_server_call_set_ops(call, &call_ops, r);
	return r;
}

void request_arrive(struct front *front, struct rpc_server_call *call,
		    struct rpc_buf *buf, const struct request_protocol *protocol)
{
	struct request *r = request_create(front, call, protocol);
	struct snp_err err = {0};
	size_t tool_len;
	int rc;

	if (!r) {
		rpc_server_call_finish(call, NULL, RPC_RESOURCE_EXHAUSTED,
				       "out of memory");
		return;
	}
	rc = protocol->decode(buf, &r->arena, &r->msg, &err);
	adopt_correlation(r);
	if (rc < 0) {
		turn_away(r, rpc_code_of_errno(rc), err.msg);
		return;
	}
	tool_len = strlen(r->msg.tool);
	if (tool_len == 0 || tool_len >= TOOLS_NAME_BYTES) {
		turn_away(r, RPC_INVALID_ARGUMENT, "'tool' must have 1 to 128 bytes");
		return;
	}
	r->pool = find_pool(r);
	if (!r->pool)
		return;
	r->msg.stream = protocol->streaming;
	take_tool(r);
	trace_begin(&r->trace,
		    rpc_md_in_get(rpc_server_call_metadata(call), RPC_MD_TRACEPARENT),
		    &front->loop.prng);
	snp_add(tool_cells(r)->requests, 1);
	admit(r);
}
