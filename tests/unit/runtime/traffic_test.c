/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Random clients, random failures, one reader: whatever happens, the books add up at
 * every look, counters never fall, each call ends once, and in the end every total
 * agrees.
 */
#include "request_client.h"

#include "log/log.h"

#define CLIENTS	   10
#define SECONDS	   5  /* at least */
#define CALLS	   10 /* of a client, at least */
#define LOOKS	   100
#define CHAOS_MS   100 /* a worker dies or comes back this often */
#define NAME_BYTES 16
#define SESSIONS   6 /* open at one time in a pool; clients use twice as many names */

/* One call after the other until told to stop; all on the client's loop. */
struct client {
	struct reply reply; /* first member; of the call under way */
	struct test_random random;
	struct rpc_timer cancel;
	char tool[NAME_BYTES], session[NAME_BYTES];
	uint64_t calls, ended, ok, tool_errors, codes[RPC_CODE_NR];
	bool twice;
};

static struct client clients[CLIENTS];
static bool stopping; /* client loop */
static atomic_uint running;

static void client_next(struct client *c);

static void client_done(struct rpc_call *call, const struct rpc_status *status)
{
	struct reply *r = rpc_call_user(call);
	struct client *c = (struct client *)(void *)r;

	(void)rpc_timer_cancel(world.client_loop, &c->cancel);
	c->ended++;
	c->twice |= c->ended != c->calls;
	c->codes[status->code]++;
	if (status->code == RPC_OK && r->outcome == RPC_OUTCOME_ERROR)
		c->tool_errors++;
	else
		c->ok += status->code == RPC_OK;
	c->twice |= r->is_undecodable || r->is_disordered;
	rpc_call_unref(r->call);
	client_next(c);
}

static void client_cancel(struct rpc_timer *timer)
{
	struct client *c =
	    (struct client *)(void *)((char *)timer - offsetof(struct client, cancel));

	rpc_call_cancel(c->reply.call);
}

static void client_choose(struct client *c)
{
	static const char *const tools[] = {"echo",    "fail", "slow", "slow",
					    "missing", "hold", "count"};
	const char *tool = tools[test_random_below(&c->random, 7)];
	struct ask *ask = &c->reply.ask;

	(void)snprintf(c->tool, sizeof(c->tool), "%s", tool);
	*ask = (struct ask){
	    .tool = c->tool,
	    .protocol = test_random_below(&c->random, 4) ? BY_POOL : BY_BRIDGE,
	    .stream =
		test_random_below(&c->random, 3) == 0 || strcmp(tool, "count") == 0,
	    .pool = test_random_below(&c->random, 3) ? WORLD_LONG_POOL : "other",
	};
	if (strcmp(tool, "fail") == 0)
		ask->stream = false;
	if (test_random_below(&c->random, 40) == 0)
		ask->pool = "nowhere";
	if (test_random_below(&c->random, 40) == 0)
		c->tool[0] = '\0';
	if (test_random_below(&c->random, 8) == 0)
		(void)snprintf(c->tool, sizeof(c->tool), "tool-%u",
			       test_random_below(&c->random, 100));
	if (test_random_below(&c->random, 2)) {
		(void)snprintf(c->session, sizeof(c->session), "session-%u",
			       test_random_below(&c->random, 2 * SESSIONS));
		ask->session = c->session;
	}
	ask->idempotent = test_random_below(&c->random, 3) == 0;
	/* what never ends by itself must be given an end */
	if (strcmp(tool, "hold") == 0 || test_random_below(&c->random, 4) == 0)
		ask->deadline_ms = 1 + test_random_below(&c->random, 40);
}

static void client_next(struct client *c)
{
	static const struct rpc_call_ops ops = {.on_message = reply_message,
						.on_done = client_done};
	struct rpc_buf *buf;

	if (stopping && c->calls > CALLS) {
		atomic_fetch_sub(&running, 1);
		return;
	}
	c->reply = (struct reply){.messages = LATCH_INIT, .done = LATCH_INIT};
	client_choose(c);
	buf = ask_encode(&c->reply.ask);
	c->calls++;
	SNP_CHECK(ask_send(&c->reply, buf, &ops) == 0);
	rpc_buf_unref(buf);
	if (test_random_below(&c->random, 5) == 0)
		rpc_timer_start(
		    world.client_loop, &c->cancel,
		    snp_mono_add_ms(snp_mono_now(), test_random_below(&c->random, 20)),
		    client_cancel);
}

static void start_clients(void *arg)
{
	(void)arg;
	stopping = false;
	for (unsigned i = 0; i < CLIENTS; i++) {
		memset(&clients[i], 0, sizeof(clients[i]));
		clients[i].random = test_random_seeded(i);
		atomic_fetch_add(&running, 1);
		client_next(&clients[i]);
	}
}

static void stop_clients(void *arg)
{
	(void)arg;
	stopping = true;
}

/* ---- The reader ---------------------------------------------------------- */

static uint64_t ended_before[WORLD_POOLS], ok_before[WORLD_POOLS];

/* The identity itself is in books_seen(). */
static void check_books(void)
{
	look();
	for (uint32_t i = 0; i < WORLD_POOLS; i++) {
		struct books b = books_seen(i);
		const uint32_t workers = world.cfg[i].workers;

		assert_true(b.ok >= ok_before[i]);
		assert_true(b.ok + b.error >= ended_before[i]);
		assert_true(b.queued <= world.cfg[i].queue.limit + CLIENTS);
		assert_true(b.active <= workers + CLIENTS);
		assert_true(seen("snakepit.session.active", i, 0) <= SESSIONS);
		ok_before[i] = b.ok;
		ended_before[i] = b.ok + b.error;
	}
}

/* ---- The supervisor ------------------------------------------------------ */

static void revive(uint32_t slot, uint32_t capacity)
{
	worker_down(slot); /* what was noticed only by the requests on it */
	fake_start(&world.fakes[slot]);
	link_open(slot, capacity);
	link_publish(slot);
}

/* One slot has a bad moment; two times of three one that is down comes back first. */
static void disturb(struct test_random *random)
{
	uint32_t slot = test_random_below(random, WORLD_SLOTS);

	mailbox_drain(&world.mailbox);
	for (uint32_t i = 0; i < WORLD_SLOTS; i++)
		if ((!world.fakes[i].link || !world.fakes[i].server) &&
		    test_random_below(random, 3))
			revive(i, 1 + test_random_below(random, 3));
	switch (test_random_below(random, 3)) {
	case 0:
		fake_cut(&world.fakes[slot]); /* a lost connection, the worker lives */
		break;
	case 1:
		fake_stop(&world.fakes[slot]); /* not noticed by the supervisor yet */
		break;
	default:
		worker_down(slot);
	}
}

/* What operators do while it runs: another configuration, a pool closed and opened. */
static void operate(struct test_random *random)
{
	static struct snp_cfg_pool cfgs[WORLD_POOLS][2]; /* one is in use */
	static unsigned turn;
	uint32_t i = test_random_below(random, WORLD_POOLS);
	struct snp_cfg_pool *cfg = &cfgs[i][turn++ % 2];
	enum pool_admission admission = POOL_OPEN;

	if (test_random_below(random, 4) == 0)
		admission = test_random_below(random, 2) ? POOL_DRAINED : POOL_DOWN;
	front_pool_admission(&world.front, world.pools[i], admission, "by the test");
	if (world.pools[i]->cfg == cfg)
		return;
	*cfg = world.cfg[i];
	cfg->affinity = (enum snp_cfg_affinity)test_random_below(random, 3);
	front_set_config(&world.front, world.pools[i], cfg);
}

static void all_up(void)
{
	for (uint32_t slot = 0; slot < WORLD_SLOTS; slot++) {
		if (!world.fakes[slot].link || !world.fakes[slot].server)
			revive(slot, 1);
	}
}

/* ---- The end ------------------------------------------------------------- */

static uint64_t sessions_created(void)
{
	uint64_t created = 0;

	for (uint32_t i = 0; i < WORLD_POOLS; i++)
		created += seen("snakepit.sessions.created", i, 0);
	return created;
}

static uint64_t refused_in_all(void)
{
	uint64_t refused = 0;

	for (uint32_t i = 0; i < SNP_FAILURE_CODE_NR; i++)
		refused += seen("snakepit.frontdoor.refusals", 0, i);
	return refused;
}

/* By the last look. All that the checks below are about: on a slow machine it takes
 * longer. */
static bool has_happened(void)
{
	const struct books b = books_seen(0);
	bool all = b.ok > 0 && b.error > 0 && refused_in_all() > 0 &&
		   sessions_created() > 2 * SESSIONS;

	for (uint32_t how = 0; how < SNP_AFFINITY_NR; how++)
		all = all && seen("snakepit.session.affinity", 0, how) > 0;
	return all;
}

static void check_calls(uint64_t *ret_ok, uint64_t *ret_calls)
{
	*ret_ok = *ret_calls = 0;
	for (unsigned i = 0; i < CLIENTS; i++) {
		const struct client *c = &clients[i];

		assert_int_equal(c->calls, c->ended);
		assert_false(c->twice);
		assert_false(c->reply.is_out_of_turn);
		/* bugs of ours would come as one of these */
		assert_int_equal(c->codes[RPC_INTERNAL], 0);
		assert_int_equal(c->codes[RPC_UNKNOWN], 0);
		assert_int_equal(c->codes[RPC_UNIMPLEMENTED], 0);
		*ret_ok += c->ok;
		*ret_calls += c->calls;
	}
}

static bool all_ended(void)
{
	struct books a, b;

	look();
	a = books_seen(0);
	b = books_seen(1);
	return a.active + a.queued + b.active + b.queued == 0;
}

/* Each request of a session that reached a worker, or lost it, is one of these. */
static void check_sessions(uint64_t requests)
{
	uint64_t affinity = 0, open = 0;

	for (uint32_t i = 0; i < WORLD_POOLS; i++) {
		for (uint32_t how = 0; how < SNP_AFFINITY_NR; how++) {
			affinity += seen("snakepit.session.affinity", i, how);
		}
		open += seen("snakepit.session.active", i, 0);
	}
	assert_true(affinity <= requests);
	assert_true(sessions_created() >= open);
}

static void check_totals(uint64_t ok_seen, uint64_t calls)
{
	uint64_t requests = 0, errors = 0, ok = 0, refused, at_workers = 0;
	uint64_t tools = 0, failures = 0, retries = 0;

	look();
	for (uint32_t i = 0; i < WORLD_POOLS; i++) {
		struct books b = books_seen(i);

		assert_int_equal(b.active, 0);
		assert_int_equal(b.queued, 0);
		ok += b.ok;
		errors += b.error;
		requests += b.ok + b.error;
	}
	refused = refused_in_all();
	for (uint32_t i = 0; i < snp_snapshot_rows_nr(world.snapshot, SNP_ROW_TOOL);
	     i++) {
		tools += seen("snakepit.requests", i, 0);
		failures += failures_seen(i);
		retries += seen("snakepit.request.retries", i, 0);
	}
	for (uint32_t i = 0; i < WORLD_SLOTS; i++) {
		uint32_t row = slot_of(i)->worker_row;

		assert_int_equal(seen("snakepit.worker.request.active", row, 0), 0);
		at_workers += seen("snakepit.worker.requests", row, 0);
	}
	assert_int_equal(tools, requests);
	assert_int_equal(failures, errors);
	/* a client may have given up before its request came in, or on its result */
	assert_true(requests + refused <= calls);
	assert_true(ok >= ok_seen);
	assert_true(at_workers >= ok && at_workers <= requests + retries);
	assert_true(ok_seen > 0);
	check_sessions(ok + errors);
	print_message("%llu calls, %llu ok, %llu failed, %llu refused, %llu retried\n",
		      (unsigned long long)calls, (unsigned long long)ok,
		      (unsigned long long)errors, (unsigned long long)refused,
		      (unsigned long long)retries);
}

static void random_traffic_keeps_the_books(void **state)
{
	const snp_mono_t begin = snp_mono_now();
	const snp_mono_t end = snp_mono_add_ms(begin, SECONDS * UINT64_C(1000));
	const snp_mono_t late = snp_mono_add_ms(begin, SNP_TEST_DEADLINE_MS);
	struct test_random random = test_random_seeded(1000);
	snp_mono_t next = snp_mono_now();
	uint64_t looks = 0, ok, calls;

	(void)state;
	for (unsigned i = 0; i < WORLD_POOLS; i++) {
		world.cfg[i].queue.limit = 6;
		world.cfg[i].queue.timeout_ms = 200;
		world.cfg[i].sessions = (struct snp_cfg_sessions){
		    .limit = SESSIONS, .ttl_s = 1, .queue_limit = 3};
		ok_before[i] = ended_before[i] = 0;
	}
	world_configured();
	all_up();
	rpc_loop_run(world.client_loop, start_clients, NULL);
	for (; looks < LOOKS || snp_mono_now().ns < end.ns || !has_happened();
	     looks++) {
		assert_true(snp_mono_now().ns < late.ns);
		check_books();
		if (snp_mono_now().ns >= next.ns) {
			disturb(&random);
			operate(&random);
			next = snp_mono_add_ms(snp_mono_now(), CHAOS_MS);
		}
	}
	all_up();
	for (unsigned i = 0; i < WORLD_POOLS; i++)
		front_pool_admission(&world.front, world.pools[i], POOL_OPEN, NULL);
	rpc_loop_run(world.client_loop, stop_clients, NULL);
	for (; atomic_load(&running); looks++) {
		assert_true(snp_mono_now().ns < late.ns);
		check_books();
	}
	check_calls(&ok, &calls);
	/* the client's end of a cancelled call is not yet the end of it here */
	wait_until(all_ended());
	check_totals(ok, calls);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(random_traffic_keeps_the_books,
					    world_set_up, world_tear_down),
	};
	int failed;

	log_init(LOG_LEVEL_ERROR, LOG_FORMAT_JSON, STDERR_FILENO);
	rpc_init(NULL);
	failed = cmocka_run_group_tests_name("runtime/traffic", tests, NULL, NULL);
	rpc_shutdown();
	log_fini();
	return failed;
}
