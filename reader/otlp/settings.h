/* SPDX-License-Identifier: Apache-2.0 */
/*
 * settings.h - what the environment says about where, how and how often to send.
 *
 * The variables and the treatment of their values are those of the OpenTelemetry
 * specification: an empty value is as good as none, one that cannot be used is told and
 * ignored. A signal's own variable comes before the generic one. Pure but for memory:
 * where values come from is the caller's, so options of a command line may come first.
 */
#ifndef SNP_OTLP_SETTINGS_H
#define SNP_OTLP_SETTINGS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "metrics_options.h"
#include "model/log.h"
#include "signals.h"
#include "snakepit/err.h"

enum otlp_exporter {
	OTLP_EXPORTER_OTLP,
	OTLP_EXPORTER_CONSOLE,
	OTLP_EXPORTER_STDOUT, /* "otlp/stdout": a line of JSON for each request */
	OTLP_EXPORTER_NONE,
};

enum otlp_protocol { OTLP_HTTP_PROTOBUF, OTLP_HTTP_JSON, OTLP_GRPC };
enum otlp_compression { OTLP_PLAIN, OTLP_GZIP };

struct otlp_header {
	char *name, *value; /* a token; printable ASCII */
};

/* Where and how one signal is sent. Strings that were not given are NULL. */
struct otlp_endpoint {
	enum otlp_exporter exporter;
	enum otlp_protocol protocol;
	enum otlp_compression compression;
	char *url; /* HTTP: all of it; gRPC: "http(s)://host[:port]". No user in it. */
	char *ca;  /* files: who may have signed the receiver's certificate, */
	char *cert, *key; /* and our own */
	struct otlp_header *headers;
	size_t headers_nr;
	uint64_t timeout_ms;	/* of one attempt; 0: as long as it takes */
	uint64_t budget_ms;	/* of a request with all its attempts; 0 likewise */
	uint64_t retry_wait_ms; /* after the first failure; grows from there */
};

/* How spans, or log records, are collected into requests. */
struct otlp_batching {
	uint64_t delay_ms;
	uint64_t queue_max, batch_max; /* batch_max <= queue_max */
};

struct otlp_settings {
	bool disabled; /* OTEL_SDK_DISABLED: send nothing */
	struct otlp_endpoint endpoint[OTLP_SIGNAL_NR];
	uint64_t interval_ms; /* from collection to collection of metrics */
	struct otlp_metrics_options metrics; /* its enums */
	struct otlp_batching spans, logs;
	enum snp_log_level log_level;
	char *service_name;	   /* NULL: not given */
	char *resource_attributes; /* as given; NULL */
};

/* Where values come from. `flag` (may be NULL) is asked first, by the names of
 * variables; the flag of a generic variable hides a signal's own in the environment.
 * Both return NULL for what was not given, and what they return must live until
 * otlp_settings_read() returns. */
struct otlp_source {
	const char *(*env)(void *user, const char *variable);
	const char *(*flag)(void *user, const char *variable);
	/* A value is ignored. `text` says why, and quotes it unless it may be a secret.
	 * May be NULL. */
	void (*warn)(void *user, const char *variable, const char *text);
	void *user;
};

/* -ENOTSUP: a configuration file is asked for (OTEL_CONFIG_FILE), which would replace
 * all variables and is not supported; -ENOMEM. *ret_settings is then empty. */
int otlp_settings_read(const struct otlp_source *source,
		       struct otlp_settings *ret_settings, struct snp_err *err);
void otlp_settings_fini(struct otlp_settings *settings);

#endif
