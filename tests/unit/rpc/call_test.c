/* SPDX-License-Identifier: Apache-2.0 */
/* Calls that both ends live through: results, metadata, limits, streams. */
#include "core_client.h"

/* A deadline that a call outlives on its way to the server, on a busy machine too. */
#define REACHES_MS 1000

/* ---- Unary --------------------------------------------------------------- */

static void unary_returns_the_reply(void **state)
{
	struct reply r;

	(void)state;
	call_text(ECHO, "hello", &r);
	assert_int_equal(r.status.code, RPC_OK);
	assert_string_equal(r.text, "hello");
	assert_int_equal(r.n_messages, 1);
	assert_int_equal(r.initials, 1);
	wait_until(atomic_load(&world.done) == 1);
}

static void unary_empty_message_arrives(void **state)
{
	struct reply r;

	(void)state;
	call_text(ECHO, "", &r);
	assert_int_equal(r.status.code, RPC_OK);
	assert_int_equal(r.n_messages, 1);
	assert_int_equal(r.bytes, 0);
}

static void unary_error_carries_code_text_and_trailers(void **state)
{
	struct reply r;

	(void)state;
	call_text(FAIL, "x", &r);
	assert_int_equal(r.status.code, RPC_NOT_FOUND);
	assert_string_equal(r.status.message, "no such thing: \"\xc3\xa4\"");
	assert_string_equal(r.why, "because");
	assert_false(r.status.never_sent);
	assert_int_equal(r.n_messages, 0);
}

static void unary_answered_from_another_thread_returns_the_reply(void **state)
{
	struct reply r;

	(void)state;
	for (int i = 0; i < 200; i++) {
		call_text(ELSEWHERE, "far", &r);
		assert_int_equal(r.status.code, RPC_OK);
		assert_string_equal(r.text, "far");
	}
}

static void unary_past_deadline_ends_on_both_sides(void **state)
{
	struct rpc_buf *request = rpc_buf_from_bytes("x", 1);
	struct reply r;
	struct rpc_call_args args = args_for(HANG, request, &r);
	snp_mono_t before = snp_mono_now();

	(void)state;
	args.deadline = snp_mono_add_ms(before, REACHES_MS);
	start(&args, &r);
	rpc_buf_unref(request);
	finish(&r);
	assert_int_equal(r.status.code, RPC_DEADLINE_EXCEEDED);
	assert_true(snp_mono_now().ns >= args.deadline.ns);
	wait_until(atomic_load(&world.cancelled) == 1);
	wait_until(atomic_load(&world.done) == 1);
}

static void cancel_ends_on_both_sides(void **state)
{
	struct rpc_buf *request = rpc_buf_from_bytes("x", 1);
	struct reply r;
	struct rpc_call_args args = args_for(HANG, request, &r);

	(void)state;
	start(&args, &r);
	wait_until(atomic_load(&world.handled) == 1);
	rpc_call_cancel(r.call);
	rpc_call_cancel(r.call); /* harmless */
	rpc_buf_unref(request);
	finish(&r);
	assert_int_equal(r.status.code, RPC_CANCELLED);
	wait_until(atomic_load(&world.done) == 1);
	assert_int_equal(world.cancelled, 1);
}

static void cancel_with_gives_the_callers_own_status(void **state)
{
	struct rpc_buf *request = rpc_buf_from_bytes("x", 1);
	struct reply r;
	struct rpc_call_args args = args_for(HANG, request, &r);

	(void)state;
	start(&args, &r);
	wait_until(atomic_load(&world.handled) == 1);
	rpc_call_cancel_with(r.call, RPC_UNAVAILABLE, "the worker is being replaced");
	rpc_buf_unref(request);
	finish(&r);
	assert_int_equal(r.status.code, RPC_UNAVAILABLE);
	assert_string_equal(r.status.message, "the worker is being replaced");
	assert_false(r.status.never_sent);
	wait_until(atomic_load(&world.done) == 1);
}

static void unary_unknown_method_is_unimplemented_at_once(void **state)
{
	struct reply r;
	snp_mono_t before = snp_mono_now();

	(void)state;
	call_text("/test.Service/Nothing", "x", &r);
	assert_int_equal(r.status.code, RPC_UNIMPLEMENTED);
	assert_true(snp_mono_since_ns(snp_mono_now(), before) < 5 * SNP_NS_PER_S);
}

static void metadata_travels_both_ways(void **state)
{
	static const char bin[4] = {0, 1, '\n', (char)0xff};
	struct rpc_buf *request = rpc_buf_from_bytes("x", 1);
	struct rpc_md_list md = {0};
	struct reply r;
	struct rpc_call_args args = args_for(ECHO, request, &r);

	(void)state;
	assert_int_equal(
	    rpc_md_add(&md, RPC_MD_CORRELATION_ID, rpc_str_of("sp-0123:_A.")), 0);
	assert_int_equal(rpc_md_add(&md, "x-test-bin", (struct rpc_str){bin, 4}), 0);
	args.metadata = &md;
	start(&args, &r);
	rpc_buf_unref(request);
	finish(&r);
	assert_int_equal(r.status.code, RPC_OK);
	assert_string_equal(r.trailing_id, "sp-0123:_A.");
	assert_int_equal(r.initial_bin_len, 4);
	assert_memory_equal(r.initial_bin, bin, 4);
}

static void start_with_bad_metadata_fails_without_callbacks(void **state)
{
	struct rpc_buf *request = rpc_buf_from_bytes("x", 1);
	struct rpc_md_list md = {
	    .n = 1, .v = {{.key = rpc_str_of("Upper"), .value = rpc_str_of("x")}}};
	struct reply r;
	struct rpc_call_args args = args_for(ECHO, request, &r);

	(void)state;
	args.metadata = &md;
	assert_int_equal(rpc_call_start(&args, &r.call), -EINVAL);
	assert_null(r.call);
	rpc_buf_unref(request);
}

static void child_call_ends_with_its_parent(void **state)
{
	struct rpc_buf *request = rpc_buf_from_bytes("x", 1);
	struct reply r;
	struct rpc_call_args args = args_for(FORWARD, request, &r);

	(void)state;
	/* cancellation goes through */
	atomic_store(&forwarded_code, -1);
	start(&args, &r);
	wait_until(atomic_load(&world.handled) == 1);
	rpc_call_cancel(r.call);
	finish(&r);
	wait_until(atomic_load(&forwarded_code) == RPC_CANCELLED);
	wait_until(atomic_load(&world.cancelled) == 1);

	/* and so does the deadline */
	args = args_for(FORWARD, request, &r);
	args.deadline = snp_mono_add_ms(snp_mono_now(), REACHES_MS);
	start(&args, &r);
	finish(&r);
	assert_int_equal(r.status.code, RPC_DEADLINE_EXCEEDED);
	wait_until(atomic_load(&world.cancelled) == 2);
	rpc_buf_unref(request);
}

static void method_registered_twice_is_refused(void **state)
{
	struct rpc_server *server = NULL;

	(void)state;
	assert_int_equal(rpc_server_create(NULL, &server, NULL), 0);
	assert_int_equal(rpc_server_method(server, ECHO, handle_echo, NULL), 0);
	assert_int_equal(rpc_server_method(server, ECHO, handle_echo, NULL), -EEXIST);
	rpc_server_destroy(&server);
}

/* ---- Limits -------------------------------------------------------------- */

static void oversized_request_is_resource_exhausted(void **state)
{
	size_t len = MAX_MESSAGE_BYTES + 1;
	char *big = calloc(1, len);
	struct rpc_buf *request = rpc_buf_from_bytes(big, len);
	struct reply r;
	struct rpc_call_args args = args_for(ECHO, request, &r);

	(void)state;
	start(&args, &r);
	rpc_buf_unref(request);
	finish(&r);
	assert_int_equal(r.status.code, RPC_RESOURCE_EXHAUSTED);
	assert_int_equal(world.handled, 0);
	free(big);
}

static void large_request_comes_back_whole(void **state)
{
	size_t len = MAX_MESSAGE_BYTES;
	char *big = malloc(len);
	struct rpc_buf *request;
	struct reply r;
	struct rpc_call_args args;

	(void)state;
	memset(big, 'z', len);
	request = rpc_buf_from_bytes(big, len);
	args = args_for(ECHO, request, &r);
	start(&args, &r);
	rpc_buf_unref(request);
	finish(&r);
	assert_int_equal(r.status.code, RPC_OK);
	assert_int_equal(r.bytes, len);
	free(big);
}

/* Returns the status code. */
static grpc_status_code call_compressed(grpc_compression_algorithm algorithm)
{
	grpc_arg arg = {
	    .type = GRPC_ARG_INTEGER,
	    .key = (char *)(uintptr_t)GRPC_COMPRESSION_CHANNEL_DEFAULT_ALGORITHM,
	    .value.integer = (int)algorithm};
	struct core_client client =
	    core_connect(grpc_insecure_credentials_create(), &arg);
	grpc_slice slice = grpc_slice_malloc(100000);
	grpc_status_code code;

	memset(GRPC_SLICE_START_PTR(slice), 0, 100000);
	code = core_echo(&client, slice, NULL, NULL);
	core_disconnect(&client);
	return code;
}

static void compressed_request_is_unimplemented(void **state)
{
	(void)state;
	assert_int_equal(call_compressed(GRPC_COMPRESS_GZIP),
			 GRPC_STATUS_UNIMPLEMENTED);
	assert_int_equal(call_compressed(GRPC_COMPRESS_DEFLATE),
			 GRPC_STATUS_UNIMPLEMENTED);
	assert_int_equal(world.handled, 0);
	assert_int_equal(call_compressed(GRPC_COMPRESS_NONE), GRPC_STATUS_OK);
}

/* ---- Streams ------------------------------------------------------------- */

static void stream_delivers_all_in_order(void **state)
{
	unsigned count = 2000;
	struct rpc_buf *request = rpc_buf_from_bytes(&count, sizeof(count));
	struct reply r;
	struct rpc_call_args args = args_for(STREAM, request, &r);

	(void)state;
	args.flags = RPC_CALL_SERVER_STREAM;
	r.reads_on = true;
	start(&args, &r);
	rpc_buf_unref(request);
	finish(&r);
	assert_int_equal(r.status.code, RPC_OK);
	assert_int_equal(r.n_messages, count);
	assert_int_equal(r.out_of_order, 0);
	assert_int_equal(r.initials, 1);
}

/* Whatever follows may follow at once: messages, or the end. */
static void stream_may_begin_before_what_follows(void **state)
{
	static const unsigned counts[] = {0, 1, 3};

	(void)state;
	for (size_t i = 0; i < sizeof(counts) / sizeof(*counts); i++) {
		struct rpc_buf *request =
		    rpc_buf_from_bytes(&counts[i], sizeof(counts[i]));
		struct reply r;
		struct rpc_call_args args = args_for(EARLY, request, &r);

		args.flags = RPC_CALL_SERVER_STREAM;
		r.reads_on = true;
		start(&args, &r);
		rpc_buf_unref(request);
		finish(&r);
		assert_int_equal(r.status.code, RPC_OK);
		assert_int_equal(r.n_messages, counts[i]);
		assert_int_equal(r.initials, 1);
		assert_memory_equal(r.initial_bin, "early", sizeof("early"));
	}
}

static void stream_without_messages_ends_ok(void **state)
{
	unsigned count = 0;
	struct rpc_buf *request = rpc_buf_from_bytes(&count, sizeof(count));
	struct reply r;
	struct rpc_call_args args = args_for(STREAM, request, &r);

	(void)state;
	args.flags = RPC_CALL_SERVER_STREAM;
	start(&args, &r);
	rpc_buf_unref(request);
	finish(&r);
	assert_int_equal(r.status.code, RPC_OK);
	assert_int_equal(r.n_messages, 0);
}

static void grant_one(void *arg)
{
	rpc_call_read_more(arg);
}

static void stream_gives_one_message_a_grant_and_ends_after_the_last(void **state)
{
	unsigned count = 5;
	struct rpc_buf *request = rpc_buf_from_bytes(&count, sizeof(count));
	struct reply r;
	struct rpc_call_args args = args_for(STREAM, request, &r);

	(void)state;
	args.flags = RPC_CALL_SERVER_STREAM;
	start(&args, &r);
	rpc_buf_unref(request);
	for (unsigned i = 1; i <= count; i++) {
		latch_wait(&r.messages, i);
		/* the server had time to finish; without a grant we must not hear of it
		 */
		if (i < count) {
			assert_false(latch_wait_ms(&r.done, 1, 20));
			assert_false(latch_wait_ms(&r.messages, i + 1, 5));
			rpc_loop_run(world.client_loop, grant_one, r.call);
		}
	}
	finish(&r);
	assert_int_equal(r.status.code, RPC_OK);
	assert_int_equal(r.n_messages, count);
	assert_int_equal(r.out_of_order, 0);
}

static void stream_error_of_unknown_method_reaches_the_reader(void **state)
{
	struct rpc_buf *request = rpc_buf_from_bytes("x", 1);
	struct reply r;
	struct rpc_call_args args = args_for("/test.Service/Nothing", request, &r);

	(void)state;
	args.flags = RPC_CALL_SERVER_STREAM;
	start(&args, &r);
	rpc_buf_unref(request);
	finish(&r);
	assert_int_equal(r.status.code, RPC_UNIMPLEMENTED);
}

/* The reader grants nothing: the server must stop after what flow control lets through.
 */
static void stream_slow_reader_bounds_the_server(void **state)
{
	enum { BOUND = 256 }; /* messages of 64 KiB: far above what was measured */
	struct rpc_buf *request = rpc_buf_from_bytes("x", 1);
	struct reply r;
	struct rpc_call_args args = args_for(FLOOD, request, &r);
	unsigned before, after;

	(void)state;
	args.flags = RPC_CALL_SERVER_STREAM;
	start(&args, &r);
	latch_wait(&r.messages, 1);
	do {
		before = atomic_load(&world.flooded);
		(void)latch_wait_ms(&r.done, 1, 200);
		after = atomic_load(&world.flooded);
	} while (after != before && after < BOUND);
	assert_true(after < BOUND);
	/* grants let it go on */
	wait_until((rpc_loop_run(world.client_loop, grant_one, r.call),
		    atomic_load(&world.flooded) > after));
	rpc_call_cancel(r.call);
	rpc_buf_unref(request);
	finish(&r);
	wait_until(atomic_load(&world.done) == 1);
	assert_true(world.flooded < 1000000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define CALL_TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
	    CALL_TEST(unary_returns_the_reply),
	    CALL_TEST(unary_empty_message_arrives),
	    CALL_TEST(unary_error_carries_code_text_and_trailers),
	    CALL_TEST(unary_answered_from_another_thread_returns_the_reply),
	    CALL_TEST(unary_past_deadline_ends_on_both_sides),
	    CALL_TEST(cancel_ends_on_both_sides),
	    CALL_TEST(cancel_with_gives_the_callers_own_status),
	    CALL_TEST(unary_unknown_method_is_unimplemented_at_once),
	    CALL_TEST(metadata_travels_both_ways),
	    CALL_TEST(start_with_bad_metadata_fails_without_callbacks),
	    CALL_TEST(child_call_ends_with_its_parent),
	    CALL_TEST(method_registered_twice_is_refused),
	    CALL_TEST(oversized_request_is_resource_exhausted),
	    CALL_TEST(large_request_comes_back_whole),
	    CALL_TEST(compressed_request_is_unimplemented),
	    CALL_TEST(stream_delivers_all_in_order),
	    CALL_TEST(stream_may_begin_before_what_follows),
	    CALL_TEST(stream_without_messages_ends_ok),
	    CALL_TEST(stream_gives_one_message_a_grant_and_ends_after_the_last),
	    CALL_TEST(stream_error_of_unknown_method_reaches_the_reader),
	    CALL_TEST(stream_slow_reader_bounds_the_server),
	};
	int failed;

	rpc_init(log_to_stderr);
	failed = cmocka_run_group_tests_name("rpc/call", tests, NULL, NULL);
	rpc_shutdown();
	return failed;
}
