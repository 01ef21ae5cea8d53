/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Bidirectional calls, towards a peer made of gRPC's own server (ours takes one message
 * a call) and towards our own, which shows what a peer does that expects no stream.
 */
#include "rpc_world.h"

#include <grpc/byte_buffer_reader.h>
#include <grpc/grpc.h>
#include <grpc/grpc_security.h>

/* ---- The peer ------------------------------------------------------------ */

/* One thread that serves one call after the other, doing one thing at a time:
 *   /peer/Echo    headers at once; each message comes back; "end" ends the call
 *   /peer/Deaf    headers at once, then nothing is read until the call ends
 *   /peer/Refuse  ends the call without headers
 *   anything else UNIMPLEMENTED */
struct peer {
	grpc_server *server;
	grpc_completion_queue *cq;
	pthread_t thread;
	char address[96];
	atomic_uint received;  /* messages */
	atomic_uint cancelled; /* calls the client gave up */
};

static struct peer peer;

struct peer_call {
	grpc_call *core;
	grpc_call_details details;
	int cancelled;
	bool closed; /* the client is gone or has its status */
};

static void *const CLOSE_TAG = &peer.cancelled;
static void *const SHUTDOWN_TAG = &peer.server;

/* Do the ops and wait for them. False if they failed or the server stops. */
static bool peer_do(struct peer_call *call, const grpc_op *ops, size_t n)
{
	grpc_event event;

	assert_int_equal(grpc_call_start_batch(call->core, ops, n, call, NULL),
			 GRPC_CALL_OK);
	for (;;) {
		event = grpc_completion_queue_next(
		    peer.cq, gpr_inf_future(GPR_CLOCK_MONOTONIC), NULL);
		if (event.tag == CLOSE_TAG)
			call->closed = true;
		if (event.tag == call)
			return event.success;
	}
}

static bool peer_send_headers(struct peer_call *call)
{
	const grpc_op op = {.op = GRPC_OP_SEND_INITIAL_METADATA};

	return peer_do(call, &op, 1);
}

/* NULL at the end of the client's messages. */
static grpc_byte_buffer *peer_read(struct peer_call *call)
{
	grpc_byte_buffer *message = NULL;
	grpc_op op = {.op = GRPC_OP_RECV_MESSAGE};

	op.data.recv_message.recv_message = &message;
	if (!peer_do(call, &op, 1) || !message)
		return NULL;
	atomic_fetch_add(&peer.received, 1);
	return message;
}

static void peer_end(struct peer_call *call, grpc_status_code code)
{
	grpc_op op = {.op = GRPC_OP_SEND_STATUS_FROM_SERVER};

	op.data.send_status_from_server.status = code;
	(void)peer_do(call, &op, 1);
}

/* Headers and status in one: what the client sees is a status without headers. */
static void peer_refuse(struct peer_call *call, grpc_status_code code)
{
	grpc_op ops[2] = {{.op = GRPC_OP_SEND_INITIAL_METADATA},
			  {.op = GRPC_OP_SEND_STATUS_FROM_SERVER}};

	ops[1].data.send_status_from_server.status = code;
	(void)peer_do(call, ops, 2);
}

static bool peer_message_is(grpc_byte_buffer *message, const char *text)
{
	size_t len = strlen(text);
	grpc_byte_buffer_reader reader;
	grpc_slice slice;
	bool is_it;

	assert_true(grpc_byte_buffer_reader_init(&reader, message));
	slice = grpc_byte_buffer_reader_readall(&reader);
	is_it = GRPC_SLICE_LENGTH(slice) == len &&
		memcmp(GRPC_SLICE_START_PTR(slice), text, len) == 0;
	grpc_slice_unref(slice);
	grpc_byte_buffer_reader_destroy(&reader);
	return is_it;
}

static void peer_echo(struct peer_call *call)
{
	grpc_op op = {.op = GRPC_OP_SEND_MESSAGE};
	grpc_byte_buffer *message;
	bool ends, is_sent;

	if (!peer_send_headers(call))
		return;
	while ((message = peer_read(call))) {
		ends = peer_message_is(message, "end");
		op.data.send_message.send_message = message;
		is_sent = peer_do(call, &op, 1);
		grpc_byte_buffer_destroy(message);
		if (!is_sent)
			return;
		if (ends) {
			peer_end(call, GRPC_STATUS_OK);
			return;
		}
	}
}

static void peer_wait_for_close(struct peer_call *call)
{
	while (!call->closed)
		if (grpc_completion_queue_next(
			peer.cq, gpr_inf_future(GPR_CLOCK_MONOTONIC), NULL)
			.tag == CLOSE_TAG)
			call->closed = true;
}

static void peer_serve(struct peer_call *call)
{
	grpc_op op = {.op = GRPC_OP_RECV_CLOSE_ON_SERVER};

	op.data.recv_close_on_server.cancelled = &call->cancelled;
	assert_int_equal(grpc_call_start_batch(call->core, &op, 1, CLOSE_TAG, NULL),
			 GRPC_CALL_OK);
	if (grpc_slice_str_cmp(call->details.method, "/peer/Echo") == 0)
		peer_echo(call);
	else if (grpc_slice_str_cmp(call->details.method, "/peer/Deaf") == 0)
		(void)peer_send_headers(call);
	else if (grpc_slice_str_cmp(call->details.method, "/peer/Refuse") == 0)
		peer_refuse(call, GRPC_STATUS_PERMISSION_DENIED);
	else
		peer_refuse(call, GRPC_STATUS_UNIMPLEMENTED);
	peer_wait_for_close(call);
	if (call->cancelled)
		atomic_fetch_add(&peer.cancelled, 1);
}

static void *peer_main(void *arg)
{
	grpc_event event = {.success = 1};

	(void)arg;
	while (event.success) {
		struct peer_call call = {0};
		grpc_metadata_array metadata;

		grpc_metadata_array_init(&metadata);
		grpc_call_details_init(&call.details);
		assert_int_equal(grpc_server_request_call(peer.server, &call.core,
							  &call.details, &metadata,
							  peer.cq, peer.cq, &call),
				 GRPC_CALL_OK);
		do {
			event = grpc_completion_queue_next(
			    peer.cq, gpr_inf_future(GPR_CLOCK_MONOTONIC), NULL);
		} while (event.tag != &call);
		if (event.success) {
			peer_serve(&call);
			grpc_call_unref(call.core);
		}
		grpc_call_details_destroy(&call.details);
		grpc_metadata_array_destroy(&metadata);
	}
	return NULL;
}

static void peer_start(void)
{
	grpc_server_credentials *creds = grpc_insecure_server_credentials_create();

	memset(&peer, 0, sizeof(peer));
	(void)snprintf(peer.address, sizeof(peer.address), "unix:%s/p", world.dir.path);
	peer.server = grpc_server_create(NULL, NULL);
	peer.cq = grpc_completion_queue_create_for_next(NULL);
	grpc_server_register_completion_queue(peer.server, peer.cq, NULL);
	assert_true(grpc_server_add_http2_port(peer.server, peer.address, creds));
	grpc_server_credentials_release(creds);
	grpc_server_start(peer.server);
	assert_int_equal(pthread_create(&peer.thread, NULL, peer_main, NULL), 0);
}

static void peer_stop(void)
{
	grpc_event event;

	grpc_server_shutdown_and_notify(peer.server, peer.cq, SHUTDOWN_TAG);
	grpc_server_cancel_all_calls(peer.server);
	assert_int_equal(pthread_join(peer.thread, NULL), 0);
	grpc_completion_queue_shutdown(peer.cq);
	do {
		event = grpc_completion_queue_next(
		    peer.cq, gpr_inf_future(GPR_CLOCK_MONOTONIC), NULL);
	} while (event.type != GRPC_QUEUE_SHUTDOWN);
	grpc_server_destroy(peer.server);
	grpc_completion_queue_destroy(peer.cq);
}

/* ---- The client ---------------------------------------------------------- */

static struct rpc_channel *to_peer;

static int set_up_both(void **state)
{
	(void)set_up(state);
	peer_start();
	assert_int_equal(rpc_channel_create(peer.address, NULL, &to_peer, NULL), 0);
	return 0;
}

static int tear_down_both(void **state)
{
	rpc_channel_destroy(&to_peer);
	peer_stop();
	return tear_down(state);
}

/* What came of a call, and what it still has to send. */
struct talk {
	struct reply reply;
	struct latch initials, writables;
	unsigned to_send; /* from on_writable */
	unsigned sent;
	int last_rc; /* of the last rpc_call_send() */
	bool is_doubled;
	bool reads_on;
};

static void talk_send(struct talk *talk, const char *text)
{
	struct rpc_buf *message = rpc_buf_from_bytes(text, strlen(text));

	talk->last_rc = rpc_call_send(talk->reply.call, message);
	if (talk->last_rc == 0) {
		talk->sent++;
		/* it is on its way: a second one at once is refused, not queued */
		talk->is_doubled |= rpc_call_send(talk->reply.call, message) != -EAGAIN;
	}
	rpc_buf_unref(message);
}

static void talk_writable(struct rpc_call *call)
{
	struct talk *talk = rpc_call_user(call);

	if (talk->sent < talk->to_send)
		talk_send(talk, talk->sent + 1 == talk->to_send ? "end" : "more");
	latch_up(&talk->writables);
}

static void talk_initial(struct rpc_call *call)
{
	struct talk *talk = rpc_call_user(call);

	reply_initial(call);
	latch_up(&talk->initials);
}

static const struct rpc_call_ops talk_ops = {
    .on_initial = talk_initial,
    .on_message = reply_message,
    .on_writable = talk_writable,
    .on_done = reply_done,
};

static void talk_start(struct talk *talk, const char *method, struct rpc_buf *request)
{
	struct rpc_call_args args = args_for(method, request, &talk->reply);

	talk->initials = (struct latch)LATCH_INIT;
	talk->writables = (struct latch)LATCH_INIT;
	talk->reply.reads_on = talk->reads_on;
	args.channel = to_peer;
	args.ops = &talk_ops;
	args.flags = RPC_CALL_BIDI;
	start(&args, &talk->reply);
}

static void send_one(void *arg)
{
	talk_send(arg, "one");
}

static void send_end(void *arg)
{
	talk_send(arg, "end");
}

static void grant_one(void *arg)
{
	rpc_call_read_more(arg);
}

/* ---- Tests --------------------------------------------------------------- */

static void idle_stream_attaches_with_headers_alone(void **state)
{
	struct talk talk = {0};

	(void)state;
	talk_start(&talk, "/peer/Echo", NULL);
	latch_wait(&talk.initials, 1);
	assert_int_equal(atomic_load(&peer.received), 0);
	rpc_call_cancel(talk.reply.call);
	finish(&talk.reply);
	assert_int_equal(talk.reply.status.code, RPC_CANCELLED);
	assert_int_equal(talk.reply.n_messages, 0);
	wait_until(atomic_load(&peer.cancelled) == 1);
}

static void messages_go_both_ways_until_the_peer_ends(void **state)
{
	struct rpc_buf *request = rpc_buf_from_bytes("first", 5);
	struct talk talk = {.to_send = 500, .reads_on = true};

	(void)state;
	talk_start(&talk, "/peer/Echo", request);
	rpc_buf_unref(request);
	finish(&talk.reply);
	assert_int_equal(talk.reply.status.code, RPC_OK);
	assert_int_equal(talk.sent, 500);
	assert_int_equal(atomic_load(&peer.received), 501);
	assert_int_equal(talk.reply.n_messages, 501);
	assert_string_equal(talk.reply.text, "end");
	assert_int_equal(talk.reply.initials, 1);
	assert_false(talk.is_doubled);
}

static void a_message_may_be_sent_at_any_time_later(void **state)
{
	struct talk talk = {0};

	(void)state;
	talk_start(&talk, "/peer/Echo", NULL);
	latch_wait(&talk.initials, 1);
	rpc_loop_run(world.client_loop, send_one, &talk);
	assert_int_equal(talk.last_rc, 0);
	latch_wait(&talk.writables, 1);
	latch_wait(&talk.reply.messages, 1);
	assert_string_equal(talk.reply.text, "one");
	rpc_loop_run(world.client_loop, send_end, &talk);
	rpc_loop_run(world.client_loop, grant_one, talk.reply.call);
	latch_wait(&talk.reply.messages, 2);
	/* The end is behind the messages: it is heard by asking for one more. */
	rpc_loop_run(world.client_loop, grant_one, talk.reply.call);
	latch_wait(&talk.reply.done, 1);
	rpc_loop_run(world.client_loop, send_one, &talk);
	assert_int_equal(talk.last_rc, -ECANCELED);
	finish(&talk.reply);
	assert_int_equal(talk.reply.status.code, RPC_OK);
}

/* All four messages are on their way back by then; this many are to be delivered. */
static void assert_delivered(struct talk *talk, unsigned n)
{
	latch_wait(&talk->reply.messages, n);
	wait_until(atomic_load(&peer.received) == 4);
	assert_int_equal(talk->reply.n_messages, n);
}

static void without_a_grant_no_message_is_delivered(void **state)
{
	struct talk talk = {.to_send = 3};
	struct rpc_buf *request = rpc_buf_from_bytes("first", 5);

	(void)state;
	talk_start(&talk, "/peer/Echo", request);
	rpc_buf_unref(request);
	for (unsigned i = 1; i <= 4; i++) {
		assert_delivered(&talk, i);
		rpc_loop_run(world.client_loop, grant_one, talk.reply.call);
	}
	finish(&talk.reply);
	assert_int_equal(talk.reply.status.code, RPC_OK);
}

/* Each message is larger than what flow control lets out unasked. */
static void deaf_peer_holds_the_sender_back(void **state)
{
	struct talk talk = {0};
	size_t len = 8u << 20;
	char *big = calloc(1, len);
	struct rpc_buf *request = rpc_buf_from_bytes(big, len);

	(void)state;
	talk_start(&talk, "/peer/Deaf", request);
	rpc_buf_unref(request);
	latch_wait(&talk.initials, 1);
	assert_false(latch_wait_ms(&talk.writables, 1, 100));
	rpc_loop_run(world.client_loop, send_one, &talk);
	assert_int_equal(talk.last_rc, -EAGAIN);
	rpc_call_cancel(talk.reply.call);
	finish(&talk.reply);
	assert_int_equal(talk.reply.status.code, RPC_CANCELLED);
	wait_until(atomic_load(&peer.cancelled) == 1);
	free(big);
}

static void refusal_without_headers_ends_the_call(void **state)
{
	static const struct {
		const char *method;
		enum rpc_code code;
	} cases[] = {{"/peer/Refuse", RPC_PERMISSION_DENIED},
		     {"/peer/Nothing", RPC_UNIMPLEMENTED}};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct talk talk = {0};

		talk_start(&talk, cases[i].method, NULL);
		finish(&talk.reply);
		assert_int_equal(talk.reply.status.code, cases[i].code);
		assert_false(talk.reply.status.never_sent);
	}
}

static void peer_that_stops_ends_the_call(void **state)
{
	struct talk talk = {0};

	(void)state;
	talk_start(&talk, "/peer/Echo", NULL);
	latch_wait(&talk.initials, 1);
	peer_stop();
	finish(&talk.reply);
	assert_int_equal(talk.reply.status.code, RPC_UNAVAILABLE);
	assert_false(talk.reply.status.never_sent);
	peer_start();
}

static void nobody_there_is_never_sent(void **state)
{
	struct talk talk = {0};
	struct rpc_buf *request = rpc_buf_from_bytes("x", 1);
	char address[160];

	(void)state;
	rpc_channel_destroy(&to_peer);
	(void)snprintf(address, sizeof(address), "unix:%s/nobody", world.dir.path);
	assert_int_equal(rpc_channel_create(address, NULL, &to_peer, NULL), 0);
	talk_start(&talk, "/peer/Echo", request);
	finish(&talk.reply);
	assert_int_equal(talk.reply.status.code, RPC_UNAVAILABLE);
	assert_true(talk.reply.status.never_sent);
	rpc_buf_unref(request);
}

/* A method of ours that takes one message: it gets it, and answers. */
static void unary_method_answers_a_bidirectional_call(void **state)
{
	struct talk talk = {0};
	struct rpc_buf *request = rpc_buf_from_bytes("hello", 5);
	struct rpc_call_args args;

	(void)state;
	args = args_for(ECHO, request, &talk.reply);
	talk.initials = (struct latch)LATCH_INIT;
	talk.writables = (struct latch)LATCH_INIT;
	args.ops = &talk_ops;
	args.flags = RPC_CALL_BIDI;
	talk.reply.reads_on = true;
	start(&args, &talk.reply);
	rpc_buf_unref(request);
	finish(&talk.reply);
	assert_int_equal(talk.reply.status.code, RPC_OK);
	assert_string_equal(talk.reply.text, "hello");
}

static void start_and_cancel_many_times_ends_each_once(void **state)
{
	enum { N = 300 };
	struct talk *talks = calloc(N, sizeof(*talks));
	struct rpc_buf *request = rpc_buf_from_bytes("first", 5);

	(void)state;
	for (int i = 0; i < N; i++) {
		talks[i].to_send = (unsigned)(i % 5);
		talk_start(&talks[i], "/peer/Echo", i % 2 ? request : NULL);
		if (i % 3)
			(void)latch_wait_ms(&talks[i].initials, 1, (unsigned)i % 4);
		rpc_call_cancel(talks[i].reply.call);
	}
	for (int i = 0; i < N; i++) {
		finish(&talks[i].reply);
		assert_true(talks[i].reply.status.code == RPC_CANCELLED ||
			    talks[i].reply.status.code == RPC_OK);
	}
	rpc_buf_unref(request);
	free(talks);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define BIDI_TEST(name)                                                                \
	cmocka_unit_test_setup_teardown(name, set_up_both, tear_down_both)
	    BIDI_TEST(idle_stream_attaches_with_headers_alone),
	    BIDI_TEST(messages_go_both_ways_until_the_peer_ends),
	    BIDI_TEST(a_message_may_be_sent_at_any_time_later),
	    BIDI_TEST(without_a_grant_no_message_is_delivered),
	    BIDI_TEST(deaf_peer_holds_the_sender_back),
	    BIDI_TEST(refusal_without_headers_ends_the_call),
	    BIDI_TEST(peer_that_stops_ends_the_call),
	    BIDI_TEST(nobody_there_is_never_sent),
	    BIDI_TEST(unary_method_answers_a_bidirectional_call),
	    BIDI_TEST(start_and_cancel_many_times_ends_each_once),
	};
	int failed;

	rpc_init(log_to_stderr);
	failed = cmocka_run_group_tests_name("rpc/bidi", tests, NULL, NULL);
	rpc_shutdown();
	return failed;
}
