/* SPDX-License-Identifier: Apache-2.0 */
/*
 * host_sessions.h - the bridge's calls about sessions: InitializeSession,
 * CleanupSession, GetSession, and RegisterTools, by which a worker says what a session
 * may call. They concern the sessions of one pool (host_call_pool). Front door's loop
 * only.
 */
#ifndef SNAKEPIT_RUNTIME_HOST_SESSIONS_H
#define SNAKEPIT_RUNTIME_HOST_SESSIONS_H

#include "core/front.h"

void host_sessions_init(struct rpc_server_call *call, struct rpc_buf *request,
			void *front);
void host_sessions_cleanup(struct rpc_server_call *call, struct rpc_buf *request,
			   void *front);
void host_sessions_get(struct rpc_server_call *call, struct rpc_buf *request,
		       void *front);
void host_sessions_register_tools(struct rpc_server_call *call, struct rpc_buf *request,
				  void *front);

#endif
