/* SPDX-License-Identifier: Apache-2.0 */
/* A request arrives: which pool and tool it is for, and whether it is let in. */
#define LOG_COMPONENT "pool"
#include <string.h>

#include "core/front.h"
#include "log/log.h"
#include "pool/estimate.h"
#include "pool/request.h"
#include "pool/session_life.h"

/* ---- what it says of itself ---------------------------------------------- */

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
			 LOG_CONTEXT(request_log(r)), LOG_U64("given_len", given.len));
}

/* Which pool; NULL: there is none of that name, and request_fail() has been called. */
static struct pool *find_pool(struct request *r)
{
	char name[SNP_FMT_NAME_BYTES];
	struct rpc_str asked = rpc_str_of(r->msg.pool);
	struct pool *pool = NULL;
	size_t len;

	if (!asked.len)
		asked =
		    rpc_md_in_get(rpc_server_call_metadata(r->call), FRONT_POOL_KEY);
	len = asked.len < sizeof(name) ? asked.len : sizeof(name) - 1;
	if (len)
		memcpy(name, asked.data, len);
	name[len] = '\0';
	if (len == asked.len) /* no pool has a longer name */
		pool = front_find_pool(r->front, name);
	if (!pool)
		request_fail(r, ERROR_POOL_NOT_FOUND,
			     "no pool '%s'; 'snakepit status' lists the pools", name);
	return pool;
}

/* Read the message; false: request_fail() has been called. */
static bool understand(struct request *r, const struct rpc_buf *buf)
{
	struct snp_err err = {0};
	size_t tool_len;
	int rc = r->protocol->decode(buf, &r->arena, &r->msg, &err);

	adopt_correlation(r);
	if (rc < 0) {
		request_fail(r, error_kind_of_errno(rc), "%s", err.msg);
		return false;
	}
	tool_len = strlen(r->msg.tool);
	if (tool_len == 0 || tool_len >= TOOLS_NAME_BYTES) {
		request_fail(r, ERROR_INVALID_REQUEST, "'tool' must have 1 to %d bytes",
			     TOOLS_NAME_BYTES - 1);
		return false;
	}
	if (strlen(r->msg.session_id) >= SESSION_ID_BYTES) {
		request_fail(r, ERROR_INVALID_REQUEST,
			     "'session_id' must have at most %d bytes",
			     SESSION_ID_BYTES - 1);
		return false;
	}
	r->msg.stream = r->protocol->streaming;
	r->pool = find_pool(r);
	return r->pool != NULL;
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

/* ---- admission ----------------------------------------------------------- */

static void set_deadline(struct request *r)
{
	const struct snp_cfg_pool *cfg = r->pool->cfg;

	r->asked = rpc_server_call_deadline(r->call);
	r->deadline = r->asked.ns
			  ? estimate_deadline(r->received, r->asked)
			  : snp_mono_add_ms(r->received, r->protocol->streaming
							     ? cfg->stream_timeout_ms
							     : cfg->request_timeout_ms);
}

/* Whether the pool takes requests at all; false: request_fail() has been called. */
static bool is_open(struct request *r)
{
	const struct pool *pool = r->pool;

	if (r->front->draining)
		request_fail(r, ERROR_STOPPING, NULL);
	else if (pool->admission == POOL_DRAINED)
		request_fail(r, ERROR_POOL_DRAINED, "pool '%s' is drained by operator",
			     pool->cfg->name);
	else if (pool->admission == POOL_DOWN)
		request_fail(r, ERROR_POOL_DOWN, *pool->why ? "%s" : NULL, pool->why);
	else if (r->received.ns >= r->deadline.ns)
		request_fail(r, ERROR_DEADLINE_EXCEEDED,
			     "the deadline had passed when the request arrived");
	else
		return true;
	return false;
}

/* Time until its turn, as far as can be told. */
static uint64_t expected_wait_ns(const struct request *r, const struct seat *seat)
{
	const struct pool *pool = r->pool;

	if (!seat)
		return estimate_wait_ns(pool->service_ns,
					(uint32_t)pool->books.queue_depth,
					pool->roster.capacity);
	return estimate_wait_ns(pool->service_ns, seat->waiting,
				seat->link ? seat->link->opt.capacity : 0);
}

/* Whether there is a place to wait in; false: request_fail() has been called. */
static bool may_wait(struct request *r, const struct seat *seat)
{
	const struct snp_cfg_pool *cfg = r->pool->cfg;
	uint64_t left_ns = r->deadline.ns - r->received.ns;
	uint64_t wait_ns = expected_wait_ns(r, seat);

	if (r->pool->books.queue_depth >= cfg->queue.limit)
		request_fail(
		    r, ERROR_QUEUE_FULL,
		    "the queue of pool '%s' is full (%u requests wait); try again "
		    "later, or raise its workers or queue.limit",
		    cfg->name, cfg->queue.limit);
	else if (r->session && r->session->waiting >= cfg->sessions.queue_limit)
		request_fail(
		    r, ERROR_SESSION_QUEUE_FULL,
		    "%u requests of session '%s' wait already (sessions.queue_limit)",
		    r->session->waiting, r->session->id);
	else if (wait_ns > left_ns)
		request_fail(r, ERROR_DEADLINE_UNMEETABLE,
			     "requests ahead in pool '%s' take about %llu ms, and the "
			     "deadline is in %llu ms",
			     cfg->name, (unsigned long long)(wait_ns / SNP_NS_PER_MS),
			     (unsigned long long)(left_ns / SNP_NS_PER_MS));
	else
		return true;
	return false;
}

/* Take part in the session that the request names, if it does; false: request_fail()
 * has been called. */
static bool enter_session(struct request *r)
{
	struct session *session;
	enum error_kind kind;

	if (r->session || !*r->msg.session_id)
		return true;
	kind = session_begin(r->pool, r->msg.session_id, r->received, &session);
	if (kind == ERROR_KIND_NR) {
		session_take(session);
		r->session = session;
		return true;
	}
	if (kind == ERROR_SESSION_LIMIT)
		request_fail(r, kind, "pool '%s' has %u open sessions (sessions.limit)",
			     r->pool->cfg->name, r->pool->sessions.open);
	else
		request_fail(r, kind, NULL);
	return false;
}

static enum request_way choose(struct request *r, struct seat **ret_seat)
{
	enum request_way way = request_choose(r, r->received, ret_seat);

	/* Not past those who wait already, nor past its own session's. */
	if (way == REQUEST_SENDS && !list_is_empty(&r->pool->turn))
		way = REQUEST_BLOCKS;
	if (way == REQUEST_WAITS && r->session->in_turn)
		way = REQUEST_BLOCKS;
	if (way == REQUEST_BLOCKS)
		*ret_seat = NULL;
	return way;
}

static void admit(struct request *r)
{
	struct seat *seat = NULL;
	enum request_way way;

	set_deadline(r);
	r->queued = r->received;
	if (!is_open(r)) {
		request_refuse(r);
		return;
	}
	if (*r->msg.session_id) {
		r->session = session_find(&r->pool->sessions, r->msg.session_id);
		if (r->session)
			session_take(r->session);
	}
	way = choose(r, &seat);
	if (way == REQUEST_FAILS || (way != REQUEST_SENDS && !may_wait(r, seat)) ||
	    !enter_session(r)) {
		request_refuse(r);
	} else if (way == REQUEST_SENDS) {
		pool_book_arrival(r->pool, POOL_ACTIVE);
		request_send(r, seat, r->received);
	} else {
		request_enqueue(r, seat, r->received);
		pool_book_arrival(r->pool, POOL_QUEUED);
	}
}

void request_arrive(struct front *front, struct rpc_server_call *call,
		    struct rpc_buf *buf, const struct request_protocol *protocol)
{
	struct request *r = request_create(front, call, protocol);

	if (!r) {
		error_kind_finish(call, ERROR_OUT_OF_MEMORY, NULL);
		return;
	}
	request_trace_begin(r);
	if (!understand(r, buf)) {
		request_turn_away(r);
		return;
	}
	take_tool(r);
	snp_add(request_tool_cells(r)->requests, 1);
	admit(r);
}
