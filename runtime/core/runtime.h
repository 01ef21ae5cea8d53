/* SPDX-License-Identifier: Apache-2.0 */
/*
 * runtime.h - one running instance: segment, loops, pools, front door, supervisor.
 *
 *   thread          | owns                                              | may block on
 *   ----------------+---------------------------------------------------+--------------
 *   main            | supervisor: processes, lifecycle cells, sampling  | epoll
 *   snp-loop-N      | the calls and heartbeats of its share of slots    | its
 * completion queue snp-front       | client calls, admission, queues, tools | its
 * completion queue snp-ticker      | heartbeat and clock pair of the segment | a
 * condition RCU callbacks   | release of withdrawn links                        |
 * liburcu
 */
#ifndef SNAKEPIT_RUNTIME_RUNTIME_H
#define SNAKEPIT_RUNTIME_RUNTIME_H

#include <signal.h>

#include "config/config.h"
#include "snakepit/err.h"

struct runtime;

/* Build everything and listen; no worker is started yet. Signals must be blocked in the
 * calling thread; those in `signals` end the runtime. `cfg` is borrowed and its
 * listeners are resolved (snp_config_resolve_dir). On failure nothing is left behind.
 */
int runtime_create(struct snp_config *cfg, const sigset_t *signals,
		   struct runtime **ret_rt, struct snp_err *err);

/* Start the workers and serve until a signal; returns when everything has stopped. */
void runtime_run(struct runtime *rt);

/* Free everything and remove segment, locks and sockets. */
void runtime_destroy(struct runtime **rt);

#endif
