/* SPDX-License-Identifier: Apache-2.0 */
#include "core/host_bridge.h"

#include <stdio.h>

#include "pool/request.h"
#include "rpc/messages.h"

/* Answer with `reply`, or with the status for a failed encode. Takes the reference. */
static void reply_or_fail(struct rpc_server_call *call, struct rpc_buf *take_reply,
			  int rc)
{
	if (rc < 0)
		rpc_server_call_finish(call, NULL, rpc_code_of_errno(rc),
				       "cannot answer");
	else
		rpc_server_call_finish(call, take_reply, RPC_OK, NULL);
	rpc_buf_unref(take_reply);
}

static void on_ping(struct rpc_server_call *call, struct rpc_buf *request, void *user)
{
	struct rpc_ping ping = {.message = ""};
	struct rpc_buf *reply = NULL;
	struct snp_err err = {0};
	struct rpc_arena arena;
	int rc;

	(void)user;
	rpc_arena_init(&arena, 0);
	rc = rpc_bridge_decode_ping_request(request, &arena, &ping, &err);
	if (rc < 0) {
		rpc_server_call_finish(call, NULL, rpc_code_of_errno(rc), err.msg);
	} else {
		ping.server_time = snp_wall_now();
		rc = rpc_bridge_encode_ping_response(&ping, &reply);
		reply_or_fail(call, reply, rc);
	}
	rpc_arena_fini(&arena);
}

/* Sessions play no part in liveness: whoever can ask is answered. */
static void on_heartbeat(struct rpc_server_call *call, struct rpc_buf *request,
			 void *user)
{
	const struct rpc_heartbeat_response answer = {.server_time = snp_wall_now(),
						      .session = RPC_SESSION_VALID};
	struct rpc_buf *reply = NULL;
	int rc = rpc_bridge_encode_heartbeat_response(&answer, &reply);

	(void)request;
	(void)user;
	reply_or_fail(call, reply, rc);
}

static void on_exposed_tools(struct rpc_server_call *call, struct rpc_buf *request,
			     void *user)
{
	const struct rpc_tools none = {0};
	struct rpc_buf *reply = NULL;
	int rc = rpc_bridge_encode_exposed_tools(&none, &reply);

	(void)request;
	(void)user;
	reply_or_fail(call, reply, rc);
}

static void on_host_tool(struct rpc_server_call *call, struct rpc_buf *request,
			 void *user)
{
	struct rpc_execute_request msg;
	struct snp_err err = {0};
	struct rpc_arena arena;
	char text[192];
	int rc;

	(void)user;
	rpc_arena_init(&arena, 0);
	rc = rpc_bridge_decode_host_tool(request, &arena, &msg, &err);
	if (rc < 0) {
		rpc_server_call_finish(call, NULL, rpc_code_of_errno(rc), err.msg);
	} else {
		(void)snprintf(text, sizeof(text), "the host has no tool '%.128s'",
			       msg.tool);
		rpc_server_call_finish(call, NULL, RPC_NOT_FOUND, text);
	}
	rpc_arena_fini(&arena);
}

static void on_execute(struct rpc_server_call *call, struct rpc_buf *request,
		       void *user)
{
	request_arrive(user, call, request, &request_bridge_unary);
}

static void on_execute_stream(struct rpc_server_call *call, struct rpc_buf *request,
			      void *user)
{
	request_arrive(user, call, request, &request_bridge_stream);
}

int host_bridge_register(struct front *front, struct rpc_server *server)
{
	static const struct {
		const char *method;
		rpc_handler_fn fn;
	} methods[] = {
	    {RPC_METHOD_BRIDGE_PING, on_ping},
	    {RPC_METHOD_BRIDGE_HEARTBEAT, on_heartbeat},
	    {RPC_METHOD_BRIDGE_EXECUTE, on_execute},
	    {RPC_METHOD_BRIDGE_EXECUTE_STREAM, on_execute_stream},
	    {RPC_METHOD_BRIDGE_EXPOSED_TOOLS, on_exposed_tools},
	    {RPC_METHOD_BRIDGE_HOST_TOOL, on_host_tool},
	};
	int rc = 0;

	for (size_t i = 0; i < sizeof(methods) / sizeof(methods[0]) && rc == 0; i++)
		rc = rpc_server_method(server, methods[i].method, methods[i].fn, front);
	return rc;
}
