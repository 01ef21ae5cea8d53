/* SPDX-License-Identifier: Apache-2.0 */
#include "options.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "cli/options.h"

#define TIME_MIN_MS 1
#define TIME_MAX_MS 3600000

const char options_help[] =
    "Send a Snakepit runtime's metrics, spans and events over OpenTelemetry's "
    "protocol.\n"
    "\n"
    "  snakepit-otlp                               to http://localhost:4318\n"
    "  snakepit-otlp --endpoint=http://collector:4317 --protocol=grpc\n"
    "  snakepit-otlp --exporter=console            print it instead, lines of JSON\n"
    "  snakepit-otlp --once --exporter=otlp/stdout what is there now, as it is sent\n"
    "\n"
    "Usage: snakepit-otlp [OPTION]...\n"
    "\n"
    "  -n, --instance NAME|PATH     instance to read, or the path of its segment\n"
    "                               (default: $SNAKEPIT_INSTANCE, or the only one)\n"
    "      --endpoint URL           where to, /v1/metrics and so on are added\n"
    "                               (default: http://localhost:4318, grpc: :4317)\n"
    "      --protocol NAME          http/protobuf, http/json or grpc\n"
    "                               (default: http/protobuf)\n"
    "      --headers LIST           sent along: key=value,key=value; other users of\n"
    "                               this machine see command lines: keep secrets in\n"
    "                               $OTEL_EXPORTER_OTLP_HEADERS\n"
    "      --compression NAME       none or gzip (default: none)\n"
    "      --timeout TIME           of one attempt to send: 10s, 500ms (default: 10s)\n"
    "      --certificate FILE       PEM, whom to trust (default: the system's)\n"
    "      --client-certificate FILE, --client-key FILE\n"
    "                               PEM, who we are\n"
    "      --exporter EXPORTER      otlp, console, otlp/stdout or none, for all "
    "three:\n"
    "      --metrics EXPORTER, --traces EXPORTER, --logs EXPORTER\n"
    "                               or for one of them (default: otlp)\n"
    "      --interval TIME          from collection to collection of metrics\n"
    "                               (default: 60s)\n"
    "      --temporality NAME       cumulative, delta or lowmemory\n"
    "                               (default: cumulative)\n"
    "      --histograms NAME        explicit_bucket_histogram or\n"
    "                               base2_exponential_bucket_histogram\n"
    "      --collector.diag         diagnostic metrics too\n"
    "      --stale-markers          say of a gauge that is gone that it is: a last "
    "point\n"
    "                               without a value\n"
    "      --once                   send once what is there, and exit\n"
    "      --log.level LEVEL        debug, info, warn or error (default: info)\n"
    "      --log.format FORMAT      logfmt or json (default: logfmt)\n"
    "  -V, --version                print the version\n"
    "  -h, --help                   print this text\n"
    "\n"
    "Each of them up to --histograms stands for a variable of OpenTelemetry, such as\n"
    "$OTEL_EXPORTER_OTLP_ENDPOINT, and comes before it. The other variables, for\n"
    "batches, resources and single signals, are read too.\n"
    "\n"
    "The runtime may start, stop and restart at any time. SIGUSR1 sends what is "
    "waiting\n"
    "and logs how much was sent; SIGTERM and SIGINT do that and end.\n"
    "\n"
    "Exit codes: 0 stopped by a signal, or everything sent; 1 failure, also of\n"
    "sending (--once); 2 wrong usage; 3 no runtime (--once).\n";

/* Those that stand for variables first, and all with a value before those without. */
enum {
	OPT_EXPORTER = OPTIONS_VARIABLES_NR,
	OPT_INSTANCE,
	OPT_LOG_LEVEL,
	OPT_LOG_FORMAT,
	OPT_DIAG,
	OPT_STALE_MARKERS,
	OPT_ONCE,
	OPT_VERSION,
	OPT_HELP,
	OPT_NR
};

static const struct cli_option known[OPT_NR] = {
#define X(id, option, value, variable) [OPTIONS_##id] = {option, '\0', value},
    OPTIONS_VARIABLES(X)
#undef X
	[OPT_EXPORTER] = {"exporter", '\0', "EXPORTER"},
    [OPT_INSTANCE] = {"instance", 'n', "NAME|PATH"},
    [OPT_LOG_LEVEL] = {"log.level", '\0', "LEVEL"},
    [OPT_LOG_FORMAT] = {"log.format", '\0', "FORMAT"},
    [OPT_DIAG] = {"collector.diag", '\0', NULL},
    [OPT_STALE_MARKERS] = {"stale-markers", '\0', NULL},
    [OPT_ONCE] = {"once", '\0', NULL},
    [OPT_VERSION] = {"version", 'V', NULL},
    [OPT_HELP] = {"help", 'h', NULL},
};

static const char *const variables[OPTIONS_VARIABLES_NR] = {
#define X(id, option, value, variable) [OPTIONS_##id] = (variable),
    OPTIONS_VARIABLES(X)
#undef X
};

/* A time, as its variable has it: a number of milliseconds. */
static int parse_time(int option, const char *value, char text[OPTIONS_MS_BYTES],
		      struct snp_err *err)
{
	uint64_t ms;
	int r = cli_time(known[option].name, value, TIME_MIN_MS, TIME_MAX_MS, &ms, err);

	if (r == 0)
		(void)snprintf(text, OPTIONS_MS_BYTES, "%" PRIu64, ms);
	return r;
}

static int parse_valued(int option, const char *value, struct options *options,
			struct snp_err *err)
{
	switch (option) {
	case OPTIONS_INTERVAL:
		options->value[option] = options->interval_ms;
		return parse_time(option, value, options->interval_ms, err);
	case OPTIONS_TIMEOUT:
		options->value[option] = options->timeout_ms;
		return parse_time(option, value, options->timeout_ms, err);
	case OPT_EXPORTER:
		options->value[OPTIONS_METRICS] = value;
		options->value[OPTIONS_TRACES] = value;
		options->value[OPTIONS_LOGS] = value;
		return 0;
	case OPT_INSTANCE:
		options->instance = value;
		return 0;
	case OPT_LOG_LEVEL:
		options->has_log_level = true;
		return snp_log_level_parse(value, &options->log_level, err);
	case OPT_LOG_FORMAT:
		return snp_log_form_parse(value, &options->log_form, err);
	default:
		options->value[option] = value;
		return 0;
	}
}

static void set_flag(int option, struct options *options)
{
	switch (option) {
	case OPT_DIAG:
		options->diag = true;
		return;
	case OPT_STALE_MARKERS:
		options->stale_markers = true;
		return;
	case OPT_ONCE:
		options->action = OPTIONS_ONCE;
		return;
	case OPT_VERSION:
		options->action = OPTIONS_VERSION;
		return;
	default:
		options->action = OPTIONS_HELP;
	}
}

int options_parse(int argc, char **argv, struct options *ret_options,
		  struct snp_err *err)
{
	struct cli_args args = {.argc = argc,
				.argv = argv,
				.options = known,
				.options_nr = OPT_NR,
				.next = 1};
	const char *value;
	int option, r = 0;

	*ret_options = (struct options){.action = OPTIONS_RUN};
	while (r == 0 && (option = cli_next_option(&args, &value, err)) != CLI_END) {
		if (option < 0)
			return option;
		if (value)
			r = parse_valued(option, value, ret_options, err);
		else
			set_flag(option, ret_options);
	}
	return r;
}

static int find(const char *variable)
{
	for (int i = 0; i < OPTIONS_VARIABLES_NR; i++)
		if (strcmp(variables[i], variable) == 0)
			return i;
	return -1;
}

const char *options_variable(const struct options *options, const char *variable)
{
	int option = find(variable);

	return option < 0 ? NULL : options->value[option];
}

const char *options_name(const struct options *options, const char *variable)
{
	int option = find(variable);

	return option < 0 || !options->value[option] ? NULL : known[option].name;
}
