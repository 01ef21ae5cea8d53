/* SPDX-License-Identifier: Apache-2.0 */
/* procfs.h - resource use and state of a process, from /proc. */
#ifndef SNAKEPIT_RUNTIME_PROCFS_H
#define SNAKEPIT_RUNTIME_PROCFS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct procfs_sample {
	uint64_t cpu_ns;    /* user + system time of the process so far */
	uint64_t rss_bytes; /* resident memory */
};

/* One read of /proc/<pid>/stat (about 20 us). -ESRCH when the process is gone. */
int procfs_sample(pid_t pid, struct procfs_sample *ret_sample);

/* Resident memory that no file backs (RssAnon of proc(5)), from /proc/<pid>/statm: the
 * pages of shared libraries and mapped models belong to all. -ESRCH when the process is
 * gone. */
int procfs_anon(pid_t pid, uint64_t *ret_bytes);

/* Whether the process runs this program file. False also where that cannot be seen. */
bool procfs_runs(pid_t pid, const char *program);

#define PROCFS_RUNNING_MAX 16

struct procfs_thread {
	pid_t tid;
	uint64_t waits; /* times it gave up its CPU to wait for something, so far */
};

/* How a process is doing right now. For one that fell silent: a read a thread. */
struct procfs_state {
	/* Threads that have, or wait for, a CPU; some of them, where there are more. */
	struct procfs_thread running[PROCFS_RUNNING_MAX];
	unsigned running_nr;
	char state; /* of its first thread, as ps shows it; 'T', 't': stopped */
	bool waits_for_disk;  /* some thread is in uninterruptible sleep */
	bool frozen;	      /* by its cgroup, or while the host is suspended */
	bool catches_sigusr1; /* there is a handler: the signal would not end it */
	uint32_t threads;
	pid_t tracer;	/* 0 = none */
	char wchan[40]; /* where its first thread sleeps in the kernel, "" = unknown */
};

/* -ESRCH when the process is gone. */
int procfs_state(pid_t pid, struct procfs_state *ret_state);

#endif
