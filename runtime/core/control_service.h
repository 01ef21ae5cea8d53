/* SPDX-License-Identifier: Apache-2.0 */
/*
 * control_service.h - snakepit.control.v1.Control: what operators ask of the runtime.
 *
 * A call is decoded on the front door's loop, carried out on the supervisor's thread
 * (worker/control.h, core/reload.h) and answered on the loop again. The status codes
 * are those of proto/control.proto.
 */
#ifndef SNAKEPIT_RUNTIME_CONTROL_SERVICE_H
#define SNAKEPIT_RUNTIME_CONTROL_SERVICE_H

#include "rpc/server.h"

struct supervisor;

/* Before the server starts. `sup` may be initialised later, but before the first
 * connection, and must run until the server has stopped. */
int control_service_register(struct rpc_server *server, struct supervisor *sup);

#endif
