/* SPDX-License-Identifier: Apache-2.0 */
#include "worker/child.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <string.h>
#include <unistd.h>

/* ---- descriptors --------------------------------------------------------- */

/* By the child's numbers; what is not one of ours is CHILD_FD_. */
struct handed {
	int at[CHILD_FDS_MAX];
};

static void handed_close(struct handed *h)
{
	for (int fd = 0; fd < CHILD_FDS_MAX; fd++)
		if (h->at[fd] >= 0)
			close(h->at[fd]);
}

/* Ours may have any number, also one that the child gives to another, so copies out of
 * the way are handed over: dup2 in the child could otherwise overwrite one that is
 * still needed. */
static int handed_copy(const struct child_plan *plan, struct handed *ret)
{
	for (int fd = 0; fd < CHILD_FDS_MAX; fd++)
		ret->at[fd] = CHILD_FD_NONE;
	for (int fd = 0; fd < plan->fds_nr; fd++) {
		ret->at[fd] = plan->fds[fd] < 0 ? plan->fds[fd]
						: fcntl(plan->fds[fd], F_DUPFD_CLOEXEC,
							CHILD_FDS_MAX);
		if (plan->fds[fd] >= 0 && ret->at[fd] < 0) {
			int rc = -errno;

			handed_close(ret);
			return rc;
		}
	}
	return 0;
}

/* ---- what posix_spawn is told; errnos are positive here -------------------- */

static int set_actions(posix_spawn_file_actions_t *fa, const struct child_plan *plan,
		       const struct handed *h)
{
	int rc = 0;

	for (int fd = 0; fd < CHILD_FDS_MAX && rc == 0; fd++)
		if (h->at[fd] == CHILD_FD_NULL)
			rc = posix_spawn_file_actions_addopen(fa, fd, "/dev/null",
							      O_RDWR, 0);
		else if (h->at[fd] == CHILD_FD_NONE)
			rc = posix_spawn_file_actions_addclose(fa, fd);
		else
			rc = posix_spawn_file_actions_adddup2(fa, h->at[fd], fd);
	if (rc == 0)
		rc = posix_spawn_file_actions_addclosefrom_np(fa, CHILD_FDS_MAX);
	if (rc == 0 && plan->dir)
		rc = posix_spawn_file_actions_addchdir_np(fa, plan->dir);
	return rc;
}

static int set_attributes(posix_spawnattr_t *attr, enum child_leads leads)
{
	int flags = POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF;
	sigset_t none, all;
	int rc;

	flags |=
	    leads == CHILD_LEADS_SESSION ? POSIX_SPAWN_SETSID : POSIX_SPAWN_SETPGROUP;
	sigemptyset(&none);
	sigfillset(&all);
	rc = posix_spawnattr_setsigmask(attr, &none);
	if (rc == 0)
		rc = posix_spawnattr_setsigdefault(attr, &all);
	if (rc == 0)
		rc = posix_spawnattr_setpgroup(attr, 0);
	if (rc == 0)
		rc = posix_spawnattr_setflags(attr, (short)flags);
	return rc;
}

static int spawn_with(const struct child_plan *plan, const struct handed *h,
		      pid_t *ret_pid)
{
	posix_spawn_file_actions_t fa;
	posix_spawnattr_t attr;
	int rc = posix_spawn_file_actions_init(&fa);

	if (rc)
		return rc;
	rc = posix_spawnattr_init(&attr);
	if (rc) {
		posix_spawn_file_actions_destroy(&fa);
		return rc;
	}
	rc = set_actions(&fa, plan, h);
	if (rc == 0)
		rc = set_attributes(&attr, plan->leads);
	if (rc == 0)
		rc = posix_spawn(ret_pid, plan->argv[0], &fa, &attr, plan->argv,
				 plan->env);
	posix_spawnattr_destroy(&attr);
	posix_spawn_file_actions_destroy(&fa);
	return rc;
}

int child_spawn(const struct child_plan *plan, pid_t *ret_pid)
{
	struct handed handed;
	int rc = handed_copy(plan, &handed);

	if (rc < 0)
		return rc;
	rc = -spawn_with(plan, &handed, ret_pid);
	handed_close(&handed);
	return rc;
}
