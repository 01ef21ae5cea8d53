/* SPDX-License-Identifier: Apache-2.0 */
#include "worker/spawn.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include "worker/child.h"
#include "worker/command.h"
#include "worker/legacy.h"

/* ---- pipes and spawning -------------------------------------------------- */

static_assert(SPAWN_FD_NR <= CHILD_FDS_MAX, "the handshake fits");

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

static int start_launcher(const struct spawn_request *r, const struct pipes *p,
			  pid_t *ret_pid)
{
	struct command cmd;
	int rc = command_build(r, &cmd);

	if (rc < 0)
		return rc;
	rc = child_spawn(
	    &(struct child_plan){
		.argv = cmd.argv,
		.env = cmd.env,
		.fds = {[0] = CHILD_FD_NULL,
			[1] = p->out[1],
			[2] = p->err[1],
			[SPAWN_FD_READY] = p->ready[1],
			[SPAWN_FD_LIFELINE] =
			    spawn_is_legacy(r) ? CHILD_FD_NONE : r->site->lifeline_fd,
			[SPAWN_FD_LOG] = p->log[1],
			[SPAWN_FD_BEAT] = r->beat_fd,
			[SPAWN_FD_STACKS] = r->stacks_fd,
			[SPAWN_FD_METRICS] = r->metrics_fd},
		.fds_nr = SPAWN_FD_NR,
		.leads = CHILD_LEADS_GROUP,
	    },
	    ret_pid);
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
	rc = start_launcher(r, &p, &pid);
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
