/* SPDX-License-Identifier: Apache-2.0 */
#define LOG_COMPONENT "keeper"
#include "worker/keeper.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include "launch/guard.h"
#include "log/log.h"
#include "worker/child.h"

#define SWEEP_MS       2000
#define GUARD_PAUSE_MS 1000
#define GUARD_INPUT    (1 << 20) /* bytes, for 65,536 workers at once */
#define GUARD_END_MS   6000	 /* longer than it looks for what is left */

/* ---- what an earlier run left -------------------------------------------- */

struct orphans {
	struct keeper *keeper;
	const char *run_uuid;
	struct procid *seen; /* counted already; one is found again while it ends */
	size_t seen_nr;
};

static bool is_first_sight(struct orphans *o, const struct procid *id)
{
	struct procid *seen;

	for (size_t i = 0; i < o->seen_nr; i++)
		if (o->seen[i].pid == id->pid && o->seen[i].start == id->start)
			return false;
	seen = realloc(o->seen, (o->seen_nr + 1) * sizeof(*seen));
	if (seen) {
		o->seen = seen;
		o->seen[o->seen_nr++] = *id;
	}
	return true;
}

static void count_orphan(struct orphans *o, const struct procid *id)
{
	const struct snp_event_fields event = {
	    .kind = SNP_EVENT_KIND_ORPHAN_KILLED,
	    .initiator = SNP_INITIATOR_SUPERVISOR,
	    .pid = (uint64_t)id->pid,
	};

	if (!is_first_sight(o, id))
		return;
	snp_add(o->keeper->opt.bank->proc->orphans, 1);
	snp_event_record(o->keeper->opt.bank, &event, snp_mono_now());
	log_warn("ending a process that an earlier run of this instance left",
		 LOG_I64("orphan_pid", id->pid), LOG_STR("its_run", o->run_uuid));
}

static bool is_orphan(const struct procid *id, pid_t group, void *user)
{
	struct orphans *o = user;

	(void)group;
	if (!procid_has_run(id->pid, o->run_uuid))
		return false;
	count_orphan(o, id);
	return true;
}

/* A worker that is still there leads a group; what is in it goes with it, whatever its
 * environment says. By number, since the leader has it until it is reaped. */
static void end_worker(struct orphans *o, const struct procid *id)
{
	struct procid now;
	pid_t group;

	if (procid_of(id->pid, &now, &group) < 0)
		return;
	if (now.start != id->start || !procid_has_run(id->pid, o->run_uuid)) {
		log_info("a pid of an earlier run is another process now: left alone",
			 LOG_I64("other_pid", id->pid));
		return;
	}
	count_orphan(o, id);
	if (group == id->pid)
		(void)kill(-group, SIGKILL);
	(void)procid_kill(id);
}

static void end_orphans(struct keeper *k, const struct census_content *left)
{
	struct orphans o = {.keeper = k, .run_uuid = left->head.run_uuid};
	const struct procid_sweep sweep = {
	    .is_ours = is_orphan, .user = &o, .timeout_ms = SWEEP_MS};

	for (size_t i = 0; i < left->workers_nr; i++)
		end_worker(&o, &left->workers[i]);
	if (procid_sweep(&sweep) < 0)
		log_error("processes of an earlier run cannot be ended",
			  LOG_STR("its_run", o.run_uuid));
	free(o.seen);
}

/* Whether the run that wrote it is over, in this boot of this machine. */
static bool is_over(const struct census_head *left, const struct census_head *now)
{
	struct procid owner;

	return strcmp(left->boot_id, now->boot_id) == 0 &&
	       strcmp(left->run_uuid, now->run_uuid) != 0 &&
	       (procid_of(left->owner.pid, &owner, NULL) < 0 ||
		owner.start != left->owner.start);
}

static void set_aside(const char *path, const char *why)
{
	char aside[PATH_MAX];
	int n = snprintf(aside, sizeof(aside), "%s.bad", path);

	if (n < 0 || n >= PATH_MAX || rename(path, aside) < 0)
		(void)snprintf(aside, sizeof(aside), "%s", path);
	log_warn("the census of an earlier run cannot be used: nobody is looked for",
		 LOG_STR("path", aside), LOG_STR("error", why));
}

static void look_for_orphans(struct keeper *k, const char *path,
			     const struct census_head *now)
{
	struct census_content left;
	struct snp_err err = {0};
	int rc = census_read(path, &left, &err);

	if (rc == -ENOENT)
		return;
	if (rc < 0) {
		set_aside(path, err.msg);
		return;
	}
	if (is_over(&left.head, now))
		end_orphans(k, &left);
	free(left.workers);
}

/* ---- the guard ----------------------------------------------------------- */

static void drop_guard_input(struct keeper *k)
{
	if (k->guard_fd >= 0)
		close(k->guard_fd);
	k->guard_fd = -1;
}

/* Never waits: a guard that does not read is worth nothing and is replaced. */
static void tell_guard(struct keeper *k, enum guard_op op,
		       const struct keeper_worker *w)
{
	const struct guard_record r = {
	    .op = op, .pid = w->id.pid, .start = w->id.start, .number = w->number};

	if (k->guard_fd < 0 || write(k->guard_fd, &r, sizeof(r)) == sizeof(r))
		return;
	log_warn("the guard does not listen, it is replaced",
		 LOG_STR("error", strerror(errno)));
	(void)kill(k->guard_pid, SIGKILL); /* ours until we wait for it */
	drop_guard_input(k);
}

static void on_guard_end(struct watch *watch)
{
	struct keeper *k = watch->user;
	siginfo_t info = {0};
	int fd = watch->fd;

	if (waitid(P_PIDFD, (id_t)fd, &info, WEXITED | WNOHANG) == 0 && !info.si_pid)
		return;
	watch_remove(k->opt.watcher, watch);
	close(fd);
	drop_guard_input(k);
	k->guard_pid = 0;
	log_warn("the guard has ended, another is started",
		 LOG_I64("status", info.si_status));
}

static int spawn_guard(const struct keeper *k, int input, pid_t *ret_pid)
{
	char parent[16];
	char *const argv[] = {(char *)(uintptr_t)k->opt.guard, parent,
			      (char *)(uintptr_t)k->opt.run_uuid, NULL};
	/* Nothing by which a guard, ours or of a runtime above us, would find it. */
	char *const env[] = {NULL};

	(void)snprintf(parent, sizeof(parent), "%d", (int)getpid());
	return child_spawn(
	    &(struct child_plan){
		.argv = argv,
		.env = env,
		.fds = {input, CHILD_FD_NULL, CHILD_FD_NULL},
		.fds_nr = 3,
		.leads = CHILD_LEADS_SESSION,
		.dir = "/",
	    },
	    ret_pid);
}

static int watch_guard(struct keeper *k)
{
	int rc, fd = pidfd_open(k->guard_pid, 0);

	if (fd < 0)
		return -errno;
	rc = watch_add(k->opt.watcher, &k->guard_watch, fd, on_guard_end, k);
	if (rc < 0)
		close(fd);
	return rc;
}

static int start_guard(struct keeper *k)
{
	int rc, fds[2];

	if (pipe2(fds, O_CLOEXEC) < 0)
		return -errno;
	(void)fcntl(fds[1], F_SETPIPE_SZ, GUARD_INPUT);
	rc = fcntl(fds[1], F_SETFL, O_NONBLOCK) < 0 ? -errno : 0;
	if (rc == 0)
		rc = spawn_guard(k, fds[0], &k->guard_pid);
	close(fds[0]);
	if (rc < 0) {
		close(fds[1]);
		k->guard_pid = 0;
		return rc;
	}
	rc = watch_guard(k);
	if (rc < 0) {
		(void)kill(k->guard_pid, SIGKILL);
		(void)waitpid(k->guard_pid, NULL, 0);
		close(fds[1]);
		k->guard_pid = 0;
		return rc;
	}
	k->guard_fd = fds[1];
	for (size_t i = 0; i < k->workers_nr; i++)
		if (k->workers[i].id.pid)
			tell_guard(k, GUARD_ADD, &k->workers[i]);
	return 0;
}

void keeper_forget(const struct keeper *keeper)
{
	if (keeper->guard_fd >= 0)
		(void)close(keeper->guard_fd);
}

void keeper_turn(struct keeper *k, snp_mono_t now)
{
	int rc;

	if (k->guard_pid || now.ns < k->guard_next.ns)
		return;
	k->guard_next = snp_mono_add_ms(now, GUARD_PAUSE_MS);
	rc = start_guard(k);
	if (rc < 0)
		log_error("cannot start the guard, trying again after a pause",
			  LOG_STR("path", k->opt.guard),
			  LOG_STR("error", strerror(-rc)));
}

/* ---- workers ------------------------------------------------------------- */

/* The slot of a pid, or of nobody where it is 0; room is made for one more of those. */
static struct keeper_worker *slot_of(struct keeper *k, pid_t pid)
{
	struct keeper_worker *more;

	for (size_t i = 0; i < k->workers_nr; i++)
		if (k->workers[i].id.pid == pid)
			return &k->workers[i];
	if (pid)
		return NULL;
	more = realloc(k->workers, (k->workers_nr + 1) * sizeof(*more));
	if (!more)
		return NULL;
	k->workers = more;
	more[k->workers_nr] = (struct keeper_worker){.number = 0};
	return &more[k->workers_nr++];
}

static void record(struct keeper *k, const struct keeper_worker *slot)
{
	int rc = census_set(&k->census, (size_t)(slot - k->workers), &slot->id);

	if (rc == 0)
		return;
	log_warn("the census cannot be written; it is given up",
		 LOG_STR("path", k->census.path), LOG_STR("error", strerror(-rc)));
	census_remove(&k->census);
}

uint64_t keeper_number(struct keeper *k)
{
	return ++k->numbers;
}

void keeper_add(struct keeper *k, pid_t worker, uint64_t number)
{
	struct keeper_worker *slot;
	struct procid id;

	/* One that has ended already needs no keeping. */
	if (procid_of(worker, &id, NULL) < 0)
		return;
	slot = slot_of(k, 0);
	if (!slot)
		return; /* it is still found by its environment */
	*slot = (struct keeper_worker){id, number};
	record(k, slot);
	tell_guard(k, GUARD_ADD, slot);
}

void keeper_remove(struct keeper *k, pid_t worker)
{
	struct keeper_worker *slot = slot_of(k, worker);

	if (!slot)
		return;
	tell_guard(k, GUARD_REMOVE, slot);
	*slot = (struct keeper_worker){.number = 0};
	record(k, slot);
}

/* ---- lifetime ------------------------------------------------------------ */

void keeper_init(struct keeper *k, const struct keeper_options *options)
{
	struct census_head head = {.boot_id = ""};
	struct snp_err err = {0};
	char path[PATH_MAX];
	int rc, n;

	*k = (struct keeper)KEEPER_INIT;
	k->opt = *options;
	n = snprintf(path, sizeof(path), "%s/%s.census", options->dir,
		     options->instance);
	rc = n < 0 || n >= PATH_MAX
		 ? snp_err_set(&err, -ENAMETOOLONG, "its path is too long")
		 : census_head_now(options->run_uuid, &head);
	if (rc == 0) {
		look_for_orphans(k, path, &head);
		rc = census_create(path, &head, &k->census, &err);
	}
	if (rc < 0)
		log_warn(
		    "no census is kept: the next start will not find what a killed "
		    "runtime left",
		    LOG_STR("error", *err.msg ? err.msg : strerror(-rc)));
	keeper_turn(k, snp_mono_now());
}

/* Exit status of the guard, or -1 when it did not end in time. */
static int await_guard(struct keeper *k)
{
	struct pollfd p = {.fd = k->guard_watch.fd, .events = POLLIN};
	siginfo_t info = {0};

	watch_remove(k->opt.watcher, &k->guard_watch);
	if (poll(&p, 1, GUARD_END_MS) != 1)
		(void)kill(k->guard_pid, SIGKILL);
	if (waitid(P_PIDFD, (id_t)p.fd, &info, WEXITED) < 0)
		info.si_code = 0;
	close(p.fd);
	return info.si_code == CLD_EXITED ? info.si_status : -1;
}

void keeper_fini(struct keeper *k)
{
	static const struct keeper_worker nobody;
	int status = GUARD_EXIT_NONE_LEFT;

	if (k->guard_pid) {
		tell_guard(k, GUARD_END, &nobody);
		drop_guard_input(k);
		status = await_guard(k);
	}
	if (status == GUARD_EXIT_KILLED)
		log_warn("processes that workers had left behind were killed");
	if (status == GUARD_EXIT_NONE_LEFT || status == GUARD_EXIT_KILLED)
		census_remove(&k->census);
	else
		log_error("processes that workers had left behind may still be there",
			  LOG_STR("census", k->census.path));
	census_close(&k->census);
	free(k->workers);
	k->workers = NULL;
	k->workers_nr = 0;
	k->guard_pid = 0;
}
