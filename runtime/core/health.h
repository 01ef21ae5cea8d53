/* SPDX-License-Identifier: Apache-2.0 */
/*
 * health.h - grpc.health.v1.Health over the pools, computed from worker states.
 *
 * Services: "" and "snakepit.pool.v1.Pool" serve when every pool has a worker that
 * takes requests; "pool/<name>" when that pool has one. Nothing serves while draining.
 * Watch sends the state at once and again when it changes. Front door's loop only.
 */
#ifndef SNAKEPIT_RUNTIME_HEALTH_H
#define SNAKEPIT_RUNTIME_HEALTH_H

#include "core/front.h"

/* Register the methods; before the server starts. */
int health_register(struct front *front, struct rpc_server *server);

/* Something may have changed: tell the watchers whose answer is another now. */
void health_update(struct front *front);

/* End all watches: the server is stopping. */
void health_end_watches(struct front *front);

#endif
