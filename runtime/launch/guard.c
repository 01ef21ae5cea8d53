/* SPDX-License-Identifier: Apache-2.0 */
/*
 * snakepit-guard - sees to it that nothing a runtime has started outlives it.
 *
 *	snakepit-guard PARENT_PID RUN_UUID <records of guard.h
 *
 * The parent-death signal ends the workers themselves when the runtime dies, but not
 * what they have started. This process waits for that death: for the end of its input,
 * whose other end only the runtime holds, or of the runtime itself, should a fork of it
 * live on with the other end. Then it kills
 *
 *	- the workers it was told of, by pid and start time;
 *	- what is in their process groups, also when the leader is gone already;
 *	- whatever carries the run's uuid in its environment, in any group or session.
 *
 * It holds nothing of the runtime's but the input, has a session and an empty
 * environment of its own, and ignores the signals that end a service: it must live
 * longer than all others, and ends by itself.
 *
 * When a worker ends before the runtime does, its group ends with it; what left that is
 * killed here, by the worker's number in its environment.
 */
#include "launch/guard.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/pidfd.h>
#include <unistd.h>

#include "worker/procid.h"

#define SWEEP_MS     5000
#define STRAYS_MS    1000 /* meanwhile the end of the runtime is not heard */
#define READ_RECORDS 64
#define GONE_MAX     256

struct ward {
	struct procid id;
	uint64_t number;
};

struct wards {
	const char *run_uuid;
	struct ward *v;
	size_t n, max;
	/* Numbers of those that have ended, whose strays were not looked for yet. */
	uint64_t gone[GONE_MAX];
	size_t gone_nr;
	bool had_strays;
};

/* ---- the workers --------------------------------------------------------- */

static void wards_remove(struct wards *w, pid_t pid)
{
	for (size_t i = 0; i < w->n; i++)
		if (w->v[i].id.pid == pid) {
			w->v[i] = w->v[--w->n];
			return;
		}
}

static void wards_add(struct wards *w, const struct ward *ward)
{
	wards_remove(w, ward->id.pid);
	if (w->n == w->max) {
		size_t max = w->max ? 2 * w->max : 64;
		struct ward *v = realloc(w->v, max * sizeof(*v));

		if (!v)
			return; /* it is still found by its environment */
		w->v = v;
		w->max = max;
	}
	w->v[w->n++] = *ward;
}

/* ---- what a worker leaves behind ----------------------------------------- */

static bool is_stray(const struct procid *id, pid_t group, void *user)
{
	const struct wards *w = user;
	uint64_t worker = procid_worker(id->pid, w->run_uuid);

	(void)group;
	for (size_t i = 0; i < w->gone_nr; i++)
		if (worker && worker == w->gone[i])
			return true;
	return false;
}

static void end_strays(struct wards *w)
{
	const struct procid_sweep sweep = {
	    .is_ours = is_stray, .user = w, .timeout_ms = STRAYS_MS};

	/* What cannot be killed is tried again when the runtime ends. */
	w->had_strays |= procid_sweep(&sweep) != 0;
	w->gone_nr = 0;
}

static void worker_ended(struct wards *w, const struct ward *ward)
{
	wards_remove(w, ward->id.pid);
	if (w->gone_nr == GONE_MAX)
		end_strays(w);
	w->gone[w->gone_nr++] = ward->number;
}

/* ---- records ------------------------------------------------------------- */

/* False when there is no more to come. */
static bool take_records(struct wards *w)
{
	struct guard_record r[READ_RECORDS];
	ssize_t n = read(STDIN_FILENO, r, sizeof(r));

	if (n < 0)
		return errno == EINTR || errno == EAGAIN;
	if (n == 0 || (size_t)n % sizeof(r[0]))
		return false;
	for (size_t i = 0; i < (size_t)n / sizeof(r[0]); i++) {
		const struct ward ward = {.id = {.pid = r[i].pid, .start = r[i].start},
					  .number = r[i].number};

		if (r[i].op == GUARD_ADD)
			wards_add(w, &ward);
		else if (r[i].op == GUARD_REMOVE)
			worker_ended(w, &ward);
		else
			return false;
	}
	return true;
}

/* ---- the end of the runtime ---------------------------------------------- */

/* The number of a group is taken as long as it has members. A worker's whose leader's
 * pid is another process by now is empty, and the number is somebody else's. */
static void forget_recycled(struct wards *w)
{
	struct procid now;

	for (size_t i = w->n; i-- > 0;)
		if (procid_of(w->v[i].id.pid, &now, NULL) == 0 &&
		    now.start != w->v[i].id.start)
			w->v[i] = w->v[--w->n];
}

static bool is_ours(const struct procid *id, pid_t group, void *user)
{
	const struct wards *w = user;

	for (size_t i = 0; i < w->n; i++) {
		const struct procid *ward = &w->v[i].id;

		if (id->pid == ward->pid && id->start == ward->start)
			return true;
		if (group == ward->pid && id->pid != group && id->start >= ward->start)
			return true;
	}
	return procid_has_run(id->pid, w->run_uuid);
}

static enum guard_exit end_all(struct wards *w)
{
	const struct procid_sweep sweep = {
	    .is_ours = is_ours, .user = w, .timeout_ms = SWEEP_MS};
	int killed;

	forget_recycled(w);
	killed = procid_sweep(&sweep);
	free(w->v);
	if (killed < 0)
		return GUARD_EXIT_STUCK;
	return killed || w->had_strays ? GUARD_EXIT_KILLED : GUARD_EXIT_NONE_LEFT;
}

/* ---- waiting for it ------------------------------------------------------ */

int main(int argc, char **argv)
{
	static const int ignored[] = {SIGTERM, SIGINT, SIGHUP, SIGQUIT};
	struct wards wards = {.v = NULL};
	struct pollfd p[2] = {{.fd = STDIN_FILENO, .events = POLLIN},
			      {.events = POLLIN}};
	pid_t parent;
	bool more = true;

	/* Called by snakepitd only: an id of another shape would be a mistake there. */
	if (argc != 3 || strlen(argv[2]) != 36)
		return GUARD_EXIT_USAGE;
	parent = (pid_t)strtol(argv[1], NULL, 10);
	wards.run_uuid = argv[2];
	for (size_t i = 0; i < sizeof(ignored) / sizeof(ignored[0]); i++)
		(void)signal(ignored[i], SIG_IGN);
	p[1].fd = pidfd_open(parent, 0);
	if (getppid() != parent)
		more = false; /* it died before we looked */
	while (more) {
		/* One look for all that end together. */
		int n = poll(p, 2, wards.gone_nr ? 0 : -1);

		if (n < 0 && errno != EINTR)
			break;
		if (n == 0)
			end_strays(&wards);
		else if (p[0].revents)
			more = take_records(&wards);
		else if (p[1].revents)
			more = false;
	}
	return end_all(&wards);
}
