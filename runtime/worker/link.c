/* SPDX-License-Identifier: Apache-2.0 */
#define LOG_COMPONENT "worker"
#include "worker/link.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "log/log.h"
#include "rpc/messages.h"
#include "snakepit/check.h"

static struct link *link_of_timer(struct rpc_timer *timer)
{
	return (struct link *)(void *)((char *)timer - offsetof(struct link, timer));
}

/* ---- lifetime ------------------------------------------------------------ */

int link_create(const struct link_options *options, struct link **ret_link,
		struct snp_err *err)
{
	struct rpc_channel_opts channel = options->limits;
	struct link *link = calloc(1, sizeof(*link));
	int rc;

	channel.connect_timeout_ms = 1000;
	if (!link)
		return snp_err_set(err, -ENOMEM, "out of memory for worker %s",
				   options->worker_id);
	atomic_init(&link->refs, 1);
	link->opt = *options;
	(void)snprintf(link->worker_id, sizeof(link->worker_id), "%s",
		       options->worker_id);
	link->opt.worker_id = link->worker_id;
	link->opt.address = NULL; /* not ours; the channel has a copy */
	link->heartbeat_cfg = *options->heartbeat;
	link->opt.heartbeat = NULL;
	heartbeat_init(&link->heartbeat, &link->heartbeat_cfg);
	link->heartbeat.skipped = options->slot % (HEARTBEAT_SKIPS + 1);
	if (options->telemetry)
		link->telemetry.cfg = *options->telemetry;
	link->opt.telemetry = NULL; /* as above */
	rc = rpc_channel_create(options->address, &channel, &link->channel, err);
	if (rc < 0) {
		free(link);
		return rc;
	}
	if (link->opt.users)
		atomic_fetch_add_explicit(link->opt.users, 1, memory_order_relaxed);
	*ret_link = link;
	return 0;
}

struct link *link_ref(struct link *link)
{
	atomic_fetch_add_explicit(&link->refs, 1, memory_order_relaxed);
	return link;
}

void link_unref(struct link *link)
{
	if (!link ||
	    atomic_fetch_sub_explicit(&link->refs, 1, memory_order_acq_rel) != 1)
		return;
	/* Release: all that was written to the row, for who retires it. */
	if (link->opt.users)
		atomic_fetch_sub_explicit(link->opt.users, 1, memory_order_release);
	rpc_channel_destroy(&link->channel);
	free(link);
}

/* ---- news for the supervisor --------------------------------------------- */

static void on_mail(struct mail *mail)
{
	struct link_mail *m =
	    (struct link_mail *)(void *)mail; /* mail is the first member */

	m->link->opt.on_news(m->link, m->news, m->link->opt.user);
	link_unref(m->link);
}

static void tell(struct link *link, enum link_news news)
{
	struct link_mail *m = &link->news[news];

	if (m->sent)
		return;
	*m = (struct link_mail){.mail = {.fn = on_mail},
				.link = link_ref(link),
				.news = news,
				.sent = true};
	mailbox_post(link->opt.news_box, &m->mail);
}

/* ---- round trips --------------------------------------------------------- */

static void ping_send(struct link *link);
static void on_timer(struct rpc_timer *timer);

static void count_failure(struct link *link, const struct rpc_status *status)
{
	unsigned reason = SNP_HEARTBEAT_FAILURE_RPC_ERROR;

	if (status->code == RPC_DEADLINE_EXCEEDED)
		reason = SNP_HEARTBEAT_FAILURE_TIMEOUT;
	else if (status->code == RPC_INTERNAL)
		reason = SNP_HEARTBEAT_FAILURE_BAD_REPLY;
	snp_add(&link->opt.row->hot.heartbeat_failures[reason], 1);
}

static void schedule(struct link *link, snp_mono_t now)
{
	snp_mono_t next = heartbeat_next(&link->heartbeat, now,
					 (uint32_t)prng_next(&link->opt.loop->prng));

	rpc_timer_start(link->opt.loop->rpc, &link->timer,
			heartbeat_on_grid(&link->heartbeat, next), on_timer);
}

static void on_pong(struct link *link, snp_mono_t now)
{
	struct snp_worker_hot *hot = &link->opt.row->hot;
	uint64_t rtt_ns = heartbeat_answered(&link->heartbeat, now);

	snp_add(hot->pongs, 1);
	snp_set(hot->last_pong, now.ns);
	snp_set(hot->heartbeat_missed, 0);
	snp_hist_record(link->opt.loop->bank.pools[link->opt.pool].heartbeat_latency,
			rtt_ns);
}

/* A ping was out when the worker ended: neither a pong nor a miss of its own. */
static void count_exit(struct link *link)
{
	snp_add(
	    &link->opt.row->hot.heartbeat_failures[SNP_HEARTBEAT_FAILURE_WORKER_EXIT],
	    1);
}

/* Nobody counts on: what was missed until now means nothing any more. */
static void forget_misses(struct link *link)
{
	link->heartbeat.missed = 0;
	snp_set(link->opt.row->hot.heartbeat_missed, 0);
}

static bool is_leaving(const struct link *link)
{
	return atomic_load_explicit(&link->leaving, memory_order_relaxed);
}

static void on_miss(struct link *link, const struct rpc_status *status, snp_mono_t now)
{
	struct snp_event_fields event = {
	    .kind = SNP_EVENT_KIND_HEARTBEAT_MISSED,
	    .initiator = SNP_INITIATOR_SUPERVISOR,
	    .pool = link->opt.pool,
	    .slot = link->opt.slot,
	    .incarnation = link->opt.incarnation,
	    .pid = (uint64_t)link->opt.pid,
	    .value = {link->heartbeat.missed + 1,
		      link->heartbeat.cfg->max_missed_heartbeats},
	};

	if (heartbeat_failed(&link->heartbeat, now) == HEARTBEAT_EXCUSED) {
		snp_add(&link->opt.row->hot
			     .heartbeat_failures[SNP_HEARTBEAT_FAILURE_LATE_PONG],
			1);
		return;
	}
	count_failure(link, status);
	link_suspect(link, event.trace_id);
	snp_set(link->opt.row->hot.heartbeat_missed, link->heartbeat.missed);
	snp_event_record(&link->opt.loop->bank, &event, now);
	log_warn("heartbeat missed", LOG_STR("worker", link->worker_id),
		 LOG_I64("worker_pid", link->opt.pid),
		 LOG_CONTEXT(link_suspect_log(link)),
		 LOG_U64("missed", link->heartbeat.missed),
		 LOG_U64("max_missed", link->heartbeat.cfg->max_missed_heartbeats),
		 LOG_STR("status", rpc_code_name(status->code)),
		 LOG_STR("detail", status->message));
}

static void ping_forget(struct link *link)
{
	rpc_call_unref(link->ping);
	link->ping = NULL;
	link_unref(link); /* the call's reference */
}

/* Heartbeats: the answer itself is all that counts, so its content is not looked at. */
static void on_ping_message(struct rpc_call *call, struct rpc_buf *message)
{
	(void)call;
	(void)message;
}

static void on_ping_done(struct rpc_call *call, const struct rpc_status *status)
{
	struct link *link = rpc_call_user(call);
	snp_mono_t now = snp_mono_now();

	if (!link->stopped) {
		if (status->code == RPC_OK)
			on_pong(link, now);
		else if (is_leaving(link))
			count_exit(link);
		else
			on_miss(link, status, now);
		if (link->heartbeat_cfg.enabled)
			schedule(link, now);
		else
			forget_misses(link);
	}
	ping_forget(link);
}

/* The first round trip proves that the worker serves; it is not a heartbeat and is not
 * counted as one. When it fails the boot deadline of the supervisor decides. */
static void on_answer_done(struct rpc_call *call, const struct rpc_status *status)
{
	struct link *link = rpc_call_user(call);
	snp_mono_t first = snp_mono_now();

	if (!link->stopped && status->code == RPC_OK) {
		tell(link, LINK_ANSWERED);
		first = snp_mono_add_ms(first, link->heartbeat.cfg->initial_delay_ms);
		if (link->heartbeat.cfg->enabled)
			schedule(link, first);
		telemetry_start(link);
	} else if (!link->stopped) {
		log_warn("worker did not answer its first call",
			 LOG_STR("worker", link->worker_id),
			 LOG_STR("status", rpc_code_name(status->code)),
			 LOG_STR("detail", status->message));
	}
	ping_forget(link);
}

static const struct rpc_call_ops ping_ops = {.on_message = on_ping_message,
					     .on_done = on_ping_done};
static const struct rpc_call_ops answer_ops = {.on_message = on_ping_message,
					       .on_done = on_answer_done};

static int heartbeat_call(struct link *link, const struct rpc_call_ops *ops,
			  uint32_t timeout_ms, unsigned flags)
{
	const struct rpc_heartbeat_request request = {.session_id = "",
						      .client_time = snp_wall_now()};
	char correlation[RPC_CORRELATION_BYTES];
	struct rpc_md_list md = {0};
	struct rpc_buf *buf = NULL;
	struct rpc_call_args args = {
	    .channel = link->channel,
	    .loop = link->opt.loop->rpc,
	    .method = RPC_METHOD_BRIDGE_HEARTBEAT,
	    .metadata = &md,
	    .deadline = snp_mono_add_ms(snp_mono_now(), timeout_ms),
	    .flags = flags,
	    .ops = ops,
	    .user = link,
	};
	int rc = rpc_bridge_encode_heartbeat_request(&request, &buf);

	if (rc < 0)
		return rc;
	rpc_correlation_make(correlation);
	(void)rpc_md_add(&md, RPC_MD_CORRELATION_ID, rpc_str_of(correlation));
	(void)rpc_md_add(&md, RPC_MD_WORKER_ID, rpc_str_of(link->worker_id));
	args.request = buf;
	/* On the loop's own thread no callback can run before this returns. */
	rc = rpc_call_start(&args, &link->ping);
	rpc_buf_unref(buf);
	if (rc == 0)
		link_ref(link); /* for the call; ping_forget() drops it */
	return rc;
}

static void ping_send(struct link *link)
{
	snp_mono_t now = snp_mono_now();
	int rc;

	heartbeat_sent(&link->heartbeat, now);
	snp_add(link->opt.row->hot.pings, 1);
	rc = heartbeat_call(link, &ping_ops, link->heartbeat.cfg->timeout_ms, 0);
	if (rc < 0) {
		struct rpc_status status;

		rpc_status_set(&status, RPC_INTERNAL, "cannot start a call (errno %d)",
			       -rc);
		on_miss(link, &status, now);
		schedule(link, now);
	}
}

static void on_timer(struct rpc_timer *timer)
{
	struct link *link = link_of_timer(timer);
	snp_mono_t turned = {
	    atomic_load_explicit(&link->turned_ns, memory_order_relaxed)};
	snp_mono_t now = snp_mono_now();

	if (is_leaving(link) || heartbeat_skips(&link->heartbeat, turned, now))
		schedule(link, now);
	else
		ping_send(link);
}

/* ---- start and stop ------------------------------------------------------ */

static void on_start(struct rpc_task *task)
{
	struct link *link =
	    (struct link *)(void *)((char *)task - offsetof(struct link, start_task));
	int rc;

	/* The row may have lived before (snp_row_declare); this thread writes to it
	 * from here on. */
	atomic_thread_fence(memory_order_release);
	rc = heartbeat_call(link, &answer_ops, link->opt.answer_timeout_ms,
			    RPC_CALL_WAIT_FOR_READY);
	if (rc < 0)
		log_error("cannot call a new worker, its boot deadline will replace it",
			  LOG_STR("worker", link->worker_id), LOG_ERRNO(rc));
}

static void on_stop(struct rpc_task *task)
{
	struct link *link =
	    (struct link *)(void *)((char *)task - offsetof(struct link, stop_task));

	link->stopped = true;
	(void)rpc_timer_cancel(link->opt.loop->rpc, &link->timer);
	telemetry_stop(link);
	forget_misses(link);
	if (link->ping) {
		if (link->heartbeat.sent.ns)
			count_exit(link);
		rpc_call_cancel(link->ping);
	}
	link_unref(link); /* the loop's reference, of link_start() */
}

void link_start(struct link *link)
{
	link_ref(link);
	link->start_task.fn = on_start;
	rpc_loop_post(link->opt.loop->rpc, &link->start_task);
}

void link_stop(struct link *link)
{
	link->stop_task.fn = on_stop;
	rpc_loop_post(link->opt.loop->rpc, &link->stop_task);
}

/* ---- draining ------------------------------------------------------------ */

static void on_seal(struct rpc_task *task)
{
	struct link *link =
	    (struct link *)(void *)((char *)task - offsetof(struct link, seal_task));

	link->sealed = true;
	if (link->calls == 0)
		tell(link, LINK_IDLE);
	link_unref(link); /* of link_drain() */
}

/* The front door has gone through a turn since `open` was closed: all it let in has
 * been posted to the loop, before this. */
static void after_grace(struct rcu_later *later)
{
	struct link *link =
	    (struct link *)(void *)((char *)later - offsetof(struct link, drain_later));

	link->seal_task.fn = on_seal;
	rpc_loop_post(link->opt.loop->rpc, &link->seal_task);
}

void link_drain(struct link *link)
{
	link_ref(link);
	rcu_defer(&link->drain_later, after_grace);
}

/* ---- other settings ------------------------------------------------------ */

struct new_heartbeat {
	struct link *link;
	const struct snp_cfg_heartbeat *cfg;
};

static void set_heartbeat_on_loop(void *arg)
{
	const struct new_heartbeat *new = arg;
	struct link *link = new->link;
	bool was_on = link->heartbeat_cfg.enabled;

	link->heartbeat_cfg = *new->cfg;
	if (link->stopped || was_on == new->cfg->enabled)
		return;
	if (was_on) {
		(void)rpc_timer_cancel(link->opt.loop->rpc, &link->timer);
		forget_misses(link);
	} else if (!link->ping) {
		schedule(link, snp_mono_now());
	}
}

void link_set_heartbeat(struct link *link, const struct snp_cfg_heartbeat *cfg)
{
	struct new_heartbeat new = {link, cfg};

	rpc_loop_run(link->opt.loop->rpc, set_heartbeat_on_loop, &new);
}

/* ---- requests on the worker ---------------------------------------------- */

static const uint64_t nobody[2];

uint32_t link_call_begin(struct link *link, const struct snp_inflight_fields *fields)
{
	struct snp_worker_hot *hot = &link->opt.row->hot;
	uint32_t place = inflight_begin(link->opt.inflight, fields);

	if (link->calls++ == 0)
		link->busy_since = fields->start;
	snp_latch_publish(&link->suspect, link->calls == 1 ? fields->trace_id : nobody,
			  2);
	snp_add(hot->worker_requests, 1);
	snp_set(hot->worker_active, snp_get(hot->worker_active) + 1);
	if (place == INFLIGHT_NONE)
		snp_add(&link->opt.loop->bank.proc->overflows[SNP_OVERFLOW_IN_FLIGHT],
			1);
	return place;
}

void link_call_end(struct link *link, uint32_t place, enum link_call_end how,
		   snp_mono_t now)
{
	struct snp_worker_hot *hot = &link->opt.row->hot;

	SNP_CHECK(link->calls > 0);
	inflight_end(link->opt.inflight, place);
	if (--link->calls == 0) {
		snp_add(hot->worker_busy, snp_mono_since_ns(now, link->busy_since));
		if (link->sealed)
			tell(link, LINK_IDLE);
	}
	if (how != LINK_CALL_OK)
		snp_add(hot->worker_errors, 1);
	if (how == LINK_CALL_LOST)
		snp_add(&link->opt.loop->calls_lost, 1);
	else
		snp_latch_publish(&link->suspect, nobody, 2);
	snp_set(hot->worker_active, snp_get(hot->worker_active) - 1);
}

/* The reading side of snp_latch_publish(). A loop that goes through requests faster
 * than this can look is not stuck on one. */
void link_suspect(const struct link *link, uint64_t ret_trace_id[2])
{
	const struct snp_fmt_latch *latch = &link->suspect;

	for (int tries = 0; tries < 4; tries++) {
		uint64_t seq = atomic_load_explicit(&latch->seq, memory_order_acquire);
		const _Atomic uint64_t *copy = latch->copy[seq & 1];

		ret_trace_id[0] = snp_get(&copy[0]);
		ret_trace_id[1] = snp_get(&copy[1]);
		atomic_thread_fence(memory_order_acquire);
		if (snp_get(&latch->seq) == seq)
			return;
	}
	ret_trace_id[0] = ret_trace_id[1] = 0;
}

struct log_context link_suspect_log(const struct link *link)
{
	struct log_context context = {.span_id = 0};

	if (link)
		link_suspect(link, context.trace_id);
	return context;
}
