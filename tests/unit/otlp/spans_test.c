/* SPDX-License-Identifier: Apache-2.0 */
/* Spans of the segment as OTLP has them: kinds, names, status (T09), errors (T10). */
#include "spans.h"

#include <string.h>

#include "json.h"
#include "otlp/trace_service.pb-c.h"
#include "semconv.h"
#include "snp_test.h"

typedef Opentelemetry__Proto__Collector__Trace__V1__ExportTraceServiceRequest
    export_request;
typedef Opentelemetry__Proto__Trace__V1__Span otlp_span;

#define KIND(name) OPENTELEMETRY__PROTO__TRACE__V1__SPAN__SPAN_KIND__SPAN_KIND_##name

struct fixture {
	struct otlp_identity *identity;
	struct otlp_resource *resource;
	struct otlp_maker maker;
	struct otlp_record record;
};

static int setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));

	assert_non_null(f);
	assert_int_equal(otlp_identity_create(NULL, NULL, &f->identity), 0);
	f->resource = otlp_resource_of_self(f->identity);
	f->record = (struct otlp_record){
	    .signal = OTLP_TRACES,
	    .resource = f->resource,
	    .span = {.span = {.kind = SNP_SPAN_KIND_REQUEST,
			      .method = SNP_SPAN_METHOD_POOL_EXECUTE,
			      .flags = SNP_SPAN_FLAGS_EXPORT | SNP_SPAN_FLAGS_REMOTE |
				       SNP_SPAN_FLAGS_IS_REMOTE | 1,
			      .trace_id = {UINT64_C(0x4bf92f3577b34da6),
					   UINT64_C(0xa3ce929d0e0e4736)},
			      .span_id = UINT64_C(0x00f067aa0ba902b7)},
		     .start = {1000},
		     .end = {2000},
		     .pool = "default",
		     .tool = "echo"},
	};
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	otlp_maker_fini(&f->maker);
	otlp_resource_drop(&f->resource);
	otlp_identity_destroy(&f->identity);
	free(f);
	return 0;
}

static const otlp_span *encoded(struct fixture *f)
{
	const export_request *request;

	otlp_maker_reset(&f->maker);
	request = (const export_request *)otlp_spans_encode(&f->maker, &f->record, 1);
	assert_non_null(request);
	assert_string_equal(request->resource_spans[0]->schema_url, OTLP_SCHEMA_URL);
	return request->resource_spans[0]->scope_spans[0]->spans[0];
}

/* NULL: it has none of that name. */
static const char *text_of(const otlp_span *span, const char *key)
{
	for (size_t i = 0; i < span->n_attributes; i++)
		if (strcmp(span->attributes[i]->key, key) == 0)
			return span->attributes[i]->value->string_value;
	return NULL;
}

static void assert_text(const otlp_span *span, const char *key, const char *expected)
{
	const char *text = text_of(span, key);

	if (!expected)
		assert_null(text);
	else if (!text)
		fail_msg("no %s, expected '%s'", key, expected);
	else
		assert_string_equal(text, expected);
}

/* ---- what it is of ------------------------------------------------------- */

static void t11_kinds_and_names(void **state)
{
	static const struct {
		unsigned kind, method;
		int expected;
		const char *name, *rpc_method;
	} rows[] = {
	    {SNP_SPAN_KIND_REQUEST, SNP_SPAN_METHOD_POOL_EXECUTE, KIND(SERVER),
	     "snakepit.pool.v1.Pool/Execute", "snakepit.pool.v1.Pool/Execute"},
	    {SNP_SPAN_KIND_REQUEST, SNP_SPAN_METHOD_C_API, KIND(INTERNAL),
	     "snakepit.execute", NULL},
	    {SNP_SPAN_KIND_QUEUE, SNP_SPAN_METHOD_CHECKOUT, KIND(INTERNAL),
	     "snakepit.pool.checkout", NULL},
	    {SNP_SPAN_KIND_ATTEMPT, SNP_SPAN_METHOD_BRIDGE_EXECUTE_STREAMING_TOOL,
	     KIND(CLIENT), "snakepit.bridge.BridgeService/ExecuteStreamingTool",
	     "snakepit.bridge.BridgeService/ExecuteStreamingTool"},
	    {SNP_SPAN_KIND_REQUEST, SNP_SPAN_METHOD_OTHER, KIND(SERVER), "grpc",
	     "_OTHER"},
	    {SNP_SPAN_KIND_ATTEMPT, 9999, KIND(CLIENT), "grpc", "_OTHER"},
	    {77, SNP_SPAN_METHOD_POOL_EXECUTE, KIND(INTERNAL),
	     "snakepit.pool.v1.Pool/Execute", NULL},
	};
	struct fixture *f = *state;

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const otlp_span *span;

		f->record.span.span.kind = rows[i].kind;
		f->record.span.span.method = rows[i].method;
		span = encoded(f);
		assert_int_equal(span->kind, rows[i].expected);
		assert_string_equal(span->name, rows[i].name);
		assert_text(span, "rpc.method", rows[i].rpc_method);
		assert_text(span, "rpc.system.name",
			    rows[i].rpc_method ? "grpc" : NULL);
	}
}

/* ---- how it ended -------------------------------------------------------- */

static void t09_t10_status_of_servers_and_clients(void **state)
{
	static const struct {
		unsigned status;
		const char *rpc, *type;
		bool server_errs;
	} rows[] = {
	    {SNP_SPAN_STATUS_OK, "OK", NULL, false},
	    {SNP_SPAN_STATUS_CANCELLED, "CANCELLED", "CANCELLED", false},
	    {SNP_SPAN_STATUS_UNKNOWN, "UNKNOWN", "UNKNOWN", true},
	    {SNP_SPAN_STATUS_INVALID_ARGUMENT, "INVALID_ARGUMENT", "INVALID_ARGUMENT",
	     false},
	    {SNP_SPAN_STATUS_DEADLINE_EXCEEDED, "DEADLINE_EXCEEDED",
	     "DEADLINE_EXCEEDED", true},
	    {SNP_SPAN_STATUS_NOT_FOUND, "NOT_FOUND", "NOT_FOUND", false},
	    {SNP_SPAN_STATUS_ALREADY_EXISTS, "ALREADY_EXISTS", "ALREADY_EXISTS", false},
	    {SNP_SPAN_STATUS_PERMISSION_DENIED, "PERMISSION_DENIED",
	     "PERMISSION_DENIED", false},
	    {SNP_SPAN_STATUS_RESOURCE_EXHAUSTED, "RESOURCE_EXHAUSTED",
	     "RESOURCE_EXHAUSTED", false},
	    {SNP_SPAN_STATUS_FAILED_PRECONDITION, "FAILED_PRECONDITION",
	     "FAILED_PRECONDITION", false},
	    {SNP_SPAN_STATUS_ABORTED, "ABORTED", "ABORTED", false},
	    {SNP_SPAN_STATUS_OUT_OF_RANGE, "OUT_OF_RANGE", "OUT_OF_RANGE", false},
	    {SNP_SPAN_STATUS_UNIMPLEMENTED, "UNIMPLEMENTED", "UNIMPLEMENTED", true},
	    {SNP_SPAN_STATUS_INTERNAL, "INTERNAL", "INTERNAL", true},
	    {SNP_SPAN_STATUS_UNAVAILABLE, "UNAVAILABLE", "UNAVAILABLE", true},
	    {SNP_SPAN_STATUS_DATA_LOSS, "DATA_LOSS", "DATA_LOSS", true},
	    {SNP_SPAN_STATUS_UNAUTHENTICATED, "UNAUTHENTICATED", "UNAUTHENTICATED",
	     false},
	    {SNP_SPAN_STATUS_TOOL_ERROR, "OK", "TOOL_ERROR", true},
	};
	static const unsigned kinds[] = {SNP_SPAN_KIND_REQUEST, SNP_SPAN_KIND_ATTEMPT};
	struct fixture *f = *state;

	assert_int_equal(sizeof(rows) / sizeof(rows[0]), SNP_SPAN_STATUS_NR);
	for (size_t i = 0; i < SNP_SPAN_STATUS_NR; i++) {
		for (size_t k = 0; k < 2; k++) {
			bool errs = k == 0 ? rows[i].server_errs : rows[i].type != NULL;
			const otlp_span *span;

			f->record.span.span.kind = kinds[k];
			f->record.span.span.status = rows[i].status;
			span = encoded(f);
			assert_text(span, "rpc.response.status_code", rows[i].rpc);
			assert_text(span, "error.type", errs ? rows[i].type : NULL);
			assert_int_equal(span->status ? span->status->code : 0,
					 errs ? 2 : 0);
		}
	}
}

/* ---- all of one ---------------------------------------------------------- */

/* Also what otlp/stdout shows: ids in hexadecimal, times as strings. */
static void a_span_has_all_its_parts(void **state)
{
	static const char expected[] =
	    "{\"traceId\":\"4bf92f3577b34da6a3ce929d0e0e4736\","
	    "\"spanId\":\"00f067aa0ba902b7\",\"parentSpanId\":\"00000000000000ff\","
	    "\"name\":\"snakepit.pool.v1.Pool/Execute\",\"kind\":2,"
	    "\"startTimeUnixNano\":\"1000\",\"endTimeUnixNano\":\"2000\","
	    "\"attributes\":["
	    "{\"key\":\"rpc.system.name\",\"value\":{\"stringValue\":\"grpc\"}},"
	    "{\"key\":\"rpc.method\",\"value\":{\"stringValue\":"
	    "\"snakepit.pool.v1.Pool/Execute\"}},"
	    "{\"key\":\"rpc.response.status_code\",\"value\":{\"stringValue\":\"OK\"}},"
	    "{\"key\":\"snakepit.pool.name\",\"value\":{\"stringValue\":\"default\"}},"
	    "{\"key\":\"snakepit.tool.name\",\"value\":{\"stringValue\":\"echo\"}},"
	    "{\"key\":\"snakepit.worker.slot\",\"value\":{\"intValue\":\"0\"}},"
	    "{\"key\":\"snakepit.worker.id\",\"value\":{\"stringValue\":\"default/"
	    "0#7\"}},"
	    "{\"key\":\"snakepit.attempt\",\"value\":{\"intValue\":\"2\"}},"
	    "{\"key\":\"snakepit.correlation_id\",\"value\":{\"stringValue\":\"c-1\"}},"
	    "{\"key\":\"snakepit.session.id\",\"value\":{\"stringValue\":\"s-1\"}}],"
	    "\"events\":["
	    "{\"timeUnixNano\":\"1200\",\"name\":\"snakepit.worker_moved\","
	    "\"attributes\":["
	    "{\"key\":\"snakepit.worker.state\",\"value\":{\"stringValue\":"
	    "\"killing\"}},"
	    "{\"key\":\"snakepit.reason\",\"value\":{\"stringValue\":\"heartbeat\"}},"
	    "{\"key\":\"snakepit.worker.id\",\"value\":{\"stringValue\":\"default/"
	    "0#6\"}}]},"
	    "{\"timeUnixNano\":\"1300\",\"name\":\"snakepit.request_retried\","
	    "\"attributes\":[{\"key\":\"snakepit.attempt\",\"value\":{\"intValue\":"
	    "\"2\"}}]}],"
	    "\"flags\":769}";
	struct otlp_mark marks[] = {
	    {.wall = {1200},
	     .slot = 1,
	     .incarnation = 6,
	     .kind = "worker_moved",
	     .to = "killing",
	     .reason = "heartbeat"},
	    {.wall = {1300}, .attempt = 2},
	};
	struct fixture *f = *state;
	struct snp_span *s = &f->record.span.span;
	struct snp_buf json = {0};

	s->parent_span_id = 0xff;
	s->slot = 1;
	s->incarnation = 7;
	s->attempt = 2;
	(void)strcpy(s->correlation, "c-1");
	(void)strcpy(s->session, "s-1");
	f->record.span.marks = marks;
	f->record.span.marks_nr = 2;
	assert_int_equal(otlp_json_write(&encoded(f)->base, &json), 0);
	snp_buf_putc(&json, '\0');
	assert_string_equal(json.data, expected);
	snp_buf_fini(&json);
}

/* A request that was turned away reached neither tool nor worker. */
static void what_is_not_known_is_left_out(void **state)
{
	struct fixture *f = *state;
	const otlp_span *span;

	f->record.span.pool[0] = f->record.span.tool[0] = '\0';
	span = encoded(f);
	assert_int_equal(span->n_attributes, 3); /* of rpc.* alone */
	assert_int_equal(span->n_events, 0);
	assert_null(span->status);
	assert_int_equal(span->parent_span_id.len, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(t11_kinds_and_names, setup, teardown),
	    cmocka_unit_test_setup_teardown(t09_t10_status_of_servers_and_clients,
					    setup, teardown),
	    cmocka_unit_test_setup_teardown(a_span_has_all_its_parts, setup, teardown),
	    cmocka_unit_test_setup_teardown(what_is_not_known_is_left_out, setup,
					    teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
