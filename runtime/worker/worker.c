/* SPDX-License-Identifier: Apache-2.0 */
#define LOG_COMPONENT "worker"
#include "worker/worker.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <sys/wait.h>
#include <unistd.h>

#include "log/log.h"
#include "snakepit/check.h"
#include "snakepit/read.h" /* snp_enum_text */
#include "worker/backoff.h"
#include "worker/ending.h"
#include "worker/procfs.h"

/* A worker that served this long and ends has not failed "in a row" with earlier ends.
 */
#define SETTLED_MS 60000
/* Exit status of a process whose real one was lost. */
#define UNKNOWN_STATUS 255

/* ---- the state machine --------------------------------------------------- */

bool worker_may_move(enum snp_enum_WORKER_STATE from, enum snp_enum_WORKER_STATE to)
{
#define SNP_MOVE(a, b)                                                                 \
	if (from == SNP_WORKER_STATE_##a && to == SNP_WORKER_STATE_##b)                \
		return true;
#include "worker/worker_states.def"
#undef SNP_MOVE
	return false;
}

/* What must hold in the state just entered: a pid exactly where there is a process. */
static void check_invariant(const struct worker *w)
{
	switch (w->state) {
	case SNP_WORKER_STATE_EMPTY:
	case SNP_WORKER_STATE_SPAWNING:
	case SNP_WORKER_STATE_BACKOFF:
	case SNP_WORKER_STATE_EXITED:
		SNP_CHECK(w->pid == 0 && !w->link);
		break;
	case SNP_WORKER_STATE_READY:
		SNP_CHECK(w->pid > 0 && w->link);
		break;
	default:
		SNP_CHECK(w->pid > 0);
	}
}

static void worker_move(struct worker *w, enum snp_enum_WORKER_STATE to,
			enum snp_enum_MOVE_REASON reason,
			enum snp_enum_INITIATOR initiator)
{
	enum snp_enum_WORKER_STATE from = w->state;
	const struct snp_event_fields event = {
	    .kind = SNP_EVENT_KIND_WORKER_MOVED,
	    .initiator = initiator,
	    .from = from,
	    .to = to,
	    .reason = reason,
	    .pool = w->pool->index,
	    .slot = w->slot,
	    .incarnation = w->incarnation,
	    .pid = w->note.pid ? w->note.pid : (uint64_t)w->pid,
	    .trace_id = {w->note.trace_id[0], w->note.trace_id[1]},
	    .evidence = w->note.evidence,
	};

	SNP_CHECK(worker_may_move(from, to));
	memset(&w->note, 0, sizeof(w->note));
	w->state = to;
	check_invariant(w);
	snp_set(w->cells->sup.state, to);
	snp_event_record(w->site->bank, &event, snp_mono_now());
	log_at(
	    to == SNP_WORKER_STATE_KILLING || to == SNP_WORKER_STATE_LOST
		? LOG_LEVEL_WARNING
		: LOG_LEVEL_DEBUG,
	    "worker moved", LOG_STR("worker", w->id), LOG_I64("worker_pid", w->pid),
	    LOG_STR("from", snp_enum_text(SNP_ENUM_TABLE_WORKER_STATE, from)),
	    LOG_STR("to", snp_enum_text(SNP_ENUM_TABLE_WORKER_STATE, to)),
	    LOG_STR("reason", snp_enum_text(SNP_ENUM_TABLE_MOVE_REASON, reason)),
	    LOG_STR("initiator", snp_enum_text(SNP_ENUM_TABLE_INITIATOR, initiator)));
}

bool worker_is_starting(const struct worker *w)
{
	return w->state == SNP_WORKER_STATE_SPAWNING ||
	       w->state == SNP_WORKER_STATE_STARTING ||
	       w->state == SNP_WORKER_STATE_WARMING;
}

bool worker_is_gone(const struct worker *w)
{
	return w->state == SNP_WORKER_STATE_EMPTY ||
	       w->state == SNP_WORKER_STATE_BACKOFF ||
	       w->state == SNP_WORKER_STATE_LOST;
}

/* ---- what readers see ---------------------------------------------------- */

static void publish_process(struct worker *w)
{
	w->proc[SNP_PROC_INCARNATION] = w->incarnation;
	w->proc[SNP_PROC_PID] = (uint64_t)w->pid;
	w->proc[SNP_PROC_START_MONO_NS] = w->pid ? w->started.ns : 0;
	w->proc[SNP_PROC_START_REAL_NS] = w->pid ? w->started_wall.ns : 0;
	w->proc[SNP_PROC_READY_MONO_NS] = w->pid ? w->ready.ns : 0;
	snp_latch_publish(&w->cells->proc, w->proc, SNP_LATCH_WORDS);
	snp_set(w->cells->sup.start_time, w->proc[SNP_PROC_START_REAL_NS]);
}

void worker_sample(struct worker *w)
{
	struct procfs_sample sample;

	if (!w->pid || procfs_sample(w->pid, &sample) < 0)
		return;
	/* A process that just ended reads as zero: keep what it had used. */
	if (sample.cpu_ns > w->cpu_now_ns)
		w->cpu_now_ns = sample.cpu_ns;
	snp_set(w->cells->sup.memory, sample.rss_bytes);
	snp_set(w->cells->sup.cpu, w->cpu_before_ns + w->cpu_now_ns);
}

/* ---- admission ----------------------------------------------------------- */

/* Whether the link takes requests follows from the state and the fence. */
static void admit(struct worker *w)
{
	bool open = w->state == SNP_WORKER_STATE_READY && !w->fenced;

	if (!w->link ||
	    atomic_load_explicit(&w->link->open, memory_order_relaxed) == open)
		return;
	atomic_store_explicit(&w->link->open, open, memory_order_relaxed);
	front_kick(w->site->front); /* dispatch, and health watchers */
}

void worker_set_fenced(struct worker *w, bool fenced)
{
	w->fenced = fenced;
	admit(w);
}

/* ---- ending -------------------------------------------------------------- */

static void drop_link_reference(struct rcu_later *later)
{
	link_unref(
	    (struct link *)(void *)((char *)later - offsetof(struct link, later)));
}

/* Take the worker out of its pool. Requests on it end by themselves. */
static void withdraw(struct worker *w)
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

static void close_pipes(struct worker *w)
{
	if (w->ready_pipe.fd >= 0) {
		int fd = w->ready_pipe.fd;

		watch_remove(w->site->watcher, &w->ready_pipe);
		close(fd);
	}
	for (int i = 0; i < OUTPUT_NR; i++) {
		watch_remove(w->site->watcher, &w->output_watch[i]);
		output_fini(&w->output[i]);
	}
}

static void back_off(struct worker *w)
{
	const struct snp_cfg_restart *cfg = &w->pool->cfg->restart;
	uint32_t random, delay_ms;

	w->failures++;
	if (getrandom(&random, sizeof(random), 0) != sizeof(random))
		random = UINT32_MAX; /* without dice: the longest pause */
	delay_ms = backoff_delay_ms(cfg->backoff_min_ms, cfg->backoff_max_ms,
				    w->failures, random);
	w->deadline = snp_mono_add_ms(snp_mono_now(), delay_ms);
	worker_move(w, SNP_WORKER_STATE_BACKOFF, SNP_MOVE_REASON_BACKOFF,
		    SNP_INITIATOR_SUPERVISOR);
	log_info("worker will be started again", LOG_STR("worker", w->id),
		 LOG_U64("failures", w->failures), LOG_U64("delay_ms", delay_ms));
}

static void forget_process(struct worker *w)
{
	liveness_end(w);
	w->cpu_before_ns += w->cpu_now_ns;
	w->cpu_now_ns = 0;
	w->pid = 0;
	w->deadline.ns = 0;
	snp_set(w->cells->sup.memory, 0);
	(void)unlink(w->address + strlen("unix:"));
	publish_process(w);
}

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

static void on_exit_readable(struct watch *watch)
{
	struct worker *w = watch->user;
	siginfo_t info = {0};
	int fd = watch->fd;
	bool settled, planned = w->intent == SNP_EXIT_REASON_SHUTDOWN;

	if (!reap(w, fd, &info))
		return;
	watch_remove(w->site->watcher, watch);
	close(fd);
	if (w->link && !planned)
		link_suspect(w->link, w->note.trace_id);
	withdraw(w);
	close_pipes(w);
	w->note.pid = (uint64_t)w->pid;
	w->note.evidence = planned ? 0 : ending_keep_words(w);
	ending_record(w, &info);
	settled = w->ready.ns && snp_mono_since_ns(snp_mono_now(), w->ready) >=
				     SETTLED_MS * SNP_NS_PER_MS;
	forget_process(w);
	worker_move(w, SNP_WORKER_STATE_EXITED, ending_move_reason(&info),
		    SNP_INITIATOR_KERNEL);
	if (settled)
		w->failures = 0;
	if (planned)
		worker_move(w, SNP_WORKER_STATE_EMPTY, SNP_MOVE_REASON_SHUTDOWN,
			    SNP_INITIATOR_SUPERVISOR);
	else
		back_off(w);
}

void worker_kill(struct worker *w, enum snp_enum_EXIT_REASON intent,
		 enum snp_enum_MOVE_REASON reason)
{
	if (!w->pid || w->state == SNP_WORKER_STATE_KILLING ||
	    w->state == SNP_WORKER_STATE_LOST)
		return;
	if (w->intent == SNP_EXIT_REASON_NR)
		w->intent = intent;
	if (w->link && w->intent != SNP_EXIT_REASON_SHUTDOWN)
		link_suspect(w->link, w->note.trace_id);
	w->deadline =
	    snp_mono_add_ms(snp_mono_now(), w->site->shutdown->kill_timeout_ms);
	worker_move(w, SNP_WORKER_STATE_KILLING, reason, SNP_INITIATOR_SUPERVISOR);
	admit(w);
	(void)kill(-w->pid, SIGKILL);
}

void worker_stop(struct worker *w)
{
	if (w->state == SNP_WORKER_STATE_BACKOFF) {
		w->deadline.ns = 0;
		worker_move(w, SNP_WORKER_STATE_EMPTY, SNP_MOVE_REASON_SHUTDOWN,
			    SNP_INITIATOR_SUPERVISOR);
		return;
	}
	if (!w->pid)
		return;
	if (w->intent == SNP_EXIT_REASON_NR)
		w->intent = SNP_EXIT_REASON_SHUTDOWN;
	if (w->state == SNP_WORKER_STATE_STOPPING ||
	    w->state == SNP_WORKER_STATE_KILLING || w->state == SNP_WORKER_STATE_LOST)
		return;
	w->deadline =
	    snp_mono_add_ms(snp_mono_now(), w->site->shutdown->stop_timeout_ms);
	worker_move(w, SNP_WORKER_STATE_STOPPING, SNP_MOVE_REASON_SHUTDOWN,
		    SNP_INITIATOR_SUPERVISOR);
	admit(w);
	(void)kill(w->pid, SIGTERM);
}

void worker_deadline(struct worker *w, snp_mono_t now)
{
	if (!w->deadline.ns || now.ns < w->deadline.ns)
		return;
	w->deadline.ns = 0;
	switch (w->state) {
	case SNP_WORKER_STATE_STARTING:
	case SNP_WORKER_STATE_WARMING:
		w->start_failure = SNP_START_FAILURE_BOOT_TIMEOUT;
		(void)snprintf(w->start_error, sizeof(w->start_error),
			       "not ready within startup.boot_timeout_ms (%u ms)",
			       w->pool->cfg->startup.boot_timeout_ms);
		worker_kill(w, SNP_EXIT_REASON_START_FAILED,
			    SNP_MOVE_REASON_BOOT_TIMEOUT);
		break;
	case SNP_WORKER_STATE_STOPPING:
		worker_kill(w, SNP_EXIT_REASON_SHUTDOWN, SNP_MOVE_REASON_STOP_TIMEOUT);
		break;
	case SNP_WORKER_STATE_KILLING:
		worker_move(w, SNP_WORKER_STATE_LOST, SNP_MOVE_REASON_UNKILLABLE,
			    SNP_INITIATOR_KERNEL);
		break;
	default:
		break;
	}
}

/* ---- becoming ready ------------------------------------------------------ */

static void become_ready(struct worker *w)
{
	w->ready = snp_mono_now();
	w->deadline.ns = 0;
	snp_hist_record(worker_pool_cells(w)->startup,
			snp_mono_since_ns(w->ready, w->started));
	snp_worker_text_set(w->site->writer, w->row, "");
	publish_process(w);
	worker_move(w, SNP_WORKER_STATE_READY, SNP_MOVE_REASON_ANSWERED,
		    SNP_INITIATOR_WORKER);
	log_info("worker ready", LOG_STR("worker", w->id),
		 LOG_STR("pool", w->pool->cfg->name), LOG_I64("worker_pid", w->pid),
		 LOG_MS("took_ms", snp_mono_since_ns(w->ready, w->started)));
	rcu_set(&w->pool->slots[w->slot].link, w->link);
	admit(w);
}

static void on_news(struct link *link, enum link_news news, void *user)
{
	struct worker *w = user;

	if (w->link != link)
		return; /* of an earlier process */
	if (news == LINK_ANSWERED && w->state == SNP_WORKER_STATE_WARMING)
		become_ready(w);
	else if (news == LINK_LOST)
		liveness_heartbeats_lost(w);
}

static void fail_handshake(struct worker *w, const char *why)
{
	log_error("worker handshake failed, the worker is killed",
		  LOG_STR("worker", w->id), LOG_STR("error", why));
	w->start_failure = SNP_START_FAILURE_HANDSHAKE_FAILED;
	(void)snprintf(w->start_error, sizeof(w->start_error), "%s", why);
	worker_kill(w, SNP_EXIT_REASON_START_FAILED, SNP_MOVE_REASON_HANDSHAKE_FAILED);
}

static void on_hello(struct worker *w, size_t len)
{
	struct snp_err err = {0};
	struct hello hello;
	const struct link_options options = {
	    .address = w->address,
	    .worker_id = w->id,
	    .pool = w->pool->index,
	    .slot = w->slot,
	    .incarnation = w->incarnation,
	    .pid = w->pid,
	    .capacity = (uint32_t)snp_get(w->cells->sup.capacity),
	    .row = w->cells,
	    .inflight = &w->pool->slots[w->slot].inflight,
	    .loop = w->loop,
	    .heartbeat = &w->pool->cfg->heartbeat,
	    .telemetry = w->site->telemetry,
	    .answer_timeout_ms = w->pool->cfg->startup.boot_timeout_ms,
	    .news_box = w->site->mailbox,
	    .on_news = on_news,
	    .user = w,
	};

	if (hello_parse(w->hello_line, len, &hello, &err) < 0 ||
	    hello_check(&hello, w->pid, options.capacity, &err) < 0 ||
	    link_create(&options, &w->link, &err) < 0) {
		fail_handshake(w, err.msg);
		return;
	}
	memset(&w->proc[SNP_PROC_PYTHON], 0, 16);
	memcpy(&w->proc[SNP_PROC_PYTHON], hello.python, strlen(hello.python));
	worker_move(w, SNP_WORKER_STATE_WARMING, SNP_MOVE_REASON_HELLO,
		    SNP_INITIATOR_WORKER);
	link_start(w->link);
}

static void on_ready_readable(struct watch *watch)
{
	struct worker *w = watch->user;
	size_t room = sizeof(w->hello_line) - w->hello_len;
	ssize_t n = read(watch->fd, w->hello_line + w->hello_len, room);
	char *newline = NULL;
	int fd = watch->fd;

	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n > 0) {
		w->hello_len += (size_t)n;
		newline = memchr(w->hello_line, '\n', w->hello_len);
		if (!newline && w->hello_len < sizeof(w->hello_line))
			return;
	}
	watch_remove(w->site->watcher, watch);
	close(fd);
	if (w->state != SNP_WORKER_STATE_STARTING)
		return;
	if (newline)
		on_hello(w, (size_t)(newline - w->hello_line));
	else if (n > 0)
		fail_handshake(w, "its hello is longer than a line may be");
	/* EOF without a line: it is ending; its exit says the rest. */
}

/* ---- starting ------------------------------------------------------------ */

static void on_output_readable(struct watch *watch)
{
	struct output *out = watch->user;

	if (output_read(out))
		return;
	/* The watcher is reached through the worker the output belongs to. */
	struct worker *w = (struct worker *)(void *)((char *)(out - out->kind) -
						     offsetof(struct worker, output));

	watch_remove(w->site->watcher, watch);
	output_fini(out);
}

static int watch_process(struct worker *w, const struct spawn_result *spawned)
{
	const int fds[OUTPUT_NR] = {
	    [OUTPUT_LOG] = spawned->log_fd,
	    [OUTPUT_STDOUT] = spawned->stdout_fd,
	    [OUTPUT_STDERR] = spawned->stderr_fd,
	};
	int rc =
	    watch_add(w->site->watcher, &w->pidfd, spawned->pidfd, on_exit_readable, w);

	if (rc == 0)
		rc = watch_add(w->site->watcher, &w->ready_pipe, spawned->ready_fd,
			       on_ready_readable, w);
	for (int i = 0; i < OUTPUT_NR; i++) {
		output_init(&w->output[i], (enum output_kind)i, fds[i], w->id,
			    w->site->relay_output);
		if (rc == 0)
			rc = watch_add(w->site->watcher, &w->output_watch[i], fds[i],
				       on_output_readable, &w->output[i]);
	}
	return rc;
}

/* epoll had no room for it: a process that cannot be watched is not kept. */
static void give_up_process(struct worker *w, const struct spawn_result *spawned)
{
	(void)kill(-spawned->pid, SIGKILL);
	(void)waitpid(spawned->pid, NULL, 0);
	watch_remove(w->site->watcher, &w->pidfd);
	watch_remove(w->site->watcher, &w->ready_pipe);
	close(spawned->pidfd);
	close(spawned->ready_fd);
	close_pipes(w);
}

static void begin_incarnation(struct worker *w)
{
	w->incarnation++;
	w->started = snp_mono_now();
	w->started_wall = snp_wall_now();
	w->ready.ns = 0;
	w->deadline.ns = 0;
	w->intent = SNP_EXIT_REASON_NR;
	w->fenced = false;
	w->start_failure = SNP_START_FAILURE_EXITED;
	w->start_error[0] = '\0';
	w->hello_len = 0;
	(void)snprintf(w->id, sizeof(w->id), "%s/%u#%llu", w->pool->cfg->name, w->slot,
		       (unsigned long long)w->incarnation);
	(void)snprintf(w->address, sizeof(w->address), "unix:%s/%u.%llu.sock",
		       w->site->socket_dir, w->row, (unsigned long long)w->incarnation);
}

static void spawn_failed(struct worker *w, const struct snp_err *err)
{
	liveness_end(w);
	snp_add(&worker_pool_cells(w)->start_failures[SNP_START_FAILURE_SPAWN_FAILED],
		1);
	snp_worker_text_set(w->site->writer, w->row, err->msg);
	log_error("cannot start a worker, trying again after a pause",
		  LOG_STR("worker", w->id), LOG_STR("error", err->msg));
	back_off(w);
}

void worker_start(struct worker *w)
{
	bool first = w->incarnation == 0;
	enum snp_enum_START_REASON reason =
	    first ? SNP_START_REASON_INITIAL : SNP_START_REASON_RESTART;
	struct spawn_request request = {
	    .site = w->site->spawn, .pool = w->pool->cfg, .slot = w->slot};
	struct spawn_result spawned;
	struct snp_err err = {0};
	int rc;

	begin_incarnation(w);
	request.worker_id = w->id;
	request.address = w->address;
	liveness_prepare(w);
	request.beat_fd = w->live.beat.page_fd;
	request.stacks_fd = w->live.beat.stacks_fd;
	worker_move(w, SNP_WORKER_STATE_SPAWNING,
		    first ? SNP_MOVE_REASON_INITIAL : SNP_MOVE_REASON_REPLACE,
		    SNP_INITIATOR_SUPERVISOR);
	if (spawn_worker(&request, &spawned, &err) < 0) {
		spawn_failed(w, &err);
		return;
	}
	rc = watch_process(w, &spawned);
	if (rc < 0) {
		(void)snp_err_set(&err, rc, "cannot watch worker %s: %s", w->id,
				  strerror(-rc));
		give_up_process(w, &spawned);
		spawn_failed(w, &err);
		return;
	}
	w->pid = spawned.pid;
	liveness_begin(w);
	w->deadline =
	    snp_mono_add_ms(w->started, w->pool->cfg->startup.boot_timeout_ms);
	snp_add(&worker_pool_cells(w)->starts[reason], 1);
	if (!first)
		snp_add(w->cells->sup.restarts, 1);
	publish_process(w);
	worker_move(w, SNP_WORKER_STATE_STARTING, SNP_MOVE_REASON_SPAWNED,
		    SNP_INITIATOR_SUPERVISOR);
}

void worker_init(struct worker *w, const struct worker_site *site, struct pool *pool,
		 uint32_t slot, struct event_loop *loop)
{
	*w = (struct worker){.site = site, .pool = pool, .slot = slot, .loop = loop};
	w->row = pool->slots[slot].worker_row;
	w->cells = snp_worker_row(site->writer, w->row);
	w->intent = SNP_EXIT_REASON_NR;
	w->pidfd.fd = w->ready_pipe.fd = -1;
	beat_init(&w->live.beat);
	for (int i = 0; i < OUTPUT_NR; i++)
		w->output_watch[i].fd = w->output[i].fd = -1;
	snp_set(w->cells->sup.capacity, pool_capacity(pool->cfg));
	snp_set(w->cells->sup.state, w->state);
}
