/* SPDX-License-Identifier: Apache-2.0 */
/*
 * oom.h - did the kernel kill a worker for memory? Workers live in the runtime's own
 * control group, whose count of such kills is read when one was killed and nobody here
 * did it. One thread.
 */
#ifndef SNAKEPIT_RUNTIME_OOM_H
#define SNAKEPIT_RUNTIME_OOM_H

#include <stdbool.h>
#include <stdint.h>

struct oom {
	char path[512];	 /* of the group's counters; "" = cannot be read */
	uint64_t seen;	 /* kills that are explained, or too old to explain anything */
	uint64_t looked; /* kills at the last look */
};

/* Find the group's counters: cgroup v2 (memory.events), else v1 (memory.oom_control).
 * `proc_cgroup` is /proc/self/cgroup, `root` /sys/fs/cgroup but in tests. */
void oom_init(struct oom *oom, const char *proc_cgroup, const char *root);

/* Call it every second or so: kills from before the last look are no longer news. */
void oom_look(struct oom *oom);

/* Whether there was a kill that explains the death at hand; it explains only one. */
bool oom_take(struct oom *oom);

#endif
