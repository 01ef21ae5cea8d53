/* SPDX-License-Identifier: Apache-2.0 */
/* procfs.h - resource use of a process, from /proc. */
#ifndef SNAKEPIT_RUNTIME_PROCFS_H
#define SNAKEPIT_RUNTIME_PROCFS_H

#include <stdint.h>
#include <sys/types.h>

struct procfs_sample {
	uint64_t cpu_ns;    /* user + system time of the process so far */
	uint64_t rss_bytes; /* resident memory */
};

/* One read of /proc/<pid>/stat (about 20 us). -ESRCH when the process is gone. */
int procfs_sample(pid_t pid, struct procfs_sample *ret_sample);

#endif
