/* SPDX-License-Identifier: Apache-2.0 */
#include "options.h"

#include <errno.h>
#include <string.h>

enum {
#include "cli/as_ids.h"
#include "options.def"
	OPT_NR
};

static const struct cli_option rows[OPT_NR] = {
#include "cli/as_rows.h"
#include "options.def"
};

const struct cli_command exec_command = {
    .name = "snakepit exec",
    .summary = "run a tool and print its result",
    .examples = "  snakepit exec default word_stats '{\"path\": \"/etc/services\"}'\n"
		"  snakepit exec search search @query.json\n"
		"  echo '{\"path\": \"/etc/services\", \"every\": 50}' |\n"
		"    snakepit exec --stream default stream_lines -\n"
		"  snakepit exec --timeout 2 default slow '{\"seconds\": 10}'\n",
    .usage = "[OPTION]... POOL TOOL [JSON | @FILE | -]",
    .notes =
	"The arguments are one JSON object; '-' reads it from standard input. The\n"
	"result is JSON: indented in a terminal, else on one line.\n",
    .exits = "0 the tool returned\n"
	     "1 it failed, or the call did\n"
	     "2 wrong usage, nothing was sent\n"
	     "3 the runtime is not running\n"
	     "4 its segment cannot be read\n",
    .operands = "@pool",
    .options = rows,
    .options_nr = OPT_NR,
};

static int parse_binary(struct exec_options *options, const char *text,
			struct snp_err *err)
{
	const char *equals = strchr(text, '=');

	if (!equals || equals == text || !equals[1])
		return snp_err_set(err, -EINVAL, "--binary '%s' is not KEY=FILE", text);
	if (options->binary_nr == EXEC_BINARY_MAX)
		return snp_err_set(err, -EINVAL, "at most %d --binary are possible",
				   EXEC_BINARY_MAX);
	options->binary[options->binary_nr++] = (struct exec_binary){
	    .key = text, .key_len = (int)(equals - text), .file = equals + 1};
	return 0;
}

static int parse_operand(struct exec_options *options, const char *text,
			 struct snp_err *err)
{
	const char **places[] = {&options->pool, &options->tool, &options->json};

	for (size_t i = 0; i < sizeof(places) / sizeof(places[0]); i++) {
		if (*places[i])
			continue;
		*places[i] = text;
		return 0;
	}
	return snp_err_set(err, -EINVAL,
			   "too many arguments at '%s'; quote the JSON as one argument",
			   text);
}

static int apply(struct exec_options *options, int option, const char *value,
		 struct snp_err *err)
{
	switch (option) {
	case OPT_INSTANCE:
		options->instance = value;
		return 0;
	case OPT_ADDRESS:
		options->address = value;
		return 0;
	case OPT_TLS_CA:
		options->tls.ca = value;
		return 0;
	case OPT_TLS_CERT:
		options->tls.cert = value;
		return 0;
	case OPT_TLS_KEY:
		options->tls.key = value;
		return 0;
	case OPT_STREAM:
		options->stream = true;
		return 0;
	case OPT_TIMEOUT:
		return cli_seconds("timeout", value, &options->timeout_ms, err);
	case OPT_SESSION:
		options->session_id = value;
		return 0;
	case OPT_CORRELATION:
		options->correlation_id = value;
		return 0;
	case OPT_TRACEPARENT:
		options->traceparent = value;
		return 0;
	case OPT_TRACESTATE:
		options->tracestate = value;
		return 0;
	case OPT_BINARY:
		return parse_binary(options, value, err);
	case OPT_BINARY_OUT:
		options->binary_out = value;
		return 0;
	case OPT_RAW:
		options->raw = true;
		return 0;
	case OPT_VERBOSE:
		options->verbose = true;
		return 0;
	default:
		return parse_operand(options, value, err);
	}
}

int exec_options_parse(int argc, char **argv, struct exec_options *ret,
		       enum exec_parsed *ret_what, struct snp_err *err)
{
	struct cli_args args = {
	    .argc = argc, .argv = argv, .command = &exec_command, .next = 1};
	struct exec_options options = {0};
	const char *value;
	int got;

	*ret_what = EXEC_RUN;
	while ((got = cli_next(&args, &value, err)) != CLI_END) {
		if (got == OPT_HELP || got == OPT_VERSION) {
			*ret_what = got == OPT_HELP ? EXEC_HELP : EXEC_VERSION;
			return 0;
		}
		if (got >= 0)
			got = apply(&options, got, value, err);
		if (got < 0)
			return got;
	}
	if (!options.pool || !*options.pool)
		return snp_err_set(err, -EINVAL, "which pool? exec POOL TOOL [JSON]");
	if (!options.tool || !*options.tool)
		return snp_err_set(err, -EINVAL, "which tool? exec POOL TOOL [JSON]");
	if (options.instance && options.address)
		return snp_err_set(err, -EINVAL,
				   "--instance and --address exclude each other");
	if (options.tls.ca && !options.address)
		return snp_err_set(err, -EINVAL, "--tls-ca needs --address HOST:PORT");
	if (!options.tls.cert != !options.tls.key)
		return snp_err_set(err, -EINVAL,
				   "--tls-cert and --tls-key need each other");
	if (options.tls.cert && !options.tls.ca)
		return snp_err_set(err, -EINVAL, "--tls-cert needs --tls-ca");
	if (options.tracestate && !options.traceparent)
		return snp_err_set(err, -EINVAL, "--tracestate needs --traceparent");
	if (options.stream && options.binary_out)
		return snp_err_set(
		    err, -EINVAL,
		    "--binary-out has no meaning with --stream; use --raw");
	*ret = options;
	return 0;
}
