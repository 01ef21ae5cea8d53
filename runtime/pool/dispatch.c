/* SPDX-License-Identifier: Apache-2.0 */
/* The front door's side of a request between arrival and outcome: waiting for a worker,
 * going to one, coming back. */
#define LOG_COMPONENT "pool"
#include <string.h>

#include "core/front.h"
#include "pool/estimate.h"
#include "pool/request.h"
#include "pool/session_life.h"
#include "snakepit/check.h"

#define ATTEMPTS_MAX   5
#define SHUN_MS	       50 /* how long a worker is passed over that was lost first */
#define IDEMPOTENT_KEY "x-snakepit-idempotent"

/* ---- sessions and their workers ------------------------------------------ */

static struct seat *owners_seat(const struct request *r)
{
	return &r->pool->roster.seats[r->session->owner.slot - 1];
}

static enum session_worker owner_state(const struct request *r, snp_mono_t now)
{
	const struct link *link;
	struct seat *seat;

	if (!r->session || !r->session->owner.slot)
		return SESSION_WORKER_NONE;
	link = session_link(r->pool, r->session);
	if (!link || link_is_closed(link))
		return SESSION_WORKER_GONE;
	seat = owners_seat(r);
	if (seat->link != link || !list_is_empty(&seat->lane) ||
	    !roster_has_room(&r->pool->roster, seat, now))
		return SESSION_WORKER_BUSY;
	return SESSION_WORKER_FREE;
}

static void count_affinity(const struct request *r, enum snp_enum_AFFINITY how)
{
	snp_add(&request_pool_cells(r)->affinity[how], 1);
}

static void lose_session(struct request *r)
{
	count_affinity(r, SNP_AFFINITY_LOST);
	request_fail(r, ERROR_SESSION_LOST,
		     "session '%s' ended with its worker; begin another",
		     r->session->id);
	session_lose(r->pool, r->session);
}

/* The session belongs to the worker that takes its request. */
static void bind_session(const struct request *r, const struct link *link)
{
	struct session_owner *owner = &r->session->owner;
	enum snp_enum_AFFINITY how = SNP_AFFINITY_HIT;

	if (!owner->slot)
		how = SNP_AFFINITY_BOUND;
	else if (owner->slot != link->opt.slot + 1 ||
		 owner->incarnation != link->opt.incarnation)
		how = SNP_AFFINITY_REBOUND;
	if (r->last.number == 1)
		count_affinity(r, how);
	*owner = (struct session_owner){.slot = link->opt.slot + 1,
					.incarnation = link->opt.incarnation};
}

enum request_way request_choose(struct request *r, snp_mono_t now,
				struct seat **ret_seat)
{
	enum snp_cfg_affinity affinity = r->pool->cfg->affinity;
	struct seat *seat;

	switch (session_way(affinity, owner_state(r, now))) {
	case SESSION_TO_OWNER:
		*ret_seat = owners_seat(r);
		return REQUEST_SENDS;
	case SESSION_WAITS:
		*ret_seat = owners_seat(r);
		return REQUEST_WAITS;
	case SESSION_FAILS_BUSY:
		request_fail(r, ERROR_SESSION_BUSY,
			     "the worker of session '%s' is busy, and pool '%s' has "
			     "affinity strict_fail_fast",
			     r->session->id, r->pool->cfg->name);
		return REQUEST_FAILS;
	case SESSION_FAILS_LOST:
		lose_session(r);
		return REQUEST_FAILS;
	default:
		seat = roster_pick(&r->pool->roster, now);
		if (!seat)
			return REQUEST_BLOCKS;
		*ret_seat = seat;
		return REQUEST_SENDS;
	}
}

/* ---- waiting ------------------------------------------------------------- */

static snp_mono_t queue_limit(const struct request *r)
{
	snp_mono_t limit =
	    snp_mono_add_ms(r->waiter.since, r->pool->cfg->queue.timeout_ms);

	return limit.ns < r->deadline.ns ? limit : r->deadline;
}

static void expire(struct request *r, snp_mono_t now)
{
	const struct snp_cfg_pool *cfg = r->pool->cfg;

	if (now.ns >= r->deadline.ns)
		request_fail(
		    r, ERROR_DEADLINE_EXCEEDED,
		    "the deadline passed while waiting for a free worker of pool '%s'",
		    cfg->name);
	else
		request_fail(
		    r, ERROR_QUEUE_TIMEOUT,
		    "no worker of pool '%s' became free within its queue timeout of "
		    "%u ms",
		    cfg->name, cfg->queue.timeout_ms);
	request_drop(r);
}

static void wait_until(struct request *r, snp_mono_t wake);

static void on_queue_timer(struct rpc_timer *timer)
{
	struct request *r = list_entry(timer, struct request, queue_timer);
	struct pool *pool = r->pool;
	snp_mono_t now = snp_mono_now();

	if (now.ns >= queue_limit(r).ns)
		expire(r, now);
	else
		wait_until(r, queue_limit(r));
	request_dispatch(pool);
}

static void wait_until(struct request *r, snp_mono_t wake)
{
	rpc_timer_start(r->front->loop.rpc, &r->queue_timer, wake, on_queue_timer);
}

/* Who waits, waits for a worker to become free, which leads to request_dispatch(), or
 * for one that could not be reached to be worth another attempt, which only time does:
 * the oldest looks after that for all. */
static void wait_for_passed_over(struct pool *pool)
{
	struct request *oldest = queue_oldest(pool);
	snp_mono_t next = roster_next(&pool->roster);

	if (oldest && next.ns < queue_limit(oldest).ns)
		wait_until(oldest, next);
}

void request_enqueue(struct request *r, struct seat *seat, snp_mono_t now)
{
	queue_add(r, seat);
	r->state = REQUEST_QUEUED;
	r->queued = now;
	wait_until(r, queue_limit(r));
	wait_for_passed_over(r->pool);
}

void request_abandon(struct request *r)
{
	struct pool *pool = r->pool;
	snp_mono_t now = snp_mono_now();

	if (now.ns >= r->deadline.ns ||
	    estimate_is_deadline(r->received, r->asked, now))
		request_fail(
		    r, ERROR_DEADLINE_EXCEEDED,
		    "the deadline passed while waiting for a free worker of pool '%s'",
		    pool->cfg->name);
	else
		request_fail(r, ERROR_CANCELLED,
			     "the client cancelled while the request was queued");
	request_drop(r);
	request_dispatch(pool); /* another is the oldest now */
}

void request_drop_queue(struct pool *pool, enum error_kind kind, const char *text)
{
	struct request *r;

	while ((r = queue_oldest(pool))) {
		request_fail(r, kind, text ? "%s" : NULL, text);
		request_drop(r);
	}
}

/* ---- dispatch ------------------------------------------------------------ */

static void on_run(struct rpc_task *task)
{
	request_run(list_entry(task, struct request, run_task));
}

void request_send(struct request *r, struct seat *seat, snp_mono_t now)
{
	struct link *link = seat->link;

	r->state = REQUEST_ACTIVE;
	r->link = link_ref(link);
	r->loop = link->opt.loop;
	r->dispatched = now;
	r->last = (struct request_try){
	    .number = r->last.number + 1,
	    .slot = link->opt.slot + 1,
	    .incarnation = link->opt.incarnation,
	    .queued_ns = snp_mono_since_ns(now, r->queued),
	};
	r->queued_ns += r->last.queued_ns;
	if (r->session)
		bind_session(r, link);
	if (r->last.number == 1)
		snp_hist_record(request_pool_cells(r)->queue_wait, r->queued_ns);
	roster_sent(&r->pool->roster, seat);
	r->run_task.fn = on_run;
	request_ref(r); /* the loop's, until request_back() */
	rpc_loop_hand(r->loop->rpc, &r->run_task);
}

static void leave_queue_for(struct request *r, struct seat *seat, snp_mono_t now)
{
	(void)rpc_timer_cancel(r->front->loop.rpc, &r->queue_timer);
	queue_remove(r);
	request_span_queue(r, RPC_OK, now);
	pool_book_move(r->pool, POOL_QUEUED, POOL_ACTIVE);
	request_send(r, seat, now);
}

/* Bring the next in the queue on its way. False: it has to wait, and so has everybody.
 */
static bool advance(struct request *r, snp_mono_t now)
{
	struct seat *seat = r->waiter.seat;

	/* A client that has given up is not worth a worker. */
	if (now.ns >= r->deadline.ns) {
		expire(r, now);
		return true;
	}
	switch (seat ? REQUEST_SENDS : request_choose(r, now, &seat)) {
	case REQUEST_SENDS:
		leave_queue_for(r, seat, now);
		return true;
	case REQUEST_WAITS:
		queue_to_lane(r, seat);
		return true;
	case REQUEST_FAILS:
		request_drop(r);
		return true;
	default:
		return false;
	}
}

void request_dispatch(struct pool *pool)
{
	struct request *r;
	snp_mono_t now;

	do {
		now = snp_mono_now();
		r = queue_next(pool, now);
	} while (r && advance(r, now));
	wait_for_passed_over(pool);
}

/* Whoever waits for a worker that is not there any more, or will have no more. */
static void lose_lane(struct seat *seat, const struct link *link)
{
	struct list *node;

	while ((node = list_first(&seat->lane))) {
		struct request *r = list_entry(node, struct request, waiter.turn);

		if (link && link->opt.incarnation == r->session->owner.incarnation)
			return;
		lose_session(r);
		request_drop(r);
	}
}

void request_workers_changed(struct pool *pool)
{
	for (uint32_t i = 0; i < pool->slots_nr; i++) {
		struct seat *seat = &pool->roster.seats[i];
		struct link *link = rcu_get(&pool->slots[i].link);

		lose_lane(seat, link && link_is_closed(link) ? NULL : link);
		if (link && !atomic_load_explicit(&link->open, memory_order_relaxed))
			link = NULL;
		roster_seat(&pool->roster, seat, link);
	}
	request_dispatch(pool);
}

/* ---- back from the worker ------------------------------------------------ */

static bool is_idempotent(const struct request *r)
{
	const struct snp_cfg_pool *cfg = r->pool->cfg;

	for (uint32_t i = 0; i < cfg->idempotent_tools_count; i++)
		if (strcmp(cfg->idempotent_tools[i], r->msg.tool) == 0)
			return true;
	return rpc_str_equal(
	    rpc_md_in_get(rpc_server_call_metadata(r->call), IDEMPOTENT_KEY),
	    rpc_str_of("true"));
}

/* Sending a request again that a worker may have run takes its owner's word, and no
 * more than once; one whose session went with the worker has nowhere to go. */
static bool may_repeat(const struct request *r)
{
	bool bound = r->session && r->pool->cfg->affinity != SNP_CFG_AFFINITY_HINT;

	return r->kind == ERROR_WORKER_DIED && !r->repeated && !r->chunks && !bound &&
	       is_idempotent(r);
}

static bool may_retry(const struct request *r, snp_mono_t now)
{
	return (r->kind == ERROR_WORKER_UNREACHABLE || may_repeat(r)) &&
	       !r->front->queues_closed && r->pool->admission != POOL_DOWN &&
	       r->last.number < ATTEMPTS_MAX && now.ns < r->deadline.ns &&
	       !rpc_server_call_is_cancelled(r->call);
}

static void retry(struct request *r, snp_mono_t now)
{
	r->repeated |= r->kind == ERROR_WORKER_DIED;
	r->kind = ERROR_KIND_NR;
	snp_add(request_tool_cells(r)->retries, 1);
	request_enqueue(r, NULL, now);
	pool_book_move(r->pool, POOL_ACTIVE, POOL_QUEUED);
}

/* What the client is told, where our own words say more than what gRPC said. */
static void explain(struct request *r, snp_mono_t now)
{
	const char *worker = r->link->worker_id;
	struct rpc_status said = r->status;

	if (said.code == RPC_CANCELLED &&
	    estimate_is_deadline(r->received, r->asked, now))
		request_fail(r, ERROR_DEADLINE_EXCEEDED,
			     "the deadline passed while worker %s ran the request",
			     worker);
	else if (r->kind == ERROR_WORKER_UNREACHABLE)
		request_fail(r, r->kind, "worker %s could not be reached: %s", worker,
			     said.message);
	else if (r->kind == ERROR_WORKER_DIED)
		request_fail(r, r->kind,
			     "worker %s died while it ran the request, which may have "
			     "had effects: %s",
			     worker, said.message);
}

/* How long a request takes on a worker; what was cut short says nothing of it. */
static void observe(const struct request *r, snp_mono_t now)
{
	if (r->kind == ERROR_KIND_NR || r->kind == ERROR_WORKER_STATUS)
		r->pool->service_ns = estimate_add(
		    r->pool->service_ns, snp_mono_since_ns(now, r->dispatched));
}

/* Most likely the worker's process is gone, and the supervisor about to say so: whoever
 * waits is not to follow. Longer with each attempt: on a busy machine that word is
 * late, and a request must not use up its attempts on it. */
static void shun(const struct request *r, snp_mono_t now)
{
	roster_pass_over(&r->pool->roster, r->link,
			 snp_mono_add_ms(now, SHUN_MS << (r->last.number - 1)));
}

void request_back(struct rpc_task *task)
{
	struct request *r = list_entry(task, struct request, back_task);
	struct pool *pool = r->pool;
	snp_mono_t now = snp_mono_now();

	SNP_CHECK(r->state == REQUEST_ACTIVE);
	if (r->kind == ERROR_CANCELLED || r->kind == ERROR_DEADLINE_EXCEEDED)
		roster_abandoned(&pool->roster, r->link);
	else
		roster_returned(&pool->roster, r->link);
	if (r->kind == ERROR_WORKER_DIED || r->kind == ERROR_WORKER_UNREACHABLE)
		shun(r, now);
	observe(r, now);
	if (may_retry(r, now)) {
		retry(r, now);
	} else {
		explain(r, now);
		pool_book_outcome(pool, POOL_ACTIVE, r->outcome);
		request_conclude(r);
	}
	link_unref(r->link);
	r->link = NULL;
	request_unref(r); /* the loop's */
	request_dispatch(pool);
}
