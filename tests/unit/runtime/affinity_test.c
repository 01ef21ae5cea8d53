/* SPDX-License-Identifier: Apache-2.0 */
/* Requests of sessions through a front door: whose worker runs them, and what becomes
 * of a session whose worker is busy or gone. */
#include "request_client.h"

#include "log/log.h"

static void configure(enum snp_cfg_affinity affinity)
{
	world.cfg[0].affinity = affinity;
	world_configured();
}

static void three_workers(void)
{
	for (uint32_t slot = 0; slot < WORLD_WORKERS; slot++)
		worker_up(slot);
}

static struct ask of_session(const char *tool, const char *session)
{
	return (struct ask){.tool = tool, .session = session};
}

static void assert_affinity(uint64_t bound, uint64_t hit, uint64_t rebound,
			    uint64_t lost)
{
	assert_int_equal(affinity_of(SNP_AFFINITY_BOUND), bound);
	assert_int_equal(affinity_of(SNP_AFFINITY_HIT), hit);
	assert_int_equal(affinity_of(SNP_AFFINITY_REBOUND), rebound);
	assert_int_equal(affinity_of(SNP_AFFINITY_LOST), lost);
}

static uint64_t sessions_seen(void)
{
	look();
	return seen("snakepit.session.active", 0, 0);
}

static uint64_t created_seen(void)
{
	look();
	return seen("snakepit.sessions.created", 0, 0);
}

/* Start a request of the session that keeps its worker busy; the worker's slot. */
static struct reply *hold_session(const char *session)
{
	unsigned before = atomic_load(&world.n_held);
	struct reply *r = ask_start(of_session("hold", session));

	wait_until(atomic_load(&world.n_held) == before + 1);
	return r;
}

static void release_and_check(struct reply *r)
{
	world_release(1);
	reply_wait(r);
	assert_int_equal(r->status.code, RPC_OK);
}

static uint32_t slot_of_reply(const struct reply *r)
{
	return (uint32_t)(strrchr(r->worker_id, '/')[1] - '0');
}

/* ---- Any affinity -------------------------------------------------------- */

static void session_comes_back_to_its_worker(void **state)
{
	struct reply *a, *b;
	uint32_t first;

	(void)state;
	three_workers();
	first = slot_of_reply(ask_and_wait(of_session("echo", "a")));
	/* another worker becomes the most recent one */
	a = hold_session("a");
	b = ask_and_wait(ask_tool("echo"));
	assert_int_not_equal(slot_of_reply(b), first);
	release_and_check(a);
	assert_int_equal(slot_of_reply(a), first);
	b = ask_and_wait(
	    (struct ask){.tool = "echo", .session = "a", .protocol = BY_BRIDGE});
	assert_int_equal(b->status.code, RPC_OK);
	assert_int_equal(sessions_seen(), 1);
	assert_int_equal(created_seen(), 1);
	assert_affinity(1, 2, 0, 0);
}

static void session_beyond_the_limit_is_refused(void **state)
{
	struct reply *r;

	(void)state;
	world.cfg[0].sessions.limit = 2;
	world_configured();
	worker_up(0);
	assert_int_equal(ask_and_wait(of_session("echo", "a"))->status.code, RPC_OK);
	assert_int_equal(ask_and_wait(of_session("echo", "b"))->status.code, RPC_OK);
	r = ask_and_wait(of_session("echo", "c"));
	assert_int_equal(r->status.code, RPC_RESOURCE_EXHAUSTED);
	assert_string_equal(r->kind, "session_limit");
	assert_int_equal(ask_and_wait(of_session("echo", "a"))->status.code, RPC_OK);
	assert_int_equal(ask_and_wait(ask_tool("echo"))->status.code, RPC_OK);
	assert_int_equal(rejections_of(SNP_QUEUE_REJECTION_SESSION_LIMIT), 1);
	assert_books(.ok = 4, .error = 1);
	assert_int_equal(sessions_seen(), 2);
}

static void session_name_too_long_is_invalid(void **state)
{
	char name[SESSION_ID_BYTES + 1];
	struct reply *r;

	(void)state;
	worker_up(0);
	memset(name, 'n', sizeof(name));
	name[SESSION_ID_BYTES] = '\0';
	r = ask_and_wait(of_session("echo", name));
	assert_int_equal(r->status.code, RPC_INVALID_ARGUMENT);
	assert_string_equal(r->kind, "invalid_request");
	name[SESSION_ID_BYTES - 1] = '\0';
	assert_int_equal(ask_and_wait(of_session("echo", name))->status.code, RPC_OK);
}

static void session_unused_for_its_time_is_closed_and_its_worker_told(void **state)
{
	struct reply *busy;

	(void)state;
	world.cfg[0].sessions.ttl_s = 1;
	world_configured();
	worker_up(0);
	worker_up(1);
	busy = hold_session("used");
	assert_int_equal(ask_and_wait(of_session("echo", "idle"))->status.code, RPC_OK);
	assert_int_equal(sessions_seen(), 2);
	wait_until(sessions_seen() == 1);
	wait_until(atomic_load(&world.cleaned) == 1);
	release_and_check(busy);
	wait_until(sessions_seen() == 0);
	wait_until(atomic_load(&world.cleaned) == 2);
	assert_int_equal(created_seen(), 2);
}

/* ---- hint ---------------------------------------------------------------- */

static void hint_takes_another_worker_when_its_own_is_busy(void **state)
{
	struct reply *busy, *r;

	(void)state;
	three_workers();
	busy = hold_session("a");
	r = ask_and_wait(of_session("echo", "a"));
	assert_int_equal(r->status.code, RPC_OK);
	assert_affinity(1, 0, 1, 0);
	release_and_check(busy);
	assert_int_not_equal(slot_of_reply(r), slot_of_reply(busy));
}

static void hint_takes_another_worker_when_its_own_is_gone(void **state)
{
	struct reply *r;

	(void)state;
	worker_up(0);
	assert_int_equal(ask_and_wait(of_session("echo", "a"))->status.code, RPC_OK);
	worker_down(0);
	worker_up(1);
	r = ask_and_wait(of_session("echo", "a"));
	assert_int_equal(r->status.code, RPC_OK);
	assert_int_equal(slot_of_reply(r), 1);
	assert_affinity(1, 0, 1, 0);
	assert_int_equal(sessions_seen(), 1);
}

/* ---- strict_queue -------------------------------------------------------- */

static void strict_waits_for_its_worker_and_holds_up_nobody(void **state)
{
	struct reply *busy, *waits, *other;

	(void)state;
	configure(SNP_CFG_AFFINITY_STRICT_QUEUE);
	three_workers();
	busy = hold_session("a");
	waits = ask_start(of_session("echo", "a"));
	wait_for_books(.active = 1, .queued = 1);
	for (unsigned i = 0; i < 4; i++) {
		other = ask_and_wait(ask_tool("echo"));
		assert_int_equal(other->status.code, RPC_OK);
	}
	assert_books(.ok = 4, .active = 1, .queued = 1);
	release_and_check(busy);
	reply_wait(waits);
	assert_int_equal(waits->status.code, RPC_OK);
	assert_int_equal(slot_of_reply(waits), slot_of_reply(busy));
	assert_affinity(1, 1, 0, 0);
}

static void release_in_turn(struct reply *r, const struct reply *first)
{
	wait_until(atomic_load(&world.n_held) == 1);
	release_and_check(r);
	if (first != r)
		assert_int_equal(slot_of_reply(r), slot_of_reply(first));
}

static void wait_for_queued(unsigned n)
{
	wait_for_books(.queued = n);
}

/* Also where the session had no worker yet when its requests came. */
static void strict_session_is_first_in_first_out(void **state)
{
	struct reply *r[5];

	(void)state;
	configure(SNP_CFG_AFFINITY_STRICT_QUEUE);
	for (unsigned i = 0; i < 5; i++) {
		r[i] = ask_start(of_session("hold", "a"));
		wait_for_queued(i + 1);
	}
	three_workers();
	for (unsigned i = 0; i < 5; i++)
		release_in_turn(r[i], r[0]);
	assert_books(.ok = 5);
	assert_affinity(1, 4, 0, 0);
}

/* A request that came before the session had a worker waits behind another client's;
 * one that comes now must not go past it. */
static void strict_session_does_not_overtake_itself(void **state)
{
	struct reply *first, *other, *second, *third;

	(void)state;
	configure(SNP_CFG_AFFINITY_STRICT_QUEUE);
	first = ask_start(of_session("hold", "a"));
	wait_for_queued(1);
	other = ask_start(ask_tool("hold"));
	wait_for_queued(2);
	second = ask_start(of_session("hold", "a"));
	wait_for_queued(3);
	worker_up(0);
	wait_for_books(.active = 1, .queued = 2);
	third = ask_start(of_session("hold", "a"));
	wait_for_books(.active = 1, .queued = 3);
	worker_up(1);
	wait_until(atomic_load(&world.n_held) == 2);
	world_release(2);
	reply_wait(other);
	release_in_turn(second, first);
	release_in_turn(third, first);
	assert_books(.ok = 4);
}

static void strict_lane_is_bounded(void **state)
{
	struct reply *busy, *waits, *r;

	(void)state;
	world.cfg[0].sessions.queue_limit = 1;
	configure(SNP_CFG_AFFINITY_STRICT_QUEUE);
	three_workers();
	busy = hold_session("a");
	waits = ask_start(of_session("echo", "a"));
	wait_for_books(.active = 1, .queued = 1);
	r = ask_and_wait(of_session("echo", "a"));
	assert_int_equal(r->status.code, RPC_RESOURCE_EXHAUSTED);
	assert_string_equal(r->kind, "session_queue_full");
	assert_int_equal(ask_and_wait(of_session("echo", "b"))->status.code, RPC_OK);
	release_and_check(busy);
	reply_wait(waits);
	assert_int_equal(waits->status.code, RPC_OK);
}

static void strict_lane_obeys_deadline_cancel_and_drop(void **state)
{
	struct reply *busy, *late, *cancelled, *dropped;

	(void)state;
	configure(SNP_CFG_AFFINITY_STRICT_QUEUE);
	three_workers();
	busy = hold_session("a");
	late = ask_start((struct ask){
	    .tool = "echo", .session = "a", .deadline_ms = ASK_COMES_IN_MS});
	reply_wait(late);
	assert_int_equal(late->status.code, RPC_DEADLINE_EXCEEDED);
	cancelled = ask_start(of_session("echo", "a"));
	wait_for_books(.error = 1, .active = 1, .queued = 1);
	rpc_call_cancel(cancelled->call);
	wait_for_books(.error = 2, .active = 1);
	dropped = ask_start(of_session("echo", "a"));
	wait_for_books(.error = 2, .active = 1, .queued = 1);
	front_pool_admission(&world.front, world.pools[0], POOL_DOWN, NULL);
	reply_wait(dropped);
	assert_string_equal(dropped->kind, "pool_down");
	release_and_check(busy);
	assert_books(.ok = 1, .error = 3);
}

static void strict_session_ends_with_its_worker(void **state)
{
	struct reply *busy, *waits[2], *r;

	(void)state;
	configure(SNP_CFG_AFFINITY_STRICT_QUEUE);
	worker_up(0);
	busy = hold_session("a");
	worker_up(1);
	for (unsigned i = 0; i < 2; i++)
		waits[i] = ask_start(of_session("echo", "a"));
	wait_for_books(.active = 1, .queued = 2);
	link_withdraw(0); /* as the supervisor does when the process has ended */
	for (unsigned i = 0; i < 2; i++) {
		reply_wait(waits[i]);
		assert_int_equal(waits[i]->status.code, RPC_ABORTED);
		assert_string_equal(waits[i]->kind, "session_lost");
	}
	assert_int_equal(sessions_seen(), 0);
	fake_stop(&world.fakes[0]);
	reply_wait(busy);
	assert_string_equal(busy->kind, "worker_died");
	/* the name begins another one */
	r = ask_and_wait(of_session("echo", "a"));
	assert_int_equal(r->status.code, RPC_OK);
	assert_int_equal(slot_of_reply(r), 1);
	assert_affinity(2, 0, 0, 2);
	assert_int_equal(rejections_of(SNP_QUEUE_REJECTION_AFFINITY), 2);
	assert_books(.ok = 1, .error = 3);
}

/* Nobody waited when the worker died: the next request is told, once. */
static void strict_session_lost_while_idle_is_told_once(void **state)
{
	struct reply *r;

	(void)state;
	configure(SNP_CFG_AFFINITY_STRICT_QUEUE);
	worker_up(0);
	assert_int_equal(ask_and_wait(of_session("echo", "a"))->status.code, RPC_OK);
	worker_down(0);
	worker_up(0);
	r = ask_and_wait(of_session("echo", "a"));
	assert_string_equal(r->kind, "session_lost");
	r = ask_and_wait(of_session("echo", "a"));
	assert_int_equal(r->status.code, RPC_OK);
	assert_affinity(2, 0, 0, 1);
}

static void fence(uint32_t slot, bool fenced)
{
	atomic_store_explicit(&world.fakes[slot].link->open, !fenced,
			      memory_order_relaxed);
	front_kick(&world.front);
}

static void strict_waits_for_a_fenced_worker(void **state)
{
	struct reply *r;

	(void)state;
	configure(SNP_CFG_AFFINITY_STRICT_QUEUE);
	worker_up(0);
	assert_int_equal(ask_and_wait(of_session("echo", "a"))->status.code, RPC_OK);
	worker_up(1);
	fence(0, true);
	world_configured();
	r = ask_start(of_session("echo", "a"));
	wait_for_books(.ok = 1, .queued = 1);
	fence(0, false);
	reply_wait(r);
	assert_int_equal(r->status.code, RPC_OK);
	assert_int_equal(slot_of_reply(r), 0);
	assert_affinity(1, 1, 0, 0);
}

/* It works off what it has, for as long as that takes; the session's next request will
 * not be among it, so it does not wait for that. */
static void strict_session_ends_when_its_worker_drains(void **state)
{
	struct reply *busy, *waits, *r;

	(void)state;
	configure(SNP_CFG_AFFINITY_STRICT_QUEUE);
	worker_up(0);
	busy = hold_session("a");
	worker_up(1);
	waits = ask_start(of_session("echo", "a"));
	wait_for_books(.active = 1, .queued = 1);
	atomic_store(&world.fakes[0].link->closed, true);
	fence(0, true);
	reply_wait(waits);
	assert_string_equal(waits->kind, "session_lost");
	r = ask_and_wait(of_session("echo", "a"));
	assert_int_equal(r->status.code, RPC_OK);
	assert_int_equal(slot_of_reply(r), 1);
	release_and_check(busy);
	assert_books(.ok = 2, .error = 1);
}

/* A worker that could not be reached for a moment is still the session's. */
static void strict_session_survives_a_lost_connection(void **state)
{
	struct reply *r;

	(void)state;
	configure(SNP_CFG_AFFINITY_STRICT_QUEUE);
	worker_up(0);
	worker_up(1);
	r = ask_and_wait(of_session("echo", "a"));
	fake_stop(&world.fakes[slot_of_reply(r)]);
	fake_start(&world.fakes[slot_of_reply(r)]);
	for (unsigned i = 0; i < 4; i++) {
		struct reply *again = ask_and_wait(of_session("echo", "a"));

		/* the first may still have gone out on the old connection */
		if (i == 0 && strcmp(again->kind, "worker_died") == 0)
			continue;
		assert_int_equal(again->status.code, RPC_OK);
		assert_int_equal(slot_of_reply(again), slot_of_reply(r));
	}
}

/* ---- strict_fail_fast ---------------------------------------------------- */

static void fail_fast_fails_when_its_worker_is_busy(void **state)
{
	struct reply *busy, *r;

	(void)state;
	configure(SNP_CFG_AFFINITY_STRICT_FAIL_FAST);
	three_workers();
	busy = hold_session("a");
	r = ask_and_wait(of_session("echo", "a"));
	assert_int_equal(r->status.code, RPC_UNAVAILABLE);
	assert_string_equal(r->kind, "session_busy");
	assert_int_equal(ask_and_wait(of_session("echo", "b"))->status.code, RPC_OK);
	release_and_check(busy);
	r = ask_and_wait(of_session("echo", "a"));
	assert_int_equal(r->status.code, RPC_OK);
	assert_int_equal(slot_of_reply(r), slot_of_reply(busy));
	assert_int_equal(rejections_of(SNP_QUEUE_REJECTION_AFFINITY), 1);
}

static void fail_fast_fails_when_its_worker_is_gone(void **state)
{
	struct reply *r;

	(void)state;
	configure(SNP_CFG_AFFINITY_STRICT_FAIL_FAST);
	worker_up(0);
	assert_int_equal(ask_and_wait(of_session("echo", "a"))->status.code, RPC_OK);
	worker_down(0);
	worker_up(1);
	r = ask_and_wait(of_session("echo", "a"));
	assert_string_equal(r->kind, "session_lost");
	assert_affinity(1, 0, 0, 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define T(name) cmocka_unit_test_setup_teardown(name, world_set_up, world_tear_down)
	    T(session_comes_back_to_its_worker),
	    T(session_beyond_the_limit_is_refused),
	    T(session_name_too_long_is_invalid),
	    T(session_unused_for_its_time_is_closed_and_its_worker_told),
	    T(hint_takes_another_worker_when_its_own_is_busy),
	    T(hint_takes_another_worker_when_its_own_is_gone),
	    T(strict_waits_for_its_worker_and_holds_up_nobody),
	    T(strict_session_is_first_in_first_out),
	    T(strict_session_does_not_overtake_itself),
	    T(strict_lane_is_bounded),
	    T(strict_lane_obeys_deadline_cancel_and_drop),
	    T(strict_session_ends_with_its_worker),
	    T(strict_session_lost_while_idle_is_told_once),
	    T(strict_waits_for_a_fenced_worker),
	    T(strict_session_ends_when_its_worker_drains),
	    T(strict_session_survives_a_lost_connection),
	    T(fail_fast_fails_when_its_worker_is_busy),
	    T(fail_fast_fails_when_its_worker_is_gone),
	};
	int failed;

	log_init(LOG_LEVEL_ERROR, LOG_FORMAT_JSON, STDERR_FILENO);
	rpc_init(log_to_stderr);
	failed = cmocka_run_group_tests_name("runtime/affinity", tests, NULL, NULL);
	rpc_shutdown();
	log_fini();
	return failed;
}
