/* SPDX-License-Identifier: Apache-2.0 */
#include "pipeline.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "endpoint.h"
#include "meter.h"
#include "model/log.h"
#include "own.h"
#include "records.h"
#include "resource.h"
#include "sender.h"
#include "stdout.h"
#include "tail.h"

struct otlp_pipeline {
	const struct otlp_settings *settings;
	const char *instance;
	enum otlp_pipeline_mode mode;
	struct otlp_identity *identity;
	struct otlp_resource *self;
	/* NULL: the signal is not sent. */
	struct otlp_sender *sender[OTLP_SIGNAL_NR];
	struct otlp_records *records[OTLP_SIGNAL_NR]; /* spans and logs */
	struct otlp_tail *tail;
	struct otlp_own *own;
	struct otlp_meter *meter;
};

/* ---- what we know of ourselves ------------------------------------------- */

/* As the conventions call components of this kind. */
static const char *component_of(const struct otlp_endpoint *endpoint,
				enum otlp_signal signal)
{
	static const char *const names[][OTLP_SIGNAL_NR] = {
	    [OTLP_HTTP_PROTOBUF] = {[OTLP_METRICS] = "otlp_http_metric_exporter",
				    [OTLP_TRACES] = "otlp_http_span_exporter",
				    [OTLP_LOGS] = "otlp_http_log_exporter"},
	    [OTLP_HTTP_JSON] = {[OTLP_METRICS] = "otlp_http_json_metric_exporter",
				[OTLP_TRACES] = "otlp_http_json_span_exporter",
				[OTLP_LOGS] = "otlp_http_json_log_exporter"},
	    [OTLP_GRPC] = {[OTLP_METRICS] = "otlp_grpc_metric_exporter",
			   [OTLP_TRACES] = "otlp_grpc_span_exporter",
			   [OTLP_LOGS] = "otlp_grpc_log_exporter"},
	};

	return endpoint->exporter == OTLP_EXPORTER_OTLP
		   ? names[endpoint->protocol][signal]
		   : "console_exporter";
}

static void look(void *user, struct otlp_own_look *look)
{
	struct otlp_pipeline *e = user;

	for (int i = 0; i < OTLP_SIGNAL_NR; i++) {
		look->has[i] = e->sender[i] != NULL;
		look->exporter[i] =
		    component_of(&e->settings->endpoint[i], (enum otlp_signal)i);
		if (e->records[i])
			otlp_records_counts(e->records[i], &look->records[i]);
	}
	if (e->tail)
		otlp_tail_counts(e->tail, &look->tail);
}

void otlp_pipeline_text(struct otlp_pipeline *e, struct snp_buf *out)
{
	struct otlp_own_look now = {.now = snp_wall_now()};

	look(e, &now);
	if (e->meter)
		otlp_meter_tell(e->meter, &now);
	otlp_own_text(&now, out);
}

/* ---- making it ----------------------------------------------------------- */

static const struct otlp_transport_ops *
transport_of(const struct otlp_endpoint *endpoint)
{
	switch (endpoint->exporter) {
	case OTLP_EXPORTER_CONSOLE:
		return &otlp_transport_console;
	case OTLP_EXPORTER_STDOUT:
		return &otlp_transport_stdout;
	default:
		return otlp_sender_ops(endpoint);
	}
}

static int create_sender(struct otlp_pipeline *e, enum otlp_signal signal,
			 struct snp_err *err)
{
	const struct otlp_endpoint *endpoint = &e->settings->endpoint[signal];
	const char *to = endpoint->exporter == OTLP_EXPORTER_OTLP ? endpoint->url
								  : "standard output";
	int r;

	if (e->settings->disabled || endpoint->exporter == OTLP_EXPORTER_NONE)
		return 0;
	r = otlp_sender_create(signal, endpoint, transport_of(endpoint),
			       &e->sender[signal], err);
	if (r == 0)
		snp_log_line(SNP_LOG_INFO, "%s go to %.*s", otlp_signals[signal].noun,
			     endpoint_shown(to), to);
	return r;
}

static int create_records(struct otlp_pipeline *e, enum otlp_signal signal,
			  const struct otlp_batching *limits)
{
	if (!e->sender[signal])
		return 0;
	return otlp_records_create(signal, limits, e->sender[signal],
				   &e->records[signal]);
}

static int create_tail(struct otlp_pipeline *e)
{
	const struct otlp_tail_options options = {
	    .instance = e->instance,
	    .identity = e->identity,
	    .spans = e->records[OTLP_TRACES],
	    .logs = e->records[OTLP_LOGS],
	    .from = e->mode == OTLP_PIPELINE_ONCE ? OTLP_TAIL_KEPT : OTLP_TAIL_NEW,
	    .young_ns = OTLP_TAIL_YOUNG_NS,
	};

	if (!options.spans && !options.logs)
		return 0;
	return otlp_tail_create(&options, &e->tail);
}

static int create_meter(struct otlp_pipeline *e)
{
	struct otlp_meter_options options = {
	    .instance = e->instance,
	    .identity = e->identity,
	    .metrics = e->settings->metrics,
	    .interval_ms = e->settings->interval_ms,
	    .sender = e->sender[OTLP_METRICS],
	    .look = look,
	    .user = e,
	};
	int r;

	if (!options.sender)
		return 0;
	e->self = otlp_resource_of_self(e->identity);
	if (!e->self)
		return -ENOMEM;
	r = otlp_own_create(e->self, options.metrics.temporality, snp_wall_now(),
			    &e->own);
	if (r < 0)
		return r;
	options.own = e->own;
	return otlp_meter_create(&options, &e->meter);
}

static int create_all(struct otlp_pipeline *e, struct snp_err *err)
{
	const struct otlp_settings *s = e->settings;
	int r =
	    otlp_identity_create(s->service_name, s->resource_attributes, &e->identity);

	for (int i = 0; i < OTLP_SIGNAL_NR && r == 0; i++)
		r = create_sender(e, (enum otlp_signal)i, err);
	if (r == 0)
		r = create_records(e, OTLP_TRACES, &s->spans);
	if (r == 0)
		r = create_records(e, OTLP_LOGS, &s->logs);
	if (r == 0)
		r = create_tail(e);
	if (r == 0)
		r = create_meter(e);
	return r;
}

int otlp_pipeline_create(const struct otlp_settings *settings, const char *instance,
			 enum otlp_pipeline_mode mode,
			 struct otlp_pipeline **ret_pipeline, struct snp_err *err)
{
	struct otlp_pipeline *e = calloc(1, sizeof(*e));
	int r;

	if (!e)
		return snp_err_set(err, -ENOMEM, "out of memory");
	e->settings = settings;
	e->instance = instance;
	e->mode = mode;
	r = create_all(e, err);
	if (r < 0) {
		if (!err->msg[0])
			(void)snp_err_set(err, r, "%s", strerror(-r));
		otlp_pipeline_destroy(&e);
		return r;
	}
	*ret_pipeline = e;
	return 0;
}

/* ---- running ------------------------------------------------------------- */

int otlp_pipeline_start(struct otlp_pipeline *e, struct snp_err *err)
{
	int r = 0;

	if (e->tail)
		r = otlp_tail_start(e->tail);
	if (r == 0 && e->meter)
		r = otlp_meter_start(e->meter);
	return r == 0 ? 0
		      : snp_err_set(err, r, "cannot start a thread: %s", strerror(-r));
}

void otlp_pipeline_flush(struct otlp_pipeline *e)
{
	for (int i = 0; i < OTLP_SIGNAL_NR; i++)
		if (e->records[i])
			otlp_records_flush(e->records[i]);
	if (e->meter)
		otlp_meter_flush(e->meter);
}

static snp_mono_t part_of_time_until(snp_mono_t deadline, unsigned percent)
{
	const snp_mono_t now = snp_mono_now();

	return (snp_mono_t){now.ns + snp_mono_since_ns(deadline, now) / 100 * percent};
}

/* First those that put, then those that send, each with time left for the next. */
void otlp_pipeline_stop(struct otlp_pipeline *e, snp_mono_t deadline)
{
	snp_mono_t records_by;

	if (e->tail)
		otlp_tail_stop(e->tail, part_of_time_until(deadline, 30));
	records_by = part_of_time_until(deadline, 70);
	for (int i = 0; i < OTLP_SIGNAL_NR; i++)
		if (e->records[i])
			otlp_records_stop(e->records[i], records_by);
	for (int i = 0; i < OTLP_SIGNAL_NR; i++)
		if (e->records[i])
			otlp_records_join(e->records[i]);
	/* Last of all, as its figures are then those of the end. */
	if (e->meter)
		otlp_meter_stop(e->meter, deadline);
}

void otlp_pipeline_once(struct otlp_pipeline *e, struct otlp_once *ret_once)
{
	struct otlp_own_look now = {0};

	/* Where nothing is to be sent nothing is missing. */
	*ret_once =
	    (struct otlp_once){.all_sent = true, .has_runtime = !e->tail && !e->meter};
	if (e->tail) {
		ret_once->has_runtime = otlp_tail_look(e->tail);
		otlp_tail_stop(e->tail, snp_mono_now());
	}
	for (int i = 0; i < OTLP_SIGNAL_NR; i++)
		if (e->records[i])
			otlp_records_drain(e->records[i]);
	if (e->meter && otlp_meter_once(e->meter, &ret_once->has_runtime) < 0)
		ret_once->all_sent = false;
	look(e, &now);
	if (e->meter)
		otlp_meter_tell(e->meter, &now);
	for (int i = 0; i < OTLP_SIGNAL_NR; i++)
		if (now.records[i].tally.not_sent + now.records[i].dropped > 0)
			ret_once->all_sent = false;
	if (now.points.not_sent > 0)
		ret_once->all_sent = false;
}

void otlp_pipeline_destroy(struct otlp_pipeline **pipeline)
{
	struct otlp_pipeline *e = *pipeline;

	if (!e)
		return;
	otlp_pipeline_stop(e, snp_mono_now());
	otlp_tail_destroy(&e->tail);
	otlp_meter_destroy(&e->meter);
	otlp_own_destroy(&e->own);
	for (int i = 0; i < OTLP_SIGNAL_NR; i++) {
		otlp_records_destroy(&e->records[i]);
		otlp_sender_destroy(&e->sender[i]);
	}
	otlp_resource_drop(&e->self);
	otlp_identity_destroy(&e->identity);
	free(e);
	*pipeline = NULL;
}
