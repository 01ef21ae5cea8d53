/* SPDX-License-Identifier: Apache-2.0 */
/*
 * exchange.h - one call, as a loop that a simple program can read.
 *
 * The rpc library calls back on its own thread; here the main thread asks for the next
 * message and waits for it. A stream is read one message ahead at most, so a slow
 * reader slows the tool down instead of filling memory. One thread at a time, the same
 * one.
 */
#ifndef CLIENT_EXCHANGE_H
#define CLIENT_EXCHANGE_H

#include <stdbool.h>
#include <stdint.h>

#include "rpc/buf.h"
#include "rpc/channel.h"
#include "rpc/metadata.h"
#include "rpc/status.h"
#include "snakepit/err.h"

struct exchange;

struct exchange_args {
	struct rpc_channel *channel; /* stays the caller's, and outlives the exchange */
	const char *method;	     /* RPC_METHOD_... */
	struct rpc_buf *request;
	const char *correlation_id;
	const char *traceparent, *tracestate; /* NULL: not sent */
	uint64_t timeout_ms;		      /* 0 = none of ours */
	bool stream;
};

/* Send. What else is in args is borrowed for this function. */
int exchange_start(const struct exchange_args *args, struct exchange **ret_exchange,
		   struct snp_err *err);

/* The next message, which the caller must unref; NULL at the end. */
struct rpc_buf *exchange_next(struct exchange *exchange);

/* How it ended; after exchange_next() returned NULL. */
const struct rpc_status *exchange_status(const struct exchange *exchange);

/* The worker that ran it, "" if the answer did not say; after the end. */
const char *exchange_worker(const struct exchange *exchange);

void exchange_end(struct exchange **exchange);

#endif
