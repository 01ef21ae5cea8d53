/* SPDX-License-Identifier: Apache-2.0 */
/*
 * keeper.h - sees to it that no worker, and nothing a worker started, outlives the
 * runtime, however it ends.
 *
 *   while it runs       each worker is in the census (census.h) and known to the guard,
 *                       a process of its own that is restarted when it dies
 *   when a worker ends  the guard kills what has left its group but carries its number
 *   when it is killed   the kernel kills the workers (parent-death signal), the guard
 *                       what they have started
 *   at the next start   whatever is left all the same is found by the census: of the
 *                       same boot, with the run's uuid in its environment, its owner
 * gone
 *
 * The supervisor's thread only.
 */
#ifndef SNAKEPIT_RUNTIME_KEEPER_H
#define SNAKEPIT_RUNTIME_KEEPER_H

#include "core/watch.h"
#include "snakepit/write.h"
#include "worker/procid.h"
#include "worker/census.h"

/* Borrowed; outlive the keeper. */
struct keeper_options {
	const char *dir, *instance; /* whose lock this process holds */
	const char *run_uuid;
	const char *guard; /* path of snakepit-guard */
	struct watcher *watcher;
	struct snp_bank *bank; /* of the thread */
};

struct keeper_worker {
	struct procid id; /* pid 0 = free */
	uint64_t number;
};

struct keeper {
	struct keeper_options opt;
	struct census census;
	struct keeper_worker *workers; /* by slot of the census */
	size_t workers_nr;
	uint64_t numbers; /* the highest given */
	pid_t guard_pid;  /* 0 = none */
	int guard_fd;	  /* its input; -1 = none */
	struct watch guard_watch;
	snp_mono_t guard_next; /* no new guard before */
};

/* What keeper_fini() may be called on before keeper_init(). */
#define KEEPER_INIT                                                                    \
	{                                                                              \
		.census.fd = -1, .guard_fd = -1, .guard_watch.fd = -1                  \
	}

/* End what an earlier run of the instance left, begin the census of this one, start the
 * guard. What of it cannot be done is logged: the runtime does without. */
void keeper_init(struct keeper *keeper, const struct keeper_options *options);

/* A number for the next worker: no two of a run have the same. */
uint64_t keeper_number(struct keeper *keeper);
/* A worker was spawned with it; it leads its group. Before anything else can wait for
 * the worker. */
void keeper_add(struct keeper *keeper, pid_t worker, uint64_t number);
/* It has ended and is about to be reaped, or was. The guard ends what it left behind.
 */
void keeper_remove(struct keeper *keeper, pid_t worker);

/* In the child of a fork: let go of the guard, which otherwise would wait for it. */
void keeper_forget(const struct keeper *keeper);

/* Start a guard where there is none and it is time; call now and then. */
void keeper_turn(struct keeper *keeper, snp_mono_t now);

/* The runtime stops: the guard ends what is left, and itself. Bounded. */
void keeper_fini(struct keeper *keeper);

#endif
