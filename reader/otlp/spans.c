/* SPDX-License-Identifier: Apache-2.0 */
#include "spans.h"

#include "otlp/trace_service.pb-c.h"
#include "semconv.h"
#include "words.h"

typedef Opentelemetry__Proto__Collector__Trace__V1__ExportTraceServiceRequest
    export_request;
typedef Opentelemetry__Proto__Trace__V1__ResourceSpans resource_spans;
typedef Opentelemetry__Proto__Trace__V1__ScopeSpans scope_spans;
typedef Opentelemetry__Proto__Trace__V1__Span otlp_span;
typedef Opentelemetry__Proto__Trace__V1__Span__Event span_event;
typedef Opentelemetry__Proto__Trace__V1__Status span_status;

#define KIND(name) OPENTELEMETRY__PROTO__TRACE__V1__SPAN__SPAN_KIND__SPAN_KIND_##name
#define STATUS(name)                                                                   \
	OPENTELEMETRY__PROTO__TRACE__V1__STATUS__STATUS_CODE__STATUS_CODE_##name
#define SPAN_ATTRS_MAX	12
#define EVENT_ATTRS_MAX 4

/* ---- what it is of ------------------------------------------------------- */

static bool is_call(const struct snp_span *s)
{
	return s->kind == SNP_SPAN_KIND_ATTEMPT ||
	       (s->kind == SNP_SPAN_KIND_REQUEST && s->method != SNP_SPAN_METHOD_C_API);
}

static bool is_known(unsigned method)
{
	return method != SNP_SPAN_METHOD_OTHER && method < SNP_SPAN_METHOD_NR;
}

static const char *method_of(const struct snp_span *s)
{
	return snp_enum_text(SNP_ENUM_TABLE_SPAN_METHOD,
			     is_known(s->method) ? s->method : SNP_SPAN_METHOD_OTHER);
}

static const char *name_of(const struct snp_span *s)
{
	return is_known(s->method) ? method_of(s) : SEMCONV_RPC_NAME_OTHER;
}

static int kind_of(const struct snp_span *s)
{
	if (!is_call(s))
		return KIND(INTERNAL);
	return s->kind == SNP_SPAN_KIND_ATTEMPT ? KIND(CLIENT) : KIND(SERVER);
}

/* What gRPC says of a tool's own failure. */
static unsigned rpc_status_of(const struct snp_span *s)
{
	return s->status == SNP_SPAN_STATUS_TOOL_ERROR ? SNP_SPAN_STATUS_OK : s->status;
}

/* ---- attributes ---------------------------------------------------------- */

static void add_call(struct otlp_maker *maker, struct otlp_attrs *attrs,
		     const struct snp_span *s)
{
	otlp_attr_text(maker, attrs, SEMCONV_RPC_SYSTEM, SEMCONV_RPC_GRPC);
	otlp_attr_text(maker, attrs, SEMCONV_RPC_METHOD, method_of(s));
	otlp_attr_text(maker, attrs, SEMCONV_RPC_STATUS,
		       snp_enum_text(SNP_ENUM_TABLE_SPAN_STATUS, rpc_status_of(s)));
}

static void add_if(struct otlp_maker *maker, struct otlp_attrs *attrs, const char *key,
		   const char *value)
{
	if (*value)
		otlp_attr_text(maker, attrs, key, value);
}

static void put_attributes(struct otlp_maker *maker, otlp_span *to,
			   const struct otlp_span_record *from)
{
	const struct snp_span *s = &from->span;
	struct otlp_attrs attrs = otlp_attrs_new(maker, SPAN_ATTRS_MAX);

	if (is_call(s))
		add_call(maker, &attrs, s);
	if (snp_span_is_error(s))
		otlp_attr_text(maker, &attrs, SEMCONV_ERROR_TYPE,
			       snp_enum_text(SNP_ENUM_TABLE_SPAN_STATUS, s->status));
	add_if(maker, &attrs, SEMCONV_POOL, from->pool);
	add_if(maker, &attrs, SEMCONV_TOOL, from->tool);
	if (s->slot) {
		otlp_attr_int(maker, &attrs, SEMCONV_SLOT, s->slot - 1);
		otlp_attr_worker(maker, &attrs, from->pool, s->slot - 1,
				 s->incarnation);
	}
	if (s->attempt)
		otlp_attr_int(maker, &attrs, SEMCONV_ATTEMPT, s->attempt);
	add_if(maker, &attrs, SEMCONV_CORRELATION, s->correlation);
	add_if(maker, &attrs, SEMCONV_SESSION, s->session);
	to->attributes = attrs.list;
	to->n_attributes = attrs.nr;
}

/* ---- events of a span ---------------------------------------------------- */

static span_event *make_event(struct otlp_maker *maker, const struct otlp_mark *mark,
			      const char *pool)
{
	span_event *event = otlp_alloc(maker, 1, sizeof(*event));
	struct otlp_attrs attrs = otlp_attrs_new(maker, EVENT_ATTRS_MAX);

	if (!event)
		return NULL;
	opentelemetry__proto__trace__v1__span__event__init(event);
	event->time_unix_nano = mark->wall.ns;
	if (mark->attempt) {
		event->name = otlp_unconst(SEMCONV_EVENT_RETRY);
		otlp_attr_int(maker, &attrs, SEMCONV_ATTEMPT, mark->attempt);
	} else {
		event->name = otlp_event_name(maker, mark->kind);
		add_if(maker, &attrs, SEMCONV_STATE, mark->to);
		add_if(maker, &attrs, SEMCONV_REASON, mark->reason);
	}
	if (mark->slot)
		otlp_attr_worker(maker, &attrs, pool, mark->slot - 1,
				 mark->incarnation);
	event->attributes = attrs.list;
	event->n_attributes = attrs.nr;
	return event;
}

static void put_events(struct otlp_maker *maker, otlp_span *to,
		       const struct otlp_span_record *from)
{
	if (from->marks_nr == 0)
		return;
	to->events = otlp_alloc(maker, from->marks_nr, sizeof(span_event *));
	for (unsigned i = 0; i < from->marks_nr && !maker->failed; i++)
		to->events[i] = make_event(maker, &from->marks[i], from->pool);
	to->n_events = from->marks_nr;
}

/* ---- a span -------------------------------------------------------------- */

static void put_status(struct otlp_maker *maker, otlp_span *to,
		       const struct snp_span *from)
{
	if (!snp_span_is_error(from))
		return;
	to->status = otlp_alloc(maker, 1, sizeof(*to->status));
	if (!to->status)
		return;
	opentelemetry__proto__trace__v1__status__init(to->status);
	to->status->code = STATUS(ERROR);
}

static otlp_span *make_span(struct otlp_maker *maker,
			    const struct otlp_span_record *from)
{
	const struct snp_span *s = &from->span;
	otlp_span *to = otlp_alloc(maker, 1, sizeof(*to));

	if (!to)
		return NULL;
	opentelemetry__proto__trace__v1__span__init(to);
	to->trace_id = otlp_trace_id(maker, s->trace_id);
	to->span_id = otlp_span_id(maker, s->span_id);
	to->parent_span_id = otlp_span_id(maker, s->parent_span_id);
	to->flags = s->flags & (SNP_SPAN_FLAGS_W3C | SNP_SPAN_FLAGS_REMOTE |
				SNP_SPAN_FLAGS_IS_REMOTE);
	to->name = otlp_unconst(name_of(s));
	to->kind = kind_of(s);
	to->start_time_unix_nano = from->start.ns;
	to->end_time_unix_nano = from->end.ns;
	put_attributes(maker, to, from);
	put_events(maker, to, from);
	put_status(maker, to, s);
	return to;
}

/* ---- a request ----------------------------------------------------------- */

static scope_spans *make_scope(struct otlp_maker *maker,
			       const struct otlp_record *records, size_t nr)
{
	scope_spans *scope = otlp_alloc(maker, 1, sizeof(*scope));
	otlp_span **spans = otlp_alloc(maker, nr, sizeof(otlp_span *));

	if (!scope || !spans)
		return NULL;
	opentelemetry__proto__trace__v1__scope_spans__init(scope);
	scope->scope = otlp_scope_new(maker);
	scope->schema_url = otlp_unconst(OTLP_SCHEMA_URL);
	scope->spans = spans;
	scope->n_spans = nr;
	for (size_t i = 0; i < nr; i++)
		spans[i] = make_span(maker, &records[i].span);
	return scope;
}

const ProtobufCMessage *otlp_spans_encode(struct otlp_maker *maker,
					  const struct otlp_record *records, size_t nr)
{
	struct whole {
		export_request request;
		resource_spans spans;
		resource_spans *spans_at;
		scope_spans *scope_at;
	} *whole = otlp_alloc(maker, 1, sizeof(*whole));

	if (!whole)
		return NULL;
	opentelemetry__proto__collector__trace__v1__export_trace_service_request__init(
	    &whole->request);
	opentelemetry__proto__trace__v1__resource_spans__init(&whole->spans);
	whole->request.resource_spans = &whole->spans_at;
	whole->request.n_resource_spans = 1;
	whole->spans_at = &whole->spans;
	whole->spans.resource = otlp_resource_message_of(records[0].resource);
	whole->spans.schema_url = otlp_unconst(OTLP_SCHEMA_URL);
	whole->spans.scope_spans = &whole->scope_at;
	whole->spans.n_scope_spans = 1;
	whole->scope_at = make_scope(maker, records, nr);
	return maker->failed ? NULL : &whole->request.base;
}
