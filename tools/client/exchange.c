/* SPDX-License-Identifier: Apache-2.0 */
#include "client/exchange.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "rpc/call.h"
#include "rpc/loop.h"

struct exchange {
	struct rpc_loop *loop;
	struct rpc_call *call;
	bool stream, taken; /* main thread */

	pthread_mutex_t lock;
	pthread_cond_t changed;
	/* protected by lock */
	struct rpc_buf *message; /* arrived and not yet taken */
	bool done;
	struct rpc_status status;
	char worker[RPC_CORRELATION_BYTES];
};

static void on_message(struct rpc_call *call, struct rpc_buf *message)
{
	struct exchange *exchange = rpc_call_user(call);

	pthread_mutex_lock(&exchange->lock);
	exchange->message = rpc_buf_ref(message);
	pthread_cond_signal(&exchange->changed);
	pthread_mutex_unlock(&exchange->lock);
}

static void on_done(struct rpc_call *call, const struct rpc_status *status)
{
	struct exchange *exchange = rpc_call_user(call);
	struct rpc_str worker =
	    rpc_md_in_get(rpc_call_trailing_metadata(call), RPC_MD_WORKER_ID);

	pthread_mutex_lock(&exchange->lock);
	exchange->done = true;
	exchange->status = *status;
	if (worker.data && worker.len < sizeof(exchange->worker)) {
		memcpy(exchange->worker, worker.data, worker.len);
		exchange->worker[worker.len] = '\0';
	}
	pthread_cond_signal(&exchange->changed);
	pthread_mutex_unlock(&exchange->lock);
}

static const struct rpc_call_ops call_ops = {
    .on_message = on_message,
    .on_done = on_done,
};

static int add_ids(struct rpc_md_list *metadata, const struct exchange_args *args)
{
	int r = rpc_md_add(metadata, RPC_MD_CORRELATION_ID,
			   rpc_str_of(args->correlation_id));

	if (r == 0 && args->traceparent)
		r = rpc_md_add(metadata, RPC_MD_TRACEPARENT,
			       rpc_str_of(args->traceparent));
	if (r == 0 && args->tracestate)
		r = rpc_md_add(metadata, RPC_MD_TRACESTATE,
			       rpc_str_of(args->tracestate));
	return r;
}

static int start_call(struct exchange *exchange, const struct exchange_args *args,
		      struct snp_err *err)
{
	struct rpc_md_list metadata = {0};
	struct rpc_call_args call = {
	    .channel = args->channel,
	    .loop = exchange->loop,
	    .method = args->method,
	    .request = args->request,
	    .metadata = &metadata,
	    .flags = args->stream ? RPC_CALL_SERVER_STREAM : RPC_CALL_UNARY,
	    .ops = &call_ops,
	    .user = exchange,
	};
	int r;

	if (args->timeout_ms > 0)
		call.deadline = snp_mono_add_ms(snp_mono_now(), args->timeout_ms);
	r = add_ids(&metadata, args);
	if (r == 0)
		r = rpc_call_start(&call, &exchange->call);
	if (r < 0)
		return snp_err_set(err, r, "cannot start the call: %s", strerror(-r));
	return 0;
}

int exchange_start(const struct exchange_args *args, struct exchange **ret_exchange,
		   struct snp_err *err)
{
	struct exchange *exchange = calloc(1, sizeof(*exchange));
	int r;

	if (!exchange)
		return snp_err_set(err, -ENOMEM, "out of memory");
	exchange->stream = args->stream;
	pthread_mutex_init(&exchange->lock, NULL);
	pthread_cond_init(&exchange->changed, NULL);
	r = rpc_loop_create("exec", NULL, NULL, &exchange->loop, err);
	if (r == 0)
		r = start_call(exchange, args, err);
	if (r < 0) {
		exchange_end(&exchange);
		return r;
	}
	*ret_exchange = exchange;
	return 0;
}

static void read_more(void *arg)
{
	rpc_call_read_more(arg);
}

struct rpc_buf *exchange_next(struct exchange *exchange)
{
	struct rpc_buf *message;

	if (exchange->stream && exchange->taken)
		rpc_loop_run(exchange->loop, read_more, exchange->call);
	pthread_mutex_lock(&exchange->lock);
	while (!exchange->message && !exchange->done)
		pthread_cond_wait(&exchange->changed, &exchange->lock);
	message = exchange->message;
	exchange->message = NULL;
	/* Of a unary call the status decides whether the message counts. */
	while (!exchange->stream && !exchange->done)
		pthread_cond_wait(&exchange->changed, &exchange->lock);
	pthread_mutex_unlock(&exchange->lock);
	exchange->taken = message != NULL;
	return message;
}

const struct rpc_status *exchange_status(const struct exchange *exchange)
{
	return &exchange->status;
}

const char *exchange_worker(const struct exchange *exchange)
{
	return exchange->worker;
}

/* A loop may only be destroyed when no call is left on it. */
static void wait_for_end(struct exchange *exchange)
{
	struct rpc_buf *message;

	rpc_call_cancel(exchange->call);
	while ((message = exchange_next(exchange)))
		rpc_buf_unref(message);
	rpc_call_unref(exchange->call);
}

void exchange_end(struct exchange **exchange)
{
	struct exchange *gone = *exchange;

	if (!gone)
		return;
	if (gone->call)
		wait_for_end(gone);
	rpc_loop_destroy(&gone->loop);
	pthread_cond_destroy(&gone->changed);
	pthread_mutex_destroy(&gone->lock);
	free(gone);
	*exchange = NULL;
}
