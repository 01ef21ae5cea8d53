/* SPDX-License-Identifier: Apache-2.0 */
/* Requests of the program: sent, waited for, answered. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "embed/embed.h"
#include "embed/reply.h"
#include "trace/context.h"

/* A year: so that no sum of times overflows. */
#define TIMEOUT_MAX_MS (UINT64_C(365) * 24 * 60 * 60 * 1000)

/* One request on its way. Of the loop until its end, except for what a stream's caller
 * waits for, which `rt->lock` protects. */
struct exec {
	struct snp_runtime *rt;
	struct rpc_call *call;
	struct snp_reply *reply;
	snp_reply_fn fn; /* NULL: somebody waits */
	void *user;
	pthread_cond_t changed; /* for who waits */
	/* rt->lock */
	struct rpc_buf *chunk; /* arrived and not yet taken */
	bool done;
};

static void exec_destroy(struct exec *exec)
{
	if (!exec)
		return;
	rpc_buf_unref(exec->chunk);
	rpc_call_unref(exec->call);
	snp_reply_destroy(&exec->reply);
	pthread_cond_destroy(&exec->changed);
	free(exec);
}

/* ---- on the loop --------------------------------------------------------- */

static void on_answer(struct rpc_call *call, struct rpc_buf *message)
{
	struct exec *exec = rpc_call_user(call);
	struct rpc_status unusable;
	struct snp_err err = {0};
	int rc = reply_set_answer(exec->reply, message, &err);

	if (rc < 0) {
		rpc_status_set(&unusable, rpc_code_of_errno(rc), "%s", err.msg);
		reply_set_end(exec->reply, call, &unusable);
	}
}

static void on_chunk(struct rpc_call *call, struct rpc_buf *message)
{
	struct exec *exec = rpc_call_user(call);

	pthread_mutex_lock(&exec->rt->lock);
	exec->chunk = rpc_buf_ref(message);
	pthread_cond_signal(&exec->changed);
	pthread_mutex_unlock(&exec->rt->lock);
}

static void on_done(struct rpc_call *call, const struct rpc_status *status)
{
	struct exec *exec = rpc_call_user(call);
	struct snp_runtime *rt = exec->rt;

	reply_set_end(exec->reply, call, status);
	if (exec->fn) {
		const struct snp_runtime *before = embed_callback_begin(rt);

		exec->fn(exec->user, exec->reply);
		embed_callback_end(before);
		exec->reply = NULL;
		exec_destroy(exec);
		embed_call_end(rt);
		return;
	}
	pthread_mutex_lock(&rt->lock);
	exec->done = true; /* from here on it is the waiting thread's */
	pthread_cond_signal(&exec->changed);
	pthread_mutex_unlock(&rt->lock);
}

static const struct rpc_call_ops unary_ops = {.on_message = on_answer,
					      .on_done = on_done};
static const struct rpc_call_ops stream_ops = {.on_message = on_chunk,
					       .on_done = on_done};

/* ---- what the program may ask for ---------------------------------------- */

static int check_pairs(const char *what, const struct snp_pair *pairs, size_t n,
		       struct snp_err *err)
{
	if (n && !pairs)
		return snp_err_set(err, -EINVAL, "%s: expected %zu of them, not NULL",
				   what, n);
	for (size_t i = 0; i < n; i++) {
		if (!pairs[i].name)
			return snp_err_set(err, -EINVAL,
					   "%s[%zu]: expected a name, not NULL", what,
					   i);
		if (pairs[i].len && !pairs[i].data)
			return snp_err_set(err, -EINVAL,
					   "%s[%zu]: expected %zu bytes, not NULL",
					   what, i, pairs[i].len);
	}
	return 0;
}

/* What the runtime would drop, or gRPC refuse with less of a reason. */
static int check_trace(const struct snp_request *request, struct snp_err *err)
{
	const struct {
		const char *name, *value;
	} others[] = {{"tracestate", request->tracestate},
		      {"baggage", request->baggage}};
	struct trace_context context;

	if (request->traceparent &&
	    !trace_context_parse(rpc_str_of(request->traceparent), &context))
		return snp_err_set(
		    err, -EINVAL,
		    "traceparent: expected 00-, 32 digits of a trace id, "
		    "-, 16 of a span id, -, 2 of flags");
	for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++)
		if (others[i].value &&
		    !rpc_md_value_is_legal(rpc_str_of(others[i].name),
					   rpc_str_of(others[i].value)))
			return snp_err_set(err, -EINVAL,
					   "%s: expected printable ASCII characters",
					   others[i].name);
	return 0;
}

static int check_request(const struct snp_request *request, struct snp_err *err)
{
	int rc;

	if (!request)
		return snp_err_set(err, -EINVAL, "expected a request, not NULL");
	rc = check_pairs("arguments", request->arguments, request->arguments_nr, err);
	if (rc == 0)
		rc = check_pairs("binary", request->binary, request->binary_nr, err);
	if (rc == 0)
		rc = check_pairs("metadata", request->metadata, request->metadata_nr,
				 err);
	return rc == 0 ? check_trace(request, err) : rc;
}

/* Who waits on the loop's own thread keeps it from bringing the answer. */
static int check_may_wait(const struct snp_runtime *rt, struct snp_err *err)
{
	int rc = embed_check(rt, err);

	return rc == 0 && rpc_loop_is_current(rt->loop)
		   ? snp_err_set(err, -EDEADLK,
				 "a reply's callback must not wait for another reply")
		   : rc;
}

/* ---- sending ------------------------------------------------------------- */

static int copy_pairs(struct rpc_arena *arena, const struct snp_pair *pairs, size_t n,
		      struct rpc_pairs *ret)
{
	struct rpc_pair *v = n ? rpc_arena_calloc(arena, n, sizeof(*v)) : NULL;

	if (n && !v)
		return -ENOMEM;
	for (size_t i = 0; i < n; i++)
		v[i] = (struct rpc_pair){
		    .key = pairs[i].name,
		    .value = {.data = pairs[i].data, .len = pairs[i].len},
		};
	*ret = (struct rpc_pairs){.v = v, .n = n};
	return 0;
}

static int encode(const struct snp_request *request, struct rpc_buf **ret_buf)
{
	struct rpc_execute_request message = {
	    .pool = request->pool ? request->pool : "",
	    .tool = request->tool ? request->tool : "",
	    .session_id = request->session_id ? request->session_id : "",
	};
	struct rpc_arena arena;
	int rc;

	rpc_arena_init(&arena, 0);
	rc = copy_pairs(&arena, request->arguments, request->arguments_nr,
			&message.arguments);
	if (rc == 0)
		rc = copy_pairs(&arena, request->binary, request->binary_nr,
				&message.binary);
	if (rc == 0)
		rc = copy_pairs(&arena, request->metadata, request->metadata_nr,
				&message.metadata);
	if (rc == 0)
		rc = rpc_pool_encode_execute_request(&message, ret_buf);
	rpc_arena_fini(&arena);
	return rc;
}

static void add_metadata(struct rpc_md_list *list, const struct exec *exec,
			 const struct snp_request *request)
{
	const struct {
		const char *key, *value;
	} pairs[] = {{RPC_MD_CORRELATION_ID, exec->reply->correlation_id},
		     {RPC_MD_C_API, runtime_program_key(exec->rt->runtime)},
		     {RPC_MD_TRACEPARENT, request->traceparent},
		     {RPC_MD_TRACESTATE, request->tracestate},
		     {RPC_MD_BAGGAGE, request->baggage}};

	for (size_t i = 0; i < sizeof(pairs) / sizeof(pairs[0]); i++)
		if (pairs[i].value)
			(void)rpc_md_add(list, pairs[i].key,
					 rpc_str_of(pairs[i].value));
}

static int start_call(struct exec *exec, const struct snp_request *request,
		      struct rpc_buf *buf, const struct rpc_call_ops *ops)
{
	struct rpc_md_list metadata = {0};
	struct rpc_call_args args = {
	    .channel = exec->rt->channel,
	    .loop = exec->rt->loop,
	    .method = ops == &stream_ops ? RPC_METHOD_POOL_EXECUTE_STREAM
					 : RPC_METHOD_POOL_EXECUTE,
	    .request = buf,
	    .metadata = &metadata,
	    /* The first makes the connection, and none waits for another one: who
	     * is refused there finds a runtime that stops, and it will not return. */
	    .flags = ops == &stream_ops ? RPC_CALL_SERVER_STREAM : RPC_CALL_UNARY,
	    .ops = ops,
	    .user = exec,
	};

	if (request->timeout_ms)
		args.deadline =
		    snp_mono_add_ms(snp_mono_now(), request->timeout_ms < TIMEOUT_MAX_MS
							? request->timeout_ms
							: TIMEOUT_MAX_MS);
	add_metadata(&metadata, exec, request);
	return rpc_call_start(&args, &exec->call);
}

/* The caller's id, or one of ours where there is none. */
static int choose_correlation(const struct snp_request *request,
			      char ret_id[RPC_CORRELATION_BYTES], struct snp_err *err)
{
	if (!request->correlation_id) {
		rpc_correlation_make(ret_id);
		return 0;
	}
	if (rpc_correlation_adopt(rpc_str_of(request->correlation_id), ret_id) !=
	    RPC_CORRELATION_ADOPTED)
		return snp_err_set(err, -EINVAL,
				   "correlation_id: expected 1 to %d characters of "
				   "letters, digits, '.', '_', ':' or '-'",
				   RPC_CORRELATION_MAX);
	return 0;
}

static struct exec *exec_create(struct snp_runtime *rt,
				const char correlation[RPC_CORRELATION_BYTES])
{
	struct exec *exec = calloc(1, sizeof(*exec));

	if (!exec)
		return NULL;
	exec->rt = rt;
	pthread_cond_init(&exec->changed, NULL);
	exec->reply = reply_create(correlation);
	if (!exec->reply) {
		exec_destroy(exec);
		return NULL;
	}
	return exec;
}

/* 0: `exec` is the loop's until its end. */
static int send_request(struct snp_runtime *rt, const struct snp_request *request,
			const struct rpc_call_ops *ops, struct exec *exec,
			struct snp_err *err)
{
	struct rpc_buf *buf = NULL;
	int rc = encode(request, &buf);

	if (rc == 0)
		rc = embed_call_begin(rt, err);
	if (rc == -ESHUTDOWN) {
		rpc_buf_unref(buf);
		return rc;
	}
	if (rc == 0) {
		rc = start_call(exec, request, buf, ops);
		if (rc < 0)
			embed_call_end(rt);
	}
	rpc_buf_unref(buf);
	return rc < 0
		   ? snp_err_set(err, rc, "cannot send the request: %s", strerror(-rc))
		   : 0;
}

static int prepare(struct snp_runtime *rt, const struct snp_request *request,
		   struct exec **ret_exec, struct snp_err *err)
{
	char correlation[RPC_CORRELATION_BYTES];
	int rc = check_request(request, err);

	if (rc == 0)
		rc = choose_correlation(request, correlation, err);
	if (rc < 0)
		return rc;
	*ret_exec = exec_create(rt, correlation);
	return *ret_exec ? 0 : snp_err_set(err, -ENOMEM, "out of memory");
}

int snp_runtime_submit(struct snp_runtime *rt, const struct snp_request *request,
		       snp_reply_fn fn, void *user, struct snp_err *err)
{
	struct exec *exec;
	int rc;

	if (!fn)
		return snp_err_set(err, -EINVAL, "expected a function for the reply");
	rc = embed_check(rt, err);
	if (rc < 0)
		return rc;
	rc = prepare(rt, request, &exec, err);
	if (rc < 0)
		return rc;
	exec->fn = fn;
	exec->user = user;
	rc = send_request(rt, request, &unary_ops, exec, err);
	if (rc < 0)
		exec_destroy(exec);
	return rc;
}

/* ---- waiting ------------------------------------------------------------- */

static void finish(struct exec *exec, struct snp_reply **ret_reply)
{
	struct snp_runtime *rt = exec->rt;

	*ret_reply = exec->reply;
	exec->reply = NULL;
	exec_destroy(exec);
	embed_call_end(rt);
}

int snp_runtime_execute(struct snp_runtime *rt, const struct snp_request *request,
			struct snp_reply **ret_reply, struct snp_err *err)
{
	struct exec *exec;
	int rc;

	if (!ret_reply)
		return snp_err_set(err, -EINVAL, "expected a place for the reply");
	rc = check_may_wait(rt, err);
	if (rc < 0)
		return rc;
	rc = prepare(rt, request, &exec, err);
	if (rc < 0)
		return rc;
	rc = send_request(rt, request, &unary_ops, exec, err);
	if (rc < 0) {
		exec_destroy(exec);
		return rc;
	}
	pthread_mutex_lock(&rt->lock);
	while (!exec->done)
		pthread_cond_wait(&exec->changed, &rt->lock);
	pthread_mutex_unlock(&rt->lock);
	finish(exec, ret_reply);
	return 0;
}

/* The next chunk, or NULL at the end. */
static struct rpc_buf *next_chunk(struct exec *exec)
{
	struct snp_runtime *rt = exec->rt;
	struct rpc_buf *chunk;

	pthread_mutex_lock(&rt->lock);
	while (!exec->chunk && !exec->done)
		pthread_cond_wait(&exec->changed, &rt->lock);
	chunk = exec->chunk;
	exec->chunk = NULL;
	pthread_mutex_unlock(&rt->lock);
	return chunk;
}

/* Who gets the chunks. */
struct taker {
	const struct snp_runtime *rt;
	snp_chunk_fn fn;
	void *user;
};

/* RPC_OK in `ret_end`: go on. */
static void pass_on(const struct rpc_buf *buf, const struct taker *taker,
		    struct rpc_status *ret_end)
{
	struct snp_err err = {0};
	struct rpc_arena arena;
	struct rpc_chunk chunk;
	int rc;

	rpc_arena_init(&arena, 0);
	rc = rpc_pool_decode_chunk(buf, &arena, &chunk, &err);
	if (rc < 0) {
		rpc_status_set(ret_end, rpc_code_of_errno(rc), "%s", err.msg);
	} else {
		const struct snp_chunk shown = {
		    .id = chunk.chunk_id,
		    .data = chunk.data.data,
		    .len = chunk.data.len,
		    .is_final = chunk.position == RPC_CHUNK_FINAL,
		};

		const struct snp_runtime *before = embed_callback_begin(taker->rt);
		bool goes_on = taker->fn(taker->user, &shown) == 0;

		embed_callback_end(before);
		if (!goes_on)
			rpc_status_set(ret_end, RPC_CANCELLED,
				       "the program ended the stream");
	}
	rpc_arena_fini(&arena);
}

static void read_more(void *call)
{
	rpc_call_read_more(call);
}

/* Take all chunks there are; once the program has ended the stream, or cannot have the
 * next one, only to get to the call's end. That is then ours to tell: the call itself
 * may have ended well meanwhile. */
static void read_stream(struct exec *exec, const struct taker *taker)
{
	struct rpc_status end = {.code = RPC_OK};
	struct rpc_buf *chunk;

	while ((chunk = next_chunk(exec))) {
		if (end.code == RPC_OK) {
			pass_on(chunk, taker, &end);
			if (end.code != RPC_OK)
				rpc_call_cancel(exec->call);
		}
		rpc_buf_unref(chunk);
		rpc_loop_run(exec->rt->loop, read_more, exec->call);
	}
	reply_set_end(exec->reply, exec->call, &end);
}

int snp_runtime_stream(struct snp_runtime *rt, const struct snp_request *request,
		       snp_chunk_fn fn, void *user, struct snp_reply **ret_reply,
		       struct snp_err *err)
{
	const struct taker taker = {rt, fn, user};
	struct exec *exec;
	int rc;

	if (!fn || !ret_reply)
		return snp_err_set(
		    err, -EINVAL,
		    "expected a function for chunks and a place for the reply");
	rc = check_may_wait(rt, err);
	if (rc < 0)
		return rc;
	rc = prepare(rt, request, &exec, err);
	if (rc < 0)
		return rc;
	rc = send_request(rt, request, &stream_ops, exec, err);
	if (rc < 0) {
		exec_destroy(exec);
		return rc;
	}
	read_stream(exec, &taker);
	finish(exec, ret_reply);
	return 0;
}
