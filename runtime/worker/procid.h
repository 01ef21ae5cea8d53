/* SPDX-License-Identifier: Apache-2.0 */
/*
 * procid.h - which process a pid means, and how to end that one and no other.
 *
 * A pid is a number that the kernel gives out again; with the time its process started
 * it is a name. Signals go through a pidfd that was opened first and compared then, so
 * what was compared is what is hit.
 *
 * A worker, and all it starts, carry two variables in their environment: the uuid of
 * the run that they belong to, and which worker of it they are or come from. By these
 * they are found wherever they went: into another group or session, or to init. No
 * threads, no state.
 */
#ifndef SNAKEPIT_RUNTIME_PROCID_H
#define SNAKEPIT_RUNTIME_PROCID_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#define PROCID_RUN_VARIABLE "SNAKEPIT_RUN_ID"
/* <uuid of the run>.<number of the process among the run's, 16 hexadecimal digits> */
#define PROCID_WORKER_VARIABLE "SNAKEPIT_WORKER_KEY"
#define PROCID_WORKER_FORMAT   "%s.%016llx"

struct procid {
	pid_t pid;
	uint64_t start; /* field 22 of /proc/<pid>/stat: ticks since boot */
};

/* The name of the process that has this pid now, and its group unless ret_group is
 * NULL. -ESRCH: nobody has it, or it has ended and waits to be reaped. */
int procid_of(pid_t pid, struct procid *ret_id, pid_t *ret_group);

/* Whether the process has that run's uuid in its environment; false for one that is
 * gone or not ours to read. */
bool procid_has_run(pid_t pid, const char *run_uuid);

/* The number of the worker that the process is or comes from; 0: of none of that run.
 */
uint64_t procid_worker(pid_t pid, const char *run_uuid);

/* SIGKILL to this process. -ESRCH: it is gone (whoever has the pid now is let be). */
int procid_kill(const struct procid *id);

/* Kill every process that `is_ours` says is, but never the caller, and look again until
 * two looks in a row find none: what they start meanwhile is found too. Returns how
 * many signals were sent; -ETIMEDOUT: some are still there after timeout_ms. */
struct procid_sweep {
	bool (*is_ours)(const struct procid *id, pid_t group, void *user);
	void *user;
	unsigned timeout_ms;
};
int procid_sweep(const struct procid_sweep *sweep);

#endif
