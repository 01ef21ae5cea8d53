/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Out of memory, at every place: malloc, calloc and realloc of our code (not of gRPC)
 * are wrapped; the Nth call fails, for N = 0, 1, 2... until the operation succeeds.
 * Leaks are the sanitizer build's to find.
 */
#include "rpc_world.h"

#include "rpc/arena.h"
#include "rpc/messages.h"

void *__real_malloc(size_t size);
void *__real_calloc(size_t n, size_t size);
void *__real_realloc(void *p, size_t size);
void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t n, size_t size);
void *__wrap_realloc(void *p, size_t size);

/* Calls until the one that fails; negative: none will. */
static atomic_long countdown = -1;

static bool fails_now(void)
{
	return atomic_load(&countdown) >= 0 && atomic_fetch_sub(&countdown, 1) == 0;
}

void *__wrap_malloc(size_t size)
{
	return fails_now() ? NULL : __real_malloc(size);
}

void *__wrap_calloc(size_t n, size_t size)
{
	return fails_now() ? NULL : __real_calloc(n, size);
}

void *__wrap_realloc(void *p, size_t size)
{
	return fails_now() ? NULL : __real_realloc(p, size);
}

/* Run the operation with the Nth allocation failing until none is left to fail. Each
 * failure must be -ENOMEM. */
static void fail_each_allocation(int (*operation)(void))
{
	long n = 0;
	int rc;

	for (;; n++) {
		long left;

		atomic_store(&countdown, n);
		rc = operation();
		left = atomic_exchange(&countdown, -1);
		if (left >= 0)
			break; /* it was not reached */
		assert_int_equal(rc, -ENOMEM);
	}
	assert_int_equal(rc, 0);
	assert_true(n > 0); /* else nothing was tested */
}

/* ---- Codecs -------------------------------------------------------------- */

enum { BIG = 20000 };
static char big[BIG];
static struct rpc_pair pairs[20];
static struct rpc_execute_request request;
static struct rpc_execute_response response;
static struct rpc_parameter parameters[20];
static struct rpc_tool tools[20];
static struct rpc_session_started started;
static struct rpc_control_reply control;

static void make_samples(void)
{
	static char keys[20][16];

	memset(big, 'x', sizeof(big) - 1);
	for (int i = 0; i < 20; i++) {
		snprintf(keys[i], sizeof(keys[i]), "key%d", i);
		pairs[i] = (struct rpc_pair){keys[i], {big, 200}};
	}
	for (int i = 0; i < 20; i++) {
		parameters[i] =
		    (struct rpc_parameter){.name = keys[i], .default_json = {big, 200}};
		tools[i] = (struct rpc_tool){.name = keys[i],
					     .parameters = parameters,
					     .n_parameters = 20,
					     .metadata = {pairs, 20}};
	}
	started = (struct rpc_session_started){.success = true, .tools = {tools, 20}};
	control = (struct rpc_control_reply){.message = big};
	request = (struct rpc_execute_request){
	    .tool = big, .arguments = {pairs, 20}, .metadata = {pairs, 20}};
	response = (struct rpc_execute_response){
	    .outcome = RPC_OUTCOME_ERROR,
	    .error = {"T", big, {big, BIG - 1}},
	    .metadata = {pairs, 20},
	};
}

#define DEFINE_ROUND_TRIP(name, encode, decode, sample, out_type)                      \
	static int name(void)                                                          \
	{                                                                              \
		struct rpc_arena arena;                                                \
		struct rpc_buf *buf = NULL;                                            \
		out_type out;                                                          \
		int rc;                                                                \
                                                                                       \
		rpc_arena_init(&arena, 0);                                             \
		rc = encode(&(sample), &buf);                                          \
		if (rc == 0)                                                           \
			rc = decode(buf, &arena, &out, NULL);                          \
		rpc_buf_unref(buf);                                                    \
		rpc_arena_fini(&arena);                                                \
		return rc;                                                             \
	}

DEFINE_ROUND_TRIP(pool_request, rpc_pool_encode_execute_request,
		  rpc_pool_decode_execute_request, request, struct rpc_execute_request)
DEFINE_ROUND_TRIP(bridge_request, rpc_bridge_encode_execute_request,
		  rpc_bridge_decode_execute_request, request,
		  struct rpc_execute_request)
DEFINE_ROUND_TRIP(pool_response, rpc_pool_encode_execute_response,
		  rpc_pool_decode_execute_response, response,
		  struct rpc_execute_response)
DEFINE_ROUND_TRIP(bridge_response, rpc_bridge_encode_execute_response,
		  rpc_bridge_decode_execute_response, response,
		  struct rpc_execute_response)

DEFINE_ROUND_TRIP(session_started, rpc_bridge_encode_init_session_response,
		  rpc_bridge_decode_init_session_response, started,
		  struct rpc_session_started)
DEFINE_ROUND_TRIP(control_reply, rpc_control_encode_reply, rpc_control_decode_reply,
		  control, struct rpc_control_reply)

static void codecs_out_of_memory_fail_cleanly(void **state)
{
	(void)state;
	make_samples();
	fail_each_allocation(pool_request);
	fail_each_allocation(bridge_request);
	fail_each_allocation(pool_response);
	fail_each_allocation(bridge_response);
	fail_each_allocation(session_started);
	fail_each_allocation(control_reply);
}

/* ---- Objects ------------------------------------------------------------- */

static int make_loop(void)
{
	struct rpc_loop *loop = NULL;
	int rc = rpc_loop_create("oom", NULL, NULL, &loop, NULL);

	rpc_loop_destroy(&loop);
	return rc;
}

static int make_channel(void)
{
	struct rpc_channel *channel = NULL;
	int rc = rpc_channel_create("unix:/nowhere", NULL, &channel, NULL);

	rpc_channel_destroy(&channel);
	return rc;
}

static int make_server(void)
{
	struct rpc_server *server = NULL;
	int rc = rpc_server_create(NULL, &server, NULL);

	if (rc == 0)
		rc = rpc_server_method(server, ECHO, handle_echo, NULL);
	rpc_server_destroy(&server);
	return rc;
}

static int make_listener(void)
{
	const struct rpc_listener_opts opts = {.on_connection = accept_into_server};
	struct rpc_listener *listener = NULL;
	int rc = rpc_listener_create("127.0.0.1:0", &opts, &listener, NULL);

	rpc_listener_destroy(&listener);
	return rc;
}

static void objects_out_of_memory_fail_cleanly(void **state)
{
	(void)state;
	fail_each_allocation(make_loop);
	fail_each_allocation(make_channel);
	fail_each_allocation(make_server);
	fail_each_allocation(make_listener);
}

/* ---- Calls in flight ----------------------------------------------------- */

/* Whichever allocation fails, on whichever side: the call ends, once, and the next one
 * succeeds. */
static void calls_out_of_memory_end_once_and_the_server_lives_on(void **state)
{
	struct rpc_buf *message = rpc_buf_from_bytes("x", 1);
	struct reply r;
	unsigned failed = 0;

	(void)state;
	call_text(ECHO, "warm", &r);
	for (long n = 0; n < 40; n++) {
		struct rpc_call_args args = args_for(ECHO, message, &r);
		struct rpc_md_list md = {0};

		assert_int_equal(rpc_md_add(&md, "x-a", rpc_str_of("b")), 0);
		assert_int_equal(
		    rpc_md_add(&md, RPC_MD_CORRELATION_ID, rpc_str_of("c")), 0);
		args.metadata = &md;
		args.deadline = snp_mono_add_ms(snp_mono_now(), WAIT_MS);
		atomic_store(&countdown, n);
		if (rpc_call_start(&args, &r.call) < 0) {
			failed++;
			assert_null(r.call);
		} else {
			finish(&r);
			assert_int_not_equal(r.status.code, RPC_DEADLINE_EXCEEDED);
			failed += r.status.code != RPC_OK;
		}
		atomic_store(&countdown, -1);
		call_text(ECHO, "again", &r);
		assert_int_equal(r.status.code, RPC_OK);
	}
	assert_true(failed >= 4); /* start twice, the server's call, either buffer */
	rpc_buf_unref(message);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(codecs_out_of_memory_fail_cleanly),
	    cmocka_unit_test(objects_out_of_memory_fail_cleanly),
	    cmocka_unit_test_setup_teardown(
		calls_out_of_memory_end_once_and_the_server_lives_on, set_up,
		tear_down),
	};
	int failed;

	rpc_init(NULL);
	failed = cmocka_run_group_tests_name("rpc/oom", tests, NULL, NULL);
	rpc_shutdown();
	return failed;
}
