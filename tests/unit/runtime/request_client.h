/* SPDX-License-Identifier: Apache-2.0 */
/*
 * request_client.h - a client of the world's front door that records what came of each
 * request, and a reader that says what the books have to say.
 */
#ifndef REQUEST_CLIENT_H
#define REQUEST_CLIENT_H

#include "request_world.h"

/* ---- Asking -------------------------------------------------------------- */

enum protocol { BY_POOL, BY_BRIDGE };

struct ask {
	const char *pool; /* NULL: none named; BY_BRIDGE: as metadata */
	const char *tool;
	enum protocol protocol;
	bool stream;
	bool reads_slowly;    /* a stream: only what reply_read_on() grants */
	uint32_t deadline_ms; /* 0: none */
	const char *correlation, *traceparent;
	const char *key;     /* under which the program itself calls */
	const char *session; /* NULL: none */
	bool idempotent;     /* says the client */
};

/* What came of one request; read it when `done` says so. */
struct reply {
	struct latch messages, done;
	struct ask ask;
	struct rpc_call *call;
	struct rpc_status status;
	unsigned n_messages, dones;
	bool is_out_of_turn, is_undecodable, is_disordered;
	enum rpc_outcome outcome;
	char result[64], error_type[64], error_message[64];
	char worker_id[LINK_WORKER_ID_BYTES];
	uint64_t queue_wait_ns, service_ns;
	/* What the worker received. */
	char seen_correlation[RPC_CORRELATION_BYTES], seen_traceparent[64];
	char seen_worker[LINK_WORKER_ID_BYTES];
	char trailing_id[RPC_CORRELATION_BYTES];
	char kind[32], retry_after[16], pushback[16];
};

static inline void copy_str(char *dst, size_t size, struct rpc_str s)
{
	(void)snprintf(dst, size, "%.*s", (int)s.len, s.data ? s.data : "");
}

static inline void reply_take_response(struct reply *r, struct rpc_buf *message,
				       struct rpc_arena *arena)
{
	struct rpc_execute_response in;
	int rc = r->ask.protocol == BY_POOL
		     ? rpc_pool_decode_execute_response(message, arena, &in, NULL)
		     : rpc_bridge_decode_execute_response(message, arena, &in, NULL);

	if (rc < 0) {
		r->is_undecodable = true;
		return;
	}
	r->outcome = in.outcome;
	r->queue_wait_ns = in.queue_wait_ns;
	r->service_ns = in.service_ns;
	(void)snprintf(r->worker_id, sizeof(r->worker_id), "%s",
		       in.worker_id ? in.worker_id : "");
	if (in.outcome == RPC_OUTCOME_ERROR) {
		(void)snprintf(r->error_type, sizeof(r->error_type), "%s",
			       in.error.type);
		(void)snprintf(r->error_message, sizeof(r->error_message), "%s",
			       in.error.message);
		return;
	}
	copy_str(r->result, sizeof(r->result), in.result_json);
	copy_str(r->seen_correlation, sizeof(r->seen_correlation),
		 rpc_pairs_get(&in.metadata, "correlation"));
	copy_str(r->seen_traceparent, sizeof(r->seen_traceparent),
		 rpc_pairs_get(&in.metadata, "traceparent"));
	copy_str(r->seen_worker, sizeof(r->seen_worker),
		 rpc_pairs_get(&in.metadata, "worker"));
}

static inline void reply_take_chunk(struct reply *r, struct rpc_buf *message,
				    struct rpc_arena *arena)
{
	char expected[16];
	struct rpc_chunk in;
	int rc = r->ask.protocol == BY_POOL
		     ? rpc_pool_decode_chunk(message, arena, &in, NULL)
		     : rpc_bridge_decode_chunk(message, arena, &in, NULL);

	if (rc < 0) {
		r->is_undecodable = true;
		return;
	}
	(void)snprintf(expected, sizeof(expected), "%u", r->n_messages);
	r->is_disordered |= !rpc_str_equal(in.data, rpc_str_of(expected));
	r->is_disordered |=
	    (in.position == RPC_CHUNK_FINAL) != (r->n_messages + 1 == WORLD_CHUNKS);
}

static inline void reply_message(struct rpc_call *call, struct rpc_buf *message)
{
	struct reply *r = rpc_call_user(call);
	struct rpc_arena arena;

	r->is_out_of_turn |= r->dones > 0;
	rpc_arena_init(&arena, 0);
	if (r->ask.stream)
		reply_take_chunk(r, message, &arena);
	else
		reply_take_response(r, message, &arena);
	rpc_arena_fini(&arena);
	r->n_messages++;
	if (r->ask.stream && !r->ask.reads_slowly)
		rpc_call_read_more(call);
	latch_up(&r->messages);
}

static inline void reply_done(struct rpc_call *call, const struct rpc_status *status)
{
	struct reply *r = rpc_call_user(call);

	r->dones++;
	r->status = *status;
	copy_str(
	    r->trailing_id, sizeof(r->trailing_id),
	    rpc_md_in_get(rpc_call_trailing_metadata(call), RPC_MD_CORRELATION_ID));
	copy_str(r->kind, sizeof(r->kind),
		 rpc_md_in_get(rpc_call_trailing_metadata(call), ERROR_KIND_KEY));
	copy_str(r->retry_after, sizeof(r->retry_after),
		 rpc_md_in_get(rpc_call_trailing_metadata(call), "retry-after-ms"));
	copy_str(
	    r->pushback, sizeof(r->pushback),
	    rpc_md_in_get(rpc_call_trailing_metadata(call), "grpc-retry-pushback-ms"));
	latch_up(&r->done);
}

static inline struct rpc_buf *ask_encode(const struct ask *ask)
{
	const struct rpc_execute_request request = {
	    .pool = ask->protocol == BY_POOL && ask->pool ? ask->pool : "",
	    .tool = ask->tool,
	    .session_id = ask->session ? ask->session : "",
	    .stream = ask->stream,
	};
	struct rpc_buf *buf = NULL;

	SNP_CHECK((ask->protocol == BY_POOL
		       ? rpc_pool_encode_execute_request(&request, &buf)
		       : rpc_bridge_encode_execute_request(&request, &buf)) == 0);
	return buf;
}

static inline const char *ask_method(const struct ask *ask)
{
	if (ask->protocol == BY_POOL)
		return ask->stream ? RPC_METHOD_POOL_EXECUTE_STREAM
				   : RPC_METHOD_POOL_EXECUTE;
	return ask->stream ? RPC_METHOD_BRIDGE_EXECUTE_STREAM
			   : RPC_METHOD_BRIDGE_EXECUTE;
}

/* Start `r->ask` with these bytes as its message; any thread. */
static inline int ask_send(struct reply *r, struct rpc_buf *buf,
			   const struct rpc_call_ops *ops)
{
	const struct ask *ask = &r->ask;
	struct rpc_md_list md = {0};
	const struct rpc_call_args args = {
	    .channel = world.channel,
	    .loop = world.client_loop,
	    .method = ask_method(ask),
	    .request = buf,
	    .metadata = &md,
	    .deadline = {ask->deadline_ms
			     ? snp_mono_add_ms(snp_mono_now(), ask->deadline_ms).ns
			     : 0},
	    .flags = ask->stream ? RPC_CALL_SERVER_STREAM : RPC_CALL_UNARY,
	    .ops = ops,
	    .user = r,
	};

	if (ask->protocol == BY_BRIDGE && ask->pool)
		(void)rpc_md_add(&md, "x-snakepit-pool", rpc_str_of(ask->pool));
	if (ask->correlation)
		(void)rpc_md_add(&md, RPC_MD_CORRELATION_ID,
				 rpc_str_of(ask->correlation));
	if (ask->traceparent)
		(void)rpc_md_add(&md, RPC_MD_TRACEPARENT, rpc_str_of(ask->traceparent));
	if (ask->key)
		(void)rpc_md_add(&md, RPC_MD_C_API, rpc_str_of(ask->key));
	if (ask->idempotent)
		(void)rpc_md_add(&md, "x-snakepit-idempotent", rpc_str_of("true"));
	return rpc_call_start(&args, &r->call);
}

static const struct rpc_call_ops reply_ops = {.on_message = reply_message,
					      .on_done = reply_done};

/* Start a request with any bytes as its message. The reply is the world's. */
static inline struct reply *ask_start_bytes(struct ask ask, struct rpc_buf *buf)
{
	struct reply *r = calloc(1, sizeof(*r));

	assert_non_null(r);
	assert_true(world.replies_nr < WORLD_REPLIES);
	world.replies[world.replies_nr++] = r;
	r->messages = (struct latch)LATCH_INIT;
	r->done = (struct latch)LATCH_INIT;
	r->ask = ask;
	assert_int_equal(ask_send(r, buf, &reply_ops), 0);
	return r;
}

static inline struct reply *ask_start(struct ask ask)
{
	struct rpc_buf *buf = ask_encode(&ask);
	struct reply *r = ask_start_bytes(ask, buf);

	rpc_buf_unref(buf);
	return r;
}

/* Wait for the end, and check what holds of every request. */
static inline void reply_wait(struct reply *r)
{
	latch_wait(&r->done, 1);
	assert_int_equal(r->dones, 1);
	assert_false(r->is_out_of_turn);
	assert_false(r->is_undecodable);
	assert_false(r->is_disordered);
	if (r->status.code == RPC_OK && !r->ask.stream)
		assert_int_equal(r->n_messages, 1);
	else if (!r->ask.stream)
		assert_int_equal(r->n_messages, 0);
}

static inline struct reply *ask_and_wait(struct ask ask)
{
	struct reply *r = ask_start(ask);

	reply_wait(r);
	return r;
}

#define ask_tool(name) ((struct ask){.tool = (name)})

/* A request with a trace of its client's, which that samples. */
#define TRACEPARENT "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
#define TRACE_HI    UINT64_C(0x0af7651916cd43dd)
#define TRACE_LO    UINT64_C(0x8448eb211c80319c)
#define PARENT_SPAN UINT64_C(0xb7ad6b7169203331)

static inline struct ask traced(const char *tool)
{
	return (struct ask){
	    .tool = tool, .correlation = "it-4711", .traceparent = TRACEPARENT};
}

static inline void wait_held(unsigned n)
{
	wait_until(atomic_load(&world.n_held) == n);
}

/* A deadline that a request outlives on its way in, on a busy machine too: one that
 * passes before is in no book. */
#define ASK_COMES_IN_MS 1000

static inline void world_end_replies(void)
{
	for (unsigned i = 0; i < world.replies_nr; i++) {
		struct reply *r = world.replies[i];

		if (!r->call) {
			free(r);
			continue;
		}
		rpc_call_cancel(r->call);
		if (r->ask.stream)
			rpc_call_read_more(r->call);
		latch_wait(&r->done, 1);
		rpc_call_unref(r->call);
		free(r);
	}
}

/* ---- Reading ------------------------------------------------------------- */

static inline void look(void)
{
	struct snp_err err = {0};

	if (snp_segment_snapshot(world.segment, &world.snapshot, &err) < 0)
		fail_msg("%s", err.msg);
	assert_int_equal(snp_snapshot_stats(world.snapshot)->rows_skipped, 0);
}

static inline uint64_t seen(const char *name, uint32_t row, uint32_t cell)
{
	const struct snp_metric *metric =
	    snp_snapshot_metric_find(world.snapshot, name);

	if (!metric)
		fail_msg("no metric %s", name);
	return snp_snapshot_value(world.snapshot, metric, row, cell);
}

struct books {
	uint64_t ok, error, active, queued;
};

static inline struct books books_seen(uint32_t pool)
{
	const struct books b = {
	    .ok = seen("snakepit.pool.request.outcomes", pool, SNP_OUTCOME_OK),
	    .error = seen("snakepit.pool.request.outcomes", pool, SNP_OUTCOME_ERROR),
	    .active = seen("snakepit.request.active", pool, 0),
	    .queued = seen("snakepit.pool.queue.depth", pool, 0),
	};

	assert_int_equal(seen("snakepit.pool.requests", pool, 0),
			 b.ok + b.error + b.active + b.queued);
	assert_int_equal(seen("snakepit.pool.queue.oldest.timestamp", pool, 0) != 0,
			 b.queued != 0);
	assert_true(seen("snakepit.pool.queue.peak", pool, 0) >= b.queued);
	return b;
}

static inline bool books_are(uint32_t pool, struct books expected)
{
	struct books b;

	look();
	b = books_seen(pool);
	return b.ok == expected.ok && b.error == expected.error &&
	       b.active == expected.active && b.queued == expected.queued;
}

#define assert_books(...)                                                              \
	do {                                                                           \
		if (!books_are(0, (struct books){__VA_ARGS__}))                        \
			books_fail(__FILE__, __LINE__, #__VA_ARGS__);                  \
	} while (0)
#define wait_for_books(...) wait_until(books_are(0, (struct books){__VA_ARGS__}))

static inline void books_fail(const char *file, int line, const char *expected)
{
	struct books b = books_seen(0);

	print_error("%s:%d: ok %llu error %llu active %llu queued %llu, not %s\n", file,
		    line, (unsigned long long)b.ok, (unsigned long long)b.error,
		    (unsigned long long)b.active, (unsigned long long)b.queued,
		    expected);
	fail();
}

/* Row of a pool's tool, or UINT32_MAX. */
static inline uint32_t tool_row(uint32_t pool, const char *name)
{
	uint32_t n = snp_snapshot_rows_nr(world.snapshot, SNP_ROW_TOOL);

	for (uint32_t i = 0; i < n; i++) {
		const struct snp_row *row =
		    snp_snapshot_row(world.snapshot, SNP_ROW_TOOL, i);

		if (row && row->pool == pool && strcmp(row->name, name) == 0)
			return i;
	}
	return UINT32_MAX;
}

static inline uint64_t failures_seen(uint32_t row)
{
	uint64_t sum = 0;

	for (uint32_t code = 0; code < SNP_FAILURE_CODE_NR; code++)
		sum += seen("snakepit.request.failures", row, code);
	return sum;
}

/* A tool's counters: so many requests, of which the failed ones all have one code. */
static inline void assert_tool(const char *tool, uint64_t requests, uint64_t failures,
			       enum snp_enum_FAILURE_CODE code)
{
	const struct snp_metric *duration;
	const uint64_t *words;
	uint32_t row;

	look();
	row = tool_row(0, tool);
	assert_int_not_equal(row, UINT32_MAX);
	assert_int_equal(seen("snakepit.requests", row, 0), requests);
	assert_int_equal(seen("snakepit.request.failures", row, code), failures);
	assert_int_equal(failures_seen(row), failures);
	duration =
	    snp_snapshot_metric_find(world.snapshot, "snakepit.request.duration");
	words = snp_snapshot_hist(world.snapshot, duration, row, 0);
	assert_non_null(words);
	assert_int_equal(snp_hist_count(duration, words), requests);
}

static inline uint64_t retries_of(const char *tool)
{
	look();
	return seen("snakepit.request.retries", tool_row(0, tool), 0);
}

static inline uint64_t rejections_of(enum snp_enum_QUEUE_REJECTION why)
{
	look();
	return seen("snakepit.pool.queue.rejections", 0, why);
}

static inline uint64_t affinity_of(enum snp_enum_AFFINITY how)
{
	look();
	return seen("snakepit.session.affinity", 0, how);
}

static inline uint64_t refusals_of(enum snp_enum_FAILURE_CODE code)
{
	look();
	return seen("snakepit.frontdoor.refusals", 0, code);
}

/* Counters of a worker slot. */
static inline void assert_worker(uint32_t slot, uint64_t requests, uint64_t errors,
				 uint64_t active)
{
	uint32_t row = slot_of(slot)->worker_row;

	look();
	assert_int_equal(seen("snakepit.worker.requests", row, 0), requests);
	assert_int_equal(seen("snakepit.worker.request.failures", row, 0), errors);
	assert_int_equal(seen("snakepit.worker.request.active", row, 0), active);
}

#endif
