/* SPDX-License-Identifier: Apache-2.0 */
/*
 * child.h - how every process that the runtime starts begins: by posix_spawn, with
 * default signals and none blocked, in a group or session of its own, and with no
 * descriptors but those it is given.
 *
 * Any thread; but the parent-death signal that snakepit-launch sets is tied to the
 * thread that calls this.
 */
#ifndef SNAKEPIT_RUNTIME_CHILD_H
#define SNAKEPIT_RUNTIME_CHILD_H

#include <sys/types.h>

#define CHILD_FDS_MAX 9

enum {
	CHILD_FD_NONE = -1,
	CHILD_FD_NULL = -2, /* /dev/null */
};

enum child_leads {
	CHILD_LEADS_GROUP,
	CHILD_LEADS_SESSION,
};

struct child_plan {
	char *const *argv, *const *env; /* argv[0] is run, without a search */
	/* What it has at 0, 1 and so on: descriptors of ours, of any number, which stay
	 * ours; or CHILD_FD_. */
	int fds[CHILD_FDS_MAX];
	int fds_nr;
	enum child_leads leads;
	const char *dir; /* where it runs; NULL: where we do */
};

/* Start it. A negative errno: it does not exist, and nothing is left open. */
int child_spawn(const struct child_plan *plan, pid_t *ret_pid);

#endif
