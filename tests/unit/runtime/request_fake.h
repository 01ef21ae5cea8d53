/* SPDX-License-Identifier: Apache-2.0 */
/*
 * request_fake.h - the part of request_world.h that says what its fake workers answer.
 *
 * A fake worker does what the tool's name says:
 *   echo      the result "ok"; response metadata: what the worker got as correlation
 *             and worker id
 *   fail      a tool error, type ValueError        missing   the status NOT_FOUND
 *   garbage   an answer that is no message         slow      echo, a moment later
 *   hold      nothing, until world_release(); a stream sends one chunk first
 *   count     a stream of WORLD_CHUNKS chunks, or echo
 *   flood     a stream of WORLD_FLOOD chunks of 1 MiB
 */
#ifndef REQUEST_FAKE_H
#define REQUEST_FAKE_H

#include "request_world.h"

/* ---- What a fake worker answers ------------------------------------------ */

static inline struct rpc_buf *fake_result(struct rpc_server_call *call)
{
	const struct rpc_md_in *md = rpc_server_call_metadata(call);
	struct rpc_pair pairs[] = {
	    {"correlation", rpc_md_in_get(md, RPC_MD_CORRELATION_ID)},
	    {"traceparent", rpc_md_in_get(md, RPC_MD_TRACEPARENT)},
	    {"worker", rpc_md_in_get(md, RPC_MD_WORKER_ID)},
	};
	const struct rpc_execute_response response = {
	    .outcome = RPC_OUTCOME_RESULT,
	    .result_json = rpc_str_of("\"ok\""),
	    .metadata = {.v = pairs, .n = sizeof(pairs) / sizeof(pairs[0])},
	};
	struct rpc_buf *buf = NULL;

	SNP_CHECK(rpc_bridge_encode_execute_response(&response, &buf) == 0);
	return buf;
}

static inline void fake_answer(struct rpc_server_call *call)
{
	struct rpc_buf *buf = fake_result(call);

	rpc_server_call_finish(call, buf, RPC_OK, NULL);
	rpc_buf_unref(buf);
}

static inline void fake_fail(struct rpc_server_call *call)
{
	const struct rpc_execute_response response = {
	    .outcome = RPC_OUTCOME_ERROR,
	    .error = {.type = "ValueError", .message = "no good"},
	};
	struct rpc_buf *buf = NULL;

	SNP_CHECK(rpc_bridge_encode_execute_response(&response, &buf) == 0);
	rpc_server_call_finish(call, buf, RPC_OK, NULL);
	rpc_buf_unref(buf);
}

static inline void fake_garbage(struct rpc_server_call *call)
{
	struct rpc_buf *buf = rpc_buf_from_bytes("\xff\xff\xff\xff", 4);

	rpc_server_call_finish(call, buf, RPC_OK, NULL);
	rpc_buf_unref(buf);
}

static inline void held_remove(struct held *h)
{
	if (!h->link)
		return;
	*h->link = h->next;
	if (h->next)
		h->next->link = h->link;
	h->link = NULL;
	atomic_fetch_sub(&world.n_held, 1);
}

static inline void held_finish(struct held *h)
{
	held_remove(h);
	if (h->stream)
		rpc_server_call_finish(h->call, NULL, RPC_OK, NULL);
	else
		fake_answer(h->call);
}

static inline void held_cancelled(struct rpc_server_call *call)
{
	struct held *h = rpc_server_call_user(call);

	atomic_fetch_add(&world.cancelled, 1);
	held_remove(h);
	(void)rpc_timer_cancel(world.fake_loop, &h->timer);
	rpc_server_call_finish(call, NULL, RPC_CANCELLED, NULL);
}

static inline void held_done(struct rpc_server_call *call)
{
	free(rpc_server_call_user(call));
}

static inline struct held *fake_hold(struct rpc_server_call *call, bool stream)
{
	static const struct rpc_server_call_ops ops = {.on_cancelled = held_cancelled,
						       .on_done = held_done};
	struct held *h = calloc(1, sizeof(*h));

	SNP_CHECK(h);
	h->call = call;
	h->stream = stream;
	rpc_server_call_set_ops(call, &ops, h);
	h->next = world.held;
	if (h->next)
		h->next->link = &h->next;
	h->link = &world.held;
	world.held = h;
	atomic_fetch_add(&world.n_held, 1);
	return h;
}

static inline void held_timer(struct rpc_timer *timer)
{
	held_finish(
	    (struct held *)(void *)((char *)timer - offsetof(struct held, timer)));
}

/* ---- Streams ------------------------------------------------------------- */

struct counting {
	unsigned sent, total;
	bool flood; /* big chunks */
	bool over;
};

static inline struct rpc_buf *fake_flood(void)
{
	static char big[1 << 20];
	const struct rpc_chunk chunk = {.chunk_id = "c", .data = {big, sizeof(big)}};
	struct rpc_buf *buf = NULL;

	SNP_CHECK(rpc_bridge_encode_chunk(&chunk, &buf) == 0);
	atomic_fetch_add(&world.flooded, 1);
	return buf;
}

static inline struct rpc_buf *fake_chunk(unsigned number)
{
	char text[16];
	const struct rpc_chunk chunk = {
	    .chunk_id = "c",
	    .data = {text, (size_t)snprintf(text, sizeof(text), "%u", number)},
	    .position = number + 1 == WORLD_CHUNKS ? RPC_CHUNK_FINAL : RPC_CHUNK_MORE,
	};
	struct rpc_buf *buf = NULL;

	SNP_CHECK(rpc_bridge_encode_chunk(&chunk, &buf) == 0);
	return buf;
}

static inline void count_next(struct rpc_server_call *call)
{
	struct counting *c = rpc_server_call_user(call);
	struct rpc_buf *buf;

	if (c->over)
		return;
	if (c->sent == c->total) {
		c->over = true;
		rpc_server_call_finish(call, NULL, RPC_OK, NULL);
		return;
	}
	buf = c->flood ? fake_flood() : fake_chunk(c->sent);
	c->sent++;
	(void)rpc_server_call_send(call, buf); /* -ECANCELED: on_cancelled follows */
	rpc_buf_unref(buf);
}

static inline void count_cancelled(struct rpc_server_call *call)
{
	struct counting *c = rpc_server_call_user(call);

	atomic_fetch_add(&world.cancelled, 1);
	if (!c->over)
		rpc_server_call_finish(call, NULL, RPC_CANCELLED, NULL);
	c->over = true;
}

static inline void fake_count(struct rpc_server_call *call, bool flood)
{
	static const struct rpc_server_call_ops ops = {.on_writable = count_next,
						       .on_cancelled = count_cancelled,
						       .on_done = held_done};
	struct counting *c = calloc(1, sizeof(*c));

	SNP_CHECK(c);
	c->flood = flood;
	c->total = flood ? WORLD_FLOOD : WORLD_CHUNKS;
	rpc_server_call_set_ops(call, &ops, c);
	count_next(call);
}

/* ---- Its handlers -------------------------------------------------------- */

static inline void fake_run(struct rpc_server_call *call, const char *tool, bool stream)
{
	struct rpc_buf *chunk;

	if (strcmp(tool, "fail") == 0 && !stream) {
		fake_fail(call);
	} else if (strcmp(tool, "missing") == 0) {
		rpc_server_call_finish(call, NULL, RPC_NOT_FOUND, "no tool 'missing'");
	} else if (strcmp(tool, "garbage") == 0) {
		fake_garbage(call);
	} else if (strcmp(tool, "hold") == 0) {
		(void)fake_hold(call, stream);
		if (stream) {
			chunk = fake_chunk(0);
			(void)rpc_server_call_send(call, chunk);
			rpc_buf_unref(chunk);
		}
	} else if (strcmp(tool, "slow") == 0) {
		rpc_timer_start(world.fake_loop, &fake_hold(call, stream)->timer,
				snp_mono_add_ms(snp_mono_now(), 3), held_timer);
	} else if (stream) {
		fake_count(call, strcmp(tool, "flood") == 0);
	} else {
		fake_answer(call);
	}
}

/* The fakes share one loop, so they come here one after the other. */
static inline void fake_see(const struct rpc_md_in *md)
{
	struct rpc_str got = rpc_md_in_get(md, RPC_MD_TRACEPARENT);
	unsigned n = atomic_load(&world.handled);

	if (n < WORLD_SEEN && got.len < TRACE_PARENT_BYTES && got.len)
		memcpy(world.seen_parent[n], got.data, got.len);
	atomic_store(&world.handled, n + 1);
}

static inline void fake_execute_any(struct rpc_server_call *call,
				    struct rpc_buf *request, bool stream)
{
	struct rpc_execute_request msg;
	struct rpc_arena arena;

	rpc_arena_init(&arena, 0);
	fake_see(rpc_server_call_metadata(call));
	SNP_CHECK(rpc_bridge_decode_execute_request(request, &arena, &msg, NULL) == 0);
	SNP_CHECK(msg.stream == stream);
	fake_run(call, msg.tool, stream);
	rpc_arena_fini(&arena);
}

static inline void fake_execute(struct rpc_server_call *call, struct rpc_buf *request,
				void *user)
{
	(void)user;
	fake_execute_any(call, request, false);
}

static inline void fake_execute_stream(struct rpc_server_call *call,
				       struct rpc_buf *request, void *user)
{
	(void)user;
	fake_execute_any(call, request, true);
}

static inline void fake_heartbeat(struct rpc_server_call *call, struct rpc_buf *request,
				  void *user)
{
	const struct rpc_heartbeat_response pong = {.server_time = snp_wall_now(),
						    .session = RPC_SESSION_VALID};
	struct fake *f = user;
	struct rpc_buf *buf = NULL;

	(void)request;
	if (atomic_load(&f->mute)) {
		rpc_server_call_finish(call, NULL, RPC_INTERNAL, "mute");
		return;
	}
	SNP_CHECK(rpc_bridge_encode_heartbeat_response(&pong, &buf) == 0);
	rpc_server_call_finish(call, buf, RPC_OK, NULL);
	rpc_buf_unref(buf);
}

static inline void fake_cleanup(struct rpc_server_call *call, struct rpc_buf *request,
				void *user)
{
	const struct rpc_session_ended ended = {.success = true,
						.resources_cleaned = 7};
	struct rpc_buf *buf = NULL;

	(void)request;
	(void)user;
	atomic_fetch_add(&world.cleaned, 1);
	SNP_CHECK(rpc_bridge_encode_cleanup_session_response(&ended, &buf) == 0);
	rpc_server_call_finish(call, buf, RPC_OK, NULL);
	rpc_buf_unref(buf);
}

#endif
