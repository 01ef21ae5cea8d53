/* SPDX-License-Identifier: Apache-2.0 */
#include "logs.h"

#include <stdio.h>

#include "otlp/logs_service.pb-c.h"
#include "semconv.h"
#include "words.h"

typedef Opentelemetry__Proto__Collector__Logs__V1__ExportLogsServiceRequest
    export_request;
typedef Opentelemetry__Proto__Logs__V1__ResourceLogs resource_logs;
typedef Opentelemetry__Proto__Logs__V1__ScopeLogs scope_logs;
typedef Opentelemetry__Proto__Logs__V1__LogRecord log_record;
typedef Opentelemetry__Proto__Logs__V1__SeverityNumber severity_number;

#define SEVERITY(name)                                                                 \
	OPENTELEMETRY__PROTO__LOGS__V1__SEVERITY_NUMBER__SEVERITY_NUMBER_##name
#define ATTRS_MAX 8

static severity_number severity_of(enum snp_severity severity)
{
	switch (severity) {
	case SNP_SEVERITY_ERROR:
		return SEVERITY(ERROR);
	case SNP_SEVERITY_WARNING:
		return SEVERITY(WARN);
	default:
		return SEVERITY(INFO);
	}
}

/* For people: "default/3 ready -> killing (heartbeat)". */
static otlp_value *make_body(struct otlp_maker *maker,
			     const struct snp_told_event *told)
{
	char subject[SNP_EVENT_BYTES], what[SNP_EVENT_BYTES];
	char text[2 * SNP_EVENT_BYTES + 1];
	otlp_value *body = otlp_alloc(maker, 1, sizeof(*body));

	if (!body)
		return NULL;
	snp_event_subject(subject, told);
	snp_event_text(what, told);
	(void)snprintf(text, sizeof(text), "%s %s", subject, what);
	opentelemetry__proto__common__v1__any_value__init(body);
	body->value_case =
	    OPENTELEMETRY__PROTO__COMMON__V1__ANY_VALUE__VALUE_STRING_VALUE;
	body->string_value = otlp_copy(maker, text);
	return body;
}

static void add_worker(struct otlp_maker *maker, struct otlp_attrs *attrs,
		       const struct snp_told_event *told)
{
	const struct snp_event *e = &told->event;

	otlp_attr_int(maker, attrs, SEMCONV_SLOT, e->slot);
	otlp_attr_worker(maker, attrs, told->pool, e->slot, e->incarnation);
	if (e->pid > 0)
		otlp_attr_int(maker, attrs, SEMCONV_PID, e->pid);
	if (e->kind == SNP_EVENT_KIND_WORKER_MOVED) {
		otlp_attr_text(maker, attrs, SEMCONV_STATE_WAS, told->from);
		otlp_attr_text(maker, attrs, SEMCONV_STATE, told->to);
	}
}

static void put_attributes(struct otlp_maker *maker, log_record *to,
			   const struct snp_told_event *told)
{
	const struct snp_event *e = &told->event;
	struct otlp_attrs attrs = otlp_attrs_new(maker, ATTRS_MAX);
	enum snp_event_about about = snp_event_about(e->kind);

	if (about != SNP_EVENT_ABOUT_RUNTIME && told->pool[0])
		otlp_attr_text(maker, &attrs, SEMCONV_POOL, told->pool);
	if (about == SNP_EVENT_ABOUT_WORKER)
		add_worker(maker, &attrs, told);
	if (e->reason != SNP_MOVE_REASON_NONE)
		otlp_attr_text(maker, &attrs, SEMCONV_REASON, told->reason);
	otlp_attr_text(maker, &attrs, SEMCONV_INITIATOR,
		       snp_enum_text(SNP_ENUM_TABLE_INITIATOR, e->initiator));
	to->attributes = attrs.list;
	to->n_attributes = attrs.nr;
}

static log_record *make_record(struct otlp_maker *maker,
			       const struct otlp_event_record *from)
{
	const struct snp_told_event *told = &from->told;
	enum snp_severity severity = snp_event_severity(&told->event);
	log_record *to = otlp_alloc(maker, 1, sizeof(*to));

	if (!to)
		return NULL;
	opentelemetry__proto__logs__v1__log_record__init(to);
	to->time_unix_nano = told->wall.ns;
	to->observed_time_unix_nano = from->observed.ns;
	to->severity_number = severity_of(severity);
	to->severity_text = otlp_unconst(snp_severity_name(severity));
	to->event_name = otlp_event_name(maker, told->kind);
	to->body = make_body(maker, told);
	to->trace_id = otlp_trace_id(maker, told->event.trace_id);
	put_attributes(maker, to, told);
	return to;
}

static scope_logs *make_scope(struct otlp_maker *maker,
			      const struct otlp_record *records, size_t nr)
{
	scope_logs *scope = otlp_alloc(maker, 1, sizeof(*scope));
	log_record **list = otlp_alloc(maker, nr, sizeof(log_record *));

	if (!scope || !list)
		return NULL;
	opentelemetry__proto__logs__v1__scope_logs__init(scope);
	scope->scope = otlp_scope_new(maker);
	scope->schema_url = otlp_unconst(OTLP_SCHEMA_URL);
	scope->log_records = list;
	scope->n_log_records = nr;
	for (size_t i = 0; i < nr; i++)
		list[i] = make_record(maker, &records[i].event);
	return scope;
}

const ProtobufCMessage *otlp_logs_encode(struct otlp_maker *maker,
					 const struct otlp_record *records, size_t nr)
{
	struct whole {
		export_request request;
		resource_logs logs;
		resource_logs *logs_at;
		scope_logs *scope_at;
	} *whole = otlp_alloc(maker, 1, sizeof(*whole));

	if (!whole)
		return NULL;
	opentelemetry__proto__collector__logs__v1__export_logs_service_request__init(
	    &whole->request);
	opentelemetry__proto__logs__v1__resource_logs__init(&whole->logs);
	whole->request.resource_logs = &whole->logs_at;
	whole->request.n_resource_logs = 1;
	whole->logs_at = &whole->logs;
	whole->logs.resource = otlp_resource_message_of(records[0].resource);
	whole->logs.schema_url = otlp_unconst(OTLP_SCHEMA_URL);
	whole->logs.scope_logs = &whole->scope_at;
	whole->logs.n_scope_logs = 1;
	whole->scope_at = make_scope(maker, records, nr);
	return maker->failed ? NULL : &whole->request.base;
}
