/* SPDX-License-Identifier: Apache-2.0 */
/*
 * worker.h - one worker slot: its process, its state, what is known about it.
 *
 * The supervisor's thread only. worker_event() is the only writer of `state`: it asks
 * the machine (worker_states.def), sets the cell, writes the event and the log line.
 *
 * A slot lives as long as its pool; processes come and go in it, numbered by
 * `incarnation`. What shall run in it is the fleet's business (fleet.h). The parts:
 * start.c (the process), boot.c (until it is ready), ending.c (its end), and worker.c.
 */
#ifndef SNAKEPIT_RUNTIME_WORKER_H
#define SNAKEPIT_RUNTIME_WORKER_H

#include <stdbool.h>
#include <stdint.h>

#include "core/event_loop.h"
#include "core/front.h"
#include "core/watch.h"
#include "pool/pool.h"
#include "worker/feed.h"
#include "worker/hello.h"
#include "worker/keeper.h"
#include "worker/legacy.h"
#include "worker/link.h"
#include "worker/liveness.h"
#include "worker/machine.h"
#include "worker/output.h"
#include "worker/spawn.h"

#define WORKER_ADDRESS_BYTES 128

struct fleet;
struct oom;
struct worker;

/* What all workers of a runtime share. Borrowed, outlives them. */
struct worker_site {
	struct snp_writer *writer;
	struct snp_bank *bank; /* the supervisor's */
	struct watcher *watcher;
	struct mailbox *mailbox;
	struct front *front;
	struct oom *oom;
	struct keeper *keeper;
	struct legacy *legacy;
	const struct spawn_site *spawn;
	const struct snp_cfg_shutdown *shutdown; /* of the present configuration */
	const struct snp_cfg_telemetry_events *telemetry;
	struct rpc_channel_opts limits; /* for the workers' channels */
	const char *socket_dir;		/* 0700 */
	bool relay_output;
	bool takes_feeds; /* the segment has room for metrics of adapters */
	/* Called after each move, and with its own state when its deadline or its fence
	 * changed besides; must not move workers itself. */
	void (*moved)(struct worker *worker, enum snp_enum_WORKER_STATE from);
};

struct worker {
	const struct worker_site *site;
	struct fleet *fleet; /* the slot is a part of */
	struct pool *pool;
	uint32_t slot;
	struct event_loop *loop; /* of this slot, for good */
	/* Row in the segment, while the slot has one: in use, or just out of it. */
	uint32_t row;
	struct snp_worker_row *cells; /* NULL: none */

	enum snp_enum_WORKER_STATE state;
	uint64_t incarnation;
	char id[LINK_WORKER_ID_BYTES];
	char
	    address[WORKER_ADDRESS_BYTES + 8]; /* where it serves; legacy: once known */
	char path[WORKER_ADDRESS_BYTES];       /* of its socket, or of its ready file */
	const struct snp_cfg_pool *cfg;	       /* it was started with */
	pid_t pid;			       /* 0 = no process */
	struct link *link;		       /* from hello to exit */
	snp_mono_t started, ready;	       /* .ns == 0: not (yet) */
	snp_wall_t started_wall;
	/* STARTING, WARMING: of the stage of its start. DRAINING, STOPPING: of that.
	 * KILLING: when it counts as lost. BACKOFF: when to start. Otherwise .ns == 0.
	 */
	snp_mono_t deadline;
	/* Why we end it; EXIT_REASON_NR = we do not. Decides the exit reason before the
	 * wait status does. */
	enum snp_enum_EXIT_REASON intent;
	enum snp_enum_MOVE_REASON why; /* the first move towards that */
	bool fenced;		       /* no new requests, whatever the state */
	bool launched;		       /* STARTING: its program runs */
	bool boot_extended;	       /* the deadline of this stage of its start */
	bool mute;		       /* its ready pipe was closed without a hello */
	unsigned failures;	       /* unplanned ends in a row, for the backoff */
	enum snp_enum_START_FAILURE start_failure;
	char start_error[192]; /* why the supervisor ended a start; "" = it ended itself
				*/
	uint64_t boot_progress; /* of its page when the deadline of a start was set */
	/* What the slot's counters said when it was started. */
	uint64_t requests_before, errors_before;
	/* What the next move is about besides: a process that is gone by then, the
	 * request it ran, its last words. The move takes it. */
	struct {
		uint64_t pid, trace_id[2], evidence;
	} note;
	struct liveness live;
	struct feed feed;		/* what its code counts */
	uint64_t proc[SNP_LATCH_WORDS]; /* process record as published */
	uint64_t cpu_before_ns;		/* of earlier processes of the row */
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

/* A slot without row and process, in memory that is zeros: most slots of a pool are
 * never used, and their pages not touched. */
void worker_init(struct worker *worker, const struct worker_site *site,
		 struct pool *pool, uint32_t slot, struct event_loop *loop);

/* The slot has this row from now on, none before; its loop does not touch it yet. */
void worker_take_row(struct worker *worker, uint32_t row);
/* And no more; EMPTY. */
void worker_drop_row(struct worker *worker);

struct worker_start {
	const struct snp_cfg_pool *cfg; /* must outlive the process */
	uint64_t generation;
	enum snp_enum_START_REASON reason; /* for the counter */
	enum snp_enum_MOVE_REASON why;
};

/* Start a process; EMPTY, BACKOFF or QUARANTINED, with a row. A failure to spawn ends
 * in BACKOFF. */
void worker_start(struct worker *worker, const struct worker_start *start);

/* It serves, and says this of itself: STARTING, once (boot.c calls it for a native
 * worker). What does not fit what was started ends the start. */
void worker_hello(struct worker *worker, const struct hello *hello);

/* No new requests; stop when those it has are done, at the latest after the drain
 * timeout. One that is not ready is stopped at once. No process: none will come. */
void worker_drain(struct worker *worker, enum snp_enum_EXIT_REASON intent,
		  enum snp_enum_MOVE_REASON reason);

/* SIGTERM, then SIGKILL after the stop timeout. No process: none will come. */
void worker_stop(struct worker *worker, enum snp_enum_EXIT_REASON intent,
		 enum snp_enum_MOVE_REASON reason);

/* It will be ended for `intent`, by a kill that comes later: if it ends before, that
 * was why. The first who wants it to end says why it ends. */
void worker_intend(struct worker *worker, enum snp_enum_EXIT_REASON intent,
		   enum snp_enum_MOVE_REASON reason);

/* SIGKILL to the process group, for `intent`. liveness_kill() keeps its stacks first.
 */
void worker_kill(struct worker *worker, enum snp_enum_EXIT_REASON intent,
		 enum snp_enum_MOVE_REASON reason);

/* BACKOFF: wait for the breaker instead. */
void worker_hold(struct worker *worker);

/* Fenced: it gets no new requests; what runs on it goes on. For one incarnation. */
void worker_set_fenced(struct worker *worker, bool fenced);

/* If the deadline has passed: of a start, drain or stop timeout, or lost. Not for
 * BACKOFF. */
void worker_deadline(struct worker *worker, snp_mono_t now);

/* Take memory and CPU time of the process from /proc, and what its code counted;
 * whether there is one. */
bool worker_sample(struct worker *worker);

/* Take what is left of that when there is none any more. */
void worker_end_feed(struct worker *worker);

/* Takes requests. */
bool worker_is_open(const struct worker *worker);

/* No process is left or none that can be waited for (LOST). */
bool worker_is_gone(const struct worker *worker);

/* Requests that this process was given, and those of them that went well. */
uint64_t worker_requests(const struct worker *worker);
uint64_t worker_successes(const struct worker *worker);

#endif
