/* SPDX-License-Identifier: Apache-2.0 */
/* O10, O11, O12: what answers mean, code by code and byte by byte. */
#include "answer.h"

#include <errno.h>
#include <string.h>

#include "model/gzip.h"
#include "otlp/rpc.pb-c.h"
#include "otlp/trace_service.pb-c.h"
#include "snp_test.h"

static const snp_wall_t noon = {UINT64_C(784111777) * SNP_NS_PER_S}; /* of the RFC */
static struct otlp_answer answer;

/* ---- bytes of messages --------------------------------------------------- */

struct bytes {
	char data[1024];
	size_t len;
};

static struct bytes pack(const ProtobufCMessage *message)
{
	struct bytes bytes;

	assert_true(protobuf_c_message_get_packed_size(message) <= sizeof(bytes.data));
	bytes.len = protobuf_c_message_pack(message, (uint8_t *)bytes.data);
	return bytes;
}

static struct bytes status_with(const char *text, const char *type,
				const struct bytes *detail)
{
	Google__Rpc__Status status = GOOGLE__RPC__STATUS__INIT;
	Google__Protobuf__Any any = GOOGLE__PROTOBUF__ANY__INIT;
	Google__Protobuf__Any *details[] = {&any};

	status.message = (char *)(size_t)text;
	if (type) {
		any.type_url = (char *)(size_t)type;
		any.value.data = (uint8_t *)(size_t)detail->data;
		any.value.len = detail->len;
		status.details = details;
		status.n_details = 1;
	}
	return pack(&status.base);
}

static struct bytes delay(int64_t seconds, int32_t nanos)
{
	Google__Rpc__RetryInfo info = GOOGLE__RPC__RETRY_INFO__INIT;
	Google__Protobuf__Duration duration = GOOGLE__PROTOBUF__DURATION__INIT;

	duration.seconds = seconds;
	duration.nanos = nanos;
	info.retry_delay = &duration;
	return pack(&info.base);
}

static struct bytes partial(int64_t rejected, const char *text)
{
	Opentelemetry__Proto__Collector__Trace__V1__ExportTraceServiceResponse response =
	    OPENTELEMETRY__PROTO__COLLECTOR__TRACE__V1__EXPORT_TRACE_SERVICE_RESPONSE__INIT;
	Opentelemetry__Proto__Collector__Trace__V1__ExportTracePartialSuccess part =
	    OPENTELEMETRY__PROTO__COLLECTOR__TRACE__V1__EXPORT_TRACE_PARTIAL_SUCCESS__INIT;

	part.rejected_spans = rejected;
	part.error_message = (char *)(size_t)text;
	response.partial_success = &part;
	return pack(&response.base);
}

/* Padded if it has to be. */
static void base64(const struct bytes *bytes, char *text)
{
	static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrst"
				     "uvwxyz0123456789+/";

	for (size_t i = 0; i < bytes->len; i += 3) {
		uint32_t word = 0;

		for (size_t j = 0; j < 3; j++)
			word = word << 8 |
			       (i + j < bytes->len ? (uint8_t)bytes->data[i + j] : 0);
		for (size_t j = 0; j < 4; j++)
			*text++ = i + j > bytes->len
				      ? '='
				      : digits[word >> (18 - 6 * j) & 63];
	}
	*text = '\0';
}

/* ---- HTTP ---------------------------------------------------------------- */

static void http(long status, const char *retry_after)
{
	const struct otlp_http_said said = {.status = status,
					    .retry_after = retry_after};

	otlp_answer_http(&said, OTLP_TRACES, noon, &answer);
}

static void http_body(long status, const char *type, const void *body, size_t len)
{
	const struct otlp_http_said said = {
	    .status = status, .content_type = type, .body = body, .len = len};

	otlp_answer_http(&said, OTLP_TRACES, noon, &answer);
}

static void o10_http_statuses_are_judged_by_the_table(void **state)
{
	char text[24];

	(void)state;
	for (long status = 100; status < 600; status++) {
		const bool again = status == 429 || (status >= 502 && status <= 504);

		http(status, NULL);
		if (status / 100 == 2) {
			assert_int_equal(answer.outcome, OTLP_TAKEN);
			assert_string_equal(answer.error, "");
			continue;
		}
		assert_int_equal(answer.outcome, again ? OTLP_TRY_AGAIN : OTLP_REFUSED);
		(void)snprintf(text, sizeof(text), "%ld", status);
		assert_string_equal(answer.error, text);
	}
}

static void o11_retry_after_is_seconds_or_a_date(void **state)
{
	static const struct {
		const char *text;
		uint64_t wait_s;
	} cases[] = {
	    {"0", 0},
	    {"120", 120},
	    {"99999999999999999999", UINT32_MAX},
	    /* A minute after noon, in the three forms. */
	    {"Sun, 06 Nov 1994 08:50:37 GMT", 60},
	    {"Sunday, 06-Nov-94 08:50:37 GMT", 60},
	    {"Sun Nov  6 08:50:37 1994", 60},
	    /* More nanoseconds than there are numbers for. */
	    {"Thu, 27 May 2579 08:24:11 GMT", UINT32_MAX},
	    /* Before. */
	    {"Sun, 06 Nov 1994 08:48:37 GMT", 0},
	    {"", 0},
	    {"-1", 0},
	    {"1.5", 0},
	    {"soon", 0},
	    {"120 s", 0},
	    {"Sun, 06 Nov 1994 08:50:37 PST", 0},
	    {"Sun, 06 Nov 1994 08:50:37 GMT and so on", 0},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		http(503, cases[i].text);
		assert_int_equal(answer.wait_ns, cases[i].wait_s * SNP_NS_PER_S);
		http(400, cases[i].text);
		assert_int_equal(answer.wait_ns, 0);
	}
}

static void o12_partial_success_is_read_from_protobuf_and_json(void **state)
{
	static const char json[] = "{\"partialSuccess\": {\"rejectedSpans\": \"3\", "
				   "\"errorMessage\": \"too old\"}}";
	static const char number[] = "{\"partialSuccess\": {\"rejectedSpans\": 3}}";
	const struct bytes bytes = partial(3, "too old");

	(void)state;
	http_body(200, "application/x-protobuf", bytes.data, bytes.len);
	assert_int_equal(answer.outcome, OTLP_TAKEN);
	assert_int_equal(answer.rejected, 3);
	assert_string_equal(answer.text, "too old");
	http_body(200, "application/json; charset=utf-8", json, strlen(json));
	assert_int_equal(answer.rejected, 3);
	assert_string_equal(answer.text, "too old");
	http_body(200, "Application/JSON", number, strlen(number));
	assert_int_equal(answer.rejected, 3);
	assert_string_equal(answer.text, "");
}

static void taken_with_a_body_that_makes_no_sense_is_taken(void **state)
{
	static const char *const bodies[] = {
	    "", "\xff\xff\xff", "{", "[]", "null", "{\"partialSuccess\": 1}"};
	static const char *const types[] = {NULL, "application/json",
					    "application/x-protobuf", "text/html"};
	const struct bytes negative = partial(-3, "");

	(void)state;
	for (int i = 0; i < 6; i++) {
		for (int j = 0; j < 4; j++) {
			http_body(200, types[j], bodies[i], strlen(bodies[i]));
			assert_int_equal(answer.outcome, OTLP_TAKEN);
			assert_int_equal(answer.rejected, 0);
		}
	}
	http_body(200, types[2], negative.data, negative.len);
	assert_int_equal(answer.rejected, 0);
}

static void the_reason_is_one_line_of_text(void **state)
{
	const struct bytes status = status_with("two\nlines\x1b[31m \xff", NULL, NULL);
	const struct bytes empty = status_with("", NULL, NULL);
	char text[OTLP_TEXT_BYTES * 2];

	(void)state;
	http_body(400, "application/x-protobuf", status.data, status.len);
	assert_string_equal(answer.text, "two?lines?[31m ?");
	http_body(400, "application/x-protobuf", empty.data, empty.len);
	assert_string_equal(answer.text, "");
	http_body(400, "text/html", "<html>", 6);
	assert_string_equal(answer.text, "");
	/* Cut between characters of two bytes. */
	for (size_t i = 0; i < sizeof(text); i += 2)
		memcpy(text + i, "\xc3\xa4", 2);
	http_body(400, "text/plain", text, sizeof(text));
	assert_int_equal(strlen(answer.text), (OTLP_TEXT_BYTES - 1) / 2 * 2);
}

/* ---- gRPC ---------------------------------------------------------------- */

static void grpc_said(const char *status, const char *message, const char *details)
{
	const struct otlp_grpc_said said = {.http_status = 200,
					    .status = status,
					    .message = message,
					    .details = details};

	otlp_answer_grpc(&said, OTLP_TRACES, &answer);
}

static void grpc_body(const void *body, size_t len)
{
	const struct otlp_grpc_said said = {
	    .http_status = 200, .status = "0", .body = body, .len = len};

	otlp_answer_grpc(&said, OTLP_TRACES, &answer);
}

static void o10_grpc_codes_are_judged_by_the_table(void **state)
{
	static const unsigned again[] = {1, 4, 10, 11, 14, 15};
	char text[4];

	(void)state;
	for (unsigned code = 1; code <= 16; code++) {
		bool expected = false;

		for (size_t i = 0; i < sizeof(again) / sizeof(again[0]); i++)
			expected |= code == again[i];
		(void)snprintf(text, sizeof(text), "%u", code);
		grpc_said(text, NULL, NULL);
		assert_int_equal(answer.outcome,
				 expected ? OTLP_TRY_AGAIN : OTLP_REFUSED);
	}
	grpc_said("14", "no %C3%A4nswer%2", NULL);
	assert_string_equal(answer.error, "UNAVAILABLE");
	assert_string_equal(answer.text, "no \xc3\xa4nswer%2");
}

static void o10_a_status_that_is_none_is_unknown(void **state)
{
	static const char *const bad[] = {"", "17", "-1", "1x", "999", "0x0", " 0"};

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		grpc_said(bad[i], NULL, NULL);
		assert_int_equal(answer.outcome, OTLP_REFUSED);
		assert_string_equal(answer.error, "UNKNOWN");
	}
}

static void o10_an_answer_without_status_is_judged_by_http(void **state)
{
	struct otlp_grpc_said said = {.http_status = 503};

	(void)state;
	otlp_answer_grpc(&said, OTLP_TRACES, &answer);
	assert_int_equal(answer.outcome, OTLP_TRY_AGAIN);
	assert_string_equal(answer.error, "UNAVAILABLE");
	assert_non_null(strstr(answer.text, "HTTP 503"));
	said.http_status = 404;
	otlp_answer_grpc(&said, OTLP_TRACES, &answer);
	assert_int_equal(answer.outcome, OTLP_REFUSED);
	said.http_status = 200;
	otlp_answer_grpc(&said, OTLP_TRACES, &answer);
	assert_string_equal(answer.error, "UNKNOWN");
}

static void expect_delay(int64_t seconds, int32_t nanos, uint64_t wait_ns)
{
	const struct bytes info = delay(seconds, nanos);
	const struct bytes status =
	    status_with("", "type.googleapis.com/google.rpc.RetryInfo", &info);
	char details[sizeof(status.data) * 2];

	base64(&status, details);
	grpc_said("8", "quota", details);
	assert_int_equal(answer.outcome, OTLP_TRY_AGAIN);
	assert_int_equal(answer.wait_ns, wait_ns);
	assert_string_equal(answer.text, "quota");
	/* Without padding too. */
	details[strcspn(details, "=")] = '\0';
	grpc_said("14", NULL, details);
	assert_int_equal(answer.wait_ns, wait_ns);
	/* A code that is not tried again stays so. */
	grpc_said("3", NULL, details);
	assert_int_equal(answer.outcome, OTLP_REFUSED);
	assert_int_equal(answer.wait_ns, 0);
}

static void o11_retry_info_says_how_long(void **state)
{
	(void)state;
	expect_delay(0, 0, 0);
	expect_delay(0, 250000000, 250 * SNP_NS_PER_MS);
	expect_delay(30, 1, 30 * SNP_NS_PER_S + 1);
	expect_delay(-1, 0, 0);
	expect_delay(1, -1, 0);
	expect_delay(INT64_MAX, 0, UINT32_MAX * SNP_NS_PER_S);
}

static void o11_details_that_make_no_sense_are_none(void **state)
{
	const struct bytes garbage = {.data = "\xff\xff", .len = 2};
	const struct bytes status =
	    status_with("", "type.googleapis.com/google.rpc.RetryInfo", &garbage);
	char details[sizeof(status.data) * 2];
	const char *const bad[] = {"", "!", "AAAA", "////", "=====", details};

	(void)state;
	base64(&status, details);
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		grpc_said("8", NULL, bad[i]);
		assert_int_equal(answer.outcome, OTLP_REFUSED);
	}
}

static void o12_partial_success_is_read_from_grpc(void **state)
{
	const struct bytes message = partial(2, "old");
	char body[sizeof(message.data) + 5] = {0};

	(void)state;
	body[4] = (char)message.len;
	memcpy(body + 5, message.data, message.len);
	grpc_body(body, message.len + 5);
	assert_int_equal(answer.outcome, OTLP_TAKEN);
	assert_int_equal(answer.rejected, 2);
	assert_string_equal(answer.text, "old");
	/* Cut, or not what it says: taken, with a word about it. */
	grpc_body(body, message.len + 4);
	assert_int_equal(answer.outcome, OTLP_TAKEN);
	assert_string_equal(answer.text, "the answer makes no sense");
	body[0] = 1;
	grpc_body(body, message.len + 5);
	assert_string_equal(answer.text, "the answer makes no sense");
	grpc_body(body, 4);
	assert_int_equal(answer.outcome, OTLP_TAKEN);
	grpc_body("", 0);
	assert_int_equal(answer.outcome, OTLP_TAKEN);
	assert_string_equal(answer.text, "");
}

static void o12_partial_success_may_be_packed(void **state)
{
	const struct bytes message = partial(2, "old");
	struct snp_buf body = {0};
	struct snp_gzip *gzip;

	(void)state;
	snp_buf_put(&body, "\1\0\0\0", 5);
	assert_int_equal(snp_gzip_create(&gzip), 0);
	snp_gzip_append(gzip, message.data, message.len, &body);
	assert_true(body.len < 256 + 5);
	body.data[4] = (char)(body.len - 5);
	grpc_body(body.data, body.len);
	assert_int_equal(answer.rejected, 2);
	assert_string_equal(answer.text, "old");
	/* Cut at its end. */
	body.data[4]--;
	grpc_body(body.data, body.len - 1);
	assert_int_equal(answer.outcome, OTLP_TAKEN);
	assert_string_equal(answer.text, "the answer makes no sense");
	snp_gzip_destroy(&gzip);
	snp_buf_fini(&body);
}

static void o15_what_is_packed_is_not_unpacked_without_end(void **state)
{
	const size_t huge = HTTP_REPLY_MAX + 1;
	struct snp_buf body = {0}, out = {0};
	struct snp_gzip *gzip;
	char *zeros = calloc(1, huge);

	(void)state;
	assert_non_null(zeros);
	assert_int_equal(snp_gzip_create(&gzip), 0);
	snp_gzip_append(gzip, zeros, huge, &body);
	assert_int_equal(snp_gunzip(body.data, body.len, huge, &out), 0);
	assert_int_equal(out.len, huge);
	snp_buf_reset(&out);
	assert_int_equal(snp_gunzip(body.data, body.len, HTTP_REPLY_MAX, &out),
			 -EMSGSIZE);
	assert_int_equal(snp_gunzip("", 0, HTTP_REPLY_MAX, &out), -EBADMSG);
	assert_int_equal(snp_gunzip("plain text", 10, HTTP_REPLY_MAX, &out), -EBADMSG);
	snp_gzip_destroy(&gzip);
	snp_buf_fini(&body);
	snp_buf_fini(&out);
	free(zeros);
}

/* ---- none ---------------------------------------------------------------- */

static void o10_attempts_without_answer(void **state)
{
	static const struct {
		enum http_end end;
		enum otlp_outcome outcome;
		const char *error;
	} cases[] = {
	    {HTTP_TIMED_OUT, OTLP_TRY_AGAIN, "timeout"},
	    {HTTP_UNREACHABLE, OTLP_TRY_AGAIN, "unreachable"},
	    {HTTP_UNUSABLE, OTLP_REFUSED, "unusable"},
	    {HTTP_TOO_LARGE, OTLP_REFUSED, "response_too_large"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		const struct http_reply reply = {.end = cases[i].end, .error = "why"};

		otlp_answer_none(&reply, &answer);
		assert_int_equal(answer.outcome, cases[i].outcome);
		assert_string_equal(answer.error, cases[i].error);
		assert_true(strlen(answer.text) >= 3);
	}
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
	    cmocka_unit_test(o10_http_statuses_are_judged_by_the_table),
	    cmocka_unit_test(o11_retry_after_is_seconds_or_a_date),
	    cmocka_unit_test(o12_partial_success_is_read_from_protobuf_and_json),
	    cmocka_unit_test(taken_with_a_body_that_makes_no_sense_is_taken),
	    cmocka_unit_test(the_reason_is_one_line_of_text),
	    cmocka_unit_test(o10_grpc_codes_are_judged_by_the_table),
	    cmocka_unit_test(o10_a_status_that_is_none_is_unknown),
	    cmocka_unit_test(o10_an_answer_without_status_is_judged_by_http),
	    cmocka_unit_test(o11_retry_info_says_how_long),
	    cmocka_unit_test(o11_details_that_make_no_sense_are_none),
	    cmocka_unit_test(o12_partial_success_is_read_from_grpc),
	    cmocka_unit_test(o12_partial_success_may_be_packed),
	    cmocka_unit_test(o15_what_is_packed_is_not_unpacked_without_end),
	    cmocka_unit_test(o10_attempts_without_answer),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
