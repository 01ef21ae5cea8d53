/* SPDX-License-Identifier: Apache-2.0 */
/*
 * session.h - the sessions of one pool: who is open, whose worker is it.
 *
 * A session begins by InitializeSession or with the first request that names it, and
 * ends by CleanupSession, when nobody used it for its time to live, or with its worker
 * where its pool's affinity is strict. It plays no part in liveness.
 *
 * Front door thread only. No I/O and no clock here: callers say what time it is and
 * tell workers (session_end.h). A session that was closed while requests use it lives
 * on, unnamed, until the last of them is done.
 */
#ifndef SNAKEPIT_RUNTIME_SESSION_H
#define SNAKEPIT_RUNTIME_SESSION_H

#include <stdbool.h>
#include <stdint.h>

#include "config/config.h"
#include "pool/list.h"
#include "rpc/messages.h"
#include "snakepit/time.h"

#define SESSION_ID_BYTES       257   /* longest id, with its NUL */
#define SESSION_METADATA_BYTES 16384 /* keys and values of one session */

/* The worker that a session belongs to. */
struct session_owner {
	uint32_t slot;	      /* plus 1; 0 = none */
	uint64_t incarnation; /* of the slot's worker */
};

struct session {
	struct session *next; /* in its bucket */
	struct list idle;     /* of the table, while nobody uses it; last used, last */
	uint32_t hash;
	bool open;	  /* in the table */
	uint32_t users;	  /* requests that are queued or active */
	uint32_t waiting; /* of them: queued */
	uint32_t in_turn; /* of those: in the pool's own queue, in no worker's lane */
	uint32_t tools;	  /* registered for it at last */
	snp_mono_t used;
	snp_wall_t created;
	struct session_owner owner;
	struct rpc_pairs metadata; /* from malloc, one block */
	char id[];		   /* NUL-terminated */
};

struct sessions {
	struct session **buckets;
	uint32_t mask; /* buckets - 1 */
	uint32_t open;
	struct list idle;
};

/* -ENOMEM. */
int sessions_init(struct sessions *sessions);
/* Closes all; nobody may use one any more. */
void sessions_fini(struct sessions *sessions);

/* The open session of that name (1 to SESSION_ID_BYTES - 1 bytes), or NULL. */
struct session *session_find(const struct sessions *sessions, const char *id);

/* Open one that is not open. NULL: out of memory. */
struct session *session_open(struct sessions *sessions, const char *id, snp_mono_t now);

/* Keep a copy of `metadata` in place of what it had. -ENOMEM, or -E2BIG beyond
 * SESSION_METADATA_BYTES; it then keeps what it had. */
int session_describe(struct session *session, const struct rpc_pairs *metadata);

/* It was used just now. */
void session_touch(struct sessions *sessions, struct session *session, snp_mono_t now);

/* A request begins or ends to use it. The last use of a closed one frees it. */
void session_take(struct session *session);
void session_release(struct sessions *sessions, struct session *session,
		     snp_mono_t now);

/* It is open no more; frees it where nobody uses it. */
void session_close(struct sessions *sessions, struct session *session);

/* The session that nobody used for the longest time, if that is at least `ttl_s`; else
 * NULL. One with requests is in use. */
struct session *session_expired(const struct sessions *sessions, snp_mono_t now,
				uint32_t ttl_s);
/* When there will be one; .ns == UINT64_MAX: no session is idle. */
snp_mono_t sessions_next_expiry(const struct sessions *sessions, uint32_t ttl_s);

/* ---- affinity ------------------------------------------------------------ */

/* How it stands with a session's worker. */
enum session_worker {
	SESSION_WORKER_NONE, /* it never had one */
	SESSION_WORKER_FREE, /* it can take a request now */
	SESSION_WORKER_BUSY, /* it cannot, or takes none for a while */
	SESSION_WORKER_GONE,
	SESSION_WORKER_NR
};

/* What becomes of the session's next request. */
enum session_way {
	SESSION_TO_ANY, /* any worker takes it; the session is that one's from then on
			 */
	SESSION_TO_OWNER,
	SESSION_WAITS, /* for its worker */
	SESSION_FAILS_BUSY,
	SESSION_FAILS_LOST,
};

enum session_way session_way(enum snp_cfg_affinity affinity,
			     enum session_worker worker);

#endif
