/* SPDX-License-Identifier: Apache-2.0 */
/*
 * snakepit-exec - run one tool of a pool and print what it returns.
 *
 * A program of its own because it needs gRPC, which takes longer to load than
 * everything that `snakepit` does by itself. Users say `snakepit exec`.
 */
#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "arguments.h"
#include "cli/help.h"
#include "cli/pools.h"
#include "cli/say.h"
#include "client/exchange.h"
#include "model/target.h"
#include "options.h"
#include "output.h"
#include "client/place.h"
#include "rpc/channel.h"
#include "rpc/loop.h"
#include "rpc/messages.h"
#include "trace/context.h"
#include "trace/state.h"

static int complain(const struct snp_err *err, int code)
{
	cli_complain("exec: %s", err->msg);
	return code;
}

/* ---- the request --------------------------------------------------------- */

static int encode(const struct exec_options *options, struct rpc_buf **ret_request,
		  struct snp_err *err)
{
	struct arguments arguments;
	struct rpc_execute_request request = {
	    .pool = options->pool,
	    .tool = options->tool,
	    .session_id = options->session_id,
	};
	struct rpc_buf *encoded;
	int r = arguments_read(options, &arguments, err);

	if (r < 0)
		return r;
	request.arguments = arguments.json;
	request.binary = arguments.binary;
	r = rpc_pool_encode_execute_request(&request, &encoded);
	arguments_fini(&arguments);
	if (r < 0)
		return snp_err_set(err, r, "cannot build the request: %s",
				   strerror(-r));
	if (rpc_buf_len(encoded) > RPC_MESSAGE_BYTES_DEFAULT) {
		r = snp_err_set(
		    err, -EMSGSIZE,
		    "the request has %zu bytes, a message at most %u; pass the "
		    "path of a file instead",
		    rpc_buf_len(encoded), RPC_MESSAGE_BYTES_DEFAULT);
		rpc_buf_unref(encoded);
		return r;
	}
	*ret_request = encoded;
	return 0;
}

/* ---- the answer ---------------------------------------------------------- */

/* In which call, and in which trace where one was given. */
static void print_ids(const struct output_call *call)
{
	char text[TRACE_PARENT_BYTES];
	struct trace_context context;

	(void)fprintf(stderr, "correlation_id=%s ", call->correlation_id);
	if (!call->options->traceparent ||
	    !trace_context_parse(rpc_str_of(call->options->traceparent), &context))
		return;
	trace_context_format(&context, text);
	(void)fprintf(stderr, "trace_id=%.32s ", strchr(text, '-') + 1);
}

static void print_details(const struct output_call *call,
			  const struct rpc_execute_response *response)
{
	if (!call->options->verbose)
		return;
	print_ids(call);
	(void)fprintf(stderr, "worker=%s queue_wait_ms=%.3f service_ms=%.3f\n",
		      response->worker_id, (double)response->queue_wait_ns / 1e6,
		      (double)response->service_ns / 1e6);
}

static int show_response(const struct output_call *call, const struct rpc_buf *message,
			 struct snp_err *err)
{
	struct rpc_execute_response response;
	struct rpc_arena arena;
	int code = SNP_EXIT_OK;
	int r;

	rpc_arena_init(&arena, 0);
	r = rpc_pool_decode_execute_response(message, &arena, &response, err);
	if (r == 0 && response.outcome == RPC_OUTCOME_ERROR) {
		output_tool_error(call, &response.error);
		code = SNP_EXIT_FAILURE;
	} else if (r == 0) {
		r = output_result(call->options, &response, err);
	}
	if (r < 0)
		code = complain(err, SNP_EXIT_FAILURE);
	else
		print_details(call, &response);
	rpc_arena_fini(&arena);
	return code;
}

static int show_chunk(const struct output_call *call, const struct rpc_buf *message,
		      struct snp_err *err)
{
	struct rpc_chunk chunk;
	struct rpc_arena arena;
	int r;

	rpc_arena_init(&arena, 0);
	r = rpc_pool_decode_chunk(message, &arena, &chunk, err);
	if (r == 0)
		r = output_chunk(call->options, &chunk, err);
	rpc_arena_fini(&arena);
	return r < 0 ? complain(err, SNP_EXIT_FAILURE) : SNP_EXIT_OK;
}

static int show_end(const struct output_call *call, const struct exchange *exchange,
		    const struct place *place)
{
	const struct rpc_status *status = exchange_status(exchange);
	struct rpc_status said; /* where we know more than the runtime says */
	struct snp_err err = {0};

	if (status->code == RPC_OK) {
		if (call->options->verbose && call->options->stream) {
			print_ids(call);
			(void)fprintf(stderr, "worker=%s\n", exchange_worker(exchange));
		}
		return SNP_EXIT_OK;
	}
	said = *status;
	if (strncmp(status->message, "no pool", 7) == 0 && place->seg &&
	    cli_pool_check_in(place->seg, call->options->pool, &err) < 0)
		rpc_status_set(&said, RPC_NOT_FOUND, "%s", err.msg);
	output_status(call, &said);
	if (status->never_sent || place_is_gone(place))
		return SNP_EXIT_NOT_RUNNING;
	return SNP_EXIT_FAILURE;
}

static int converse(const struct output_call *call, struct exchange *exchange,
		    const struct place *place)
{
	struct rpc_buf *message;
	struct snp_err err = {0};
	int code = SNP_EXIT_OK;

	while (code == SNP_EXIT_OK && (message = exchange_next(exchange))) {
		if (call->options->stream)
			code = show_chunk(call, message, &err);
		else if (exchange_status(exchange)->code == RPC_OK)
			code = show_response(call, message, &err);
		rpc_buf_unref(message);
	}
	return code == SNP_EXIT_OK ? show_end(call, exchange, place) : code;
}

/* ---- from options to exit code ------------------------------------------- */

static int connect_to(const struct exec_options *options, const struct place *place,
		      struct rpc_channel **ret_channel, struct snp_err *err)
{
	if (options->tls.ca)
		return rpc_channel_create_tls(place->address, NULL, &options->tls,
					      ret_channel, err);
	return rpc_channel_create(place->address, NULL, ret_channel, err);
}

static int exchange_run(const struct exec_options *options, const struct place *place,
			struct rpc_buf *request)
{
	char made_id[RPC_CORRELATION_BYTES];
	struct exchange_args args = {
	    .method = options->stream ? RPC_METHOD_POOL_EXECUTE_STREAM
				      : RPC_METHOD_POOL_EXECUTE,
	    .request = request,
	    .correlation_id = options->correlation_id,
	    .traceparent = options->traceparent,
	    .tracestate = options->tracestate,
	    .timeout_ms = options->timeout_ms,
	    .stream = options->stream,
	};
	struct exchange *exchange = NULL;
	struct snp_err err = {0};
	int code;

	if (!args.correlation_id) {
		rpc_correlation_make(made_id);
		args.correlation_id = made_id;
	}
	if (connect_to(options, place, &args.channel, &err) < 0)
		return complain(&err, SNP_EXIT_USAGE);
	if (exchange_start(&args, &exchange, &err) < 0)
		code = complain(&err, SNP_EXIT_FAILURE);
	else
		code = converse(&(struct output_call){options, args.correlation_id},
				exchange, place);
	exchange_end(&exchange);
	rpc_channel_destroy(&args.channel);
	return code;
}

static bool is_state(const char *text)
{
	struct trace_state state;

	trace_state_init(&state);
	trace_state_add(&state, rpc_str_of(text));
	return !state.invalid;
}

/* What the runtime would replace or drop without a word to us. */
static int check_ids(const struct exec_options *options, struct snp_err *err)
{
	struct trace_context context;

	if (options->correlation_id &&
	    !rpc_correlation_is_valid(rpc_str_of(options->correlation_id)))
		return snp_err_set(err, -EINVAL,
				   "--correlation-id '%s' is not 1 to 128 characters "
				   "of [A-Za-z0-9._:-]",
				   options->correlation_id);
	if (options->traceparent &&
	    !trace_context_parse(rpc_str_of(options->traceparent), &context))
		return snp_err_set(err, -EINVAL,
				   "--traceparent '%s' is not 00-, 32 digits of a "
				   "trace id, -, 16 of a span id, -, 2 of flags; "
				   "digits are 0-9 and a-f, and no id all zeros",
				   options->traceparent);
	if (options->tracestate && !is_state(options->tracestate))
		return snp_err_set(err, -EINVAL,
				   "--tracestate '%s' is not a list of key=value with "
				   "commas between them (W3C Trace Context)",
				   options->tracestate);
	return 0;
}

static int run(const struct exec_options *options)
{
	struct rpc_buf *request = NULL;
	struct place place;
	struct snp_err err = {0};
	int code;

	if (check_ids(options, &err) < 0)
		return complain(&err, SNP_EXIT_USAGE);
	/* What can be wrong with the request is found before anybody is asked. */
	if (encode(options, &request, &err) < 0)
		return complain(&err, err.code == -ENOMEM ? SNP_EXIT_FAILURE
							  : SNP_EXIT_USAGE);
	code = place_find(options->instance, options->address, &place, &err);
	if (code != SNP_EXIT_OK) {
		cli_complain("exec: %s%s", err.msg, snp_exit_advice(err.code));
	} else {
		code = exchange_run(options, &place, request);
		place_fini(&place);
	}
	rpc_buf_unref(request);
	return code;
}

int main(int argc, char **argv)
{
	struct exec_options options;
	enum exec_parsed what;
	struct snp_err err = {0};
	sigset_t all, before;
	int code;

	if (cli_begin(&exec_command, argc, argv))
		return cli_finish(SNP_EXIT_OK);
	if (exec_options_parse(argc, argv, &options, &what, &err) < 0)
		return cli_usage(&exec_command, &err);
	if (what == EXEC_HELP)
		return cli_print_help(&exec_command);
	if (what == EXEC_VERSION)
		return cli_print_version(&exec_command);
	/* gRPC's threads start with every signal blocked; Ctrl-C stays ours, and ends
	 * the process at once: the runtime sees the connection go and cancels the call.
	 */
	(void)sigfillset(&all);
	(void)pthread_sigmask(SIG_SETMASK, &all, &before);
	rpc_init(NULL);
	(void)pthread_sigmask(SIG_SETMASK, &before, NULL);
	code = run(&options);
	rpc_shutdown();
	return cli_finish(code);
}
