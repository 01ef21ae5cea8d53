/* SPDX-License-Identifier: Apache-2.0 */
/* What the host's side of the bridge answers itself: liveness, sessions, its own tools.
 */
#include "request_client.h"

#include <errno.h>
#include <pthread.h>

#include "core/host_tools.h"
#include "log/log.h"

/* ---- A call and what came of it ------------------------------------------ */

struct host_reply {
	struct latch done;
	struct rpc_call *call;
	struct rpc_buf *message;
	struct rpc_status status;
	char kind[32], correlation[RPC_CORRELATION_BYTES];
};

static void on_message(struct rpc_call *call, struct rpc_buf *message)
{
	struct host_reply *r = rpc_call_user(call);

	r->message = rpc_buf_ref(message);
}

static void on_done(struct rpc_call *call, const struct rpc_status *status)
{
	struct host_reply *r = rpc_call_user(call);
	const struct rpc_md_in *md = rpc_call_trailing_metadata(call);

	r->status = *status;
	copy_str(r->kind, sizeof(r->kind), rpc_md_in_get(md, ERROR_KIND_KEY));
	copy_str(r->correlation, sizeof(r->correlation),
		 rpc_md_in_get(md, RPC_MD_CORRELATION_ID));
	latch_up(&r->done);
}

static const struct rpc_call_ops host_ops = {.on_message = on_message,
					     .on_done = on_done};

static struct rpc_arena arena;	     /* of the answers */
static const char *as_worker;	     /* NULL: a client calls */
static struct host_reply *ended[32]; /* to be freed */
static unsigned ended_nr;

static struct host_reply *host_start(const char *method, struct rpc_buf *take_request)
{
	struct host_reply *r = calloc(1, sizeof(*r));
	struct rpc_md_list md = {0};
	const struct rpc_call_args args = {.channel = world.channel,
					   .loop = world.client_loop,
					   .method = method,
					   .request = take_request,
					   .metadata = &md,
					   .ops = &host_ops,
					   .user = r};

	assert_non_null(r);
	assert_true(ended_nr < 32);
	ended[ended_nr++] = r;
	r->done = (struct latch)LATCH_INIT;
	if (as_worker)
		(void)rpc_md_add(&md, RPC_MD_WORKER_ID, rpc_str_of(as_worker));
	(void)rpc_md_add(&md, RPC_MD_CORRELATION_ID, rpc_str_of("host-1"));
	assert_int_equal(rpc_call_start(&args, &r->call), 0);
	rpc_buf_unref(take_request);
	return r;
}

static struct host_reply *host_call(const char *method, struct rpc_buf *take_request)
{
	struct host_reply *r = host_start(method, take_request);

	latch_wait(&r->done, 1);
	return r;
}

static int set_up(void **state)
{
	rpc_arena_init(&arena, 0);
	as_worker = NULL;
	ended_nr = 0;
	return world_set_up(state);
}

static int tear_down(void **state)
{
	int rc = world_tear_down(state);

	for (unsigned i = 0; i < ended_nr; i++) {
		latch_wait(&ended[i]->done, 1);
		rpc_call_unref(ended[i]->call);
		rpc_buf_unref(ended[i]->message);
		free(ended[i]);
	}
	rpc_arena_fini(&arena);
	return rc;
}

/* ---- Liveness ------------------------------------------------------------ */

static void liveness_is_answered_without_workers_or_sessions(void **state)
{
	const struct rpc_ping ping = {.message = "hello"};
	const struct rpc_heartbeat_request heartbeat = {.session_id = "no such"};
	struct rpc_heartbeat_response pong;
	struct rpc_buf *buf = NULL;
	struct host_reply *r;

	(void)state;
	assert_int_equal(rpc_bridge_encode_ping_request(&ping, &buf), 0);
	assert_int_equal(host_call(RPC_METHOD_BRIDGE_PING, buf)->status.code, RPC_OK);
	assert_int_equal(rpc_bridge_encode_heartbeat_request(&heartbeat, &buf), 0);
	r = host_call(RPC_METHOD_BRIDGE_HEARTBEAT, buf);
	assert_int_equal(r->status.code, RPC_OK);
	assert_int_equal(
	    rpc_bridge_decode_heartbeat_response(r->message, &arena, &pong, NULL), 0);
	assert_int_equal(pong.session, RPC_SESSION_VALID);
}

/* ---- Sessions ------------------------------------------------------------ */

typedef int (*encode_session)(const struct rpc_session_request *in,
			      struct rpc_buf **ret);

static struct host_reply *session_call(const char *method, encode_session encode,
				       const char *id, struct rpc_pairs metadata)
{
	const struct rpc_session_request request = {.session_id = id,
						    .metadata = metadata};
	struct rpc_buf *buf = NULL;

	assert_int_equal(encode(&request, &buf), 0);
	return host_call(method, buf);
}

static struct host_reply *begin(const char *id, struct rpc_pairs metadata)
{
	return session_call(RPC_METHOD_BRIDGE_INIT_SESSION,
			    rpc_bridge_encode_init_session, id, metadata);
}

static struct host_reply *get(const char *id)
{
	return session_call(RPC_METHOD_BRIDGE_GET_SESSION,
			    rpc_bridge_encode_get_session, id, (struct rpc_pairs){0});
}

/* What the answer to CleanupSession says was cleaned. */
static int32_t cleanup(const char *id)
{
	struct host_reply *r =
	    session_call(RPC_METHOD_BRIDGE_CLEANUP_SESSION,
			 rpc_bridge_encode_cleanup_session, id, (struct rpc_pairs){0});
	struct rpc_session_ended answer;

	assert_int_equal(r->status.code, RPC_OK);
	assert_int_equal(rpc_bridge_decode_cleanup_session_response(r->message, &arena,
								    &answer, NULL),
			 0);
	assert_true(answer.success);
	return answer.resources_cleaned;
}

static uint64_t sessions_of(uint32_t pool)
{
	look();
	return seen("snakepit.session.active", pool, 0);
}

static void session_begins_is_described_and_ends(void **state)
{
	struct rpc_pair pair = {"user", rpc_str_of("ann")};
	struct rpc_session_info info;
	struct host_reply *r;

	(void)state;
	assert_string_equal(get("s")->kind, "session_not_found");
	r = begin("s", (struct rpc_pairs){&pair, 1});
	assert_int_equal(r->status.code, RPC_OK);
	assert_int_equal(sessions_of(0), 1);
	r = begin("s", (struct rpc_pairs){0}); /* again: the same, with its metadata */
	assert_int_equal(r->status.code, RPC_OK);
	assert_int_equal(sessions_of(0), 1);
	r = get("s");
	assert_int_equal(
	    rpc_bridge_decode_get_session_response(r->message, &arena, &info, NULL), 0);
	assert_string_equal(info.session_id, "s");
	assert_true(
	    rpc_str_equal(rpc_pairs_get(&info.metadata, "user"), rpc_str_of("ann")));
	assert_true(snp_wall_now().ns - info.created_at.ns < 60 * SNP_NS_PER_S);
	assert_int_equal(cleanup("s"), 0); /* no worker had it */
	assert_int_equal(sessions_of(0), 0);
	assert_int_equal(cleanup("s"), 0);
	assert_int_equal(get("s")->status.code, RPC_NOT_FOUND);
	assert_int_equal(atomic_load(&world.cleaned), 0);
}

static void cleanup_tells_the_worker_and_passes_its_answer_on(void **state)
{
	(void)state;
	worker_up(0);
	assert_int_equal(
	    ask_and_wait((struct ask){.tool = "echo", .session = "s"})->status.code,
	    RPC_OK);
	assert_int_equal(cleanup("s"), 7);
	assert_int_equal(atomic_load(&world.cleaned), 1);
	assert_int_equal(sessions_of(0), 0);
}

/* Requests that use the session go on. */
static void cleanup_of_a_used_session_lets_its_requests_end(void **state)
{
	struct reply *r;

	(void)state;
	worker_up(0);
	r = ask_start((struct ask){.tool = "hold", .session = "s"});
	wait_until(atomic_load(&world.n_held) == 1);
	assert_int_equal(cleanup("s"), 7);
	assert_int_equal(sessions_of(0), 0);
	world_release(1);
	reply_wait(r);
	assert_int_equal(r->status.code, RPC_OK);
}

static void session_calls_that_cannot_be_are_refused(void **state)
{
	static struct snp_cfg_pool next;
	static char big[SESSION_METADATA_BYTES + 1];
	struct rpc_pair pair = {"k", {big, sizeof(big)}};
	char name[SESSION_ID_BYTES + 1];

	(void)state;
	memset(big, 'x', sizeof(big));
	memset(name, 'n', sizeof(name));
	name[SESSION_ID_BYTES] = '\0';
	assert_string_equal(begin("", (struct rpc_pairs){0})->kind, "invalid_request");
	assert_string_equal(begin(name, (struct rpc_pairs){0})->kind,
			    "invalid_request");
	assert_string_equal(begin("s", (struct rpc_pairs){&pair, 1})->kind,
			    "invalid_request");
	assert_string_equal(
	    host_call(RPC_METHOD_BRIDGE_INIT_SESSION, rpc_buf_from_bytes("\xff", 1))
		->kind,
	    "invalid_request");
	next = world.cfg[0];
	next.sessions.limit = 1; /* "s" is open */
	front_set_config(&world.front, world.pools[0], &next);
	assert_string_equal(begin("t", (struct rpc_pairs){0})->kind, "session_limit");
}

/* A worker speaks of the sessions of its own pool. */
static void session_calls_of_a_worker_concern_its_pool(void **state)
{
	(void)state;
	as_worker = "other/0#1";
	assert_int_equal(begin("s", (struct rpc_pairs){0})->status.code, RPC_OK);
	assert_int_equal(sessions_of(0), 0);
	assert_int_equal(sessions_of(1), 1);
	as_worker = "nowhere/0#1";
	assert_string_equal(get("s")->kind, "pool_not_found");
}

/* RegisterToolsRequest {session_id "s", tools [{name "a"}, {name "b"}]} */
static void registered_tools_are_counted_and_named(void **state)
{
	static const char bytes[] = "\x0a\x01s\x12\x03\x0a\x01"
				    "a\x12\x03\x0a\x01"
				    "b";
	struct rpc_session_info info;
	struct host_reply *r;

	(void)state;
	r = host_call(RPC_METHOD_BRIDGE_REGISTER_TOOLS,
		      rpc_buf_from_bytes(bytes, sizeof(bytes) - 1));
	assert_int_equal(r->status.code, RPC_OK);
	assert_true(rpc_buf_len(r->message) > 10);
	r = get("s");
	assert_int_equal(
	    rpc_bridge_decode_get_session_response(r->message, &arena, &info, NULL), 0);
	assert_int_equal(info.tool_count, 2);
}

/* ---- Tools of the host --------------------------------------------------- */

static struct {
	atomic_uint called;
	_Atomic(struct host_call *) kept;
	bool on_front;
	char session[16], correlation[32];
} tool;

static void run_echo(struct host_call *call, void *user)
{
	const struct rpc_execute_request *request = host_call_request(call);

	tool.on_front = rpc_loop_is_current(world.front.loop.rpc);
	(void)snprintf(tool.session, sizeof(tool.session), "%s", request->session_id);
	(void)snprintf(tool.correlation, sizeof(tool.correlation), "%s",
		       host_call_correlation(call));
	assert_string_equal(user, "mine");
	atomic_fetch_add(&tool.called, 1);
	host_call_finish(call, rpc_pairs_get(&request->arguments, "x"),
			 (struct rpc_str){0});
}

static void run_fail(struct host_call *call, void *user)
{
	(void)user;
	host_call_fail(call, "KeyError", "no such key");
}

static void run_keep(struct host_call *call, void *user)
{
	(void)user;
	atomic_store(&tool.kept, call);
	atomic_fetch_add(&tool.called, 1);
}

static int offer(const char *name, host_tool_fn fn, struct snp_err *err)
{
	const struct rpc_parameter parameter = {.name = "x",
						.type = "integer",
						.required = true,
						.default_json = rpc_str_of("1")};
	const struct host_tool spec = {.name = name,
				       .description = "of a test",
				       .parameters = &parameter,
				       .parameters_nr = 1,
				       .fn = fn,
				       .user = (void *)(uintptr_t) "mine"};

	return host_tools_register(&world.front.host_tools, &spec, err);
}

/* The request has the layout of ExecuteToolRequest, as far as it goes. */
static struct rpc_buf *tool_request(const char *name)
{
	struct rpc_pair argument = {"x", rpc_str_of("42")};
	const struct rpc_execute_request request = {
	    .tool = name, .session_id = "s", .arguments = {&argument, 1}};
	struct rpc_buf *buf = NULL;

	assert_int_equal(rpc_bridge_encode_execute_request(&request, &buf), 0);
	return buf;
}

static struct rpc_execute_response response_of(const struct host_reply *r)
{
	struct rpc_execute_response response = {0};

	assert_int_equal(r->status.code, RPC_OK);
	assert_int_equal(
	    rpc_bridge_decode_execute_response(r->message, &arena, &response, NULL), 0);
	return response;
}

static void host_tool_runs_off_the_loop_and_its_result_comes_back(void **state)
{
	struct rpc_execute_response response;
	struct host_reply *r;

	(void)state;
	atomic_store(&tool.called, 0);
	assert_int_equal(offer("echo", run_echo, NULL), 0);
	assert_int_equal(offer("fail", run_fail, NULL), 0);
	r = host_call(RPC_METHOD_BRIDGE_HOST_TOOL, tool_request("echo"));
	response = response_of(r);
	assert_true(rpc_str_equal(response.result_json, rpc_str_of("42")));
	assert_int_equal(atomic_load(&tool.called), 1);
	assert_string_equal(r->correlation, "host-1");
	assert_string_equal(tool.correlation, "host-1");
	assert_string_equal(tool.session, "s");
	assert_false(tool.on_front);
	response =
	    response_of(host_call(RPC_METHOD_BRIDGE_HOST_TOOL, tool_request("fail")));
	assert_int_equal(response.outcome, RPC_OUTCOME_ERROR);
	assert_string_equal(response.error.type, "KeyError");
	assert_string_equal(response.error.message, "no such key");
	assert_books(.ok = 0); /* no request of a pool */
}

static void host_tools_are_listed_to_workers_and_sessions(void **state)
{
	struct rpc_session_started started;
	struct host_reply *r;

	(void)state;
	r = host_call(RPC_METHOD_BRIDGE_EXPOSED_TOOLS, rpc_buf_from_bytes("", 0));
	assert_int_equal(r->status.code, RPC_OK);
	assert_int_equal(rpc_buf_len(r->message), 0);
	assert_int_equal(offer("echo", run_echo, NULL), 0);
	r = host_call(RPC_METHOD_BRIDGE_EXPOSED_TOOLS, rpc_buf_from_bytes("", 0));
	assert_true(rpc_buf_len(r->message) > 20);
	r = begin("s", (struct rpc_pairs){0});
	assert_int_equal(
	    rpc_bridge_decode_init_session_response(r->message, &arena, &started, NULL),
	    0);
	assert_true(started.success);
	assert_int_equal(started.tools.n, 1);
	assert_string_equal(started.tools.v[0].name, "echo");
	assert_string_equal(started.tools.v[0].parameters[0].type, "integer");
	assert_true(started.tools.v[0].parameters[0].required);
}

static void host_tool_unknown_or_undecodable_is_refused(void **state)
{
	struct host_reply *r;

	(void)state;
	r = host_call(RPC_METHOD_BRIDGE_HOST_TOOL, tool_request("nothing"));
	assert_int_equal(r->status.code, RPC_NOT_FOUND);
	assert_string_equal(r->kind, "host_tool_not_found");
	assert_non_null(strstr(r->status.message, "'nothing'"));
	assert_string_equal(r->correlation, "host-1");
	r = host_call(RPC_METHOD_BRIDGE_HOST_TOOL, rpc_buf_from_bytes("\xff", 1));
	assert_string_equal(r->kind, "invalid_request");
}

static void host_tool_may_finish_later_from_any_thread(void **state)
{
	struct host_reply *r;

	(void)state;
	atomic_store(&tool.called, 0);
	assert_int_equal(offer("keep", run_keep, NULL), 0);
	r = host_start(RPC_METHOD_BRIDGE_HOST_TOOL, tool_request("keep"));
	wait_until(atomic_load(&tool.called) == 1);
	assert_false(host_call_is_cancelled(atomic_load(&tool.kept)));
	host_call_finish(atomic_load(&tool.kept), rpc_str_of("true"),
			 (struct rpc_str){0});
	latch_wait(&r->done, 1);
	assert_true(rpc_str_equal(response_of(r).result_json, rpc_str_of("true")));
}

/* Neither a caller that leaves nor the end of the server waits for a tool. */
static void host_tool_that_takes_its_time_holds_up_nobody(void **state)
{
	struct host_reply *r;

	atomic_store(&tool.called, 0);
	assert_int_equal(offer("keep", run_keep, NULL), 0);
	r = host_start(RPC_METHOD_BRIDGE_HOST_TOOL, tool_request("keep"));
	wait_until(atomic_load(&tool.called) == 1);
	rpc_call_cancel(r->call);
	latch_wait(&r->done, 1);
	wait_until(host_call_is_cancelled(atomic_load(&tool.kept)));
	host_call_finish(atomic_load(&tool.kept), rpc_str_of("1"), (struct rpc_str){0});
	(void)host_start(RPC_METHOD_BRIDGE_HOST_TOOL, tool_request("keep"));
	wait_until(atomic_load(&tool.called) == 2);
	assert_int_equal(tear_down(state), 0);
	host_call_fail(atomic_load(&tool.kept), "TooLate", "the runtime is gone");
	assert_int_equal(set_up(state), 0);
}

static void host_tool_names_are_checked(void **state)
{
	char name[TOOLS_NAME_BYTES + 1];
	struct snp_err err = {0};

	(void)state;
	memset(name, 'n', sizeof(name));
	name[TOOLS_NAME_BYTES] = '\0';
	assert_int_equal(offer("", run_echo, &err), -EINVAL);
	assert_int_equal(offer(name, run_echo, &err), -EINVAL);
	assert_int_equal(offer("echo", run_echo, NULL), 0);
	assert_int_equal(offer("echo", run_echo, &err), -EEXIST);
	assert_non_null(strstr(err.msg, "'echo'"));
}

static void block(struct host_call *call, void *user)
{
	(void)user;
	atomic_fetch_add(&tool.called, 1);
	while (atomic_load(&tool.called) < 1000)
		(void)usleep(1000);
	host_call_finish(call, rpc_str_of("1"), (struct rpc_str){0});
}

/* Each thread has one; the rest wait, and none is lost. */
static void host_tools_that_block_take_turns(void **state)
{
	enum { CALLS = 3 * HOST_TOOLS_THREADS };
	struct host_reply *r[CALLS];

	(void)state;
	atomic_store(&tool.called, 0);
	assert_int_equal(offer("block", block, NULL), 0);
	for (unsigned i = 0; i < CALLS; i++)
		r[i] = host_start(RPC_METHOD_BRIDGE_HOST_TOOL, tool_request("block"));
	wait_until(atomic_load(&tool.called) == HOST_TOOLS_THREADS);
	atomic_fetch_add(&tool.called, 1000);
	for (unsigned i = 0; i < CALLS; i++) {
		latch_wait(&r[i]->done, 1);
		assert_int_equal(r[i]->status.code, RPC_OK);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define T(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
	    T(liveness_is_answered_without_workers_or_sessions),
	    T(session_begins_is_described_and_ends),
	    T(cleanup_tells_the_worker_and_passes_its_answer_on),
	    T(cleanup_of_a_used_session_lets_its_requests_end),
	    T(session_calls_that_cannot_be_are_refused),
	    T(session_calls_of_a_worker_concern_its_pool),
	    T(registered_tools_are_counted_and_named),
	    T(host_tool_runs_off_the_loop_and_its_result_comes_back),
	    T(host_tools_are_listed_to_workers_and_sessions),
	    T(host_tool_unknown_or_undecodable_is_refused),
	    T(host_tool_may_finish_later_from_any_thread),
	    T(host_tool_that_takes_its_time_holds_up_nobody),
	    T(host_tool_names_are_checked),
	    T(host_tools_that_block_take_turns),
	};
	int failed;

	log_init(LOG_LEVEL_ERROR, LOG_FORMAT_JSON, STDERR_FILENO);
	rpc_init(log_to_stderr);
	failed = cmocka_run_group_tests_name("runtime/host", tests, NULL, NULL);
	rpc_shutdown();
	log_fini();
	return failed;
}
