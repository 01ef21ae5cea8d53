/* SPDX-License-Identifier: Apache-2.0 */
/*
 * batch.h - the signals of OTLP, and one request's worth of one of them.
 */
#ifndef SNP_OTLP_BATCH_H
#define SNP_OTLP_BATCH_H

#include <stddef.h>

#include <protobuf-c/protobuf-c.h>

enum otlp_signal {
#define OTLP_SIGNAL(id, name, infix, package, service, type, noun) OTLP_##id,
#include "signals.def"
#undef OTLP_SIGNAL
	OTLP_SIGNAL_NR
};

struct otlp_signal_kind {
	const char *name;   /* "metrics" */
	const char *infix;  /* "METRICS", as in OTEL_EXPORTER_OTLP_METRICS_ENDPOINT */
	const char *path;   /* "/v1/metrics", behind a generic endpoint */
	const char *method; /* of gRPC: "/opentelemetry.proto.../Export" */
	const char *noun;   /* "data points" */
	/* All three have the same fields: partial_success 1, and in it rejected_... 1
	 * (int64) and error_message 2. */
	const ProtobufCMessageDescriptor *response;
};
extern const struct otlp_signal_kind otlp_signals[OTLP_SIGNAL_NR];

/* The message and all it points to are its maker's, unchanged until the maker makes the
 * next one. Never empty. */
struct otlp_batch {
	enum otlp_signal signal;
	const ProtobufCMessage *request; /* Export...ServiceRequest */
	size_t items;			 /* data points, spans or log records */
};

#endif
