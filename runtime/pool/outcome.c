/* SPDX-License-Identifier: Apache-2.0 */
/* The end of a request: one for each, counted, logged, and told to the client. */
#define LOG_COMPONENT "pool"
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>

#include "core/front.h"
#include "log/log.h"
#include "pool/estimate.h"
#include "pool/request.h"
#include "pool/session_life.h"
#include "snakepit/check.h"

/* When to try again: for people and proxies, and as gRPC's own clients understand it
 * where their service config lets them retry. */
#define RETRY_AFTER_KEY "retry-after-ms"

void request_fail(struct request *r, enum error_kind kind, const char *fmt, ...)
{
	char text[RPC_STATUS_MSG_BYTES];
	va_list ap;

	if (fmt) {
		va_start(ap, fmt);
		(void)vsnprintf(text, sizeof(text), fmt, ap);
		va_end(ap);
	}
	r->kind = kind;
	rpc_status_set(&r->status, error_kinds[kind].code, "%s",
		       fmt ? text : error_kinds[kind].meaning);
}

/* ---- records ------------------------------------------------------------- */

static const char *kind_name(const struct request *r)
{
	return r->kind == ERROR_KIND_NR ? "" : error_kinds[r->kind].name;
}

static void log_end(const struct request *r, snp_mono_t now)
{
	uint64_t waited =
	    r->dispatched.ns ? snp_mono_since_ns(r->dispatched, r->received) : 0;

	log_info("request finished", LOG_CONTEXT(request_log(r)),
		 LOG_STR("pool", r->pool ? r->pool->cfg->name : ""),
		 LOG_STR("tool", r->msg.tool ? r->msg.tool : ""),
		 LOG_STR("code",
			 r->tool_failed ? "TOOL_ERROR" : rpc_code_name(r->status.code)),
		 LOG_STR("error_kind", kind_name(r)),
		 LOG_STR("worker", r->link ? r->link->worker_id : ""),
		 LOG_MS("queue_ms", waited),
		 LOG_MS("duration_ms", snp_mono_since_ns(now, r->received)));
}

/* ---- the answer ---------------------------------------------------------- */

static void say_when_to_retry(const struct request *r)
{
	const struct pool *pool = r->pool;
	char text[24];
	uint64_t ms;

	if (r->kind != ERROR_QUEUE_FULL && r->kind != ERROR_DEADLINE_UNMEETABLE &&
	    r->kind != ERROR_SESSION_QUEUE_FULL)
		return;
	ms = estimate_wait_ns(pool->service_ns, (uint32_t)pool->books.queue_depth + 1,
			      pool->roster.capacity) /
		 SNP_NS_PER_MS +
	     1;
	(void)snprintf(text, sizeof(text), "%" PRIu64, ms);
	(void)rpc_server_call_add_trailing(r->call, RETRY_AFTER_KEY, rpc_str_of(text));
	(void)rpc_server_call_add_trailing(r->call, RPC_MD_RETRY_PUSHBACK,
					   rpc_str_of(text));
}

/* The books and counters have been kept by the caller. */
static void answer(struct request *r)
{
	struct rpc_buf *reply = r->reply;

	r->state = REQUEST_DONE;
	r->reply = NULL;
	(void)rpc_server_call_add_trailing(r->call, RPC_MD_CORRELATION_ID,
					   rpc_str_of(r->correlation));
	if (r->link)
		(void)rpc_server_call_add_trailing(r->call, RPC_MD_WORKER_ID,
						   rpc_str_of(r->link->worker_id));
	if (r->kind != ERROR_KIND_NR)
		error_kind_say(r->call, r->kind);
	say_when_to_retry(r);
	rpc_server_call_finish(r->call, r->status.code == RPC_OK ? reply : NULL,
			       r->status.code, r->status.message);
	rpc_buf_unref(reply);
}

void request_turn_away(struct request *r)
{
	snp_mono_t now = snp_mono_now();

	snp_add(
	    &r->front->loop.bank.proc->refused[request_failure_code(r->status.code)],
	    1);
	request_span_whole(r, now);
	log_end(r, now);
	answer(r);
}

static void conclude(struct request *r, snp_mono_t now)
{
	struct snp_tool_cells *cells = request_tool_cells(r);

	if (r->tool_failed)
		snp_add(&cells->failures[SNP_FAILURE_CODE_TOOL_ERROR], 1);
	else if (r->status.code != RPC_OK)
		snp_add(&cells->failures[request_failure_code(r->status.code)], 1);
	snp_hist_record(cells->duration, snp_mono_since_ns(now, r->received));
	request_span_whole(r, now);
	tool_release(r->tool, now);
	r->tool = NULL;
	if (r->session)
		session_leave(r->pool, r->session, now);
	r->session = NULL;
	log_end(r, now);
	answer(r);
	front_request_ended(r->front);
}

void request_conclude(struct request *r)
{
	conclude(r, snp_mono_now());
}

static void count_rejection(const struct request *r)
{
	enum snp_enum_QUEUE_REJECTION why = error_kinds[r->kind].rejection;

	if (why != SNP_QUEUE_REJECTION_NR)
		snp_add(&request_pool_cells(r)->queue_rejections[why], 1);
}

void request_refuse(struct request *r)
{
	count_rejection(r);
	pool_book_refusal(r->pool);
	request_conclude(r);
}

void request_drop(struct request *r)
{
	snp_mono_t now = snp_mono_now();

	SNP_CHECK(r->state == REQUEST_QUEUED);
	(void)rpc_timer_cancel(r->front->loop.rpc, &r->queue_timer);
	queue_remove(r);
	count_rejection(r);
	pool_book_outcome(r->pool, POOL_QUEUED, SNP_OUTCOME_ERROR);
	request_span_queue(r, r->status.code, now);
	conclude(r, now);
}
