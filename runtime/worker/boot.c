/* SPDX-License-Identifier: Apache-2.0 */
/* From a running process to a worker that takes requests: its hello, its first answer,
 * and the time both have. */
#define LOG_COMPONENT "worker"
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "log/log.h"
#include "worker/procfs.h"
#include "worker/worker_parts.h"

/* A start that goes on reporting progress may take this many boot timeouts. */
#define BOOT_EXTENSIONS 10
/* A process that closed its ready pipe without a hello is ending, as a rule. */
#define MUTE_GRACE_MS 1000

/* ---- a start that fails -------------------------------------------------- */

/* End the start; status and log say `why` with the worker's own last words. */
static void fail_start(struct worker *w, enum snp_enum_START_FAILURE failure,
		       const char *why)
{
	w->start_failure = failure;
	(void)snprintf(w->start_error, sizeof(w->start_error), "%s", why);
}

static void refuse(struct worker *w, enum snp_enum_MOVE_REASON reason, const char *why)
{
	log_error("worker handshake failed, the worker is killed",
		  LOG_STR("worker", w->id), LOG_STR("error", why));
	fail_start(w, SNP_START_FAILURE_HANDSHAKE_FAILED, why);
	w->intent = SNP_EXIT_REASON_START_FAILED;
	w->why = reason;
	(void)worker_event(w, MACHINE_REFUSED, reason);
}

/* ---- the time it has ----------------------------------------------------- */

enum boot_stage {
	BOOT_EXEC,   /* the launcher is to become the worker's program */
	BOOT_HELLO,  /* which imports the adapter and says hello */
	BOOT_ANSWER, /* and answers its first call */
};

static snp_mono_t exec_deadline(const struct worker *w)
{
	return snp_mono_add_ms(w->started, w->cfg->startup.exec_timeout_ms);
}

/* Which stage's time is over. */
static enum boot_stage stage_of(const struct worker *w, snp_mono_t now)
{
	if (w->state == SNP_WORKER_STATE_WARMING)
		return BOOT_ANSWER;
	return !w->launched && now.ns >= exec_deadline(w).ns &&
		       procfs_runs(w->pid, w->site->spawn->launcher)
		   ? BOOT_EXEC
		   : BOOT_HELLO;
}

static bool has_progressed(struct worker *w)
{
	uint64_t before = w->boot_progress;

	w->boot_progress = w->live.beat.seen[BEAT_SIGN_PROGRESS].seq;
	return w->boot_progress > before;
}

/* Give it the stage's time again if it got on during the last one. */
static bool extend(struct worker *w, uint32_t timeout_ms, snp_mono_t now)
{
	snp_mono_t last = snp_mono_add_ms(
	    w->started, (uint64_t)w->cfg->startup.boot_timeout_ms * BOOT_EXTENSIONS);

	if (now.ns >= last.ns || !has_progressed(w))
		return false;
	w->deadline = snp_mono_add_ms(now, timeout_ms);
	if (w->deadline.ns > last.ns)
		w->deadline = last;
	w->boot_extended = true;
	log_info("worker is slow to start, but gets on", LOG_STR("worker", w->id),
		 LOG_MS("uptime_ms", snp_mono_since_ns(now, w->started)));
	return true;
}

static void time_is_up(struct worker *w, const char *missing, const char *key,
		       uint32_t timeout_ms)
{
	char why[sizeof(w->start_error)];

	(void)snprintf(why, sizeof(why), "%s: startup.%s (%u ms) is over%s", missing,
		       key, timeout_ms,
		       w->boot_extended ? ", though it was extended" : "");
	fail_start(w, SNP_START_FAILURE_BOOT_TIMEOUT, why);
	liveness_kill(w, SNP_EXIT_REASON_START_FAILED, SNP_MOVE_REASON_BOOT_TIMEOUT);
}

/* That its program runs is looked at once, when it should: nothing tells it before. */
static bool goes_on_to_hello(struct worker *w, snp_mono_t now)
{
	w->launched = true;
	w->deadline = snp_mono_add_ms(w->started, w->cfg->startup.boot_timeout_ms);
	return now.ns < w->deadline.ns;
}

void boot_deadline(struct worker *w, snp_mono_t now)
{
	const struct snp_cfg_startup *cfg = &w->cfg->startup;

	if (w->mute) {
		refuse(w, SNP_MOVE_REASON_HANDSHAKE_FAILED,
		       "it closed its ready pipe without a hello and lives on");
		return;
	}
	switch (stage_of(w, now)) {
	case BOOT_EXEC:
		time_is_up(w, "its program does not run", "exec_timeout_ms",
			   cfg->exec_timeout_ms);
		break;
	case BOOT_HELLO:
		if (!goes_on_to_hello(w, now) && !extend(w, cfg->boot_timeout_ms, now))
			time_is_up(w, "no hello from it", "boot_timeout_ms",
				   cfg->boot_timeout_ms);
		break;
	case BOOT_ANSWER:
		if (!extend(w, cfg->answer_timeout_ms, now))
			time_is_up(w, "no answer to its first call",
				   "answer_timeout_ms", cfg->answer_timeout_ms);
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
	worker_publish_process(w);
	log_info("worker ready", LOG_STR("worker", w->id),
		 LOG_STR("pool", w->pool->cfg->name), LOG_I64("worker_pid", w->pid),
		 LOG_MS("took_ms", snp_mono_since_ns(w->ready, w->started)));
	(void)worker_event(w, MACHINE_ANSWERED, SNP_MOVE_REASON_ANSWERED);
}

static void on_news(struct link *link, enum link_news news, void *user)
{
	struct worker *w = user;

	if (w->link != link)
		return; /* of an earlier process */
	/* One whose time was over a moment ago is not: it is killed as soon as its
	 * stacks are kept. */
	if (news == LINK_ANSWERED && w->state == SNP_WORKER_STATE_WARMING &&
	    !w->live.dying)
		become_ready(w);
	else if (news == LINK_IDLE)
		(void)worker_event(w, MACHINE_IDLE, SNP_MOVE_REASON_DRAINED);
}

void worker_hello(struct worker *w, const struct hello *hello)
{
	struct snp_err err = {0};
	const struct link_options options = {
	    .address = w->address,
	    .worker_id = w->id,
	    .pool = w->pool->index,
	    .slot = w->slot,
	    .incarnation = w->incarnation,
	    .pid = w->pid,
	    .capacity = snp_cfg_pool_capacity(w->cfg),
	    .no_session =
		w->cfg->bridge == SNP_CFG_BRIDGE_LEGACY ? LEGACY_SESSION : NULL,
	    .row = w->cells,
	    .inflight = &w->pool->slots[w->slot].inflight,
	    .users = &w->pool->slots[w->slot].links,
	    .loop = w->loop,
	    .heartbeat = &w->pool->cfg->heartbeat,
	    .telemetry = w->site->telemetry,
	    .limits = w->site->limits,
	    /* As long as it may be extended to; the supervisor ends it before. */
	    .answer_timeout_ms = w->cfg->startup.answer_timeout_ms * BOOT_EXTENSIONS,
	    .news_box = w->site->mailbox,
	    .on_news = on_news,
	    .user = w,
	};

	if (w->state != SNP_WORKER_STATE_STARTING)
		return;
	if (hello_check(hello, w->pid, options.capacity, &err) < 0) {
		refuse(w, SNP_MOVE_REASON_PROTOCOL_MISMATCH, err.msg);
		return;
	}
	if (link_create(&options, &w->link, &err) < 0) {
		refuse(w, SNP_MOVE_REASON_HANDSHAKE_FAILED, err.msg);
		return;
	}
	memset(&w->proc[SNP_PROC_PYTHON], 0, 16);
	memcpy(&w->proc[SNP_PROC_PYTHON], hello->python, strlen(hello->python));
	(void)worker_event(w, MACHINE_HELLO, SNP_MOVE_REASON_HELLO);
	w->boot_progress = w->live.beat.seen[BEAT_SIGN_PROGRESS].seq;
	w->boot_extended = false;
	w->deadline =
	    snp_mono_add_ms(snp_mono_now(), w->cfg->startup.answer_timeout_ms);
	link_start(w->link);
}

/* ---- the ready pipe, or file -------------------------------------------------- */

static void on_line(struct worker *w, size_t len)
{
	struct snp_err err = {0};
	struct hello hello;
	int rc = hello_parse(w->hello_line, len, &hello, &err);

	if (rc == 0)
		worker_hello(w, &hello);
	else
		refuse(w,
		       rc == -EPROTO ? SNP_MOVE_REASON_PROTOCOL_MISMATCH
				     : SNP_MOVE_REASON_HANDSHAKE_FAILED,
		       err.msg);
}

/* EOF without a line: its exit says the rest, or the end of this grace. */
static void on_silence(struct worker *w)
{
	snp_mono_t grace = snp_mono_add_ms(snp_mono_now(), MUTE_GRACE_MS);

	w->mute = true;
	if (grace.ns < w->deadline.ns)
		w->deadline = grace;
	w->site->moved(w, w->state);
}

static void on_ready_readable(struct watch *watch)
{
	struct worker *w = watch->user;
	size_t room = sizeof(w->hello_line) - w->hello_len;
	ssize_t n = read(watch->fd, w->hello_line + w->hello_len, room);
	char *newline = NULL;

	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n > 0) {
		w->hello_len += (size_t)n;
		newline = memchr(w->hello_line, '\n', w->hello_len);
		if (!newline && w->hello_len < sizeof(w->hello_line))
			return;
	}
	boot_end(w);
	if (w->state != SNP_WORKER_STATE_STARTING)
		return;
	if (newline)
		on_line(w, (size_t)(newline - w->hello_line));
	else if (n > 0)
		refuse(w, SNP_MOVE_REASON_HANDSHAKE_FAILED,
		       "its hello is longer than a line may be");
	else
		on_silence(w);
}

/* A legacy worker says where it serves, and no more: the rest is what it was told. */
static void on_ready_file(struct watch *watch)
{
	struct worker *w = watch->user;
	const struct hello hello = {.pid = w->pid,
				    .capacity = snp_cfg_pool_capacity(w->cfg)};
	uint16_t port;

	if (!legacy_ready_port(watch->fd, w->path, &port))
		return;
	boot_end(w);
	(void)snprintf(w->address, sizeof(w->address), "127.0.0.1:%u", port);
	worker_hello(w, &hello);
}

int boot_begin(struct worker *w, int ready_fd)
{
	const struct snp_cfg_startup *cfg = &w->cfg->startup;
	snp_mono_t hello = snp_mono_add_ms(w->started, cfg->boot_timeout_ms);

	w->boot_progress = 0;
	w->boot_extended = false;
	w->launched = false;
	w->deadline = exec_deadline(w).ns < hello.ns ? exec_deadline(w) : hello;
	return watch_add(w->site->watcher, &w->ready_pipe, ready_fd,
			 w->cfg->bridge == SNP_CFG_BRIDGE_LEGACY ? on_ready_file
								 : on_ready_readable,
			 w);
}

void boot_end(struct worker *w)
{
	int fd = w->ready_pipe.fd;

	if (fd < 0)
		return;
	watch_remove(w->site->watcher, &w->ready_pipe);
	close(fd);
}
