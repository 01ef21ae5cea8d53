/* SPDX-License-Identifier: Apache-2.0 */
#define LOG_COMPONENT "worker"
#include "worker/telemetry.h"

#include <errno.h>
#include <string.h>

#include "log/log.h"
#include "worker/link.h"

#define RETRY_MS 1000

/* ---- How much ------------------------------------------------------------ */

enum telemetry_verdict telemetry_rate_judge(struct telemetry_rate *rate,
					    uint32_t max_per_s, snp_mono_t now)
{
	if (!rate->since.ns || now.ns >= telemetry_rate_next(rate).ns)
		*rate = (struct telemetry_rate){.since = now};
	rate->seen++;
	if (rate->seen <= max_per_s)
		return TELEMETRY_TAKE;
	return rate->seen < 2 * (uint64_t)max_per_s ? TELEMETRY_DROP
						    : TELEMETRY_DROP_AND_PAUSE;
}

snp_mono_t telemetry_rate_next(const struct telemetry_rate *rate)
{
	return snp_mono_add_ms(rate->since, 1000);
}

/* ---- What ---------------------------------------------------------------- */

bool telemetry_name(const struct rpc_texts *parts, char ret[TELEMETRY_NAME_BYTES])
{
	size_t used = 0;

	for (size_t i = 0; i < parts->n; i++) {
		size_t len = strlen(parts->v[i]);

		if (len == 0 || len > TELEMETRY_NAME_BYTES - 1 - used)
			return false;
		memcpy(ret + used, parts->v[i], len);
		used += len;
		ret[used++] = '.'; /* or the NUL, in the end */
	}
	if (used == 0)
		return false;
	ret[used - 1] = '\0';
	return true;
}

static struct snp_pool_cells *cells(const struct link *link)
{
	return &link->opt.loop->bank.pools[link->opt.pool];
}

/* The first whole number of an event stands for it in the ring; most have a duration or
 * a count, and the ring has no room for names. */
static uint64_t first_integer(const struct rpc_telemetry_event *event)
{
	for (size_t i = 0; i < event->n_measurements; i++)
		if (event->measurements[i].kind == RPC_MEASUREMENT_INT)
			return (uint64_t)event->measurements[i].integer;
	return 0;
}

static void keep(struct link *link, const struct rpc_telemetry_event *event,
		 const char *name, snp_mono_t now)
{
	const struct snp_event_fields fields = {
	    .kind = SNP_EVENT_KIND_PYTHON_EVENT,
	    .initiator = SNP_INITIATOR_WORKER,
	    .pool = link->opt.pool,
	    .slot = link->opt.slot,
	    .incarnation = link->opt.incarnation,
	    .pid = (uint64_t)link->opt.pid,
	    .value = {first_integer(event), event->n_measurements},
	};
	bool named = rpc_correlation_is_valid(rpc_str_of(event->correlation_id));

	snp_event_record(&link->opt.loop->bank, &fields, now);
	snp_add(cells(link)->telemetry_events, 1);
	/* No measurements and no metadata: they are the adapter's own words. */
	log_debug("worker reports an event", LOG_STR("worker", link->worker_id),
		  LOG_STR("event", name),
		  LOG_U64("measurements", event->n_measurements),
		  LOG_STR("correlation_id", named ? event->correlation_id : ""));
}

static void take(struct link *link, const struct rpc_buf *message, snp_mono_t now)
{
	struct rpc_telemetry_event event;
	char name[TELEMETRY_NAME_BYTES];
	struct rpc_arena arena;

	rpc_arena_init(&arena, 0);
	if (rpc_buf_len(message) <= TELEMETRY_EVENT_BYTES &&
	    rpc_bridge_decode_telemetry_event(message, &arena, &event, NULL) == 0 &&
	    telemetry_name(&event.parts, name))
		keep(link, &event, name, now);
	else
		snp_add(cells(link)->telemetry_dropped, 1);
	rpc_arena_fini(&arena);
}

/* ---- The stream ---------------------------------------------------------- */

static void open_stream(struct link *link);

static void on_timer(struct rpc_timer *timer)
{
	struct link *link =
	    (struct link *)(void *)((char *)timer -
				    offsetof(struct link, telemetry.timer));

	if (link->telemetry.call)
		rpc_call_read_more(link->telemetry.call);
	else
		open_stream(link);
}

static void arm(struct link *link, snp_mono_t when)
{
	rpc_timer_start(link->opt.loop->rpc, &link->telemetry.timer, when, on_timer);
}

static void on_initial(struct rpc_call *call)
{
	const struct link *link = rpc_call_user(call);

	log_debug("telemetry stream open", LOG_STR("worker", link->worker_id));
}

static void on_message(struct rpc_call *call, struct rpc_buf *message)
{
	struct link *link = rpc_call_user(call);
	struct telemetry *t = &link->telemetry;
	snp_mono_t now = snp_mono_now();
	enum telemetry_verdict verdict =
	    telemetry_rate_judge(&t->rate, t->cfg.max_per_s, now);

	if (link->stopped)
		return;
	if (verdict == TELEMETRY_TAKE)
		take(link, message, now);
	else
		snp_add(cells(link)->telemetry_dropped, 1);
	if (verdict == TELEMETRY_DROP_AND_PAUSE)
		arm(link, telemetry_rate_next(&t->rate));
	else
		rpc_call_read_more(call);
}

static struct rpc_buf *next_control(struct telemetry *t)
{
	const struct rpc_telemetry_control sampling = {.kind = RPC_TELEMETRY_SAMPLING,
						       .sampling_rate =
							   t->cfg.sampling_rate},
					   on = {.kind = RPC_TELEMETRY_TOGGLE,
						 .enabled = true};
	struct rpc_buf *buf = NULL;

	if (t->controls_left == 0)
		return NULL;
	t->controls_left--;
	(void)rpc_bridge_encode_telemetry_control(t->controls_left ? &sampling : &on,
						  &buf);
	return buf;
}

static void on_writable(struct rpc_call *call)
{
	struct link *link = rpc_call_user(call);
	struct rpc_buf *control = next_control(&link->telemetry);

	if (control)
		(void)rpc_call_send(call, control);
	rpc_buf_unref(control);
}

static void on_done(struct rpc_call *call, const struct rpc_status *status)
{
	struct link *link = rpc_call_user(call);
	struct telemetry *t = &link->telemetry;
	bool unknown = status->code == RPC_UNIMPLEMENTED;

	rpc_call_unref(call);
	t->call = NULL;
	if (!link->stopped) {
		(void)rpc_timer_cancel(link->opt.loop->rpc, &t->timer); /* a pause */
		log_debug(unknown ? "worker has no telemetry stream"
				  : "telemetry stream ended, opening it again",
			  LOG_STR("worker", link->worker_id),
			  LOG_STR("status", rpc_code_name(status->code)),
			  LOG_STR("detail", status->message));
		if (!unknown)
			arm(link, snp_mono_add_ms(snp_mono_now(), RETRY_MS));
	}
	link_unref(link); /* the call's reference */
}

static const struct rpc_call_ops stream_ops = {
    .on_initial = on_initial,
    .on_message = on_message,
    .on_writable = on_writable,
    .on_done = on_done,
};

static int start_call(struct link *link)
{
	struct telemetry *t = &link->telemetry;
	char correlation[RPC_CORRELATION_BYTES];
	struct rpc_md_list md = {0};
	struct rpc_call_args args = {
	    .channel = link->channel,
	    .loop = link->opt.loop->rpc,
	    .method = RPC_METHOD_BRIDGE_TELEMETRY,
	    .metadata = &md,
	    .flags = RPC_CALL_BIDI,
	    .ops = &stream_ops,
	    .user = link,
	};
	int rc;

	t->controls_left = 2;
	args.request = next_control(t);
	if (!args.request)
		return -ENOMEM;
	rpc_correlation_make(correlation);
	(void)rpc_md_add(&md, RPC_MD_CORRELATION_ID, rpc_str_of(correlation));
	(void)rpc_md_add(&md, RPC_MD_WORKER_ID, rpc_str_of(link->worker_id));
	/* On the loop's own thread no callback can run before this returns. */
	rc = rpc_call_start(&args, &t->call);
	rpc_buf_unref(args.request);
	return rc;
}

static void open_stream(struct link *link)
{
	if (start_call(link) == 0)
		link_ref(link); /* for the call; on_done() drops it */
	else
		arm(link, snp_mono_add_ms(snp_mono_now(), RETRY_MS));
}

void telemetry_start(struct link *link)
{
	if (link->telemetry.cfg.enabled)
		open_stream(link);
}

void telemetry_stop(struct link *link)
{
	(void)rpc_timer_cancel(link->opt.loop->rpc, &link->telemetry.timer);
	if (link->telemetry.call)
		rpc_call_cancel(link->telemetry.call);
}
