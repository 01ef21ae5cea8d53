/* SPDX-License-Identifier: Apache-2.0 */
#include "options.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define TIME_MIN_MS 1
#define TIME_MAX_MS 3600000

enum {
#include "cli/as_ids.h"
#include "options.def"
	OPT_NR
};

static const struct cli_option rows[OPT_NR] = {
#include "cli/as_rows.h"
#include "options.def"
};

const struct cli_command otlp_command = {
    .name = "snakepit-otlp",
    .summary = "send metrics, spans and events over OpenTelemetry's protocol",
    .examples =
	"  snakepit-otlp                               to http://localhost:4318\n"
	"  snakepit-otlp --endpoint=http://collector:4317 --protocol=grpc\n"
	"  snakepit-otlp --exporter=console            print it instead, lines of "
	"JSON\n"
	"  snakepit-otlp --once --exporter=otlp/stdout what is there now, as it is "
	"sent\n",
    .usage = "[OPTION]...",
    .notes = "SIGUSR1 sends what waits and logs how much was sent. SIGTERM and SIGINT\n"
	     "do that and end.\n",
    .exits = "0 stopped by a signal, or everything sent\n"
	     "1 failure, also of sending (--once)\n"
	     "2 wrong usage\n"
	     "3 no runtime (--once)\n",
    .options = rows,
    .options_nr = OPT_NR,
};

#undef CLI_HEADING
#undef CLI_OPTION
#define CLI_HEADING(id, text)
#define CLI_OPTION(id, name, letter, value, complete, help)
#define OTLP_VARIABLE(id, name, value, complete, variable, help)                       \
	[OPT_##id] = (variable),

static const char *const variables[] = {
#include "options.def"
};

_Static_assert(sizeof(variables) / sizeof(variables[0]) == OPTIONS_VARIABLES_NR,
	       "the options that stand for a variable come first");

/* A time, as its variable has it: a number of milliseconds. */
static int parse_time(int option, const char *value, char text[OPTIONS_MS_BYTES],
		      struct snp_err *err)
{
	uint64_t ms;
	int r = cli_time(rows[option].name, value, TIME_MIN_MS, TIME_MAX_MS, &ms, err);

	if (r == 0)
		(void)snprintf(text, OPTIONS_MS_BYTES, "%" PRIu64, ms);
	return r;
}

static int parse_valued(int option, const char *value, struct options *options,
			struct snp_err *err)
{
	switch (option) {
	case OPT_INTERVAL:
		options->value[option] = options->interval_ms;
		return parse_time(option, value, options->interval_ms, err);
	case OPT_TIMEOUT:
		options->value[option] = options->timeout_ms;
		return parse_time(option, value, options->timeout_ms, err);
	case OPT_EXPORTER:
		options->value[OPT_METRICS] = value;
		options->value[OPT_TRACES] = value;
		options->value[OPT_LOGS] = value;
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
	struct cli_args args = {
	    .argc = argc, .argv = argv, .command = &otlp_command, .next = 1};
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

	return option < 0 || !options->value[option] ? NULL : rows[option].name;
}
