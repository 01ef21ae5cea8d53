/* SPDX-License-Identifier: Apache-2.0 */
/*
 * snakepit-control - ask a running runtime for something, and perhaps wait until it is
 * done. Users say `snakepit drain` and so on (verb.c); a program of its own because it
 * needs gRPC.
 */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "cli/help.h"
#include "cli/pools.h"
#include "cli/say.h"
#include "cli/table.h"
#include "client/exchange.h"
#include "client/place.h"
#include "model/json_out.h"
#include "model/target.h"
#include "options.h"
#include "rpc/loop.h"
#include "rpc/messages.h"
#include "wait.h"

#define CALL_TIMEOUT_MS 30000

/* What the runtime said, and how the wait ended. */
struct answer {
	struct rpc_control_reply reply;
	struct rpc_arena arena; /* of the reply */
	bool waited;
	uint64_t waited_ns;
};

static int complain(const struct request *request, const struct snp_err *err, int code)
{
	cli_complain("%s: %s", request->verb->name, err->msg);
	return code;
}

/* ---- asking --------------------------------------------------------------- */

static int refused(const struct request *request, const struct place *place,
		   const struct rpc_status *status)
{
	if (status->code == RPC_UNIMPLEMENTED)
		cli_complain("%s: nobody listens to that there; operators are heard on "
			     "unix sockets only",
			     request->verb->name);
	else
		cli_complain("%s: %s (%s)", request->verb->name, status->message,
			     rpc_code_name(status->code));
	return status->never_sent || place_is_gone(place) ? SNP_EXIT_NOT_RUNNING
							  : SNP_EXIT_FAILURE;
}

static int ask_over(const struct request *request, const struct place *place,
		    struct exchange *exchange, struct answer *answer)
{
	struct rpc_buf *message = exchange_next(exchange);
	struct snp_err err = {0};
	int rc = 0;

	if (message && exchange_status(exchange)->code == RPC_OK)
		rc = rpc_control_decode_reply(message, &answer->arena, &answer->reply,
					      &err);
	rpc_buf_unref(message);
	if (exchange_status(exchange)->code != RPC_OK)
		return refused(request, place, exchange_status(exchange));
	return rc < 0 ? complain(request, &err, SNP_EXIT_FAILURE) : SNP_EXIT_OK;
}

static int ask(const struct request *request, const struct place *place,
	       struct answer *answer)
{
	char correlation_id[RPC_CORRELATION_BYTES];
	struct rpc_buf *encoded = NULL;
	struct exchange_args args = {
	    .method = request->verb->method,
	    .correlation_id = correlation_id,
	    .timeout_ms = CALL_TIMEOUT_MS,
	};
	struct exchange *exchange = NULL;
	struct snp_err err = {0};
	int code;

	rpc_correlation_make(correlation_id);
	if (request->verb->encode(request, &encoded) < 0)
		(void)snp_err_set(&err, -ENOMEM, "out of memory");
	args.request = encoded;
	if (!encoded ||
	    rpc_channel_create(place->address, NULL, &args.channel, &err) < 0 ||
	    exchange_start(&args, &exchange, &err) < 0)
		code =
		    complain(request, &err,
			     err.code == -EINVAL ? SNP_EXIT_USAGE : SNP_EXIT_FAILURE);
	else
		code = ask_over(request, place, exchange, answer);
	exchange_end(&exchange);
	rpc_channel_destroy(&args.channel);
	rpc_buf_unref(encoded);
	return code;
}

/* ---- waiting -------------------------------------------------------------- */

static int await(const struct request *request, const struct place *place,
		 const struct snp_look *before, struct answer *answer)
{
	snp_mono_t began = snp_mono_now();
	struct snp_err err = {0};
	int rc = wait_done(request, place->seg, before, &err);

	answer->waited = rc == 0;
	answer->waited_ns = snp_mono_since_ns(snp_mono_now(), began);
	if (rc == 0)
		return SNP_EXIT_OK;
	return complain(request, &err,
			rc == -ESTALE ? SNP_EXIT_NOT_RUNNING : SNP_EXIT_FAILURE);
}

static int ask_and_wait(const struct request *request, const struct place *place,
			struct answer *answer)
{
	struct snp_look before = {0};
	struct snp_err err = {0};
	int code;

	if (*request->pool && place->seg &&
	    cli_pool_check_in(place->seg, request->pool, &err) < 0)
		return complain(request, &err, SNP_EXIT_FAILURE);
	if (request->wait && wait_look(place->seg, &before, &err) < 0)
		return complain(request, &err, SNP_EXIT_UNKNOWN);
	code = ask(request, place, answer);
	if (code == SNP_EXIT_OK && request->wait)
		code = await(request, place, &before, answer);
	snp_look_fini(&before);
	return code;
}

/* ---- printing ------------------------------------------------------------- */

static void print_text(const struct answer *answer)
{
	char took[CLI_DURATION_BYTES];

	cli_lines_print(answer->reply.message, "", stdout);
	for (size_t i = 0; i < answer->reply.changes.n; i++)
		cli_lines_print(answer->reply.changes.v[i], "  ", stdout);
	if (answer->waited)
		(void)printf("done after %s\n", cli_duration(answer->waited_ns, took));
}

static int print_json(const struct request *request, const struct answer *answer)
{
	struct snp_buf out = {0};
	struct snp_json json;
	int rc;

	snp_json_init(&json, &out);
	snp_json_object_begin(&json);
	snp_json_kv_u64(&json, "schema", 1);
	snp_json_kv_string(&json, "command", request->verb->name);
	snp_json_kv_string(&json, "message", answer->reply.message);
	snp_json_kv_u64(&json, "workers", answer->reply.workers);
	snp_json_key(&json, "changes");
	snp_json_array_begin(&json);
	for (size_t i = 0; i < answer->reply.changes.n; i++)
		snp_json_string(&json, answer->reply.changes.v[i]);
	snp_json_array_end(&json);
	if (answer->waited)
		snp_json_kv_u64(&json, "waited_ns", answer->waited_ns);
	snp_json_object_end(&json);
	snp_buf_putc(&out, '\n');
	rc = snp_buf_write_fd(&out, STDOUT_FILENO);
	snp_buf_fini(&out);
	return rc;
}

static int run(const struct request *request)
{
	struct answer answer = {.reply = {.message = ""}};
	struct snp_err err = {0};
	struct place place;
	int code = place_find(request->instance, request->address, &place, &err);

	if (code != SNP_EXIT_OK) {
		cli_complain("%s: %s%s", request->verb->name, err.msg,
			     snp_exit_advice(err.code));
		return code;
	}
	rpc_arena_init(&answer.arena, 0);
	code = ask_and_wait(request, &place, &answer);
	if (*answer.reply.message && !request->json)
		print_text(&answer);
	else if (*answer.reply.message && print_json(request, &answer) < 0)
		code = SNP_EXIT_FAILURE;
	rpc_arena_fini(&answer.arena);
	place_fini(&place);
	return code;
}

int main(int argc, char **argv)
{
	const struct verb *verb = argc > 1 ? verb_find(argv[1]) : NULL;
	char pool[POOL_BYTES];
	struct request request;
	int what;
	struct snp_err err = {0};
	sigset_t all, before;
	int code;

	cli_set_program("snakepit");
	if (argc > 1 && strcmp(argv[1], "--version") == 0) {
		(void)puts("snakepit " SNP_VERSION);
		return cli_finish(SNP_EXIT_OK);
	}
	if (!verb) {
		cli_complain(
		    "snakepit-control is what 'snakepit drain' and others run; "
		    "see 'snakepit help'");
		return SNP_EXIT_USAGE;
	}
	if (cli_begin(&verb->command, argc - 1, argv + 1))
		return cli_finish(SNP_EXIT_OK);
	what = options_parse(verb, argc - 1, argv + 1, &request, pool, &err);
	if (what < 0)
		return cli_usage(&verb->command, &err);
	if (what == PARSED_HELP)
		return cli_print_help(&verb->command);
	if (what == PARSED_VERSION)
		return cli_print_version(&verb->command);
	/* gRPC's threads start with every signal blocked; Ctrl-C stays ours. */
	(void)sigfillset(&all);
	(void)pthread_sigmask(SIG_SETMASK, &all, &before);
	rpc_init(NULL);
	(void)pthread_sigmask(SIG_SETMASK, &before, NULL);
	code = run(&request);
	rpc_shutdown();
	return cli_finish(code);
}
