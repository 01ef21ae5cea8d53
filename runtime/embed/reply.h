/* SPDX-License-Identifier: Apache-2.0 */
/* reply.h - making the replies that a program gets (snakepit/runtime.h). */
#ifndef SNAKEPIT_RUNTIME_REPLY_H
#define SNAKEPIT_RUNTIME_REPLY_H

#include "rpc/call.h"
#include "rpc/messages.h"
#include "snakepit/runtime.h"

/* A reply that so far says nothing but whose it is; NULL: out of memory. */
struct snp_reply *reply_create(const char correlation_id[RPC_CORRELATION_BYTES]);

/* Take the answer to a call that is no stream. -EBADMSG, -ENOMEM. */
int reply_set_answer(struct snp_reply *reply, const struct rpc_buf *message,
		     struct snp_err *err);

/* The end of the call; may turn an answer into a failure, and never one into an answer:
 * of two ends, the last one that is a failure counts. */
void reply_set_end(struct snp_reply *reply, const struct rpc_call *call,
		   const struct rpc_status *status);

#endif
