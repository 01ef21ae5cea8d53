/* SPDX-License-Identifier: Apache-2.0 */
#include "core/host_bridge.h"

#include "core/host_call.h"
#include "core/host_sessions.h"
#include "core/host_tools.h"
#include "pool/request.h"
#include "rpc/messages.h"

static void on_ping(struct rpc_server_call *call, struct rpc_buf *request, void *user)
{
	struct rpc_ping ping = {.message = ""};
	struct rpc_buf *reply = NULL;
	struct snp_err err = {0};
	char correlation[RPC_CORRELATION_BYTES];
	struct rpc_arena arena;
	int rc;

	host_call_identify(user, call, correlation);
	rpc_arena_init(&arena, 0);
	rc = rpc_bridge_decode_ping_request(request, &arena, &ping, &err);
	if (rc < 0) {
		host_call_refuse(call, rc, &err);
	} else {
		ping.server_time = snp_wall_now();
		rc = rpc_bridge_encode_ping_response(&ping, &reply);
		host_call_reply(call, reply, rc);
	}
	rpc_arena_fini(&arena);
}

/* Sessions play no part in liveness: whoever can ask is answered. */
static void on_heartbeat(struct rpc_server_call *call, struct rpc_buf *request,
			 void *user)
{
	const struct rpc_heartbeat_response answer = {.server_time = snp_wall_now(),
						      .session = RPC_SESSION_VALID};
	char correlation[RPC_CORRELATION_BYTES];
	struct rpc_buf *reply = NULL;
	int rc = rpc_bridge_encode_heartbeat_response(&answer, &reply);

	(void)request;
	host_call_identify(user, call, correlation);
	host_call_reply(call, reply, rc);
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
	    {RPC_METHOD_BRIDGE_INIT_SESSION, host_sessions_init},
	    {RPC_METHOD_BRIDGE_CLEANUP_SESSION, host_sessions_cleanup},
	    {RPC_METHOD_BRIDGE_GET_SESSION, host_sessions_get},
	    {RPC_METHOD_BRIDGE_REGISTER_TOOLS, host_sessions_register_tools},
	    {RPC_METHOD_BRIDGE_EXPOSED_TOOLS, host_tools_on_list},
	    {RPC_METHOD_BRIDGE_HOST_TOOL, host_tools_on_call},
	};
	int rc = 0;

	for (size_t i = 0; i < sizeof(methods) / sizeof(methods[0]) && rc == 0; i++)
		rc = rpc_server_method(server, methods[i].method, methods[i].fn, front);
	return rc;
}
