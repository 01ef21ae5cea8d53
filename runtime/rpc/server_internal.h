/* SPDX-License-Identifier: Apache-2.0 */
/*
 * server_internal.h - between server.c (arrival of calls) and server_call.c (their
 * life).
 */
#ifndef RPC_SERVER_INTERNAL_H
#define RPC_SERVER_INTERNAL_H

#include <grpc/grpc.h>

#include "holds.h"
#include "rpc/server.h"

/* What gRPC delivered for one new call; members are moved out of it. */
struct rpc__arrival {
	grpc_call *core;
	gpr_timespec deadline;
	grpc_metadata_array metadata;
};

/* Take over an arrived call and begin to watch for its end. NULL: no memory; the call
 * has been cancelled and dropped then. The call holds its server until its last
 * reference is dropped. */
struct rpc_server_call *rpc__server_call_create(struct rpc__holds *server,
						struct rpc_loop *loop,
						struct rpc__arrival *arrival);

grpc_call *rpc__server_call_core(struct rpc_server_call *call);

#endif
