/* SPDX-License-Identifier: Apache-2.0 */
#include "core/front.h"

#include <stdio.h>
#include <string.h>

#include "core/control_service.h"
#include "core/health.h"
#include "core/host_bridge.h"
#include "pool/request.h"
#include "pool/session_life.h"
#include "snakepit/check.h"

/* ---- handlers ------------------------------------------------------------ */

static void on_execute(struct rpc_server_call *call, struct rpc_buf *request,
		       void *user)
{
	request_arrive(user, call, request, &request_pool_unary);
}

static void on_execute_stream(struct rpc_server_call *call, struct rpc_buf *request,
			      void *user)
{
	request_arrive(user, call, request, &request_pool_stream);
}

static int register_methods(struct front *front, enum front_origin origin)
{
	struct rpc_server *server = front->servers[origin];
	int rc;

	if (origin == FRONT_LEGACY)
		return host_bridge_register(front, server);
	rc = rpc_server_method(server, RPC_METHOD_POOL_EXECUTE, on_execute, front);
	if (rc == 0)
		rc = rpc_server_method(server, RPC_METHOD_POOL_EXECUTE_STREAM,
				       on_execute_stream, front);
	if (rc == 0)
		rc = health_register(front, server);
	return rc == 0 ? host_bridge_register(front, server) : rc;
}

/* ---- lifetime ------------------------------------------------------------ */

static void on_kick(struct rpc_task *task)
{
	struct front *front =
	    (struct front *)(void *)((char *)task - offsetof(struct front, kick_task));

	/* Clear first: a kick that comes from here on posts again. */
	atomic_store_explicit(&front->kicked, false, memory_order_seq_cst);
	for (uint32_t i = 0; i < front->pools_nr; i++)
		request_workers_changed(front->pools[i]);
	health_update(front);
}

int front_reload_tls(struct front *front, const struct snp_cfg_tls *tls,
		     struct snp_err *err)
{
	const struct rpc_tls_files files = front_tls_files(tls);

	return rpc_server_set_tls(front->servers[FRONT_TCP], &files, err);
}

static int open_server(struct front *front, enum front_origin origin,
		       struct snp_err *err)
{
	struct rpc_server **server = &front->servers[origin];
	int rc = rpc_server_create(&front->limits, server, err);

	if (rc == 0 && origin == FRONT_TCP && front->tls)
		rc = front_reload_tls(front, front->tls, err);
	if (rc < 0)
		return rc;
	rc = register_methods(front, origin);
	if (rc == 0 && origin == FRONT_UNIX && front->controlled)
		rc = control_service_register(*server, front->controlled);
	if (rc < 0)
		return snp_err_set(err, rc, "cannot register the front door's methods");
	return rpc_server_start(*server, &front->loop.rpc, 1, err);
}

int front_init(struct front *front, struct snp_writer *writer, struct pool **pools,
	       uint32_t pools_nr, struct snp_err *err)
{
	int rc = event_loop_init(&front->loop, "snp-front", writer,
				 EVENT_LOOP_RCU_READER, err);

	if (rc < 0)
		return rc;
	host_tools_init(&front->host_tools);
	rpc_correlation_make(front->program_key); /* as random as any secret */
	front->pools = pools;
	front->pools_nr = pools_nr;
	for (uint32_t i = 0; i < pools_nr; i++)
		pools[i]->front = front;
	front->kick_task.fn = on_kick;
	for (int i = 0; i < FRONT_ORIGINS && rc == 0; i++)
		rc = open_server(front, (enum front_origin)i, err);
	if (rc < 0)
		front_fini(front, writer);
	return rc;
}

void front_close(struct front *front)
{
	for (int i = 0; i < FRONT_ORIGINS; i++)
		if (front->servers[i])
			rpc_server_destroy(&front->servers[i]);
}

void front_fini(struct front *front, struct snp_writer *writer)
{
	front_close(front);
	host_tools_fini(&front->host_tools);
	event_loop_fini(&front->loop, writer);
}

void front_add_connection(struct front *front, int take_fd, enum front_origin origin)
{
	/* -ESHUTDOWN while stopping: the peer sees a closed connection, which is the
	 * truth. */
	(void)rpc_server_add_fd(front->servers[origin], take_fd);
}

void front_kick(struct front *front)
{
	if (!atomic_exchange_explicit(&front->kicked, true, memory_order_seq_cst))
		rpc_loop_post(front->loop.rpc, &front->kick_task);
}

struct pool *front_find_pool(const struct front *front, const char *name)
{
	if (!*name)
		return front->pools[0];
	for (uint32_t i = 0; i < front->pools_nr; i++)
		if (strcmp(front->pools[i]->cfg->name, name) == 0)
			return front->pools[i];
	return NULL;
}

/* ---- shutdown ------------------------------------------------------------ */

void front_request_ended(struct front *front)
{
	void (*idle)(void *user) = front->idle;

	if (!idle)
		return;
	for (uint32_t i = 0; i < front->pools_nr; i++)
		if (front->pools[i]->books.active || front->pools[i]->books.queue_depth)
			return;
	front->idle = NULL;
	idle(front->idle_user);
}

struct drain {
	struct front *front;
	void (*idle)(void *user);
	void *user;
};

static void drain_on_loop(void *arg)
{
	const struct drain *drain = arg;
	struct front *front = drain->front;

	front->draining = true;
	front->idle = drain->idle;
	front->idle_user = drain->user;
	health_update(front);
	front_request_ended(front);
}

void front_drain(struct front *front, void (*idle)(void *user), void *user)
{
	struct drain drain = {.front = front, .idle = idle, .user = user};

	rpc_loop_run(front->loop.rpc, drain_on_loop, &drain);
}

/* ---- what the supervisor changes ----------------------------------------- */

struct admission_change {
	struct front *front;
	struct pool *pool;
	enum pool_admission admission;
	const char *why;
};

static void admit_on_loop(void *arg)
{
	const struct admission_change *change = arg;
	struct pool *pool = change->pool;

	pool->admission = change->admission;
	(void)snprintf(pool->why, sizeof(pool->why), "%s",
		       change->why ? change->why : "");
	if (pool->admission == POOL_DOWN)
		request_drop_queue(pool, ERROR_POOL_DOWN,
				   *pool->why ? pool->why : NULL);
	health_update(change->front);
}

void front_pool_admission(struct front *front, struct pool *pool,
			  enum pool_admission admission, const char *why)
{
	struct admission_change change = {front, pool, admission, why};

	rpc_loop_run(front->loop.rpc, admit_on_loop, &change);
	snp_set(pool->row->admission, admission);
}

struct config_change {
	struct pool *pool;
	const struct snp_cfg_pool *cfg;
};

static void set_config_on_loop(void *arg)
{
	const struct config_change *change = arg;

	pool_set_config(change->pool, change->cfg);
	session_watch_age(change->pool);
}

void front_set_config(struct front *front, struct pool *pool,
		      const struct snp_cfg_pool *cfg)
{
	struct config_change change = {pool, cfg};

	rpc_loop_run(front->loop.rpc, set_config_on_loop, &change);
}

/* ---- shutdown ------------------------------------------------------------ */

static void drop_on_loop(void *arg)
{
	struct front *front = arg;

	SNP_CHECK(front->draining);
	front->queues_closed = true;
	for (uint32_t i = 0; i < front->pools_nr; i++)
		request_drop_queue(front->pools[i], ERROR_STOPPING, NULL);
}

void front_drop_queues(struct front *front)
{
	rpc_loop_run(front->loop.rpc, drop_on_loop, front);
}

static void end_watches_on_loop(void *arg)
{
	health_end_watches(arg);
}

/* Both stop on the front door's loop. */
static void on_server_stopped(void *user)
{
	struct front *front = user;

	if (--front->servers_open == 0)
		front->stopped(front->stopped_user);
}

void front_shutdown(struct front *front, uint32_t grace_ms, void (*stopped)(void *user),
		    void *user)
{
	rpc_loop_run(front->loop.rpc, end_watches_on_loop, front);
	front->stopped = stopped;
	front->stopped_user = user;
	front->servers_open = FRONT_ORIGINS;
	for (int i = 0; i < FRONT_ORIGINS; i++)
		rpc_server_shutdown(front->servers[i], grace_ms, on_server_stopped,
				    front);
}
