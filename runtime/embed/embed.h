/* SPDX-License-Identifier: Apache-2.0 */
/*
 * embed.h - the runtime of a program (snakepit/runtime.h), inside.
 *
 * The program is a client like any other: its requests go over a gRPC connection to the
 * socket on which workers find their host. So there is one way in, with one admission,
 * one set of books and one trace, for a price of some tens of microseconds.
 *
 *   thread      | does
 *   ------------+---------------------------------------------------------------
 *   supervisor  | everything that snakepitd does on its main thread; from start
 *               | until the runtime has stopped
 *   snp-embed   | the loop on which the program's calls complete
 *   callers     | wait under `lock`, if they wait
 */
#ifndef SNAKEPIT_RUNTIME_EMBED_H
#define SNAKEPIT_RUNTIME_EMBED_H

#include <pthread.h>
#include <stdbool.h>

#include "core/runtime.h"
#include "rpc/channel.h"
#include "rpc/loop.h"
#include "snakepit/runtime.h"

enum embed_state {
	EMBED_CREATED,
	EMBED_RUNNING,
	EMBED_STOPPING,
	EMBED_STOPPED,
};

struct offer;

struct snp_runtime {
	struct snp_config *cfg;
	char *file; /* of the configuration, or NULL */
	struct runtime *runtime;
	struct rpc_loop *loop;
	struct rpc_channel *channel;
	pthread_t thread; /* the supervisor's */
	bool joinable;
	pid_t owner;		  /* the process it belongs to */
	struct snp_runtime *next; /* of all that live; embed.c's mutex */

	pthread_mutex_t lock; /* protects: */
	pthread_cond_t changed;
	enum embed_state state;
	unsigned calls;	      /* accepted and not yet at their end */
	struct offer *offers; /* host_tool.c */
};

/* Whether this process may use it: -EINVAL (NULL), -EPERM (of another process). */
int embed_check(const struct snp_runtime *rt, struct snp_err *err);

/* Code of the program runs on this thread, called by the runtime; nested ones are given
 * back in turn. */
const struct snp_runtime *embed_callback_begin(const struct snp_runtime *rt);
void embed_callback_end(const struct snp_runtime *before);

/* A call begins, if the runtime runs: 0 or -ESHUTDOWN. */
int embed_call_begin(struct snp_runtime *rt, struct snp_err *err);
void embed_call_end(struct snp_runtime *rt);

/* After the runtime is gone, and with it all calls to them. */
void embed_offers_free(struct snp_runtime *rt);

#endif
