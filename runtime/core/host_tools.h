/* SPDX-License-Identifier: Apache-2.0 */
/*
 * host_tools.h - tools that the embedding program offers to Python:
 * GetExposedElixirTools lists them, ExecuteElixirTool runs one.
 *
 * A tool's function runs on one of a few threads of its own, never on the front door's
 * loop. It may block; it may also return at once and finish the call later, from any
 * thread. Each call is finished exactly once; finishing one whose caller has left, or
 * which the end of the runtime has answered, does nothing more than give it back.
 *
 *   function              | thread
 *   ----------------------+--------------------------------------------------------
 *   host_tools_init, fini | one, before and after everything else
 *   host_tools_register   | any
 *   host_tools_list, the  |
 *   handlers              | the front door's loop
 *   host_call_*           | whoever has the call: the function's thread, until finish
 */
#ifndef SNAKEPIT_RUNTIME_HOST_TOOLS_H
#define SNAKEPIT_RUNTIME_HOST_TOOLS_H

#include <pthread.h>

#include "pool/list.h"
#include "rpc/messages.h"
#include "rpc/server.h"

#define HOST_TOOLS_MAX	   1024 /* registered */
#define HOST_TOOLS_WAITING 1024 /* calls that wait for a thread */
#define HOST_TOOLS_THREADS 4

struct host_call;
typedef void (*host_tool_fn)(struct host_call *call, void *user);

struct host_tool {
	const char *name; /* 1 to 128 bytes, unique */
	const char *description;
	const struct rpc_parameter *parameters;
	size_t parameters_nr;
	host_tool_fn fn;
	void *user;
};

struct host_tools {
	bool live;	       /* between init and fini */
	pthread_mutex_t mutex; /* protects: everything below */
	pthread_cond_t wake;
	struct host_tool **tools;
	size_t tools_nr;
	struct list waiting; /* of struct host_call */
	unsigned waiting_nr;
	pthread_t threads[HOST_TOOLS_THREADS];
	unsigned threads_nr; /* started with the first registration */
	bool stopping;
};

void host_tools_init(struct host_tools *tools);
/* Waits for functions that run. After the server has stopped. Idempotent. */
void host_tools_fini(struct host_tools *tools);

/* Offer a tool from now on; everything in it is copied but `user`. -EINVAL (name),
 * -EEXIST, -ENOSPC, -ENOMEM, -EAGAIN (no thread). */
int host_tools_register(struct host_tools *tools, const struct host_tool *tool,
			struct snp_err *err);

/* What is offered; from `arena`, but for the strings, which live as long as `tools`. */
int host_tools_list(struct host_tools *tools, struct rpc_arena *arena,
		    struct rpc_tools *ret_list);

/* Handlers of the bridge; `front` is the struct front with the tools. */
void host_tools_on_list(struct rpc_server_call *call, struct rpc_buf *request,
			void *front);
void host_tools_on_call(struct rpc_server_call *call, struct rpc_buf *request,
			void *front);

/* ---- one call ------------------------------------------------------------ */

/* What was asked: tool, session_id, arguments (JSON texts), metadata. Valid until the
 * call is finished. */
const struct rpc_execute_request *host_call_request(const struct host_call *call);
const char *host_call_correlation(const struct host_call *call);

/* The trace it belongs to, in W3C's words; "" where there is none, or none that is
 * valid. Valid until the call is finished. */
struct host_call_trace {
	const char *parent, *state, *baggage;
};
const struct host_call_trace *host_call_trace(const struct host_call *call);
/* When the caller gives up; .ns == 0: never. */
snp_mono_t host_call_deadline(const struct host_call *call);
/* The caller has left, or the runtime stops: nobody waits for the result. */
bool host_call_is_cancelled(const struct host_call *call);

/* End it: with a result (JSON text, and bytes or the absent string), or with an error
 * of the tool. The strings are copied. */
void host_call_finish(struct host_call *take_call, struct rpc_str result_json,
		      struct rpc_str binary);
void host_call_fail(struct host_call *take_call, const char *type, const char *message);

#endif
