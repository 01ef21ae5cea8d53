/* SPDX-License-Identifier: Apache-2.0 */
/*
 * front.h - the front door: the gRPC servers, admission, the pools' queues.
 *
 * Two servers, by where a connection comes from: a call does not tell, and what only
 * the owner of the socket may ask (control_service.h) is not registered on the other
 * one.
 *
 * One event loop. All functions marked "loop" run on it; the others may be called from
 * the supervisor's thread, which also accepts the connections (rpc/accept.h).
 */
#ifndef SNAKEPIT_RUNTIME_FRONT_H
#define SNAKEPIT_RUNTIME_FRONT_H

#include <stdatomic.h>
#include <stdbool.h>

#include "core/event_loop.h"
#include "core/host_tools.h"
#include "core/tracing.h"
#include "pool/pool.h"
#include "rpc/metadata.h"
#include "rpc/server.h"

#define FRONT_POOL_KEY "x-snakepit-pool" /* metadata: names the pool of a call */

struct health_watch;
struct supervisor;

enum front_origin {
	FRONT_UNIX, /* the socket's mode and the peer's user id say who may */
	FRONT_TCP,
	FRONT_LEGACY, /* loopback, plain, for workers that know no other: the bridge */
	FRONT_ORIGINS
};

struct front {
	struct event_loop loop;
	struct rpc_server *servers[FRONT_ORIGINS];
	/* What the control service controls, on FRONT_UNIX; NULL: there is no such
	 * service. Set before front_init(). */
	struct supervisor *controlled;
	struct rpc_server_opts limits; /* set before front_init() */
	const struct snp_cfg_tls *tls; /* of FRONT_TCP; NULL: none; borrowed by init */
	struct pool **pools;
	uint32_t pools_nr;
	/* Who sends this as RPC_MD_C_API is this program. Random, the front door's. */
	char program_key[RPC_CORRELATION_BYTES];
	bool accept_correlation; /* take over the clients' ids */
	struct tracing tracing;	 /* set before front_init(); zeros: off */
	struct host_tools host_tools;
	/* Loop. */
	bool draining;
	bool queues_closed; /* nothing may wait any more */
	struct health_watch *watches;
	/* Wakes the loop to dispatch; posted at most once at a time. */
	struct rpc_task kick_task;
	_Atomic bool kicked;
	/* Loop. Set while draining, until nothing is left: then it is called, once. */
	void (*idle)(void *user);
	void *idle_user;
	/* Loop. Of front_shutdown(). */
	void (*stopped)(void *user);
	void *stopped_user;
	unsigned servers_open;
};

static inline struct rpc_tls_files front_tls_files(const struct snp_cfg_tls *tls)
{
	return (struct rpc_tls_files){tls->cert, tls->key, tls->client_ca};
}

int front_init(struct front *front, struct snp_writer *writer, struct pool **pools,
	       uint32_t pools_nr, struct snp_err *err);
/* The servers end before what their calls use. After front_shutdown(), or if nothing
 * was served. Idempotent. */
void front_close(struct front *front);
void front_fini(struct front *front, struct snp_writer *writer);

/* Read the certificates again; connections to come get them. On failure the old ones
 * stay. Any thread. */
int front_reload_tls(struct front *front, const struct snp_cfg_tls *tls,
		     struct snp_err *err);

/* Serve a connection. Takes `fd`. */
void front_add_connection(struct front *front, int take_fd, enum front_origin origin);

/* Workers came or went: dispatch what waits, tell health watchers. Any thread. */
void front_kick(struct front *front);

/* Refuse new requests; call idle(user) on the loop when no request is left. Supervisor,
 * once. */
void front_drain(struct front *front, void (*idle)(void *user), void *user);

/* Let the pool take requests, or not; `why` (for POOL_DOWN, may be NULL) is what its
 * clients are told. Supervisor. */
void front_pool_admission(struct front *front, struct pool *pool,
			  enum pool_admission admission, const char *why);

/* Go over to another configuration of the pool for what the front door reads of it:
 * limits, timeouts, sessions, affinity, idempotent tools. `cfg` must live as long as
 * the pool, or until it is replaced. Supervisor. */
void front_set_config(struct front *front, struct pool *pool,
		      const struct snp_cfg_pool *cfg);

/* End what still waits in the queues. After front_drain(). */
void front_drop_queues(struct front *front);

/* Stop serving; `stopped` is called on the loop. After front_drain(). */
void front_shutdown(struct front *front, uint32_t grace_ms, void (*stopped)(void *user),
		    void *user);

/* Loop: a request ended; when draining this may have been the last. */
void front_request_ended(struct front *front);

/* Loop: the pool a request means: by name, or the first for an empty name. */
struct pool *front_find_pool(const struct front *front, const char *name);

#endif
