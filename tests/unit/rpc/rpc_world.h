/* SPDX-License-Identifier: Apache-2.0 */
/*
 * rpc_world.h - a server with one method for each kind of behaviour, in this process
 * and over a unix socket, and a client that records what came of each call.
 */
#ifndef RPC_WORLD_H
#define RPC_WORLD_H

#include "rpc_fixture.h"

#include <errno.h>

#include "rpc/call.h"
#include "rpc/channel.h"

#define ECHO	  "/test.Service/Echo"
#define FAIL	  "/test.Service/Fail"
#define HANG	  "/test.Service/Hang"
#define STREAM	  "/test.Service/Stream"
#define EARLY	  "/test.Service/Early" /* a stream that says at once that it begins */
#define KEEP	  "/test.Service/Keep"	/* its owner finishes long after its end */
#define FLOOD	  "/test.Service/Flood"
#define ELSEWHERE "/test.Service/Elsewhere"
#define FORWARD	  "/test.Service/Forward"

#define FLOOD_MESSAGE_BYTES 65536
#define MAX_MESSAGE_BYTES   (1u << 20)

/* ---- The server ---------------------------------------------------------- */

struct world {
	struct temp_dir dir;
	char address[96];
	struct rpc_loop *server_loops[2];
	struct rpc_loop *client_loop;
	struct rpc_server *server;
	struct acceptor acceptor;
	struct rpc_channel *channel;

	atomic_uint handled, cancelled, done, flooded;
	struct rpc_server_call *kept; /* by KEEP; read it after `cancelled` */
};

static struct world world;

static inline void count_done(struct rpc_server_call *call)
{
	(void)call;
	atomic_fetch_add(&world.done, 1);
}

static inline void handle_echo(struct rpc_server_call *call, struct rpc_buf *request,
			       void *user)
{
	static const struct rpc_server_call_ops ops = {.on_done = count_done};
	const struct rpc_md_in *md = rpc_server_call_metadata(call);
	struct rpc_str id = rpc_md_in_get(md, RPC_MD_CORRELATION_ID);
	struct rpc_str bin = rpc_md_in_get(md, "x-test-bin");

	(void)user;
	atomic_fetch_add(&world.handled, 1);
	rpc_server_call_set_ops(call, &ops, NULL);
	if (id.data)
		(void)rpc_server_call_add_trailing(call, RPC_MD_CORRELATION_ID, id);
	if (bin.data)
		(void)rpc_server_call_add_initial(call, "x-test-bin", bin);
	rpc_server_call_finish(call, request, RPC_OK, NULL);
}

static inline void handle_fail(struct rpc_server_call *call, struct rpc_buf *request,
			       void *user)
{
	(void)request;
	(void)user;
	(void)rpc_server_call_add_trailing(call, "x-why", rpc_str_of("because"));
	rpc_server_call_finish(call, NULL, RPC_NOT_FOUND,
			       "no such thing: \"\xc3\xa4\"");
}

static inline void finish_cancelled(struct rpc_server_call *call)
{
	atomic_fetch_add(&world.cancelled, 1);
	rpc_server_call_finish(call, NULL, RPC_CANCELLED, NULL);
}

static inline void handle_hang(struct rpc_server_call *call, struct rpc_buf *request,
			       void *user)
{
	static const struct rpc_server_call_ops ops = {.on_cancelled = finish_cancelled,
						       .on_done = count_done};

	(void)request;
	(void)user;
	atomic_fetch_add(&world.handled, 1);
	rpc_server_call_set_ops(call, &ops, NULL);
}

static inline void count_cancelled(struct rpc_server_call *call)
{
	(void)call;
	atomic_fetch_add(&world.cancelled, 1);
}

static inline void handle_keep(struct rpc_server_call *call, struct rpc_buf *request,
			       void *user)
{
	static const struct rpc_server_call_ops ops = {.on_cancelled = count_cancelled,
						       .on_done = count_done};

	(void)request;
	(void)user;
	world.kept = call;
	rpc_server_call_set_ops(call, &ops, NULL);
	atomic_fetch_add(&world.handled, 1);
}

struct stream {
	unsigned left, number;
};

static inline void send_next(struct rpc_server_call *call)
{
	struct stream *s = rpc_server_call_user(call);
	struct rpc_buf *message;

	if (s->left == 0) {
		rpc_server_call_finish(call, NULL, RPC_OK, NULL);
		return;
	}
	s->left--;
	message = rpc_buf_from_bytes(&s->number, sizeof(s->number));
	s->number++;
	(void)rpc_server_call_send(call, message);
	rpc_buf_unref(message);
}

static inline void free_stream(struct rpc_server_call *call)
{
	free(rpc_server_call_user(call));
	count_done(call);
}

/* The request is the number of messages to send; `user`: begin before the first. */
static inline void handle_stream(struct rpc_server_call *call, struct rpc_buf *request,
				 void *user)
{
	static const struct rpc_server_call_ops ops = {.on_cancelled = finish_cancelled,
						       .on_writable = send_next,
						       .on_done = free_stream};
	struct stream *s = calloc(1, sizeof(*s));

	(void)rpc_buf_copy_out(request, 0, &s->left, sizeof(s->left));
	rpc_server_call_set_ops(call, &ops, s);
	if (user) {
		(void)rpc_server_call_add_initial(
		    call, "x-test-bin", (struct rpc_str){"early", sizeof("early")});
		rpc_server_call_send_initial(call);
	}
	send_next(call);
}

static inline void flood_more(struct rpc_server_call *call)
{
	static char zeros[FLOOD_MESSAGE_BYTES];
	struct rpc_buf *message = rpc_buf_from_bytes(zeros, sizeof(zeros));

	if (rpc_server_call_send(call, message) == 0)
		atomic_fetch_add(&world.flooded, 1);
	/* a second one at once is refused, not queued */
	if (rpc_server_call_send(call, message) != -EAGAIN)
		atomic_fetch_add(&world.flooded, 1000000);
	rpc_buf_unref(message);
}

static inline void handle_flood(struct rpc_server_call *call, struct rpc_buf *request,
				void *user)
{
	static const struct rpc_server_call_ops ops = {.on_cancelled = finish_cancelled,
						       .on_writable = flood_more,
						       .on_done = count_done};

	(void)request;
	(void)user;
	rpc_server_call_set_ops(call, &ops, NULL);
	flood_more(call);
}

/* Answer from the client's loop, another thread than the call's. */
struct elsewhere {
	struct rpc_task task;
	struct rpc_server_call *call;
	struct rpc_buf *request;
};

static inline void answer_elsewhere(struct rpc_task *task)
{
	struct elsewhere *e = (struct elsewhere *)task;

	rpc_server_call_finish(e->call, e->request, RPC_OK, NULL);
	rpc_buf_unref(e->request);
	free(e);
}

static inline void handle_elsewhere(struct rpc_server_call *call,
				    struct rpc_buf *request, void *user)
{
	struct elsewhere *e = calloc(1, sizeof(*e));

	(void)user;
	e->task.fn = answer_elsewhere;
	e->call = call;
	e->request = rpc_buf_ref(request);
	rpc_loop_post(world.client_loop, &e->task);
}

/* A proxy: hands on to Hang as a child of this call, and reports how the child ended.
 */
static inline void ignore_message(struct rpc_call *call, struct rpc_buf *message)
{
	(void)call;
	(void)message;
}

static atomic_int forwarded_code;

static inline void forward_done(struct rpc_call *call, const struct rpc_status *status)
{
	struct rpc_server_call *parent = rpc_call_user(call);

	atomic_store(&forwarded_code, (int)status->code);
	rpc_server_call_finish(parent, NULL, status->code, status->message);
	rpc_server_call_unref(parent);
	rpc_call_unref(call);
}

static inline void handle_forward(struct rpc_server_call *call, struct rpc_buf *request,
				  void *user)
{
	static const struct rpc_call_ops ops = {.on_message = ignore_message,
						.on_done = forward_done};
	struct rpc_call_args args = {
	    .channel = world.channel,
	    .loop = rpc_server_call_loop(call),
	    .method = HANG,
	    .request = request,
	    .parent = call,
	    .ops = &ops,
	    .user = rpc_server_call_ref(call),
	};
	struct rpc_call *child = NULL;

	(void)user;
	if (rpc_call_start(&args, &child) < 0)
		abort();
}

static inline void add_methods(struct rpc_server *server)
{
	assert_int_equal(rpc_server_method(server, ECHO, handle_echo, NULL), 0);
	assert_int_equal(rpc_server_method(server, FAIL, handle_fail, NULL), 0);
	assert_int_equal(rpc_server_method(server, HANG, handle_hang, NULL), 0);
	assert_int_equal(rpc_server_method(server, KEEP, handle_keep, NULL), 0);
	assert_int_equal(rpc_server_method(server, STREAM, handle_stream, NULL), 0);
	assert_int_equal(rpc_server_method(server, EARLY, handle_stream, server), 0);
	assert_int_equal(rpc_server_method(server, FLOOD, handle_flood, NULL), 0);
	assert_int_equal(rpc_server_method(server, ELSEWHERE, handle_elsewhere, NULL),
			 0);
	assert_int_equal(rpc_server_method(server, FORWARD, handle_forward, NULL), 0);
}

static inline void start_server(void)
{
	const struct rpc_server_opts opts = {.max_message_bytes = MAX_MESSAGE_BYTES};
	struct rpc_listener_opts listen = {.on_connection = accept_into_server};

	for (int i = 0; i < 2; i++)
		assert_int_equal(
		    rpc_loop_create("server", NULL, NULL, &world.server_loops[i], NULL),
		    0);
	assert_int_equal(rpc_server_create(&opts, &world.server, NULL), 0);
	add_methods(world.server);
	assert_int_equal(rpc_server_start(world.server, world.server_loops, 2, NULL),
			 0);
	listen.user = world.server;
	acceptor_start(&world.acceptor, world.address, &listen);
}

static inline void stop_server(void)
{
	acceptor_stop(&world.acceptor);
	server_stop(&world.server, 100);
	for (int i = 0; i < 2; i++)
		rpc_loop_destroy(&world.server_loops[i]);
}

static inline int set_up(void **state)
{
	/* the server may be told to send more than it may receive */
	const struct rpc_channel_opts opts = {.max_message_bytes =
						  4 * MAX_MESSAGE_BYTES};

	(void)state;
	memset(&world, 0, sizeof(world));
	temp_dir_make(&world.dir);
	snprintf(world.address, sizeof(world.address), "unix:%s/s", world.dir.path);
	start_server();
	assert_int_equal(
	    rpc_loop_create("client", NULL, NULL, &world.client_loop, NULL), 0);
	assert_int_equal(rpc_channel_create(world.address, &opts, &world.channel, NULL),
			 0);
	return 0;
}

static inline int tear_down(void **state)
{
	(void)state;
	rpc_channel_destroy(&world.channel);
	stop_server();
	rpc_loop_destroy(&world.client_loop);
	temp_dir_remove(&world.dir);
	return 0;
}

/* ---- The client ---------------------------------------------------------- */

/* What came of one call; read it after the latch says done. */
struct reply {
	struct latch messages, done;
	struct rpc_status status;
	struct rpc_call *call;
	unsigned initials, dones;
	bool is_out_of_turn; /* something came after on_done */
	bool reads_on;	     /* grant the next message from on_message */
	uint64_t bytes;
	unsigned n_messages, out_of_order;
	char text[256]; /* the start of the last message */
	char trailing_id[RPC_CORRELATION_BYTES];
	char why[16];
	char initial_bin[8];
	size_t initial_bin_len;
};

static inline void reply_initial(struct rpc_call *call)
{
	struct reply *r = rpc_call_user(call);

	r->initials++;
	r->is_out_of_turn |= r->dones > 0;
}

static inline void reply_message(struct rpc_call *call, struct rpc_buf *message)
{
	struct reply *r = rpc_call_user(call);
	unsigned number = 0;
	size_t n;

	r->is_out_of_turn |= r->dones > 0;
	r->bytes += rpc_buf_len(message);
	n = rpc_buf_copy_out(message, 0, r->text, sizeof(r->text) - 1);
	r->text[n] = '\0';
	if (rpc_buf_copy_out(message, 0, &number, sizeof(number)) == sizeof(number) &&
	    number != r->n_messages)
		r->out_of_order++;
	r->n_messages++;
	if (r->reads_on)
		rpc_call_read_more(call);
	latch_up(&r->messages);
}

static inline void copy_str(char *dst, size_t size, struct rpc_str s)
{
	snprintf(dst, size, "%.*s", (int)s.len, s.data ? s.data : "");
}

static inline void reply_done(struct rpc_call *call, const struct rpc_status *status)
{
	struct reply *r = rpc_call_user(call);
	const struct rpc_md_in *trailing = rpc_call_trailing_metadata(call);
	struct rpc_str bin =
	    rpc_md_in_get(rpc_call_initial_metadata(call), "x-test-bin");

	r->dones++;
	r->status = *status;
	copy_str(r->trailing_id, sizeof(r->trailing_id),
		 rpc_md_in_get(trailing, RPC_MD_CORRELATION_ID));
	copy_str(r->why, sizeof(r->why), rpc_md_in_get(trailing, "x-why"));
	r->initial_bin_len = bin.len < sizeof(r->initial_bin) ? bin.len : 0;
	if (r->initial_bin_len)
		memcpy(r->initial_bin, bin.data, r->initial_bin_len);
	latch_up(&r->done);
}

static const struct rpc_call_ops reply_ops = {
    .on_initial = reply_initial,
    .on_message = reply_message,
    .on_done = reply_done,
};

static inline struct rpc_call_args args_for(const char *method, struct rpc_buf *request,
					    struct reply *reply)
{
	memset(reply, 0, sizeof(*reply));
	reply->messages = (struct latch)LATCH_INIT;
	reply->done = (struct latch)LATCH_INIT;
	return (struct rpc_call_args){
	    .channel = world.channel,
	    .loop = world.client_loop,
	    .method = method,
	    .request = request,
	    .ops = &reply_ops,
	    .user = reply,
	};
}

static inline void start(const struct rpc_call_args *args, struct reply *reply)
{
	assert_int_equal(rpc_call_start(args, &reply->call), 0);
}

/* Wait for the end, and check what holds of every call. */
static inline void finish(struct reply *reply)
{
	latch_wait(&reply->done, 1);
	rpc_call_unref(reply->call);
	assert_int_equal(reply->dones, 1);
	assert_false(reply->is_out_of_turn);
}

static inline void call_text_with(const char *method, const char *text, unsigned flags,
				  struct reply *reply)
{
	struct rpc_buf *request = rpc_buf_from_bytes(text, strlen(text));
	struct rpc_call_args args = args_for(method, request, reply);

	args.deadline = snp_mono_add_ms(snp_mono_now(), WAIT_MS);
	args.flags = flags;
	start(&args, reply);
	rpc_buf_unref(request);
	finish(reply);
}

static inline void call_text(const char *method, const char *text, struct reply *reply)
{
	call_text_with(method, text, RPC_CALL_UNARY, reply);
}

#endif
