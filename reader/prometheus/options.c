/* SPDX-License-Identifier: Apache-2.0 */
#include "options.h"

#include <errno.h>
#include <getopt.h>
#include <string.h>

const char options_help[] =
    "Serve a Snakepit runtime's metrics to Prometheus.\n"
    "\n"
    "  snakepit-prometheus                              the only instance there is\n"
    "  snakepit-prometheus -n prod                      the instance 'prod'\n"
    "  snakepit-prometheus --web.listen-address=:9568   on every address\n"
    "\n"
    "Usage: snakepit-prometheus [OPTION]...\n"
    "\n"
    "  -n, --instance NAME|PATH     instance to read, or the path of its segment\n"
    "                               (default: $SNAKEPIT_INSTANCE, or the only one)\n"
    "      --web.listen-address ADDRESS\n"
    "                               HOST:PORT, [IPV6]:PORT or :PORT; may be repeated\n"
    "                               (default: 127.0.0.1:9568 and [::1]:9568)\n"
    "      --web.telemetry-path PATH\n"
    "                               where the metrics are (default: /metrics)\n"
    "      --collector.diag         diagnostic metrics too\n"
    "      --log.level LEVEL        debug, info, warn or error (default: info)\n"
    "  -V, --version                print the version\n"
    "  -h, --help                   print this text\n"
    "\n"
    "The runtime may start, stop and restart at any time: snakepit_up says how it is.\n"
    "It needs read access to the segment, nothing else, and never writes.\n"
    "\n"
    "Pages: the metrics, / (what is here), /-/healthy (this program runs), /-/ready\n"
    "(a live runtime is attached).\n"
    "\n"
    "Exit codes: 0 stopped by SIGTERM or SIGINT; 1 failure; 2 wrong usage.\n";

enum {
	OPT_LISTEN = 256,
	OPT_PATH,
	OPT_DIAG,
	OPT_LOG_LEVEL,
};

static const struct option long_options[] = {
    {"instance", required_argument, NULL, 'n'},
    {"web.listen-address", required_argument, NULL, OPT_LISTEN},
    {"web.telemetry-path", required_argument, NULL, OPT_PATH},
    {"collector.diag", no_argument, NULL, OPT_DIAG},
    {"log.level", required_argument, NULL, OPT_LOG_LEVEL},
    {"version", no_argument, NULL, 'V'},
    {"help", no_argument, NULL, 'h'},
    {0},
};

static int parse_path(const char *text, struct options *options, struct snp_err *err)
{
	static const char allowed[] =
	    "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
	    "0123456789/-._~";

	if (text[0] != '/' || text[strspn(text, allowed)] != '\0')
		return snp_err_set(
		    err, -EINVAL,
		    "--web.telemetry-path '%s' is not a path: expected '/' "
		    "and letters, digits, '/', '-', '.', '_', '~'",
		    text);
	if (strncmp(text, "/-/", 3) == 0)
		return snp_err_set(
		    err, -EINVAL,
		    "--web.telemetry-path '%s': paths under /-/ are taken", text);
	options->telemetry_path = text;
	return 0;
}

static int parse_one(int option, struct options *options, struct snp_err *err)
{
	switch (option) {
	case 'n':
		options->instance = optarg;
		return 0;
	case OPT_LISTEN:
		if (options->listen_nr == OPTIONS_LISTEN_MAX)
			return snp_err_set(err, -EINVAL,
					   "more than %d --web.listen-address",
					   OPTIONS_LISTEN_MAX);
		return listen_parse(optarg, &options->listen[options->listen_nr++],
				    err);
	case OPT_PATH:
		return parse_path(optarg, options, err);
	case OPT_DIAG:
		options->levels = FAMILIES_DIAG;
		return 0;
	case OPT_LOG_LEVEL:
		if (!snp_log_level_parse(optarg, &options->log_level))
			return snp_err_set(
			    err, -EINVAL,
			    "--log.level '%s': expected debug, info, warn "
			    "or error",
			    optarg);
		return 0;
	case 'V':
		options->action = OPTIONS_VERSION;
		return 0;
	case 'h':
		options->action = OPTIONS_HELP;
		return 0;
	default:
		return -EINVAL;
	}
}

int options_parse(int argc, char **argv, struct options *ret_options,
		  struct snp_err *err)
{
	struct options options = {
	    .telemetry_path = "/metrics",
	    .log_level = SNP_LOG_INFO,
	};
	int option, at, r;

	opterr = 0;
	optind = 0; /* glibc: start anew, for tests that parse several lines */
	for (;;) {
		at = optind ? optind : 1;
		option = getopt_long(argc, argv, ":n:Vh", long_options, NULL);
		if (option < 0)
			break;
		if (option == ':')
			return snp_err_set(err, -EINVAL, "%s needs a value", argv[at]);
		if (option == '?')
			return snp_err_set(err, -EINVAL, "unknown option %s", argv[at]);
		r = parse_one(option, &options, err);
		if (r < 0)
			return r;
	}
	if (optind < argc)
		return snp_err_set(err, -EINVAL, "unexpected argument '%s'",
				   argv[optind]);
	*ret_options = options;
	return 0;
}
