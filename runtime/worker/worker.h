/* SPDX-License-Identifier: Apache-2.0 */
/*
 * worker.h - one worker slot: its process, its state, what is known about it.
 *
 * The supervisor's thread only. worker_move() is the only writer of `state`: it checks
 * the table (worker_states.def), sets the cell, writes the event and the log line.
 *
 * A slot lives as long as its pool; processes come and go in it, numbered by
 * `incarnation`.
 */
#ifndef SNAKEPIT_RUNTIME_WORKER_H
#define SNAKEPIT_RUNTIME_WORKER_H

#include <stdbool.h>
#include <stdint.h>

#include "core/event_loop.h"
#include "core/front.h"
#include "core/watch.h"
#include "pool/pool.h"
#include "worker/hello.h"
#include "worker/link.h"
#include "worker/liveness.h"
#include "worker/output.h"
#include "worker/spawn.h"

#define WORKER_ADDRESS_BYTES 128

/* What all workers of a runtime share. Borrowed, outlives them. */
struct worker_site {
	struct snp_writer *writer;
	struct snp_bank *bank; /* the supervisor's */
	struct watcher *watcher;
	struct mailbox *mailbox;
	struct front *front;
	const struct spawn_site *spawn;
	const struct snp_cfg_shutdown *shutdown;
	const struct snp_cfg_telemetry_events *telemetry;
	const char *socket_dir; /* 0700 */
	bool relay_output;
};

struct worker {
	const struct worker_site *site;
	struct pool *pool;
	uint32_t slot;
	uint32_t row; /* worker row in the segment */
	struct snp_worker_row *cells;
	struct event_loop *loop; /* of this slot, for good */

	enum snp_enum_WORKER_STATE state;
	uint64_t incarnation;
	char id[LINK_WORKER_ID_BYTES];
	char address[WORKER_ADDRESS_BYTES]; /* "unix:<path>" */
	pid_t pid;			    /* 0 = no process */
	struct link *link;		    /* from hello to exit */
	snp_mono_t started, ready;	    /* .ns == 0: not (yet) */
	snp_wall_t started_wall;
	/* STARTING, WARMING: boot deadline. STOPPING: of the stop. KILLING: when it
	 * counts as lost. BACKOFF: when to start. Otherwise .ns == 0. */
	snp_mono_t deadline;
	/* Why we end it; EXIT_REASON_NR = we do not. Decides the exit reason before the
	 * wait status does. */
	enum snp_enum_EXIT_REASON intent;
	bool fenced;	   /* no new requests, whatever the state */
	unsigned failures; /* unplanned ends in a row, for the backoff */
	enum snp_enum_START_FAILURE start_failure;
	char start_error[192]; /* why the supervisor ended a start; "" = it ended itself
				*/
	/* What the next move is about besides: a process that is gone by then, the
	 * request it ran, its last words. The move takes it. */
	struct {
		uint64_t pid, trace_id[2], evidence;
	} note;
	struct liveness live;
	uint64_t proc[SNP_LATCH_WORDS]; /* process record as published */
	uint64_t cpu_before_ns;		/* of earlier processes of the slot */
	uint64_t cpu_now_ns;

	struct watch pidfd, ready_pipe, output_watch[OUTPUT_NR];
	struct output output[OUTPUT_NR];
	size_t hello_len;
	char hello_line[HELLO_LINE_BYTES];
};

/* The counters of its pool, as the supervisor's. */
static inline struct snp_pool_cells *worker_pool_cells(const struct worker *worker)
{
	return &worker->site->bank->pools[worker->pool->index];
}

void worker_init(struct worker *worker, const struct worker_site *site,
		 struct pool *pool, uint32_t slot, struct event_loop *loop);

/* Start a process; EMPTY or BACKOFF. A failure to spawn ends in BACKOFF. */
void worker_start(struct worker *worker);

/* SIGTERM, then SIGKILL after the stop timeout. No process: nothing. */
void worker_stop(struct worker *worker);

/* SIGKILL to the process group, for `intent`. */
void worker_kill(struct worker *worker, enum snp_enum_EXIT_REASON intent,
		 enum snp_enum_MOVE_REASON reason);

/* Fenced: it gets no new requests; what runs on it goes on. For one incarnation. */
void worker_set_fenced(struct worker *worker, bool fenced);

/* The deadline has passed: boot timeout, stop timeout, or lost. Not for BACKOFF. */
void worker_deadline(struct worker *worker, snp_mono_t now);

/* Take memory and CPU time of the process from /proc. */
void worker_sample(struct worker *worker);

/* SPAWNING, STARTING or WARMING. */
bool worker_is_starting(const struct worker *worker);

/* No process is left (EMPTY, BACKOFF) or none that can be waited for (LOST). */
bool worker_is_gone(const struct worker *worker);

/* Whether the table has the move; for tests. */
bool worker_may_move(enum snp_enum_WORKER_STATE from, enum snp_enum_WORKER_STATE to);

#endif
