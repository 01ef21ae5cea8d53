/* SPDX-License-Identifier: Apache-2.0 */
/* What all signals are made of: their table, attributes, ids. */
#include "batch.h"
#include "message.h"

#include "snp_test.h"

/* ---- signals ------------------------------------------------------------- */

static void signals_go_where_the_protocol_says(void **state)
{
	static const struct {
		const char *path, *method, *infix;
	} expected[] = {
	    {"/v1/metrics",
	     "/opentelemetry.proto.collector.metrics.v1.MetricsService/Export",
	     "METRICS"},
	    {"/v1/traces",
	     "/opentelemetry.proto.collector.trace.v1.TraceService/Export", "TRACES"},
	    {"/v1/logs", "/opentelemetry.proto.collector.logs.v1.LogsService/Export",
	     "LOGS"},
	};

	(void)state;
	for (int i = 0; i < OTLP_SIGNAL_NR; i++) {
		assert_string_equal(otlp_signals[i].path, expected[i].path);
		assert_string_equal(otlp_signals[i].method, expected[i].method);
		assert_string_equal(otlp_signals[i].infix, expected[i].infix);
	}
}

/* Who reads answers counts on one shape for all three. */
static void responses_of_all_signals_have_one_shape(void **state)
{
	(void)state;
	for (int i = 0; i < OTLP_SIGNAL_NR; i++) {
		const ProtobufCMessageDescriptor *response = otlp_signals[i].response;
		const ProtobufCFieldDescriptor *partial = &response->fields[0];
		const ProtobufCMessageDescriptor *inner = partial->descriptor;

		assert_int_equal(response->n_fields, 1);
		assert_string_equal(partial->name, "partial_success");
		assert_int_equal(partial->id, 1);
		assert_int_equal(inner->n_fields, 2);
		assert_int_equal(inner->fields[0].id, 1);
		assert_int_equal(inner->fields[0].type, PROTOBUF_C_TYPE_INT64);
		assert_int_equal(inner->fields[1].id, 2);
		assert_int_equal(inner->fields[1].type, PROTOBUF_C_TYPE_STRING);
	}
}

/* ---- attributes ---------------------------------------------------------- */

static void attributes_hold_what_they_are_given(void **state)
{
	struct otlp_maker maker = {0};
	struct otlp_attrs attrs = otlp_attrs_new(&maker, 4);

	(void)state;
	otlp_attr_text(&maker, &attrs, "text", "a");
	otlp_attr_int(&maker, &attrs, "int", -5);
	otlp_attr_bool(&maker, &attrs, "bool", true);
	otlp_attr_double(&maker, &attrs, "double", 0.5);
	assert_false(maker.failed);
	assert_int_equal(attrs.nr, 4);
	assert_string_equal(attrs.list[0]->key, "text");
	assert_string_equal(attrs.list[0]->value->string_value, "a");
	assert_int_equal(attrs.list[1]->value->int_value, -5);
	assert_true(attrs.list[2]->value->bool_value);
	assert_int_equal(
	    attrs.list[3]->value->value_case,
	    OPENTELEMETRY__PROTO__COMMON__V1__ANY_VALUE__VALUE_DOUBLE_VALUE);
	assert_true(attrs.list[3]->value->double_value == 0.5);
	otlp_maker_fini(&maker);
}

static void a_maker_that_failed_adds_nothing(void **state)
{
	struct otlp_maker maker = {.failed = true};
	struct otlp_attrs attrs = {0};

	(void)state;
	otlp_attr_text(&maker, &attrs, "text", "a");
	assert_int_equal(attrs.nr, 0);
	otlp_maker_reset(&maker);
	assert_false(maker.failed);
	otlp_maker_fini(&maker);
}

/* ---- ids ----------------------------------------------------------------- */

static void ids_are_big_endian_and_absent_when_zero(void **state)
{
	static const uint8_t expected[] = {0x0a, 0xf7, 0x65, 0x19, 0x16, 0xcd,
					   0x43, 0xdd, 0x84, 0x48, 0xeb, 0x21,
					   0x1c, 0x80, 0x31, 0x9c};
	const uint64_t id[] = {UINT64_C(0x0af7651916cd43dd),
			       UINT64_C(0x8448eb211c80319c)};
	const uint64_t none[] = {0, 0};
	struct otlp_maker maker = {0};
	ProtobufCBinaryData bytes = otlp_trace_id(&maker, id);

	(void)state;
	assert_int_equal(bytes.len, 16);
	assert_memory_equal(bytes.data, expected, 16);
	bytes = otlp_span_id(&maker, id[1]);
	assert_int_equal(bytes.len, 8);
	assert_memory_equal(bytes.data, expected + 8, 8);
	assert_int_equal(otlp_trace_id(&maker, none).len, 0);
	assert_int_equal(otlp_span_id(&maker, 0).len, 0);
	otlp_maker_fini(&maker);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(signals_go_where_the_protocol_says),
	    cmocka_unit_test(responses_of_all_signals_have_one_shape),
	    cmocka_unit_test(attributes_hold_what_they_are_given),
	    cmocka_unit_test(a_maker_that_failed_adds_nothing),
	    cmocka_unit_test(ids_are_big_endian_and_absent_when_zero),
	};

	return cmocka_run_group_tests_name("otlp/message", tests, NULL, NULL);
}
