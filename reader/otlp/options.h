/* SPDX-License-Identifier: Apache-2.0 */
/*
 * options.h - the command line of snakepit-otlp. Most options stand for a variable of
 * OpenTelemetry and come before it. No state.
 */
#ifndef SNP_OTLP_OPTIONS_H
#define SNP_OTLP_OPTIONS_H

#include <stdbool.h>

#include "cli/options.h"
#include "model/log.h"
#include "snakepit/err.h"

enum options_action { OPTIONS_RUN, OPTIONS_ONCE, OPTIONS_HELP, OPTIONS_VERSION };

/* Options that stand for a variable: the first ones of options.def. */
#define OPTIONS_VARIABLES_NR 14
#define OPTIONS_MS_BYTES     16

struct options {
	enum options_action action;
	const char *instance;
	const char *value[OPTIONS_VARIABLES_NR]; /* NULL = not given */
	char interval_ms[OPTIONS_MS_BYTES], timeout_ms[OPTIONS_MS_BYTES]; /* values */
	bool diag, stale_markers;
	bool has_log_level;
	enum snp_log_level log_level;
	enum snp_log_form log_form;
};

extern const struct cli_command otlp_command;

/* Strings in *ret_options are argv's or its own: it must stay where it is. -EINVAL,
 * saying what is wrong. What most values mean otlp_settings_read() finds out. */
int options_parse(int argc, char **argv, struct options *ret_options,
		  struct snp_err *err);

/* What was given for a variable, NULL = nothing. */
const char *options_variable(const struct options *options, const char *variable);
/* The option that gave it: "endpoint"; NULL = none did. */
const char *options_name(const struct options *options, const char *variable);

#endif
