/* SPDX-License-Identifier: Apache-2.0 */
#define LOG_COMPONENT "worker"
#include "worker/worker.h"

#include <signal.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/random.h>

#include "log/log.h"
#include "snakepit/check.h"
#include "snakepit/read.h" /* snp_enum_text */
#include "worker/backoff.h"
#include "worker/procfs.h"
#include "worker/worker_parts.h"

/* ---- the state machine --------------------------------------------------- */

/* What must hold in the state just entered: a pid exactly where there is a process. */
static void check_invariant(const struct worker *w)
{
	SNP_CHECK((w->pid > 0) == machine_has_process(w->state));
	SNP_CHECK(w->pid > 0 || !w->link);
	SNP_CHECK(w->link || (w->state != SNP_WORKER_STATE_READY &&
			      w->state != SNP_WORKER_STATE_DRAINING));
	SNP_CHECK(w->cells);
}

static void worker_move(struct worker *w, enum snp_enum_WORKER_STATE to,
			enum snp_enum_MOVE_REASON reason)
{
	enum snp_enum_WORKER_STATE from = w->state;
	enum snp_enum_INITIATOR initiator = machine_initiator(reason);
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
	    LOG_CONTEXT(((struct log_context){
		.trace_id = {event.trace_id[0], event.trace_id[1]}})),
	    LOG_STR("from", snp_enum_text(SNP_ENUM_TABLE_WORKER_STATE, from)),
	    LOG_STR("to", snp_enum_text(SNP_ENUM_TABLE_WORKER_STATE, to)),
	    LOG_STR("reason", snp_enum_text(SNP_ENUM_TABLE_MOVE_REASON, reason)),
	    LOG_STR("initiator", snp_enum_text(SNP_ENUM_TABLE_INITIATOR, initiator)));
	w->site->moved(w, from);
}

/* Whether the link takes requests follows from the state and the fence. */
static void admit(struct worker *w)
{
	bool open = worker_is_open(w), closed = machine_is_ending(w->state);
	struct link *link = w->link;

	if (!link ||
	    (atomic_load_explicit(&link->open, memory_order_relaxed) == open &&
	     atomic_load_explicit(&link->closed, memory_order_relaxed) == closed))
		return;
	atomic_store_explicit(&link->open, open, memory_order_relaxed);
	atomic_store_explicit(&link->closed, closed, memory_order_relaxed);
	front_kick(w->site->front); /* dispatch, and health watchers */
}

/* By its pidfd, which is its own whoever reaps it; and so it is hit in whichever group
 * it is by now. */
static void signal_leader(const struct worker *w, int sig)
{
	(void)pidfd_send_signal(w->pidfd.fd, sig, NULL, 0);
}

static void set_deadline(struct worker *w, uint32_t timeout_ms)
{
	w->deadline = snp_mono_add_ms(snp_mono_now(), timeout_ms);
}

/* What a state begins with. */
static void enter(struct worker *w)
{
	switch (w->state) {
	case SNP_WORKER_STATE_READY:
		rcu_set(&w->pool->slots[w->slot].link, w->link);
		break;
	case SNP_WORKER_STATE_DRAINING:
		set_deadline(w, w->site->shutdown->drain_timeout_ms);
		break;
	case SNP_WORKER_STATE_STOPPING:
		set_deadline(w, w->site->shutdown->stop_timeout_ms);
		signal_leader(w, SIGTERM);
		break;
	case SNP_WORKER_STATE_KILLING:
		set_deadline(w, w->site->shutdown->kill_timeout_ms);
		(void)kill(-w->pid, SIGKILL);
		signal_leader(w, SIGKILL);
		break;
	case SNP_WORKER_STATE_LOST:
		ending_withdraw(w);
		break;
	default:
		break;
	}
}

bool worker_event(struct worker *w, enum machine_event event,
		  enum snp_enum_MOVE_REASON reason)
{
	unsigned to = machine_next(event, w->state);

	SNP_CHECK(to != MACHINE_BUG);
	if (to == MACHINE_SAME)
		return false;
	worker_move(w, (enum snp_enum_WORKER_STATE)to, reason);
	enter(w);
	admit(w);
	if (w->link && (w->state == SNP_WORKER_STATE_STOPPING ||
			w->state == SNP_WORKER_STATE_KILLING))
		atomic_store_explicit(&w->link->leaving, true, memory_order_relaxed);
	/* After `open` is closed: from here on it gets no more. */
	if (w->state == SNP_WORKER_STATE_DRAINING)
		link_drain(w->link);
	return true;
}

void worker_back_off(struct worker *w, enum machine_event event)
{
	const struct snp_cfg_restart *cfg = &w->pool->cfg->restart;
	uint32_t random, delay_ms;

	w->failures++;
	if (getrandom(&random, sizeof(random), 0) != sizeof(random))
		random = UINT32_MAX; /* without dice: the longest pause */
	delay_ms = backoff_delay_ms(cfg->backoff_min_ms, cfg->backoff_max_ms,
				    w->failures, random);
	set_deadline(w, delay_ms);
	(void)worker_event(w, event,
			   event == MACHINE_FAILED ? SNP_MOVE_REASON_SPAWN_FAILED
						   : SNP_MOVE_REASON_BACKOFF);
	log_info("worker will be started again", LOG_STR("worker", w->id),
		 LOG_U64("failures", w->failures), LOG_U64("delay_ms", delay_ms));
}

/* ---- questions ----------------------------------------------------------- */

bool worker_is_open(const struct worker *w)
{
	return w->state == SNP_WORKER_STATE_READY && !w->fenced;
}

bool worker_is_gone(const struct worker *w)
{
	return !machine_has_process(w->state) || w->state == SNP_WORKER_STATE_LOST;
}

uint64_t worker_requests(const struct worker *w)
{
	return snp_get(w->cells->hot.worker_requests) - w->requests_before;
}

uint64_t worker_successes(const struct worker *w)
{
	uint64_t errors = snp_get(w->cells->hot.worker_errors) - w->errors_before;
	uint64_t ended = worker_requests(w) - snp_get(w->cells->hot.worker_active);

	/* Cells of another thread, read one after the other: not more than a hint. */
	return (int64_t)(ended - errors) > 0 ? ended - errors : 0;
}

/* ---- what readers see ---------------------------------------------------- */

void worker_publish_process(struct worker *w)
{
	w->proc[SNP_PROC_INCARNATION] = w->incarnation;
	w->proc[SNP_PROC_PID] = (uint64_t)w->pid;
	w->proc[SNP_PROC_START_MONO_NS] = w->pid ? w->started.ns : 0;
	w->proc[SNP_PROC_START_REAL_NS] = w->pid ? w->started_wall.ns : 0;
	w->proc[SNP_PROC_READY_MONO_NS] = w->pid ? w->ready.ns : 0;
	snp_latch_publish(&w->cells->proc, w->proc, SNP_LATCH_WORDS);
	snp_set(w->cells->sup.start_time, w->proc[SNP_PROC_START_REAL_NS]);
}

static void fold_feed(struct worker *w)
{
	static struct log_ratelimit site =
	    LOG_RATELIMIT("faults of adapters' metrics", 5, 60000);
	const struct feed_owner owner = {
	    .writer = w->site->writer,
	    .pool_row = w->pool->index,
	    .worker_row = w->row,
	    .faults = worker_pool_cells(w)->adapter_faults,
	};
	struct snp_err err = {0};

	if (feed_fold(&w->feed, &owner, &err) > 0 && log_ratelimit(&site))
		log_warn("a metric of a worker's adapter is not shown as it should be",
			 LOG_STR("worker", w->id), LOG_STR("error", err.msg));
}

void worker_end_feed(struct worker *w)
{
	fold_feed(w);
	feed_destroy(&w->feed);
	snp_adapter_gauges_clear(w->site->writer, w->row);
}

bool worker_sample(struct worker *w)
{
	struct procfs_sample sample;

	if (w->pid)
		fold_feed(w);
	if (!w->pid || procfs_sample(w->pid, &sample) < 0)
		return w->pid > 0;
	/* A process that just ended reads as zero: keep what it had used. */
	if (sample.cpu_ns > w->cpu_now_ns)
		w->cpu_now_ns = sample.cpu_ns;
	snp_set(w->cells->sup.memory, sample.rss_bytes);
	snp_set(w->cells->sup.cpu, w->cpu_before_ns + w->cpu_now_ns);
	return true;
}

/* ---- orders -------------------------------------------------------------- */

void worker_intend(struct worker *w, enum snp_enum_EXIT_REASON intent,
		   enum snp_enum_MOVE_REASON reason)
{
	if (!w->pid || w->intent != SNP_EXIT_REASON_NR)
		return;
	w->intent = intent;
	w->why = reason;
}

void worker_drain(struct worker *w, enum snp_enum_EXIT_REASON intent,
		  enum snp_enum_MOVE_REASON reason)
{
	worker_intend(w, intent, reason);
	(void)worker_event(w, MACHINE_DRAIN, reason);
}

void worker_stop(struct worker *w, enum snp_enum_EXIT_REASON intent,
		 enum snp_enum_MOVE_REASON reason)
{
	worker_intend(w, intent, reason);
	(void)worker_event(w, MACHINE_STOP, reason);
}

void worker_kill(struct worker *w, enum snp_enum_EXIT_REASON intent,
		 enum snp_enum_MOVE_REASON reason)
{
	if (machine_next(MACHINE_KILL, w->state) == MACHINE_SAME)
		return;
	worker_intend(w, intent, reason);
	if (w->link && w->intent != SNP_EXIT_REASON_SHUTDOWN)
		link_suspect(w->link, w->note.trace_id);
	(void)worker_event(w, MACHINE_KILL, reason);
}

void worker_hold(struct worker *w)
{
	if (worker_event(w, MACHINE_HOLD, SNP_MOVE_REASON_CRASH_LOOP))
		w->deadline.ns = 0;
}

void worker_set_fenced(struct worker *w, bool fenced)
{
	w->fenced = fenced;
	admit(w);
	w->site->moved(w, w->state);
}

void worker_deadline(struct worker *w, snp_mono_t now)
{
	static const enum snp_enum_MOVE_REASON reasons[SNP_WORKER_STATE_NR] = {
	    [SNP_WORKER_STATE_DRAINING] = SNP_MOVE_REASON_DRAIN_TIMEOUT,
	    [SNP_WORKER_STATE_STOPPING] = SNP_MOVE_REASON_STOP_TIMEOUT,
	    [SNP_WORKER_STATE_KILLING] = SNP_MOVE_REASON_UNKILLABLE,
	};

	if (!w->deadline.ns || now.ns < w->deadline.ns)
		return;
	w->deadline.ns = 0;
	if (machine_is_starting(w->state))
		boot_deadline(w, now);
	else
		(void)worker_event(w, MACHINE_DEADLINE, reasons[w->state]);
}

/* ---- the slot ------------------------------------------------------------ */

void worker_take_row(struct worker *w, uint32_t row)
{
	SNP_CHECK(!w->cells);
	w->row = row;
	w->cells = snp_worker_row(w->site->writer, row);
	w->cpu_before_ns = snp_get(w->cells->sup.cpu); /* it may have been the slot's */
	snp_set(w->cells->sup.state, w->state);
}

void worker_drop_row(struct worker *w)
{
	SNP_CHECK(w->state == SNP_WORKER_STATE_EMPTY);
	w->cells = NULL;
}

void worker_init(struct worker *w, const struct worker_site *site, struct pool *pool,
		 uint32_t slot, struct event_loop *loop)
{
	w->site = site;
	w->pool = pool;
	w->slot = slot;
	w->loop = loop;
	w->intent = SNP_EXIT_REASON_NR;
	w->pidfd.fd = w->ready_pipe.fd = -1;
	beat_init(&w->live.beat);
	for (int i = 0; i < OUTPUT_NR; i++)
		w->output_watch[i].fd = w->output[i].fd = -1;
}
