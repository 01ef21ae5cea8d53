/* SPDX-License-Identifier: Apache-2.0 */
#include "worker/spawn.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdlib.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include "worker/command.h"
#include "worker/legacy.h"

/* ---- pipes and spawning -------------------------------------------------- */

struct pipes {
	int ready[2], log[2], out[2], err[2]; /* [0] ours, [1] the child's */
};

static int pipe_open(int fds[2])
{
	if (pipe2(fds, O_CLOEXEC) < 0) {
		fds[0] = fds[1] = -1;
		return -errno;
	}
	return fcntl(fds[0], F_SETFL, O_NONBLOCK) < 0 ? -errno : 0;
}

static void close_end(int fd)
{
	if (fd >= 0)
		close(fd);
}

static void pipes_close_ends(struct pipes *p, int which)
{
	close_end(p->ready[which]);
	close_end(p->log[which]);
	close_end(p->out[which]);
	close_end(p->err[which]);
}

static int pipes_open(const struct spawn_request *r, struct pipes *p)
{
	int rc;

	memset(p, 0xff, sizeof(*p)); /* all -1 */
	if (spawn_is_legacy(r)) {
		rc = p->ready[0] = legacy_ready_watch(r->ready_file);
	} else {
		rc = pipe_open(p->ready);
		if (rc == 0)
			rc = pipe_open(p->log);
	}
	if (rc >= 0)
		rc = pipe_open(p->out);
	if (rc >= 0)
		rc = pipe_open(p->err);
	if (rc < 0) {
		pipes_close_ends(p, 0);
		pipes_close_ends(p, 1);
	}
	return rc;
}

/* What the child will have at each number, by our numbers; -1 = nothing. */
struct handed {
	int at[SPAWN_FD_NR];
};

static void handed_close(struct handed *h)
{
	for (int fd = 0; fd < SPAWN_FD_NR; fd++)
		close_end(h->at[fd]);
}

/* Ours may have any number, also one of the fixed ones, so copies out of the way are
 * handed over: dup2 in the child could otherwise overwrite one that is still needed.
 */
static int handed_copy(const struct spawn_request *r, const struct pipes *p,
		       struct handed *ret)
{
	const int ours[SPAWN_FD_NR] = {
	    [0] = -1, /* opened in the child */
	    [1] = p->out[1],
	    [2] = p->err[1],
	    [SPAWN_FD_READY] = p->ready[1],
	    [SPAWN_FD_LIFELINE] = spawn_is_legacy(r) ? -1 : r->site->lifeline_fd,
	    [SPAWN_FD_LOG] = p->log[1],
	    [SPAWN_FD_BEAT] = r->beat_fd,
	    [SPAWN_FD_STACKS] = r->stacks_fd,
	};

	memset(ret, 0xff, sizeof(*ret)); /* all -1 */
	for (int fd = 0; fd < SPAWN_FD_NR; fd++) {
		if (ours[fd] < 0)
			continue;
		ret->at[fd] = fcntl(ours[fd], F_DUPFD_CLOEXEC, SPAWN_FD_NR);
		if (ret->at[fd] < 0) {
			int rc = -errno;

			handed_close(ret);
			return rc;
		}
	}
	return 0;
}

static int file_actions(posix_spawn_file_actions_t *fa, const struct handed *h)
{
	int rc = posix_spawn_file_actions_addopen(fa, 0, "/dev/null", O_RDONLY, 0);

	for (int fd = 1; fd < SPAWN_FD_NR && rc == 0; fd++)
		rc = h->at[fd] >= 0
			 ? posix_spawn_file_actions_adddup2(fa, h->at[fd], fd)
			 : posix_spawn_file_actions_addclose(fa, fd);
	if (rc == 0)
		rc = posix_spawn_file_actions_addclosefrom_np(fa, SPAWN_FD_NR);
	return rc;
}

int spawn_attributes(posix_spawnattr_t *attr)
{
	sigset_t none, all;
	int rc;

	sigemptyset(&none);
	sigfillset(&all);
	rc = posix_spawnattr_setsigmask(attr, &none);
	if (rc == 0)
		rc = posix_spawnattr_setsigdefault(attr, &all);
	if (rc == 0)
		rc = posix_spawnattr_setpgroup(attr, 0);
	if (rc == 0)
		rc = posix_spawnattr_setflags(attr, POSIX_SPAWN_SETSIGMASK |
							POSIX_SPAWN_SETSIGDEF |
							POSIX_SPAWN_SETPGROUP);
	return rc;
}

static int spawn_with(const struct command *cmd, const struct handed *h, pid_t *ret_pid)
{
	posix_spawn_file_actions_t fa;
	posix_spawnattr_t attr;
	int rc = posix_spawn_file_actions_init(&fa);

	if (rc)
		return -rc;
	rc = posix_spawnattr_init(&attr);
	if (rc) {
		posix_spawn_file_actions_destroy(&fa);
		return -rc;
	}
	rc = file_actions(&fa, h);
	if (rc == 0)
		rc = spawn_attributes(&attr);
	if (rc == 0)
		rc =
		    posix_spawn(ret_pid, cmd->argv[0], &fa, &attr, cmd->argv, cmd->env);
	posix_spawnattr_destroy(&attr);
	posix_spawn_file_actions_destroy(&fa);
	return -rc;
}

static int spawn_child(const struct spawn_request *r, const struct pipes *p,
		       pid_t *ret_pid)
{
	struct handed handed;
	struct command cmd;
	int rc = command_build(r, &cmd);

	if (rc < 0)
		return rc;
	rc = handed_copy(r, p, &handed);
	if (rc == 0) {
		rc = spawn_with(&cmd, &handed, ret_pid);
		handed_close(&handed);
	}
	command_free(&cmd);
	return rc;
}

/* Which limit it is that an errno of fork or pipe speaks of. */
static const char *limit_hint(int rc)
{
	if (rc == -EAGAIN)
		return "; the limit of processes is reached (ulimit -u, or pids.max of "
		       "the cgroup)";
	return rc == -EMFILE || rc == -ENFILE
		   ? "; the limit of open files is reached (ulimit -n)"
		   : "";
}

int spawn_worker(const struct spawn_request *r, struct spawn_result *ret,
		 struct snp_err *err)
{
	struct pipes p;
	pid_t pid = -1;
	int pidfd, rc = pipes_open(r, &p);

	if (rc < 0)
		return snp_err_set(err, rc, "cannot create pipes for worker %s: %s%s",
				   r->worker_id, strerror(-rc), limit_hint(rc));
	rc = spawn_child(r, &p, &pid);
	pipes_close_ends(&p, 1);
	if (rc < 0) {
		pipes_close_ends(&p, 0);
		return snp_err_set(err, rc, "cannot start %s for worker %s: %s%s",
				   r->site->launcher, r->worker_id, strerror(-rc),
				   limit_hint(rc));
	}
	/* No race: we are its parent, so the pid stays ours until we wait for it. */
	pidfd = pidfd_open(pid, 0);
	if (pidfd < 0) {
		rc = snp_err_errno(err, "cannot open a pidfd for worker %s",
				   r->worker_id);
		(void)kill(-pid, SIGKILL);
		(void)waitpid(pid, NULL, 0);
		pipes_close_ends(&p, 0);
		return rc;
	}
	(void)fcntl(pidfd, F_SETFD, FD_CLOEXEC);
	*ret = (struct spawn_result){
	    .pid = pid,
	    .pidfd = pidfd,
	    .ready_fd = p.ready[0],
	    .log_fd = p.log[0],
	    .stdout_fd = p.out[0],
	    .stderr_fd = p.err[0],
	};
	return 0;
}
