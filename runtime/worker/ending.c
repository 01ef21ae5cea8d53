/* SPDX-License-Identifier: Apache-2.0 */
/* The end of a worker's process: reaped, explained, recorded, and let go. */
#define LOG_COMPONENT "worker"
#include <assert.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "log/log.h"
#include "snakepit/read.h" /* snp_enum_text */
#include "worker/backoff.h"
#include "worker/oom.h"
#include "worker/worker_parts.h"

static_assert(OUTPUT_TAIL_BYTES == SNP_EVID_TEXT_BYTES + 1,
	      "the tail fills one record of evidence");

/* Exit status of a process whose real one was lost. */
#define UNKNOWN_STATUS 255

/* ---- why ----------------------------------------------------------------- */

/* Our own intent if we acted first, then the kernel's memory limit, then the wait
 * status. */
struct cause {
	enum snp_enum_EXIT_REASON exit;
	enum snp_enum_MOVE_REASON move;
};

static struct cause find_cause(const struct worker *w, const siginfo_t *info)
{
	struct cause cause = {.exit = w->intent, .move = SNP_MOVE_REASON_SIGNAL};
	bool ours = w->intent != SNP_EXIT_REASON_NR;

	if (info->si_code == CLD_EXITED) {
		bool clean = info->si_status == 0;

		cause.move =
		    clean ? SNP_MOVE_REASON_EXIT_ZERO : SNP_MOVE_REASON_EXIT_CODE;
		if (!ours)
			cause.exit =
			    clean ? SNP_EXIT_REASON_CLEAN : SNP_EXIT_REASON_EXIT_CODE;
	} else if (!ours) {
		cause.exit = SNP_EXIT_REASON_SIGNAL;
		if (info->si_status == SIGKILL)
			cause.move = SNP_MOVE_REASON_KILLED_EXTERNAL;
	}
	if (cause.move == SNP_MOVE_REASON_KILLED_EXTERNAL && oom_take(w->site->oom)) {
		cause.exit = SNP_EXIT_REASON_OOM;
		cause.move = SNP_MOVE_REASON_OOM_CGROUP;
	} else if (!ours && !w->ready.ns) {
		cause.exit = SNP_EXIT_REASON_START_FAILED;
	}
	return cause;
}

/* It ends because we wanted it to, and was healthy: nothing to learn or to wait for. */
static bool is_planned(const struct worker *w)
{
	return w->intent == SNP_EXIT_REASON_SHUTDOWN ||
	       w->intent == SNP_EXIT_REASON_RECYCLED;
}

/* ---- what is recorded ---------------------------------------------------- */

/* A start that failed: why, for the counters and for people. */
static void record_start_failure(struct worker *w)
{
	const struct output *out = &w->output[OUTPUT_STDERR];
	char text[SNP_TEXT_BYTES], *tail;
	int n = snprintf(text, sizeof(text), "%s%s", w->start_error,
			 *w->start_error && *output_tail(out) ? "; stderr: " : "");

	tail = text + n; /* start_error is shorter than the text by far */
	output_last_lines(out, tail, sizeof(text) - (size_t)n);
	log_error("worker did not become ready, it will be started again after a pause",
		  LOG_STR("worker", w->id), LOG_STR("pool", w->pool->cfg->name),
		  LOG_STR("reason", snp_enum_text(SNP_ENUM_TABLE_START_FAILURE,
						  w->start_failure)),
		  LOG_STR("error", w->start_error), LOG_STR("stderr_tail", tail));
	snp_add(&worker_pool_cells(w)->start_failures[w->start_failure], 1);
	snp_worker_text_set(
	    w->site->writer, w->row,
	    *text ? text
		  : "the worker ended before it was ready and wrote nothing to stderr");
}

static void record(struct worker *w, enum snp_enum_EXIT_REASON reason,
		   const siginfo_t *info)
{
	unsigned status = (unsigned)info->si_status;
	snp_mono_t now = snp_mono_now();

	if (info->si_code != CLD_EXITED)
		status += 128;
	heads_exit(&w->pool->heads, reason);
	if (w->ready.ns)
		snp_hist_record_long(worker_pool_cells(w)->lifetime,
				     snp_mono_since_ns(now, w->ready));
	w->proc[SNP_PROC_LAST_EXIT_REASON] = (uint64_t)reason + 1;
	w->proc[SNP_PROC_LAST_EXIT_STATUS] = status;
	if (!w->ready.ns && !is_planned(w))
		record_start_failure(w);
	log_at(is_planned(w) ? LOG_LEVEL_INFO : LOG_LEVEL_WARNING, "worker ended",
	       LOG_STR("worker", w->id), LOG_I64("worker_pid", w->pid),
	       LOG_CONTEXT(((struct log_context){
		   .trace_id = {w->note.trace_id[0], w->note.trace_id[1]}})),
	       LOG_STR("reason", snp_enum_text(SNP_ENUM_TABLE_EXIT_REASON, reason)),
	       LOG_U64("status", status),
	       LOG_MS("uptime_ms", snp_mono_since_ns(now, w->started)));
}

/* Keep the end of its stderr as evidence; returns its number for the event, 0 where it
 * wrote nothing. */
static uint64_t keep_words(const struct worker *w)
{
	const struct snp_evidence_fields fields = {
	    .kind = SNP_EVIDENCE_KIND_OUTPUT,
	    .pool = w->pool->index,
	    .slot = w->slot,
	    .incarnation = w->incarnation,
	    .pid = (uint64_t)w->pid,
	};
	const char *tail = output_tail(&w->output[OUTPUT_STDERR]);

	return snp_evidence_record(w->site->writer, &fields, tail, strlen(tail),
				   snp_mono_now());
}

/* ---- letting go ---------------------------------------------------------- */

static void drop_link_reference(struct rcu_later *later)
{
	link_unref(
	    (struct link *)(void *)((char *)later - offsetof(struct link, later)));
}

void ending_withdraw(struct worker *w)
{
	struct link *link = w->link;

	if (!link)
		return;
	w->link = NULL;
	atomic_store_explicit(&link->open, false, memory_order_relaxed);
	rcu_set(&w->pool->slots[w->slot].link, NULL);
	link_stop(link);
	rcu_defer(&link->later, drop_link_reference);
	front_kick(w->site->front); /* health watchers */
}

void ending_close_pipes(struct worker *w)
{
	boot_end(w);
	for (int i = 0; i < OUTPUT_NR; i++) {
		watch_remove(w->site->watcher, &w->output_watch[i]);
		output_fini(&w->output[i]);
	}
}

static void forget_process(struct worker *w)
{
	liveness_end(w);
	worker_end_feed(w);
	w->cpu_before_ns += w->cpu_now_ns;
	w->cpu_now_ns = 0;
	keeper_remove(w->site->keeper, w->pid);
	w->pid = 0;
	w->deadline.ns = 0;
	snp_set(w->cells->sup.memory, 0);
	(void)unlink(w->path);
	worker_publish_process(w);
}

/* ---- the end ------------------------------------------------------------- */

/* Take the exit status; false when the process has not ended yet. */
static bool reap(const struct worker *w, int pidfd, siginfo_t *ret_info)
{
	int rc = waitid(P_PIDFD, (id_t)pidfd, ret_info, WEXITED | WNOHANG | WNOWAIT);

	if (rc == 0 && ret_info->si_pid == 0)
		return false;
	/* The leader has ended; what it started in its group goes with it. Before it is
	 * reaped: until then its pid, and so the group's number, cannot be another's.
	 */
	if (rc == 0)
		(void)kill(-w->pid, SIGKILL);
	if (rc < 0 || waitid(P_PIDFD, (id_t)pidfd, ret_info, WEXITED) < 0) {
		/* Somebody else took the status: gone, and we cannot say how. */
		ret_info->si_code = CLD_EXITED;
		ret_info->si_status = UNKNOWN_STATUS;
	}
	return true;
}

/* A slot whose worker served for a while starts its count of failures anew. */
static void settle(struct worker *w)
{
	uint64_t ready_ns =
	    w->ready.ns ? snp_mono_since_ns(snp_mono_now(), w->ready) : 0;

	if (backoff_settled(ready_ns, worker_successes(w)))
		w->failures = 0;
	/* A worker over its hard limit that is started again at once would be a loop.
	 */
	if (is_planned(w) && w->why != SNP_MOVE_REASON_RSS_HARD)
		(void)worker_event(w, MACHINE_PLANNED, w->why);
	else
		worker_back_off(w, MACHINE_CRASHED);
}

static void on_exit_readable(struct watch *watch)
{
	struct worker *w = watch->user;
	siginfo_t info = {0};
	int fd = watch->fd;
	struct cause cause;

	if (!reap(w, fd, &info))
		return;
	watch_remove(w->site->watcher, watch);
	close(fd);
	if (w->link && !is_planned(w))
		link_suspect(w->link, w->note.trace_id);
	ending_withdraw(w);
	ending_close_pipes(w);
	w->note.pid = (uint64_t)w->pid;
	w->note.evidence = is_planned(w) ? 0 : keep_words(w);
	cause = find_cause(w, &info);
	record(w, cause.exit, &info);
	forget_process(w);
	(void)worker_event(w, MACHINE_EXIT, cause.move);
	settle(w);
}

int ending_begin(struct worker *w, int pidfd)
{
	return watch_add(w->site->watcher, &w->pidfd, pidfd, on_exit_readable, w);
}
