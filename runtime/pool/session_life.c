/* SPDX-License-Identifier: Apache-2.0 */
#define LOG_COMPONENT "pool"
#include "pool/session_life.h"

#include <stdlib.h>

#include "core/front.h"
#include "log/log.h"
#include "rpc/call.h"
#include "rpc/messages.h"
#include "trace/carrier.h"

#define TELL_TIMEOUT_MS 5000
/* Sessions closed for their age in one turn of the loop, and the pause to the next. */
#define EXPIRE_AT_ONCE	64
#define EXPIRE_PAUSE_MS 10

struct link *session_link(const struct pool *pool, const struct session *session)
{
	struct link *link;

	if (!session->owner.slot)
		return NULL;
	link = rcu_get(&pool->slots[session->owner.slot - 1].link);
	return link && link->opt.incarnation == session->owner.incarnation ? link
									   : NULL;
}

/* ---- begin and use ------------------------------------------------------- */

enum error_kind session_begin(struct pool *pool, const char *id, snp_mono_t now,
			      struct session **ret_session)
{
	struct session *session = session_find(&pool->sessions, id);

	if (session) {
		session_touch(&pool->sessions, session, now);
		*ret_session = session;
		return ERROR_KIND_NR;
	}
	if (pool->sessions.open >= pool->cfg->sessions.limit)
		return ERROR_SESSION_LIMIT;
	session = session_open(&pool->sessions, id, now);
	if (!session)
		return ERROR_OUT_OF_MEMORY;
	snp_add(pool->front->loop.bank.pools[pool->index].sessions_created, 1);
	pool_book_sessions(pool);
	if (!rpc_timer_is_armed(&pool->session_timer))
		session_watch_age(pool);
	*ret_session = session;
	return ERROR_KIND_NR;
}

void session_leave(struct pool *pool, struct session *session, snp_mono_t now)
{
	session_release(&pool->sessions, session, now);
	if (!rpc_timer_is_armed(&pool->session_timer))
		session_watch_age(pool);
}

/* ---- the worker's part of the end ---------------------------------------- */

struct farewell {
	struct link *link;
	session_ended_fn done; /* may be NULL */
	void *user;
	int32_t cleaned;
};

static void on_answer(struct rpc_call *call, struct rpc_buf *message)
{
	struct farewell *f = rpc_call_user(call);
	struct rpc_session_ended ended;
	struct rpc_arena arena;

	rpc_arena_init(&arena, 0);
	if (rpc_bridge_decode_cleanup_session_response(message, &arena, &ended, NULL) ==
	    0)
		f->cleaned = ended.resources_cleaned;
	rpc_arena_fini(&arena);
}

static void on_done(struct rpc_call *call, const struct rpc_status *status)
{
	struct farewell *f = rpc_call_user(call);

	if (status->code != RPC_OK)
		log_debug("a worker was not told that a session ended",
			  LOG_STR("worker", f->link->worker_id),
			  LOG_STR("status", rpc_code_name(status->code)));
	if (f->done)
		f->done(f->user, f->cleaned);
	link_unref(f->link);
	free(f);
}

static const struct rpc_call_ops farewell_ops = {.on_message = on_answer,
						 .on_done = on_done};

static int start_farewell(const struct pool *pool, const char *id,
			  const struct session_ender *ender, struct farewell *f)
{
	const struct rpc_session_request request = {.session_id = id};
	char made[RPC_CORRELATION_BYTES];
	const char *correlation = ender ? ender->correlation : made;
	struct rpc_md_list md = {0};
	struct trace_buffers buffers;
	struct rpc_call *call = NULL;
	struct rpc_buf *buf = NULL;
	struct rpc_call_args args = {
	    .channel = f->link->channel,
	    .loop = pool->front->loop.rpc,
	    .method = RPC_METHOD_BRIDGE_CLEANUP_SESSION,
	    .metadata = &md,
	    .deadline = snp_mono_add_ms(snp_mono_now(), TELL_TIMEOUT_MS),
	    .ops = &farewell_ops,
	    .user = f,
	};
	int rc = rpc_bridge_encode_cleanup_session(&request, &buf);

	if (rc < 0)
		return rc;
	if (ender)
		trace_forward(&buffers, ender->metadata, &md);
	else
		rpc_correlation_make(made);
	(void)rpc_md_add(&md, RPC_MD_CORRELATION_ID, rpc_str_of(correlation));
	(void)rpc_md_add(&md, RPC_MD_WORKER_ID, rpc_str_of(f->link->worker_id));
	args.request = buf;
	rc = rpc_call_start(&args, &call);
	rpc_buf_unref(buf);
	rpc_call_unref(call); /* it goes on by itself */
	return rc;
}

/* Whether `done` will be called later. */
static bool tell_worker(const struct pool *pool, const struct session *session,
			const struct session_ender *ender, session_ended_fn done,
			void *user)
{
	struct link *link = session_link(pool, session);
	struct farewell *f = link ? malloc(sizeof(*f)) : NULL;

	if (!f)
		return false;
	*f = (struct farewell){.link = link_ref(link), .done = done, .user = user};
	if (start_farewell(pool, session->id, ender, f) == 0)
		return true;
	link_unref(f->link);
	free(f);
	return false;
}

/* ---- end ----------------------------------------------------------------- */

void session_end(struct pool *pool, struct session *session,
		 const struct session_ender *ender, session_ended_fn done, void *user)
{
	bool later = tell_worker(pool, session, ender, done, user);

	session_close(&pool->sessions, session);
	pool_book_sessions(pool);
	if (!later && done)
		done(user, 0);
}

void session_lose(struct pool *pool, struct session *session)
{
	if (!session->open)
		return;
	session_close(&pool->sessions, session);
	pool_book_sessions(pool);
}

static void on_age(struct rpc_timer *timer)
{
	struct pool *pool = list_entry(timer, struct pool, session_timer);
	snp_mono_t now = snp_mono_now();
	struct session *session;

	for (int i = 0; i < EXPIRE_AT_ONCE; i++) {
		session =
		    session_expired(&pool->sessions, now, pool->cfg->sessions.ttl_s);
		if (!session)
			break;
		session_end(pool, session, NULL, NULL, NULL);
	}
	session_watch_age(pool);
}

void session_watch_age(struct pool *pool)
{
	snp_mono_t soon = snp_mono_add_ms(snp_mono_now(), EXPIRE_PAUSE_MS);
	snp_mono_t next =
	    sessions_next_expiry(&pool->sessions, pool->cfg->sessions.ttl_s);

	(void)rpc_timer_cancel(pool->front->loop.rpc, &pool->session_timer);
	if (next.ns != UINT64_MAX)
		rpc_timer_start(pool->front->loop.rpc, &pool->session_timer,
				next.ns > soon.ns ? next : soon, on_age);
}
