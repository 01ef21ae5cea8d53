/* SPDX-License-Identifier: Apache-2.0 */
/*
 * request_world.h - a front door with its pools and event loops in this process, fake
 * workers behind it and a client before it, all over unix sockets; the test's thread is
 * the supervisor. What the books say is read as any reader does, from the segment.
 */
#ifndef REQUEST_WORLD_H
#define REQUEST_WORLD_H

#include "snp_test.h"

#include <fcntl.h>
#include <string.h>
#include <sys/socket.h>

#include "../rpc/rpc_fixture.h"
#include "core/front.h"
#include "pool/request.h"
#include "rpc/call.h"
#include "rpc/messages.h"
#include "snakepit/check.h"
#include "snakepit/read.h"
#include "test_random.h"
#include "worker/link.h"

#define WORLD_WORKERS	 3 /* slots of pool 0; pool 1 has one */
#define WORLD_POOLS	 2
#define WORLD_SLOTS	 (WORLD_WORKERS + 1)
#define WORLD_CHUNKS	 40
#define WORLD_FLOOD	 100
#define WORLD_REPLIES	 64
#define WORLD_TOOLS	 8
#define WORLD_SEEN	 8
#define FAKE_CONNECTIONS 64

/* ---- One fake worker and the slot it is in ------------------------------- */

struct fake {
	uint32_t slot; /* over all pools */
	char address[96];
	struct rpc_server *server;
	struct acceptor acceptor;
	pthread_mutex_t mutex;	   /* protects: fds, fds_nr */
	int fds[FAKE_CONNECTIONS]; /* duplicates of its connections, to cut them */
	unsigned fds_nr;
	atomic_bool mute;	  /* does not answer heartbeats */
	rpc_handler_fn telemetry; /* of StreamTelemetry; NULL: not served */
	struct link *link;
	uint64_t incarnation;
};

/* A call that the fake has not answered yet. */
struct held {
	struct held *next, **link;
	struct rpc_server_call *call;
	struct rpc_timer timer;
	bool stream;
};

struct world {
	char dir[64];
	struct snp_writer *writer;
	struct snp_segment *segment;
	struct snp_snapshot *snapshot;
	struct snp_cfg_pool cfg[WORLD_POOLS];
	struct snp_cfg_telemetry_events telemetry; /* off */
	struct pool *pools[WORLD_POOLS];
	struct event_loop loop;
	struct front front;
	struct acceptor acceptor; /* of the front door */
	char address[96];
	struct mailbox mailbox;
	atomic_uint answered; /* of the links' news */
	bool drained;
	atomic_uint idle;
	struct rpc_loop *fake_loop;
	struct fake fakes[WORLD_SLOTS];
	struct held *held; /* fake loop */
	atomic_uint n_held, handled, cancelled, cleaned, flooded;
	/* The traceparent that came with number n of `handled`, "" for none. */
	char seen_parent[WORLD_SEEN][TRACE_PARENT_BYTES];
	struct rpc_loop *client_loop;
	struct rpc_channel *channel;
	struct reply *replies[WORLD_REPLIES];
	unsigned replies_nr;
};

static struct world world;

static inline struct pool *pool_of(uint32_t slot)
{
	return world.pools[slot < WORLD_WORKERS ? 0 : 1];
}

static inline struct pool_slot *slot_of(uint32_t slot)
{
	return &pool_of(slot)->slots[slot < WORLD_WORKERS ? slot : 0];
}

static inline void world_nothing(void *arg)
{
	(void)arg;
}

/* What the test has changed in the configuration is in force. */
static inline void world_configured(void)
{
	rpc_loop_run(world.front.loop.rpc, world_nothing, NULL);
}

/* Workers may have a loop of their own or share the front door's: some of each. */
static inline struct event_loop *loop_of(uint32_t slot)
{
	return slot % 2 ? &world.front.loop : &world.loop;
}

/* Needs the world above. */
#include "request_fake.h"

/* ---- Its life ------------------------------------------------------------ */

static inline void fake_connection(void *user, int fd)
{
	struct fake *f = user;
	int copy = fcntl(fd, F_DUPFD_CLOEXEC, 0);

	pthread_mutex_lock(&f->mutex);
	if (f->fds_nr < FAKE_CONNECTIONS && copy >= 0)
		f->fds[f->fds_nr++] = copy;
	else if (copy >= 0)
		close(copy);
	pthread_mutex_unlock(&f->mutex);
	(void)rpc_server_add_fd(f->server, fd);
}

/* What the peers see is what the end of a process looks like. */
static inline void fake_cut(struct fake *f)
{
	pthread_mutex_lock(&f->mutex);
	while (f->fds_nr) {
		int fd = f->fds[--f->fds_nr];

		(void)shutdown(fd, SHUT_RDWR);
		close(fd);
	}
	pthread_mutex_unlock(&f->mutex);
}

static inline void fake_start(struct fake *f)
{
	const struct rpc_listener_opts opts = {.on_connection = fake_connection,
					       .user = f};

	if (f->server)
		return;
	assert_int_equal(rpc_server_create(NULL, &f->server, NULL), 0);
	assert_int_equal(
	    rpc_server_method(f->server, RPC_METHOD_BRIDGE_EXECUTE, fake_execute, f),
	    0);
	assert_int_equal(rpc_server_method(f->server, RPC_METHOD_BRIDGE_EXECUTE_STREAM,
					   fake_execute_stream, f),
			 0);
	assert_int_equal(rpc_server_method(f->server, RPC_METHOD_BRIDGE_HEARTBEAT,
					   fake_heartbeat, f),
			 0);
	if (f->telemetry)
		assert_int_equal(rpc_server_method(f->server,
						   RPC_METHOD_BRIDGE_TELEMETRY,
						   f->telemetry, f),
				 0);
	assert_int_equal(rpc_server_method(f->server, RPC_METHOD_BRIDGE_CLEANUP_SESSION,
					   fake_cleanup, f),
			 0);
	assert_int_equal(rpc_server_start(f->server, &world.fake_loop, 1, NULL), 0);
	acceptor_start(&f->acceptor, f->address, &opts);
}

static inline void fake_stop(struct fake *f)
{
	if (!f->server)
		return;
	acceptor_stop(&f->acceptor);
	fake_cut(f);
	server_stop(&f->server, 0);
}

/* ---- Links: the test is the supervisor ----------------------------------- */

static inline void on_link_news(struct link *link, enum link_news news, void *user)
{
	(void)link;
	(void)user;
	if (news == LINK_ANSWERED)
		atomic_fetch_add(&world.answered, 1);
}

static inline void link_open(uint32_t slot, uint32_t capacity)
{
	struct fake *f = &world.fakes[slot];
	struct pool *pool = pool_of(slot);
	char id[LINK_WORKER_ID_BYTES];
	const struct link_options options = {
	    .address = f->address,
	    .worker_id = id,
	    .pool = pool->index,
	    .slot = slot < WORLD_WORKERS ? slot : 0,
	    .incarnation = ++f->incarnation,
	    .pid = 4711,
	    .capacity = capacity,
	    .row = snp_worker_row(world.writer, slot_of(slot)->worker_row),
	    .inflight = &slot_of(slot)->inflight,
	    .loop = loop_of(slot),
	    .heartbeat = &pool->cfg->heartbeat,
	    .telemetry = &world.telemetry,
	    .answer_timeout_ms = WAIT_MS,
	    .news_box = &world.mailbox,
	    .on_news = on_link_news,
	};

	(void)snprintf(id, sizeof(id), "%s/%u#%llu", pool->cfg->name, options.slot,
		       (unsigned long long)f->incarnation);
	assert_int_equal(link_create(&options, &f->link, NULL), 0);
	link_start(f->link);
}

static inline void link_publish(uint32_t slot)
{
	struct fake *f = &world.fakes[slot];

	atomic_store_explicit(&f->link->open, true, memory_order_relaxed);
	rcu_set(&slot_of(slot)->link, f->link);
	front_kick(&world.front);
}

static inline void link_let_go(struct rcu_later *later)
{
	link_unref(
	    (struct link *)(void *)((char *)later - offsetof(struct link, later)));
}

static inline void link_withdraw(uint32_t slot)
{
	struct fake *f = &world.fakes[slot];
	struct link *link = f->link;

	if (!link)
		return;
	f->link = NULL;
	atomic_store_explicit(&link->open, false, memory_order_relaxed);
	rcu_set(&slot_of(slot)->link, NULL);
	link_stop(link);
	rcu_defer(&link->later, link_let_go);
	front_kick(&world.front);
}

/* A worker that takes requests, with one call at a time unless said otherwise. */
static inline void worker_up(uint32_t slot)
{
	fake_start(&world.fakes[slot]);
	link_open(slot, 1);
	link_publish(slot);
}

static inline void worker_down(uint32_t slot)
{
	fake_stop(&world.fakes[slot]);
	link_withdraw(slot);
}

static inline void release_on_loop(void *arg)
{
	const unsigned *n = arg;

	for (unsigned i = 0; i < *n && world.held; i++)
		held_finish(world.held);
}

/* Let up to `n` held calls end. */
static inline void world_release(unsigned n)
{
	rpc_loop_run(world.fake_loop, release_on_loop, &n);
}

static inline void on_world_idle(void *user)
{
	(void)user;
	atomic_fetch_add(&world.idle, 1);
}

static inline void world_drain(void)
{
	world.drained = true;
	front_drain(&world.front, on_world_idle, NULL);
}

/* ---- Set-up -------------------------------------------------------------- */

static inline struct snp_cfg_pool world_pool(const char *name, uint32_t workers)
{
	return (struct snp_cfg_pool){
	    .name = (char *)(uintptr_t)name,
	    .adapter = (char *)(uintptr_t) "demo.Adapter",
	    .workers = workers,
	    .queue = {.limit = 8, .timeout_ms = WAIT_MS},
	    .request_timeout_ms = 2 * WAIT_MS,
	    .stream_timeout_ms = 2 * WAIT_MS,
	    .max_tools = WORLD_TOOLS,
	    .sessions = {.limit = 100, .ttl_s = 3600, .queue_limit = 16},
	    .heartbeat = {.ping_interval_ms = 20,
			  .timeout_ms = 2000,
			  .max_missed_heartbeats = 3,
			  .jitter_ms = 5,
			  .dependent = true,
			  .enforce = true},
	};
}

/* A name as long as names may be, so that a longer one can begin with it. */
#define WORLD_LONG_POOL                                                                \
	"pool-with-a-name-of-63-bytes-xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"
static_assert(sizeof(WORLD_LONG_POOL) == SNP_FMT_NAME_BYTES, "as long as it may be");

static inline void world_make_segment(void)
{
	const struct snp_writer_options options = {
	    .dir = world.dir,
	    .instance = "unit",
	    .pools_max = WORLD_POOLS,
	    .workers_max = WORLD_SLOTS,
	    .tools_max = WORLD_POOLS * (WORLD_TOOLS + 1),
	    .banks_max = 4,
	    .flags = SNP_WRITER_ALLOW_DISK,
	};

	assert_int_equal(snp_writer_create(&options, &world.writer, NULL), 0);
	world.cfg[0] = world_pool(WORLD_LONG_POOL, WORLD_WORKERS);
	world.cfg[1] = world_pool("other", 1);
	for (int i = 0; i < WORLD_POOLS; i++) {
		assert_int_equal(
		    pool_create(&world.cfg[i], world.writer, &world.pools[i], NULL), 0);
		for (uint32_t slot = 0; slot < world.cfg[i].workers; slot++) {
			struct pool_slot *place = &world.pools[i]->slots[slot];

			inflight_init(&place->inflight, world.writer, place->worker_row,
				      1);
		}
	}
	snp_writer_heartbeat(world.writer, 0, 1);
	assert_int_equal(snp_writer_publish(world.writer, NULL), 0);
	assert_int_equal(
	    snp_segment_attach(snp_writer_path(world.writer), &world.segment, NULL), 0);
}

static inline void front_connection(void *user, int fd)
{
	front_add_connection(user, fd, FRONT_UNIX);
}

static inline void world_make_front(void)
{
	const struct rpc_listener_opts opts = {.on_connection = front_connection,
					       .user = &world.front};

	assert_int_equal(
	    event_loop_init(&world.loop, "loop", world.writer, EVENT_LOOP_PLAIN, NULL),
	    0);
	world.front.accept_correlation = true;
	assert_int_equal(
	    front_init(&world.front, world.writer, world.pools, WORLD_POOLS, NULL), 0);
	(void)snprintf(world.address, sizeof(world.address), "unix:%s/front",
		       world.dir);
	acceptor_start(&world.acceptor, world.address, &opts);
}

static inline int world_set_up(void **state)
{
	(void)state;
	memset(&world, 0, sizeof(world));
	snp_test_tmpdir_make(world.dir, sizeof(world.dir));
	world_make_segment();
	world_make_front();
	assert_int_equal(mailbox_init(&world.mailbox, NULL), 0);
	assert_int_equal(rpc_loop_create("fakes", NULL, NULL, &world.fake_loop, NULL),
			 0);
	for (uint32_t i = 0; i < WORLD_SLOTS; i++) {
		struct fake *f = &world.fakes[i];

		f->slot = i;
		pthread_mutex_init(&f->mutex, NULL);
		(void)snprintf(f->address, sizeof(f->address), "unix:%s/w%u", world.dir,
			       i);
	}
	assert_int_equal(
	    rpc_loop_create("client", NULL, NULL, &world.client_loop, NULL), 0);
	assert_int_equal(rpc_channel_create(world.address, NULL, &world.channel, NULL),
			 0);
	return 0;
}

static inline void world_end_requests(void)
{
	struct latch stopped = LATCH_INIT;

	if (!world.drained)
		world_drain();
	front_drop_queues(&world.front);
	for (uint32_t i = 0; i < WORLD_SLOTS; i++)
		worker_down(i);
	acceptor_stop(&world.acceptor);
	front_shutdown(&world.front, 0, on_server_stopped, &stopped);
	latch_wait(&stopped, 1);
	front_close(&world.front);
}

struct reply;
static inline void world_end_replies(void);

static inline int world_tear_down(void **state)
{
	(void)state;
	world_end_requests();
	mailbox_drain(&world.mailbox);
	rcu_wait();
	world_end_replies();
	event_loop_fini(&world.loop, world.writer);
	mailbox_drain(&world.mailbox);
	front_fini(&world.front, world.writer);
	for (int i = 0; i < WORLD_POOLS; i++)
		pool_destroy(&world.pools[i]);
	rpc_channel_destroy(&world.channel);
	rpc_loop_destroy(&world.client_loop);
	rpc_loop_destroy(&world.fake_loop);
	mailbox_fini(&world.mailbox);
	snp_snapshot_destroy(&world.snapshot);
	snp_segment_detach(&world.segment);
	snp_writer_remove(&world.writer);
	for (uint32_t i = 0; i < WORLD_SLOTS; i++)
		pthread_mutex_destroy(&world.fakes[i].mutex);
	snp_test_tmpdir_remove(world.dir);
	return 0;
}

#endif
