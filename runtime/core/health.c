/* SPDX-License-Identifier: Apache-2.0 */
#include "core/health.h"

#include <stdlib.h>
#include <string.h>

#include "rpc/messages.h"

#define POOL_PREFIX "pool/"

/* One Watch call. `sent` is what the client was told last; a change while a message is
 * on its way is sent when that one has left. */
struct health_watch {
	struct health_watch *next, *prev;
	struct front *front;
	struct rpc_server_call *call;
	char *service;
	enum rpc_health sent;
	bool busy, finished;
};

/* ---- state --------------------------------------------------------------- */

static enum rpc_health of_pool(const struct pool *pool)
{
	return pool->admission == POOL_OPEN && pool_open_workers(pool)
		   ? RPC_HEALTH_SERVING
		   : RPC_HEALTH_NOT_SERVING;
}

static enum rpc_health state_of(const struct front *front, const char *service)
{
	const size_t prefix = sizeof(POOL_PREFIX) - 1;
	const struct pool *pool;

	if (strncmp(service, POOL_PREFIX, prefix) == 0 && service[prefix]) {
		pool = front_find_pool(front, service + prefix);
		if (!pool)
			return RPC_HEALTH_SERVICE_UNKNOWN;
		return front->draining ? RPC_HEALTH_NOT_SERVING : of_pool(pool);
	}
	if (*service && strcmp(service, "snakepit.pool.v1.Pool") != 0)
		return RPC_HEALTH_SERVICE_UNKNOWN;
	if (front->draining)
		return RPC_HEALTH_NOT_SERVING;
	for (uint32_t i = 0; i < front->pools_nr; i++)
		if (of_pool(front->pools[i]) != RPC_HEALTH_SERVING)
			return RPC_HEALTH_NOT_SERVING;
	return RPC_HEALTH_SERVING;
}

/* ---- Check --------------------------------------------------------------- */

static void on_check(struct rpc_server_call *call, struct rpc_buf *request, void *user)
{
	struct front *front = user;
	struct snp_err err = {0};
	struct rpc_buf *reply = NULL;
	struct rpc_arena arena;
	enum rpc_health health;
	const char *service;
	int rc;

	rpc_arena_init(&arena, 0);
	rc = rpc_health_decode_request(request, &arena, &service, &err);
	if (rc < 0) {
		rpc_server_call_finish(call, NULL, rpc_code_of_errno(rc), err.msg);
	} else {
		health = state_of(front, service);
		if (health == RPC_HEALTH_SERVICE_UNKNOWN)
			rpc_server_call_finish(
			    call, NULL, RPC_NOT_FOUND,
			    "no such service; '', 'snakepit.pool.v1.Pool' "
			    "and 'pool/<name>' are known");
		else if (rpc_health_encode_response(health, &reply) < 0)
			rpc_server_call_finish(call, NULL, RPC_RESOURCE_EXHAUSTED,
					       "out of memory");
		else
			rpc_server_call_finish(call, reply, RPC_OK, NULL);
	}
	rpc_buf_unref(reply);
	rpc_arena_fini(&arena);
}

/* ---- Watch --------------------------------------------------------------- */

static void watch_finish(struct health_watch *w, enum rpc_code code, const char *text)
{
	if (w->finished)
		return;
	w->finished = true;
	rpc_server_call_finish(w->call, NULL, code, text);
}

static void watch_send(struct health_watch *w)
{
	enum rpc_health now = state_of(w->front, w->service);
	struct rpc_buf *buf = NULL;

	if (w->finished || w->busy || now == w->sent)
		return;
	if (rpc_health_encode_response(now, &buf) < 0 ||
	    rpc_server_call_send(w->call, buf) < 0) {
		watch_finish(w, RPC_UNAVAILABLE, "the watch could not be kept up");
	} else {
		w->sent = now;
		w->busy = true;
	}
	rpc_buf_unref(buf);
}

static void on_watch_writable(struct rpc_server_call *call)
{
	struct health_watch *w = rpc_server_call_user(call);

	w->busy = false;
	watch_send(w);
}

static void on_watch_cancelled(struct rpc_server_call *call)
{
	watch_finish(rpc_server_call_user(call), RPC_CANCELLED, NULL);
}

static void on_watch_done(struct rpc_server_call *call)
{
	struct health_watch *w = rpc_server_call_user(call);

	if (w->prev)
		w->prev->next = w->next;
	else
		w->front->watches = w->next;
	if (w->next)
		w->next->prev = w->prev;
	free(w->service);
	free(w);
}

static const struct rpc_server_call_ops watch_ops = {
    .on_cancelled = on_watch_cancelled,
    .on_writable = on_watch_writable,
    .on_done = on_watch_done,
};

static void on_watch(struct rpc_server_call *call, struct rpc_buf *request, void *user)
{
	struct front *front = user;
	struct health_watch *w = calloc(1, sizeof(*w));
	struct snp_err err = {0};
	struct rpc_arena arena;
	const char *service;
	int rc;

	rpc_arena_init(&arena, 0);
	rc = rpc_health_decode_request(request, &arena, &service, &err);
	if (rc == 0 && w)
		w->service = strdup(service);
	rpc_arena_fini(&arena);
	if (rc < 0 || !w || !w->service) {
		free(w);
		rpc_server_call_finish(
		    call, NULL, rc < 0 ? rpc_code_of_errno(rc) : RPC_RESOURCE_EXHAUSTED,
		    rc < 0 ? err.msg : "out of memory");
		return;
	}
	w->front = front;
	w->call = call; /* kept until on_watch_done */
	w->sent = RPC_HEALTH_UNKNOWN;
	w->next = front->watches;
	if (w->next)
		w->next->prev = w;
	front->watches = w;
	rpc_server_call_set_ops(call, &watch_ops, w);
	watch_send(w);
}

/* ---- public -------------------------------------------------------------- */

int health_register(struct front *front, struct rpc_server *server)
{
	int rc = rpc_server_method(server, RPC_METHOD_HEALTH_CHECK, on_check, front);

	return rc < 0 ? rc
		      : rpc_server_method(server, RPC_METHOD_HEALTH_WATCH, on_watch,
					  front);
}

void health_update(struct front *front)
{
	for (struct health_watch *w = front->watches, *next; w; w = next) {
		next = w->next;
		watch_send(w);
	}
}

void health_end_watches(struct front *front)
{
	for (struct health_watch *w = front->watches, *next; w; w = next) {
		next = w->next;
		watch_finish(w, RPC_UNAVAILABLE, "the runtime is stopping");
	}
}
