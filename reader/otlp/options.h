/* SPDX-License-Identifier: Apache-2.0 */
/*
 * options.h - the command line of snakepit-otlp. Most options stand for a variable of
 * OpenTelemetry and come before it. No state.
 */
#ifndef SNP_OTLP_OPTIONS_H
#define SNP_OTLP_OPTIONS_H

#include <stdbool.h>

#include "model/log.h"
#include "snakepit/err.h"

enum options_action { OPTIONS_RUN, OPTIONS_ONCE, OPTIONS_HELP, OPTIONS_VERSION };

/* X(ID, option, what its value is called, variable it stands for) */
#define OPTIONS_VARIABLES(X)                                                           \
	X(ENDPOINT, "endpoint", "URL", "OTEL_EXPORTER_OTLP_ENDPOINT")                  \
	X(PROTOCOL, "protocol", "NAME", "OTEL_EXPORTER_OTLP_PROTOCOL")                 \
	X(HEADERS, "headers", "LIST", "OTEL_EXPORTER_OTLP_HEADERS")                    \
	X(COMPRESSION, "compression", "NAME", "OTEL_EXPORTER_OTLP_COMPRESSION")        \
	X(TIMEOUT, "timeout", "TIME", "OTEL_EXPORTER_OTLP_TIMEOUT")                    \
	X(CERTIFICATE, "certificate", "FILE", "OTEL_EXPORTER_OTLP_CERTIFICATE")        \
	X(CLIENT_CERTIFICATE, "client-certificate", "FILE",                            \
	  "OTEL_EXPORTER_OTLP_CLIENT_CERTIFICATE")                                     \
	X(CLIENT_KEY, "client-key", "FILE", "OTEL_EXPORTER_OTLP_CLIENT_KEY")           \
	X(METRICS, "metrics", "EXPORTER", "OTEL_METRICS_EXPORTER")                     \
	X(TRACES, "traces", "EXPORTER", "OTEL_TRACES_EXPORTER")                        \
	X(LOGS, "logs", "EXPORTER", "OTEL_LOGS_EXPORTER")                              \
	X(INTERVAL, "interval", "TIME", "OTEL_METRIC_EXPORT_INTERVAL")                 \
	X(TEMPORALITY, "temporality", "NAME",                                          \
	  "OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE")                         \
	X(HISTOGRAMS, "histograms", "NAME",                                            \
	  "OTEL_EXPORTER_OTLP_METRICS_DEFAULT_HISTOGRAM_AGGREGATION")

enum options_variable {
#define X(id, option, value, variable) OPTIONS_##id,
	OPTIONS_VARIABLES(X)
#undef X
	    OPTIONS_VARIABLES_NR
};

#define OPTIONS_MS_BYTES 16

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

extern const char options_help[];

/* Strings in *ret_options are argv's or its own: it must stay where it is. -EINVAL,
 * saying what is wrong. What most values mean otlp_settings_read() finds out. */
int options_parse(int argc, char **argv, struct options *ret_options,
		  struct snp_err *err);

/* What was given for a variable, NULL = nothing. */
const char *options_variable(const struct options *options, const char *variable);
/* The option that gave it: "endpoint"; NULL = none did. */
const char *options_name(const struct options *options, const char *variable);

#endif
