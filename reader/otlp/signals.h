/* SPDX-License-Identifier: Apache-2.0 */
/*
 * signals.h - the signals of OTLP and what they are called.
 */
#ifndef SNP_OTLP_SIGNALS_H
#define SNP_OTLP_SIGNALS_H

enum otlp_signal {
#define OTLP_SIGNAL(id, name, infix, package, service, type, noun) OTLP_##id,
#include "signals.def"
#undef OTLP_SIGNAL
	OTLP_SIGNAL_NR
};

struct ProtobufCMessageDescriptor;

struct otlp_signal_kind {
	const char *name;   /* "metrics" */
	const char *infix;  /* "METRICS", as in OTEL_EXPORTER_OTLP_METRICS_ENDPOINT */
	const char *path;   /* "/v1/metrics", behind a generic endpoint */
	const char *method; /* of gRPC: "/opentelemetry.proto.../Export" */
	const char *noun;   /* "data points" */
	/* All three have the same fields: partial_success 1, and in it rejected_... 1
	 * (int64) and error_message 2. */
	const struct ProtobufCMessageDescriptor *response;
};
extern const struct otlp_signal_kind otlp_signals[OTLP_SIGNAL_NR];

#endif
