/* SPDX-License-Identifier: Apache-2.0 */
/* host_call.h - what the handlers of the bridge's host side have in common. Front
 * door's loop; whoever has the call may reply from elsewhere. */
#ifndef SNAKEPIT_RUNTIME_HOST_CALL_H
#define SNAKEPIT_RUNTIME_HOST_CALL_H

#include "core/front.h"

/* The correlation id of a call, its own or a new one; the answer will say which. Once a
 * call. */
void host_call_identify(const struct front *front, struct rpc_server_call *call,
			char ret_id[RPC_CORRELATION_BYTES]);

/* Answer with `take_reply`, or with the status for a failed encode. Takes the
 * reference. */
void host_call_reply(struct rpc_server_call *call, struct rpc_buf *take_reply, int rc);

/* Answer a request that could not be decoded. */
void host_call_refuse(struct rpc_server_call *call, int rc, const struct snp_err *err);

/* The pool a call is about: named by x-snakepit-pool, or the one of the worker that
 * calls (x-snakepit-worker-id), or the first. NULL: there is none of that name, and the
 * call has been answered. */
struct pool *host_call_pool(struct front *front, struct rpc_server_call *call);

#endif
