/* SPDX-License-Identifier: Apache-2.0 */
/*
 * core_client.h - gRPC's own client: it can compress, and tells whom it spoke with,
 * which ours cannot.
 */
#ifndef CORE_CLIENT_H
#define CORE_CLIENT_H

#include "rpc_world.h"

#include <grpc/byte_buffer.h>
#include <grpc/grpc.h>
#include <grpc/grpc_security.h>

struct core_client {
	grpc_channel *channel;
	grpc_completion_queue *cq;
};

/* To the world's address. `arg` may be NULL. */
static inline struct core_client core_connect(grpc_channel_credentials *take_creds,
					      grpc_arg *arg)
{
	const grpc_channel_args args = {arg ? 1 : 0, arg};
	struct core_client client = {
	    .channel = grpc_channel_create(world.address, take_creds, &args),
	    .cq = grpc_completion_queue_create_for_pluck(NULL)};

	grpc_channel_credentials_release(take_creds);
	return client;
}

static inline void core_disconnect(struct core_client *client)
{
	grpc_channel_destroy(client->channel);
	grpc_completion_queue_shutdown(client->cq);
	grpc_completion_queue_destroy(client->cq);
}

/* Call Echo and wait for the end. Where it went well `look` (may be NULL) sees the call
 * before it is gone. */
static inline grpc_status_code
core_echo(const struct core_client *client, grpc_slice take_slice,
	  void (*look)(grpc_call *call, const void *user), const void *user)
{
	grpc_call *call = grpc_channel_create_call(
	    client->channel, NULL, 0, client->cq, grpc_slice_from_static_string(ECHO),
	    NULL,
	    gpr_time_add(gpr_now(GPR_CLOCK_MONOTONIC),
			 gpr_time_from_millis(WAIT_MS, GPR_TIMESPAN)),
	    NULL);
	grpc_byte_buffer *request = grpc_raw_byte_buffer_create(&take_slice, 1);
	grpc_byte_buffer *response = NULL;
	grpc_slice details = {0};
	grpc_metadata_array initial, trailing;
	grpc_status_code code = GRPC_STATUS_OK;
	grpc_op ops[6] = {0};

	grpc_slice_unref(take_slice);
	grpc_metadata_array_init(&initial);
	grpc_metadata_array_init(&trailing);
	ops[0].op = GRPC_OP_SEND_INITIAL_METADATA;
	ops[1].op = GRPC_OP_SEND_MESSAGE;
	ops[1].data.send_message.send_message = request;
	ops[2].op = GRPC_OP_SEND_CLOSE_FROM_CLIENT;
	ops[3].op = GRPC_OP_RECV_INITIAL_METADATA;
	ops[3].data.recv_initial_metadata.recv_initial_metadata = &initial;
	ops[4].op = GRPC_OP_RECV_MESSAGE;
	ops[4].data.recv_message.recv_message = &response;
	ops[5].op = GRPC_OP_RECV_STATUS_ON_CLIENT;
	ops[5].data.recv_status_on_client.trailing_metadata = &trailing;
	ops[5].data.recv_status_on_client.status = &code;
	ops[5].data.recv_status_on_client.status_details = &details;
	assert_int_equal(grpc_call_start_batch(call, ops, 6, &code, NULL), 0);
	(void)grpc_completion_queue_pluck(client->cq, &code,
					  gpr_inf_future(GPR_CLOCK_MONOTONIC), NULL);
	if (look && code == GRPC_STATUS_OK)
		look(call, user);
	grpc_byte_buffer_destroy(request);
	grpc_byte_buffer_destroy(response);
	grpc_slice_unref(details);
	grpc_metadata_array_destroy(&initial);
	grpc_metadata_array_destroy(&trailing);
	grpc_call_unref(call);
	return code;
}

#endif
