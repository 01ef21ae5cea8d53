/* SPDX-License-Identifier: Apache-2.0 */
/*
 * host_bridge.h - the host's half of snakepit.bridge.BridgeService: what existing
 * clients and workers call. ExecuteTool and ExecuteStreamingTool run on a pool
 * (metadata key x-snakepit-pool, else the first); Ping and Heartbeat answer; the rest
 * is in host_sessions.h and host_tools.h. Front door's loop only.
 */
#ifndef SNAKEPIT_RUNTIME_HOST_BRIDGE_H
#define SNAKEPIT_RUNTIME_HOST_BRIDGE_H

#include "core/front.h"

int host_bridge_register(struct front *front, struct rpc_server *server);

#endif
