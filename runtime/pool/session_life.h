/* SPDX-License-Identifier: Apache-2.0 */
/*
 * session_life.h - sessions of a running pool begin and end: the books are kept, their
 * age is watched, their workers are told. Front door thread only.
 */
#ifndef SNAKEPIT_RUNTIME_SESSION_LIFE_H
#define SNAKEPIT_RUNTIME_SESSION_LIFE_H

#include "pool/error_kind.h"
#include "pool/pool.h"

/* The session of that name, opened if it is not open; ERROR_KIND_NR, or why there is
 * none: SESSION_LIMIT, OUT_OF_MEMORY. The name has 1 to SESSION_ID_BYTES - 1 bytes. */
enum error_kind session_begin(struct pool *pool, const char *id, snp_mono_t now,
			      struct session **ret_session);

/* A request has ended to use it. */
void session_leave(struct pool *pool, struct session *session, snp_mono_t now);

/* Who ends a session, for what its worker is told: the id of their call, and what came
 * with it. */
struct session_ender {
	const char *correlation;
	const struct rpc_md_in *metadata;
};

/* Close an open session, and have its worker, if it has one, forget it too. `ender` is
 * NULL where nobody asked for it. `done` (may be NULL) is called once, now or later,
 * with how much the worker says it cleaned. */
typedef void (*session_ended_fn)(void *user, int32_t cleaned);
void session_end(struct pool *pool, struct session *session,
		 const struct session_ender *ender, session_ended_fn done, void *user);

/* Its worker is gone, and it goes with it. Harmless where it is closed already. */
void session_lose(struct pool *pool, struct session *session);

/* Close what nobody used for the time to live, from now on as the configuration says
 * now. */
void session_watch_age(struct pool *pool);

/* The link of the session's worker, or NULL: it has none, or that one is gone. Valid
 * until the next quiescent state. */
struct link *session_link(const struct pool *pool, const struct session *session);

#endif
