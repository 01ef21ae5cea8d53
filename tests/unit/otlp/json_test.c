/* SPDX-License-Identifier: Apache-2.0 */
/* What JSON has of OTLP's own rules. That whole requests read back is for the
 * integration tests, with the official messages. */
#include "json.h"

#include <math.h>

#include "otlp/metrics.pb-c.h"
#include "otlp/rpc.pb-c.h"
#include "snp_test.h"

typedef Opentelemetry__Proto__Metrics__V1__NumberDataPoint number_point;
typedef Opentelemetry__Proto__Metrics__V1__HistogramDataPoint histogram_point;
typedef Opentelemetry__Proto__Metrics__V1__ExponentialHistogramDataPoint__Buckets
    buckets;

static void assert_json(const ProtobufCMessage *message, const char *expected)
{
	struct snp_buf out = {0};

	assert_int_equal(otlp_json_write(message, &out), 0);
	snp_buf_putc(&out, '\0');
	assert_string_equal(out.data, expected);
	snp_buf_fini(&out);
}

/* A member of a oneof that was chosen is there, also where it is zero. */
static void presence(void **state)
{
	number_point point = OPENTELEMETRY__PROTO__METRICS__V1__NUMBER_DATA_POINT__INIT;
	histogram_point histogram =
	    OPENTELEMETRY__PROTO__METRICS__V1__HISTOGRAM_DATA_POINT__INIT;

	(void)state;
	assert_json(&point.base, "{}");
	point.value_case =
	    OPENTELEMETRY__PROTO__METRICS__V1__NUMBER_DATA_POINT__VALUE_AS_INT;
	assert_json(&point.base, "{\"asInt\":\"0\"}");
	point.value_case =
	    OPENTELEMETRY__PROTO__METRICS__V1__NUMBER_DATA_POINT__VALUE_AS_DOUBLE;
	point.flags = 1;
	assert_json(&point.base, "{\"asDouble\":0,\"flags\":1}");
	histogram.optional_sum_case =
	    OPENTELEMETRY__PROTO__METRICS__V1__HISTOGRAM_DATA_POINT__OPTIONAL_SUM_SUM;
	assert_json(&histogram.base, "{\"sum\":0}");
}

static void numbers(void **state)
{
	static const struct {
		double value;
		const char *expected;
	} doubles[] = {
	    {0.1, "{\"asDouble\":0.1}"},
	    {-2.5e-300, "{\"asDouble\":-2.5e-300}"},
	    {(double)NAN, "{\"asDouble\":\"NaN\"}"},
	    {(double)INFINITY, "{\"asDouble\":\"Infinity\"}"},
	    {-(double)INFINITY, "{\"asDouble\":\"-Infinity\"}"},
	};
	number_point point = OPENTELEMETRY__PROTO__METRICS__V1__NUMBER_DATA_POINT__INIT;

	(void)state;
	point.value_case =
	    OPENTELEMETRY__PROTO__METRICS__V1__NUMBER_DATA_POINT__VALUE_AS_DOUBLE;
	for (size_t i = 0; i < sizeof(doubles) / sizeof(doubles[0]); i++) {
		point.as_double = doubles[i].value;
		assert_json(&point.base, doubles[i].expected);
	}
	point.value_case =
	    OPENTELEMETRY__PROTO__METRICS__V1__NUMBER_DATA_POINT__VALUE_AS_INT;
	point.as_int = INT64_MIN;
	point.time_unix_nano = UINT64_MAX;
	assert_json(&point.base, "{\"timeUnixNano\":\"18446744073709551615\","
				 "\"asInt\":\"-9223372036854775808\"}");
}

static void lists(void **state)
{
	buckets message =
	    OPENTELEMETRY__PROTO__METRICS__V1__EXPONENTIAL_HISTOGRAM_DATA_POINT__BUCKETS__INIT;
	uint64_t counts[] = {0, 1, UINT64_C(1) << 60};

	(void)state;
	message.offset = -5;
	message.bucket_counts = counts;
	message.n_bucket_counts = 3;
	assert_json(
	    &message.base,
	    "{\"offset\":-5,\"bucketCounts\":[\"0\",\"1\",\"1152921504606846976\"]}");
}

/* Bytes are base64 but for ids; text is escaped. */
static void bytes_and_text(void **state)
{
	static const struct {
		const char *bytes;
		size_t len;
		const char *expected;
	} rows[] = {
	    {"f", 1, "\"Zg==\""},
	    {"fo", 2, "\"Zm8=\""},
	    {"foo", 3, "\"Zm9v\""},
	    {"foob", 4, "\"Zm9vYg==\""},
	    {"\xff\xfe\xfd", 3, "\"//79\""},
	};
	Google__Rpc__Status status = GOOGLE__RPC__STATUS__INIT;
	Google__Protobuf__Any any = GOOGLE__PROTOBUF__ANY__INIT;

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		char expected[64];

		any.value.data = (uint8_t *)(size_t)rows[i].bytes;
		any.value.len = rows[i].len;
		(void)snprintf(expected, sizeof(expected), "{\"value\":%s}",
			       rows[i].expected);
		assert_json(&any.base, expected);
	}
	status.code = 14;
	status.message = (char *)(size_t) "a \"b\"\n\x01";
	assert_json(&status.base,
		    "{\"code\":14,\"message\":\"a \\\"b\\\"\\n\\u0001\"}");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(presence),
	    cmocka_unit_test(numbers),
	    cmocka_unit_test(lists),
	    cmocka_unit_test(bytes_and_text),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
