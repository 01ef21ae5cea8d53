/* SPDX-License-Identifier: Apache-2.0 */
/*
 * runtime.h - one running instance: segment, loops, pools, front door, supervisor.
 *
 *   thread        | owns                                             | may block on
 *   --------------+--------------------------------------------------+-----------------
 *   main          | supervisor: processes, lifecycle cells, sampling | epoll
 *   snp-front     | client calls, admission, queues, tools; without  | completion queue
 *                 | snp-loop-N also what those do                    |
 *   snp-loop-N    | from eight processors on: the calls and          | completion queue
 *                 | heartbeats of its share of slots                 |
 *   snp-ticker    | heartbeat, SNAP and history of the segment       | a condition
 *   RCU callbacks | release of withdrawn links, retiring of rows     | liburcu
 */
#ifndef SNAKEPIT_RUNTIME_RUNTIME_H
#define SNAKEPIT_RUNTIME_RUNTIME_H

#include <signal.h>

#include "config/config.h"
#include "rpc/loop.h"
#include "snakepit/err.h"
#include "snakepit/read.h" /* SNP_PATH_BYTES */

struct host_tools;
struct notify;
struct runtime;

/* Event loops for workers' calls beside the front door's, on this machine. */
uint32_t runtime_loops_wanted(void);

/* Whether a segment of the size that `cfg` asks for can be made at all; -EINVAL with a
 * message that names `file`, the configuration's, and the keys. */
int runtime_check(const struct snp_config *cfg, const char *file, struct snp_err *err);

/* Its directory: that of the configuration, else the default. -ENAMETOOLONG. */
int runtime_dir(const struct snp_config *cfg, char ret_dir[SNP_PATH_BYTES],
		struct snp_err *err);

/* Size of the segment of `cfg`. */
uint64_t runtime_segment_bytes(const struct snp_config *cfg);

struct runtime_options {
	/* Borrowed; its listeners are resolved (snp_config_resolve_dir). */
	struct snp_config *cfg;
	/* Where it comes from, to be read again; borrowed. NULL: it stays as it is. */
	const char *file;
	/* Blocked in the calling thread. SIGHUP reloads, any other ends the runtime. */
	const sigset_t *signals;
	struct notify *notify; /* the service manager, or NULL; borrowed */
	/* Directory of the launcher and the readers; NULL: looked for (paths.h). */
	const char *programs;
};

/* Build everything and listen; no worker is started yet. On failure nothing is left
 * behind. */
int runtime_create(const struct runtime_options *options, struct runtime **ret_rt,
		   struct snp_err *err);

/* Start the workers and serve until a signal or runtime_stop(); returns when everything
 * has stopped. On one thread that lives as long: workers die with it. */
void runtime_run(struct runtime *rt);

/* Any thread: what SIGTERM does; a second time, what a second one does. */
void runtime_stop(struct runtime *rt);

/* Where workers find their host, and the program its own runtime. */
const char *runtime_host_address(const struct runtime *rt);

/* What makes a call the program's own there (RPC_MD_C_API). */
const char *runtime_program_key(const struct runtime *rt);

struct host_tools *runtime_host_tools(struct runtime *rt);

/* In the child of a fork: close what would look held by the parent as long as the child
 * lives. Only system calls. */
void runtime_forget(const struct runtime *rt);

/* For rpc_init(): gRPC's own words go to the log. */
void runtime_rpc_log(enum rpc_log_level level, const char *text);

/* Free everything and remove segment, locks and sockets. */
void runtime_destroy(struct runtime **rt);

#endif
