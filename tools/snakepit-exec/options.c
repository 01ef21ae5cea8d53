/* SPDX-License-Identifier: Apache-2.0 */
#include "options.h"

#include <errno.h>
#include <string.h>

#include "cli/options.h"

const char exec_help[] =
    "examples:\n"
    "  snakepit exec default word_stats "
    "'{\"path\": \"/usr/share/common-licenses/GPL-3\"}'\n"
    "  snakepit exec search search @query.json\n"
    "  echo '{\"path\": \"/etc/services\", \"every\": 50}' |\n"
    "    snakepit exec --stream default stream_lines -\n"
    "  snakepit exec --timeout 2 default slow '{\"seconds\": 10}'\n"
    "\n"
    "usage: snakepit exec [options] POOL TOOL [JSON | @FILE | -]\n"
    "\n"
    "Runs one tool and prints its result as JSON: indented in a terminal, else on one\n"
    "line. The arguments are one JSON object; '-' reads it from standard input.\n"
    "\n"
    "  -n, --instance NAME      name or path (default: $SNAKEPIT_INSTANCE, or the only "
    "one)\n"
    "      --address ADDRESS    unix:/path or host:port, instead of the instance's "
    "socket\n"
    "      --tls-ca FILE        speak TLS there, with a server that FILE vouches for\n"
    "      --tls-cert FILE, --tls-key FILE\n"
    "                           our own certificate, where the server asks for one\n"
    "      --stream             a streaming tool: one chunk a line, as they come\n"
    "      --timeout SECONDS    give up after that long (default: the pool's "
    "request_timeout_ms)\n"
    "      --session ID         run in this session\n"
    "      --correlation-id ID  1 to 128 of [A-Za-z0-9._:-]; in the logs of both "
    "sides\n"
    "      --traceparent TEXT   run in this trace (W3C Trace Context); --tracestate "
    "TEXT\n"
    "                           goes with it. Without it no trace is begun here\n"
    "      --binary KEY=FILE    one more argument, of bytes; may be repeated\n"
    "      --binary-out FILE    where the result's bytes go; '-' is standard output\n"
    "      --raw                text results without quotes, chunks as they came\n"
    "  -v, --verbose            who ran it and how long it took, and tracebacks, on "
    "stderr\n"
    "  -h, --help; -V, --version\n"
    "\n"
    "exit codes: 0 the tool returned; 1 it failed, or the call did; 2 wrong usage, "
    "nothing\n"
    "was sent; 3 the runtime is not running; 4 its segment cannot be read.\n";

enum option {
	OPT_INSTANCE,
	OPT_ADDRESS,
	OPT_TLS_CA,
	OPT_TLS_CERT,
	OPT_TLS_KEY,
	OPT_STREAM,
	OPT_TIMEOUT,
	OPT_SESSION,
	OPT_CORRELATION,
	OPT_TRACEPARENT,
	OPT_TRACESTATE,
	OPT_BINARY,
	OPT_BINARY_OUT,
	OPT_RAW,
	OPT_VERBOSE,
	OPT_HELP,
	OPT_VERSION,
	OPT_NR
};

static const struct cli_option table[OPT_NR] = {
    [OPT_INSTANCE] = {"instance", 'n', "NAME"},
    [OPT_ADDRESS] = {"address", '\0', "ADDRESS"},
    [OPT_TLS_CA] = {"tls-ca", '\0', "FILE"},
    [OPT_TLS_CERT] = {"tls-cert", '\0', "FILE"},
    [OPT_TLS_KEY] = {"tls-key", '\0', "FILE"},
    [OPT_STREAM] = {"stream", '\0', NULL},
    [OPT_TIMEOUT] = {"timeout", '\0', "SECONDS"},
    [OPT_SESSION] = {"session", '\0', "ID"},
    [OPT_CORRELATION] = {"correlation-id", '\0', "ID"},
    [OPT_TRACEPARENT] = {"traceparent", '\0', "TEXT"},
    [OPT_TRACESTATE] = {"tracestate", '\0', "TEXT"},
    [OPT_BINARY] = {"binary", '\0', "KEY=FILE"},
    [OPT_BINARY_OUT] = {"binary-out", '\0', "FILE"},
    [OPT_RAW] = {"raw", '\0', NULL},
    [OPT_VERBOSE] = {"verbose", 'v', NULL},
    [OPT_HELP] = {"help", 'h', NULL},
    [OPT_VERSION] = {"version", 'V', NULL},
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
	struct cli_args args = {argc, argv, table, OPT_NR, 1, NULL, false};
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
