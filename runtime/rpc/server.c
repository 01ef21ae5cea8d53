/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Arrival of calls, and the server's end. For each method and loop one request is kept
 * outstanding with gRPC, in a slot that is re-used; more gain nothing. One more slot a
 * loop takes calls to methods nobody registered: left alone, those would hang until
 * their deadline.
 *
 * Shutdown: gRPC stops taking calls, gives every slot back as failed, and says when its
 * connections are gone. That is not the end of its calls: one whose connection broke
 * may still have to be finished, by a batch on a queue that must not be closed before.
 * So `holds` counts slots, calls and the shutdown; at zero the owner is told on the
 * first loop.
 *
 * TLS: grpc_server_add_channel_from_fd() knows no credentials. What takes connected
 * sockets for a listener with credentials is the "external" address; it hands out an
 * object with one method, made for gRPC's C++ layer (tls_acceptor.h).
 */
#include "rpc/server.h"

#include <errno.h>
#include <pthread.h>
#include <semaphore.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <grpc/grpc.h>
#include <grpc/grpc_posix.h>
#include <grpc/grpc_security.h>

#include "args.h"
#include "buf_internal.h"
#include "holds.h"
#include "loop_internal.h"
#include "rpc/channel.h"
#include "server_internal.h"
#include "snakepit/check.h"
#include "tag.h"
#include "tls.h"
#include "tls_acceptor.h"

struct method {
	struct method *next;
	void *core; /* gRPC's handle */
	rpc_handler_fn fn;
	void *user;
	char path[];
};

struct slot {
	struct rpc__tag tag;
	struct rpc_server *server;
	struct rpc_loop *loop;
	const struct method *method; /* NULL: the one for unknown methods */
	struct rpc__arrival arrival;
	grpc_byte_buffer *payload;
	grpc_call_details details;
};

struct rpc_server {
	grpc_server *core;
	grpc_server_credentials *creds;
	struct method *methods;
	size_t n_methods;
	struct slot *slots;
	size_t n_slots;
	struct rpc_loop *first_loop;

	struct rpc__tls *tls; /* NULL: connections are not encrypted */
	struct rpc__tls_acceptor *tls_acceptor; /* gRPC's; dies with its listener */

	struct rpc__holds holds; /* slots with gRPC, calls, and the shutdown tag */
	/* Keeps the shutdown from taking the acceptor away under a connection that is
	 * being added. */
	pthread_mutex_t stop_mutex;
	bool stopping; /* protected by stop_mutex */
	uint32_t grace_ms;
	struct rpc_timer grace_timer; /* the first loop's */
	struct rpc__tag shutdown_tag;
	struct rpc_task shutdown_task;
	void (*on_stopped)(void *user);
	void *stopped_user;
};

#define SERVER_OF(ptr, member)                                                         \
	((struct rpc_server *)((char *)(ptr)-offsetof(struct rpc_server, member)))

/* ---- Setting up ---------------------------------------------------------- */

static void fill_args(const struct rpc_server_opts *opts, struct rpc__args *args)
{
	uint32_t max_message =
	    rpc__or_default(opts->max_message_bytes, RPC_MESSAGE_BYTES_DEFAULT);

	rpc__args_add(args, GRPC_ARG_MAX_RECEIVE_MESSAGE_LENGTH, max_message);
	rpc__args_add(args, GRPC_ARG_MAX_SEND_MESSAGE_LENGTH, max_message);
	rpc__args_add(
	    args, GRPC_ARG_MAX_METADATA_SIZE,
	    rpc__or_default(opts->max_metadata_bytes, RPC_METADATA_BYTES_DEFAULT));
	rpc__args_add(args, GRPC_ARG_MAX_CONCURRENT_STREAMS,
		      rpc__or_default(opts->max_streams, 1024));
	rpc__args_add(args, GRPC_ARG_ENABLE_CHANNELZ, 0);
	rpc__args_add(args, GRPC_ARG_ENABLE_PER_MESSAGE_COMPRESSION, 0); /* unused */
	/* gRPC inflates a message before it looks at its size: never let it. */
	rpc__args_add(args, GRPC_ARG_ENABLE_PER_MESSAGE_DECOMPRESSION, 0);
	/* A peer that answers no ping is gone or mute; it shall not keep a connection.
	 */
	rpc__args_add(args, GRPC_ARG_KEEPALIVE_TIME_MS,
		      rpc__or_default(opts->keepalive_ms, 60000));
	rpc__args_add(args, GRPC_ARG_KEEPALIVE_TIMEOUT_MS, 20000);
	rpc__args_add(args, GRPC_ARG_KEEPALIVE_PERMIT_WITHOUT_CALLS, 1);
	rpc__args_add(args, GRPC_ARG_HTTP2_MAX_PINGS_WITHOUT_DATA, 0);
	/* Clients may ping us as often as this without being thrown out. */
	rpc__args_add(args, GRPC_ARG_HTTP2_MIN_RECV_PING_INTERVAL_WITHOUT_DATA_MS,
		      1000);
	/* Whoever connects and does not get on with TLS is thrown out soon. */
	rpc__args_add(args, GRPC_ARG_SERVER_HANDSHAKE_TIMEOUT_MS, 10000);
}

static void tell_stopped(struct rpc_task *task)
{
	struct rpc_server *server = SERVER_OF(task, holds.ended);

	(void)rpc_timer_cancel(server->first_loop, &server->grace_timer);
	if (server->on_stopped)
		server->on_stopped(server->stopped_user);
}

int rpc_server_create(const struct rpc_server_opts *opts,
		      struct rpc_server **ret_server, struct snp_err *err)
{
	static const struct rpc_server_opts defaults;
	struct rpc_server *server = calloc(1, sizeof(*server));
	struct rpc__args args = {0};

	if (!server)
		return snp_err_set(err, -ENOMEM, "out of memory for a server");
	pthread_mutex_init(&server->stop_mutex, NULL);
	rpc__holds_init(&server->holds, tell_stopped);
	fill_args(opts ? opts : &defaults, &args);
	rpc__args_add_pointer(&args, RPC__TLS_ADDRESS, &server->tls_acceptor);
	server->core = grpc_server_create(
	    &(grpc_channel_args){.num_args = args.n, .args = args.v}, NULL);
	server->creds = grpc_insecure_server_credentials_create();
	*ret_server = server;
	return 0;
}

int rpc_server_set_tls(struct rpc_server *server, const struct rpc_tls_files *files,
		       struct snp_err *err)
{
	if (server->tls)
		return rpc__tls_replace(server->tls, files, err);
	if (server->first_loop)
		return snp_err_set(err, -EBUSY,
				   "TLS can be switched on at the start only");
	return rpc__tls_create(files, &server->tls, err);
}

int rpc_server_method(struct rpc_server *server, const char *method, rpc_handler_fn fn,
		      void *user)
{
	size_t size = strlen(method) + 1;
	struct method *m;

	SNP_CHECK(!server->first_loop);
	m = malloc(sizeof(*m) + size);
	if (!m)
		return -ENOMEM;
	memcpy(m->path, method, size);
	m->core = grpc_server_register_method(
	    server->core, m->path, NULL, GRPC_SRM_PAYLOAD_READ_INITIAL_BYTE_BUFFER, 0);
	if (!m->core) {
		free(m);
		return -EEXIST;
	}
	m->fn = fn;
	m->user = user;
	m->next = server->methods;
	server->methods = m;
	server->n_methods++;
	return 0;
}

/* ---- Arrival ------------------------------------------------------------- */

static void request_next(struct slot *slot)
{
	grpc_completion_queue *cq = rpc__loop_cq(slot->loop);
	struct rpc__arrival *arrival = &slot->arrival;
	grpc_call_error rc;
	void *tag;

	grpc_metadata_array_init(&arrival->metadata);
	slot->payload = NULL;
	tag = rpc__tag_arm(&slot->tag);
	if (slot->method) {
		rc = grpc_server_request_registered_call(
		    slot->server->core, slot->method->core, &arrival->core,
		    &arrival->deadline, &arrival->metadata, &slot->payload, cq, cq,
		    tag);
	} else {
		grpc_call_details_init(&slot->details);
		rc = grpc_server_request_call(slot->server->core, &arrival->core,
					      &slot->details, &arrival->metadata, cq,
					      cq, tag);
	}
	SNP_CHECK(rc == GRPC_CALL_OK);
}

/* gRPC also delivers a call whose message it refused to read, without the message. */
static void refuse_missing(struct rpc_server_call *call)
{
	if (grpc_call_failed_before_recv_message(rpc__server_call_core(call)))
		rpc_server_call_finish(call, NULL, RPC_RESOURCE_EXHAUSTED,
				       "the request could not be received");
	else
		rpc_server_call_finish(call, NULL, RPC_UNIMPLEMENTED,
				       "the request has no message");
}

/* Takes `payload`. */
static void serve(const struct method *method, struct rpc_server_call *call,
		  grpc_byte_buffer *payload)
{
	struct rpc_buf *request;

	if (!payload) {
		refuse_missing(call);
		return;
	}
	if (rpc__byte_buffer_is_compressed(payload)) {
		grpc_byte_buffer_destroy(payload);
		rpc_server_call_finish(call, NULL, RPC_UNIMPLEMENTED,
				       "compressed messages are not accepted");
		return;
	}
	request = rpc__buf_wrap(payload);
	if (!request) {
		rpc_server_call_finish(call, NULL, RPC_RESOURCE_EXHAUSTED,
				       "out of memory for the request");
		return;
	}
	method->fn(call, request, method->user);
	rpc_buf_unref(request);
}

static void on_known(struct slot *slot)
{
	struct rpc_server_call *call =
	    rpc__server_call_create(&slot->server->holds, slot->loop, &slot->arrival);
	grpc_byte_buffer *payload = slot->payload;

	request_next(slot);
	if (call)
		serve(slot->method, call, payload);
	else
		grpc_byte_buffer_destroy(payload);
}

static void on_unknown(struct slot *slot)
{
	struct rpc_server_call *call;

	slot->arrival.deadline = slot->details.deadline;
	grpc_call_details_destroy(&slot->details);
	call =
	    rpc__server_call_create(&slot->server->holds, slot->loop, &slot->arrival);
	request_next(slot);
	if (call)
		rpc_server_call_finish(call, NULL, RPC_UNIMPLEMENTED,
				       "unknown service or method");
}

static void on_arrival(struct rpc__tag *tag, bool ok)
{
	struct slot *slot = (struct slot *)tag; /* first member */

	if (!ok) { /* the server is stopping */
		grpc_metadata_array_destroy(&slot->arrival.metadata);
		if (!slot->method)
			grpc_call_details_destroy(&slot->details);
		rpc__holds_drop(&slot->server->holds);
	} else if (slot->method) {
		on_known(slot);
	} else {
		on_unknown(slot);
	}
}

static void add_slot(struct rpc_server *server, struct rpc_loop *loop,
		     const struct method *method)
{
	server->slots[server->n_slots++] = (struct slot){
	    .tag = {.fn = on_arrival},
	    .server = server,
	    .loop = loop,
	    .method = method,
	};
}

/* A listener without a socket: it gets connections from the acceptor. */
static int open_tls(struct rpc_server *server, struct snp_err *err)
{
	grpc_server_credentials *creds = rpc__tls_credentials(server->tls);

	/* The result is a port's number, and this has none. */
	(void)grpc_server_add_http2_port(server->core, RPC__TLS_ADDRESS, creds);
	grpc_server_credentials_release(creds);
	if (!server->tls_acceptor)
		return snp_err_set(err, -EPROTO,
				   "gRPC takes no connections for a TLS server");
	return 0;
}

int rpc_server_start(struct rpc_server *server, struct rpc_loop *const *loops, size_t n,
		     struct snp_err *err)
{
	int rc;

	SNP_CHECK(!server->first_loop && n > 0);
	server->slots = calloc(n * (server->n_methods + 1), sizeof(*server->slots));
	if (!server->slots)
		return snp_err_set(err, -ENOMEM, "out of memory for a server");
	rc = server->tls ? open_tls(server, err) : 0;
	if (rc < 0)
		return rc;
	for (size_t i = 0; i < n; i++) {
		grpc_server_register_completion_queue(server->core,
						      rpc__loop_cq(loops[i]), NULL);
		for (struct method *m = server->methods; m; m = m->next)
			add_slot(server, loops[i], m);
		add_slot(server, loops[i], NULL);
	}
	server->first_loop = server->holds.loop = loops[0];
	rpc__holds_take(&server->holds, (unsigned)server->n_slots);
	grpc_server_start(server->core);
	for (size_t i = 0; i < server->n_slots; i++)
		request_next(&server->slots[i]);
	return 0;
}

int rpc_server_add_fd(struct rpc_server *server, int fd)
{
	int rc = 0;

	pthread_mutex_lock(&server->stop_mutex);
	if (server->stopping) {
		(void)close(fd);
		rc = -ESHUTDOWN;
	} else if (server->tls) {
		rpc__tls_accept(server->tls_acceptor, fd);
	} else {
		grpc_server_add_channel_from_fd(server->core, fd, server->creds);
	}
	pthread_mutex_unlock(&server->stop_mutex);
	return rc;
}

/* ---- The end ------------------------------------------------------------- */

static void on_shutdown(struct rpc__tag *tag, bool ok)
{
	(void)ok;
	rpc__holds_drop(&SERVER_OF(tag, shutdown_tag)->holds);
}

static void on_grace_over(struct rpc_timer *timer)
{
	grpc_server_cancel_all_calls(SERVER_OF(timer, grace_timer)->core);
}

static void begin_shutdown(struct rpc_task *task)
{
	struct rpc_server *server = SERVER_OF(task, shutdown_task);

	server->shutdown_tag.fn = on_shutdown;
	grpc_server_shutdown_and_notify(server->core, rpc__loop_cq(server->first_loop),
					rpc__tag_arm(&server->shutdown_tag));
	rpc_timer_start(server->first_loop, &server->grace_timer,
			snp_mono_add_ms(snp_mono_now(), server->grace_ms),
			on_grace_over);
}

void rpc_server_shutdown(struct rpc_server *server, uint32_t grace_ms,
			 void (*on_stopped)(void *user), void *user)
{
	SNP_CHECK(server->first_loop);
	pthread_mutex_lock(&server->stop_mutex);
	SNP_CHECK(!server->stopping);
	server->stopping = true;
	pthread_mutex_unlock(&server->stop_mutex);
	server->grace_ms = grace_ms;
	server->on_stopped = on_stopped;
	server->stopped_user = user;
	rpc__holds_take(&server->holds, 1);
	server->shutdown_task.fn = begin_shutdown;
	rpc_loop_post(server->first_loop, &server->shutdown_task);
}

static void post_stopped(void *user)
{
	SNP_CHECK(sem_post(user) == 0);
}

static void stop_and_wait(struct rpc_server *server)
{
	sem_t stopped;

	SNP_CHECK(!rpc_loop_is_current(server->first_loop));
	SNP_CHECK(sem_init(&stopped, 0, 0) == 0);
	rpc_server_shutdown(server, 0, post_stopped, &stopped);
	while (sem_wait(&stopped) < 0)
		SNP_CHECK(errno == EINTR);
	(void)sem_destroy(&stopped);
}

void rpc_server_destroy(struct rpc_server **server_ptr)
{
	struct rpc_server *server = *server_ptr;

	if (!server)
		return;
	*server_ptr = NULL;
	if (server->first_loop && !server->stopping)
		stop_and_wait(server);
	rpc__holds_fini(&server->holds);
	grpc_server_destroy(server->core);
	grpc_server_credentials_release(server->creds);
	rpc__tls_destroy(&server->tls);
	pthread_mutex_destroy(&server->stop_mutex);
	while (server->methods) {
		struct method *next = server->methods->next;

		free(server->methods);
		server->methods = next;
	}
	free(server->slots);
	free(server);
}
