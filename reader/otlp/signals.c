/* SPDX-License-Identifier: Apache-2.0 */
#include "signals.h"
#include "otlp/logs_service.pb-c.h"
#include "otlp/metrics_service.pb-c.h"
#include "otlp/trace_service.pb-c.h"

const struct otlp_signal_kind otlp_signals[OTLP_SIGNAL_NR] = {
#define OTLP_SIGNAL(id, name_, infix_, package, service, type, noun_)                  \
	[OTLP_##id] = {                                                                \
	    .name = (name_),                                                           \
	    .infix = (infix_),                                                         \
	    .path = "/v1/" name_,                                                      \
	    .method =                                                                  \
		"/opentelemetry.proto.collector." #package ".v1." service "/Export",   \
	    .noun = (noun_),                                                           \
	    .response =                                                                \
		&opentelemetry__proto__collector__##package##__v1__##export_##package##_service_response__descriptor},
#include "signals.def"
#undef OTLP_SIGNAL
};
