/* SPDX-License-Identifier: Apache-2.0 */
/*
 * call_floor.c - what a proxy made of gRPC C-core alone costs: it takes unary calls of
 * one method and makes the same call of another server. It decodes nothing, counts
 * nothing and keeps nothing (of the runtime's code it has the start of the library), so
 * what the runtime costs beyond it is the runtime's own. One thread, one completion
 * queue; three batches a call, the least there can be.
 *
 *   call_floor LISTEN UPSTREAM METHOD    until it is killed
 *
 * LISTEN and UPSTREAM are unix:PATH. Prints "ready" when it can be called.
 */
#include <stdio.h>
#include <stdlib.h>

#include <grpc/byte_buffer.h>
#include <grpc/grpc.h>
#include <grpc/grpc_security.h>
#include <grpc/support/alloc.h>

#include "rpc/loop.h"

#define SLOTS 64 /* calls at once */

struct proxy {
	grpc_completion_queue *cq;
	grpc_server *server;
	grpc_channel *upstream;
	const char *method;
	void *registered;
};

/* One call; `step` is what its tag comes back for. */
struct slot {
	void (*step)(struct proxy *proxy, struct slot *slot);
	grpc_call *in, *out;
	gpr_timespec deadline;
	grpc_metadata_array arrived, initial, trailing;
	grpc_byte_buffer *request, *reply;
	grpc_status_code code;
	grpc_slice details;
	const char *error;
	int cancelled;
};

static void die(const char *what)
{
	(void)fprintf(stderr, "call_floor: %s\n", what);
	exit(1);
}

static void start(grpc_call *call, const grpc_op *ops, size_t n, struct slot *slot)
{
	if (grpc_call_start_batch(call, ops, n, slot, NULL) != GRPC_CALL_OK)
		die("a batch was refused");
}

static void wait_for_call(struct proxy *proxy, struct slot *slot);

static void on_answered(struct proxy *proxy, struct slot *slot)
{
	grpc_call_unref(slot->in);
	grpc_metadata_array_destroy(&slot->arrived);
	grpc_metadata_array_destroy(&slot->initial);
	grpc_metadata_array_destroy(&slot->trailing);
	grpc_byte_buffer_destroy(slot->request);
	grpc_byte_buffer_destroy(slot->reply);
	grpc_slice_unref(slot->details);
	gpr_free((void *)(uintptr_t)slot->error);
	wait_for_call(proxy, slot);
}

static void on_reply(struct proxy *proxy, struct slot *slot)
{
	grpc_op ops[4] = {{.op = GRPC_OP_RECV_CLOSE_ON_SERVER},
			  {.op = GRPC_OP_SEND_INITIAL_METADATA},
			  {.op = GRPC_OP_SEND_STATUS_FROM_SERVER},
			  {.op = GRPC_OP_SEND_MESSAGE}};

	(void)proxy;
	/* gRPC would cancel it, at some expense, if its parent ended first. */
	grpc_call_unref(slot->out);
	ops[0].data.recv_close_on_server.cancelled = &slot->cancelled;
	ops[2].data.send_status_from_server.status = slot->code;
	ops[2].data.send_status_from_server.status_details = &slot->details;
	ops[3].data.send_message.send_message = slot->reply;
	slot->step = on_answered;
	start(slot->in, ops, slot->reply ? 4 : 3, slot);
}

static void on_call(struct proxy *proxy, struct slot *slot)
{
	grpc_op ops[6] = {{.op = GRPC_OP_SEND_INITIAL_METADATA},
			  {.op = GRPC_OP_SEND_MESSAGE},
			  {.op = GRPC_OP_SEND_CLOSE_FROM_CLIENT},
			  {.op = GRPC_OP_RECV_INITIAL_METADATA},
			  {.op = GRPC_OP_RECV_MESSAGE},
			  {.op = GRPC_OP_RECV_STATUS_ON_CLIENT}};

	ops[1].data.send_message.send_message = slot->request;
	ops[3].data.recv_initial_metadata.recv_initial_metadata = &slot->initial;
	ops[4].data.recv_message.recv_message = &slot->reply;
	ops[5].data.recv_status_on_client.trailing_metadata = &slot->trailing;
	ops[5].data.recv_status_on_client.status = &slot->code;
	ops[5].data.recv_status_on_client.status_details = &slot->details;
	ops[5].data.recv_status_on_client.error_string = &slot->error;
	slot->out = grpc_channel_create_call(
	    proxy->upstream, slot->in, GRPC_PROPAGATE_DEFAULTS, proxy->cq,
	    grpc_slice_from_static_string(proxy->method), NULL, slot->deadline, NULL);
	slot->step = on_reply;
	start(slot->out, ops, 6, slot);
}

static void wait_for_call(struct proxy *proxy, struct slot *slot)
{
	*slot = (struct slot){.step = on_call};
	if (grpc_server_request_registered_call(
		proxy->server, proxy->registered, &slot->in, &slot->deadline,
		&slot->arrived, &slot->request, proxy->cq, proxy->cq,
		slot) != GRPC_CALL_OK)
		die("no call can be taken");
}

/* The arguments that the runtime gives its own, as far as they cost anything. */
static const grpc_arg channel_args[] = {
    {.type = GRPC_ARG_INTEGER, .key = (char *)GRPC_ARG_ENABLE_CHANNELZ},
    {.type = GRPC_ARG_INTEGER, .key = (char *)GRPC_ARG_ENABLE_RETRIES},
    {.type = GRPC_ARG_INTEGER, .key = (char *)GRPC_ARG_ENABLE_HTTP_PROXY},
    {.type = GRPC_ARG_INTEGER,
     .key = (char *)GRPC_ARG_SERVICE_CONFIG_DISABLE_RESOLUTION,
     .value.integer = 1},
};

static void open_proxy(struct proxy *proxy, char **argv)
{
	const grpc_channel_args args = {4, (grpc_arg *)(uintptr_t)channel_args};
	grpc_server_credentials *creds = grpc_insecure_server_credentials_create();
	grpc_channel_credentials *plain = grpc_insecure_credentials_create();

	proxy->cq = grpc_completion_queue_create_for_next(NULL);
	proxy->server = grpc_server_create(&args, NULL);
	proxy->method = argv[3];
	proxy->registered =
	    grpc_server_register_method(proxy->server, proxy->method, NULL,
					GRPC_SRM_PAYLOAD_READ_INITIAL_BYTE_BUFFER, 0);
	grpc_server_register_completion_queue(proxy->server, proxy->cq, NULL);
	if (!grpc_server_add_http2_port(proxy->server, argv[1], creds))
		die("cannot listen");
	proxy->upstream = grpc_channel_create(argv[2], plain, &args);
	grpc_server_credentials_release(creds);
	grpc_channel_credentials_release(plain);
	grpc_server_start(proxy->server);
}

/* The queue's one thread ends with the process. */
static void serve(struct proxy *proxy)
{
	static struct slot slots[SLOTS];

	for (size_t i = 0; i < SLOTS; i++)
		wait_for_call(proxy, &slots[i]);
	for (;;) {
		grpc_event event = grpc_completion_queue_next(
		    proxy->cq, gpr_inf_future(GPR_CLOCK_MONOTONIC), NULL);
		struct slot *slot = event.tag;

		if (event.type == GRPC_OP_COMPLETE)
			slot->step(proxy, slot);
	}
}

int main(int argc, char **argv)
{
	struct proxy proxy = {0};

	if (argc != 4)
		die("usage: call_floor LISTEN UPSTREAM METHOD");
	rpc_init(NULL);
	open_proxy(&proxy, argv);
	(void)puts("ready");
	(void)fflush(stdout);
	serve(&proxy);
	return 0;
}
