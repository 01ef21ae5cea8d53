/* SPDX-License-Identifier: Apache-2.0 */
#include "messages_fixture.h"

#include <bridge.pb-c.h>
#include <errno.h>

#include "buf_internal.h"
#include "rpc/messages.h"

/* ---- Requests ------------------------------------------------------------ */

static struct rpc_pair sample_arguments[] = {{"path", {"\"/x\"", 4}}, {"n", {"1", 1}}};
static struct rpc_pair sample_binary[] = {{"blob", {"\0\xff\n", 3}}};
static struct rpc_pair sample_metadata[] = {{"correlation_id", {"sp-1", 4}}};

static const struct rpc_execute_request sample_request = {
    .pool = "default",
    .tool = "word_stats",
    .session_id = "s",
    .arguments = {sample_arguments, 2},
    .binary = {sample_binary, 1},
    .metadata = {sample_metadata, 1},
    .stream = true,
};

static void assert_sample_request(const struct rpc_execute_request *r)
{
	assert_string_equal(r->tool, "word_stats");
	assert_string_equal(r->session_id, "s");
	assert_int_equal(r->arguments.n, 2);
	assert_string_equal(r->arguments.v[0].key, "n"); /* sorted */
	assert_str(rpc_pairs_get(&r->arguments, "path"), "\"/x\"");
	assert_str(rpc_pairs_get(&r->arguments, "n"), "1");
	assert_null(rpc_pairs_get(&r->arguments, "none").data);
	assert_int_equal(r->binary.n, 1);
	assert_int_equal(r->binary.v[0].value.len, 3);
	assert_memory_equal(r->binary.v[0].value.data, "\0\xff\n", 3);
	assert_str(rpc_pairs_get(&r->metadata, "correlation_id"), "sp-1");
}

static void pool_request_round_trips(void **state)
{
	struct rpc_execute_request out;

	(void)state;
	ROUND_TRIP(rpc_pool_encode_execute_request, rpc_pool_decode_execute_request,
		   &sample_request, &out);
	assert_sample_request(&out);
	assert_string_equal(out.pool, "default");
	assert_false(out.stream);
}

static void bridge_request_round_trips(void **state)
{
	struct rpc_execute_request out;

	(void)state;
	ROUND_TRIP(rpc_bridge_encode_execute_request, rpc_bridge_decode_execute_request,
		   &sample_request, &out);
	assert_sample_request(&out);
	assert_string_equal(out.pool, "");
	assert_true(out.stream);
}

/* What a worker sees: JSON bytes under a type URL, not a packed message. */
static void bridge_request_wraps_json_as_any(void **state)
{
	Snakepit__Bridge__ExecuteToolRequest *m;
	struct rpc_buf *buf = NULL;
	struct rpc__flat flat;

	(void)state;
	assert_int_equal(rpc_bridge_encode_execute_request(&sample_request, &buf), 0);
	assert_int_equal(rpc__buf_flatten(buf, &flat), 0);
	m = snakepit__bridge__execute_tool_request__unpack(NULL, flat.len, flat.data);
	assert_non_null(m);
	assert_int_equal(m->n_parameters, 2);
	assert_string_equal(m->parameters[0]->value->type_url,
			    "type.googleapis.com/google.protobuf.StringValue");
	assert_int_equal(m->parameters[0]->value->value.len, 4);
	assert_memory_equal(m->parameters[0]->value->value.data, "\"/x\"", 4);
	snakepit__bridge__execute_tool_request__free_unpacked(m, NULL);
	rpc__flat_release(&flat);
	rpc_buf_unref(buf);
}

static void empty_request_round_trips_to_empty_strings(void **state)
{
	const struct rpc_execute_request in = {0};
	struct rpc_execute_request out;

	(void)state;
	ROUND_TRIP(rpc_pool_encode_execute_request, rpc_pool_decode_execute_request,
		   &in, &out);
	assert_string_equal(out.pool, "");
	assert_string_equal(out.tool, "");
	assert_string_equal(out.session_id, "");
	assert_int_equal(out.arguments.n, 0);
	ROUND_TRIP(rpc_bridge_encode_execute_request, rpc_bridge_decode_execute_request,
		   &in, &out);
	assert_string_equal(out.tool, "");
}

static void duplicate_keys_the_last_wins(void **state)
{
	enum { N = 300 };
	struct rpc_pair pairs[N];
	struct rpc_execute_request in = {.arguments = {pairs, N}}, out;
	static char keys[N][16], values[N][16];

	(void)state;
	for (int i = 0; i < N; i++) {
		snprintf(keys[i], sizeof(keys[i]), "k%d", i % 7);
		snprintf(values[i], sizeof(values[i]), "%d", i);
		pairs[i] = (struct rpc_pair){keys[i], rpc_str_of(values[i])};
	}
	ROUND_TRIP(rpc_pool_encode_execute_request, rpc_pool_decode_execute_request,
		   &in, &out);
	assert_int_equal(out.arguments.n, 7);
	for (int i = N - 7; i < N; i++)
		assert_str(rpc_pairs_get(&out.arguments, keys[i]), values[i]);
	assert_str(rpc_pairs_get(&in.arguments, "k0"), values[N - 1 - (N - 1) % 7]);
}

/* ---- Responses ----------------------------------------------------------- */

static const struct rpc_execute_response sample_result = {
    .outcome = RPC_OUTCOME_RESULT,
    .result_json = {"{\"a\":1}", 7},
    .binary_result = {"\0\1", 2},
    .metadata = {sample_metadata, 1},
    .queue_wait_ns = 12345678901,
    .service_ns = 7000000,
    .worker_id = "default/2#1",
};

static void pool_response_round_trips(void **state)
{
	struct rpc_execute_response out;

	(void)state;
	ROUND_TRIP(rpc_pool_encode_execute_response, rpc_pool_decode_execute_response,
		   &sample_result, &out);
	assert_int_equal(out.outcome, RPC_OUTCOME_RESULT);
	assert_str(out.result_json, "{\"a\":1}");
	assert_int_equal(out.binary_result.len, 2);
	assert_int_equal(out.queue_wait_ns, 12345678901);
	assert_int_equal(out.service_ns, 7000000);
	assert_string_equal(out.worker_id, "default/2#1");
	assert_int_equal(out.metadata.n, 1);
}

static void pool_response_with_error_round_trips(void **state)
{
	const struct rpc_execute_response in = {
	    .outcome = RPC_OUTCOME_ERROR,
	    .error = {"ValueError", "bad", {"{\"type\":\"ValueError\"}", 21}},
	};
	struct rpc_execute_response out;

	(void)state;
	ROUND_TRIP(rpc_pool_encode_execute_response, rpc_pool_decode_execute_response,
		   &in, &out);
	assert_int_equal(out.outcome, RPC_OUTCOME_ERROR);
	assert_string_equal(out.error.type, "ValueError");
	assert_string_equal(out.error.message, "bad");
	assert_str(out.error.detail_json, "{\"type\":\"ValueError\"}");
}

static void pool_response_without_outcome_is_malformed(void **state)
{
	struct rpc_buf *empty = rpc_buf_from_bytes("", 0);
	struct rpc_execute_response out;
	struct snp_err err;

	(void)state;
	assert_int_equal(rpc_pool_decode_execute_response(empty, &arena, &out, &err),
			 -EBADMSG);
	rpc_buf_unref(empty);
}

static void bridge_response_round_trips(void **state)
{
	struct rpc_execute_response out;

	(void)state;
	ROUND_TRIP(rpc_bridge_encode_execute_response,
		   rpc_bridge_decode_execute_response, &sample_result, &out);
	assert_int_equal(out.outcome, RPC_OUTCOME_RESULT);
	assert_str(out.result_json, "{\"a\":1}");
	assert_int_equal(out.service_ns, 7000000);
	assert_string_equal(out.worker_id, "");
}

/* The response of a worker whose tool failed with this error_message. */
static struct rpc_execute_response decode_failure(const char *error_message)
{
	Snakepit__Bridge__ExecuteToolResponse m;
	struct rpc_execute_response out;
	struct rpc_buf *buf = NULL;
	struct snp_err err;

	snakepit__bridge__execute_tool_response__init(&m);
	m.error_message = (char *)(uintptr_t)error_message;
	m.execution_time_ms = -5; /* nonsense must not become a huge duration */
	assert_int_equal(rpc__buf_pack(&m.base, &buf), 0);
	assert_int_equal(rpc_bridge_decode_execute_response(buf, &arena, &out, &err),
			 0);
	rpc_buf_unref(buf);
	assert_int_equal(out.outcome, RPC_OUTCOME_ERROR);
	assert_int_equal(out.service_ns, 0);
	return out;
}

static void bridge_failure_is_split_into_type_and_message(void **state)
{
	static const char report[] =
	    "{\"type\":\"KeyError\",\"message\":\"no \\u00e4\","
	    "\"stacktrace\":[],\"context\":{}}";
	struct rpc_execute_response out = decode_failure(report);

	(void)state;
	assert_string_equal(out.error.type, "KeyError");
	assert_string_equal(out.error.message, "no \xc3\xa4");
	assert_str(out.error.detail_json, report);
}

static void bridge_failure_that_is_not_a_json_object_is_the_message(void **state)
{
	static const char *const texts[] = {
	    "plain text", "", "[1]", "{broken", "\"s\"", "{\"type\":\"a\\u0000b\"}",
	};
	struct rpc_execute_response out;

	(void)state;
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		out = decode_failure(texts[i]);
		assert_string_equal(out.error.type, "");
		assert_string_equal(out.error.message, texts[i]);
		assert_int_equal(out.error.detail_json.len, 0);
	}
	out = decode_failure("{\"type\":5}");
	assert_string_equal(out.error.type, "");
	assert_string_equal(out.error.message, "");
	assert_str(out.error.detail_json, "{\"type\":5}");
}

static void bridge_failure_round_trips_with_and_without_detail(void **state)
{
	struct rpc_execute_response in = {.outcome = RPC_OUTCOME_ERROR,
					  .error = {"E\"", "m\n", {NULL, 0}}},
				    out;

	(void)state;
	ROUND_TRIP(rpc_bridge_encode_execute_response,
		   rpc_bridge_decode_execute_response, &in, &out);
	assert_string_equal(out.error.type, "E\"");
	assert_string_equal(out.error.message, "m\n");
	in.error.detail_json = rpc_str_of("{\"type\":\"T\",\"message\":\"M\",\"x\":1}");
	ROUND_TRIP(rpc_bridge_encode_execute_response,
		   rpc_bridge_decode_execute_response, &in, &out);
	assert_string_equal(out.error.type, "T");
	assert_str(out.error.detail_json, in.error.detail_json.data);
}

static void chunks_round_trip(void **state)
{
	const struct rpc_chunk in = {.chunk_id = "7",
				     .data = {"{}\0", 3},
				     .position = RPC_CHUNK_FINAL,
				     .metadata = {sample_metadata, 1}};
	struct rpc_chunk out;

	(void)state;
	ROUND_TRIP(rpc_pool_encode_chunk, rpc_pool_decode_chunk, &in, &out);
	assert_string_equal(out.chunk_id, "7");
	assert_int_equal(out.data.len, 3);
	assert_int_equal(out.position, RPC_CHUNK_FINAL);
	assert_int_equal(out.metadata.n, 1);
	ROUND_TRIP(rpc_bridge_encode_chunk, rpc_bridge_decode_chunk, &in, &out);
	assert_string_equal(out.chunk_id, "7");
	assert_int_equal(out.data.len, 3);
	assert_int_equal(out.position, RPC_CHUNK_FINAL);
	assert_int_equal(out.metadata.n, 1);
}

/* ---- Liveness, health ---------------------------------------------------- */

static void liveness_messages_round_trip(void **state)
{
	const snp_wall_t then = {UINT64_C(1790000000123456789)};
	const struct rpc_heartbeat_request hreq = {"", then};
	const struct rpc_heartbeat_response hres = {then, RPC_SESSION_VALID};
	const struct rpc_ping ping = {"hello", then};
	struct rpc_heartbeat_request hreq_out;
	struct rpc_heartbeat_response hres_out;
	struct rpc_ping ping_out;

	(void)state;
	ROUND_TRIP(rpc_bridge_encode_heartbeat_request,
		   rpc_bridge_decode_heartbeat_request, &hreq, &hreq_out);
	assert_string_equal(hreq_out.session_id, "");
	assert_int_equal(hreq_out.client_time.ns, then.ns);
	ROUND_TRIP(rpc_bridge_encode_heartbeat_response,
		   rpc_bridge_decode_heartbeat_response, &hres, &hres_out);
	assert_int_equal(hres_out.server_time.ns, then.ns);
	assert_int_equal(hres_out.session, RPC_SESSION_VALID);
	ROUND_TRIP(rpc_bridge_encode_ping_request, rpc_bridge_decode_ping_request,
		   &ping, &ping_out);
	assert_string_equal(ping_out.message, "hello");
	assert_int_equal(ping_out.server_time.ns, 0);
	ROUND_TRIP(rpc_bridge_encode_ping_response, rpc_bridge_decode_ping_response,
		   &ping, &ping_out);
	assert_int_equal(ping_out.server_time.ns, then.ns);
}

static void impossible_times_are_absent(void **state)
{
	static const struct {
		int64_t seconds;
		int32_t nanos;
	} bad[] = {{-1, 0}, {1, -1}, {1, 1000000000}, {INT64_MAX, 0}, {INT64_MIN, 0}};

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		Snakepit__Bridge__HeartbeatResponse m;
		Google__Protobuf__Timestamp time;
		struct rpc_heartbeat_response out;
		struct rpc_buf *buf = NULL;

		snakepit__bridge__heartbeat_response__init(&m);
		google__protobuf__timestamp__init(&time);
		time.seconds = bad[i].seconds;
		time.nanos = bad[i].nanos;
		m.server_time = &time;
		assert_int_equal(rpc__buf_pack(&m.base, &buf), 0);
		assert_int_equal(
		    rpc_bridge_decode_heartbeat_response(buf, &arena, &out, NULL), 0);
		assert_int_equal(out.server_time.ns, 0);
		rpc_buf_unref(buf);
	}
}

static void health_messages_round_trip(void **state)
{
	const char *service = NULL;

	(void)state;
	ROUND_TRIP(rpc_health_encode_request, rpc_health_decode_request,
		   "snakepit.pool.v1.Pool", &service);
	assert_string_equal(service, "snakepit.pool.v1.Pool");
	for (int h = RPC_HEALTH_UNKNOWN; h <= RPC_HEALTH_SERVICE_UNKNOWN; h++) {
		enum rpc_health out;

		ROUND_TRIP(rpc_health_encode_response, rpc_health_decode_response,
			   (enum rpc_health)h, &out);
		assert_int_equal(out, h);
	}
}

static void health_status_of_the_future_is_unknown(void **state)
{
	static const char bytes[] = "\x08\x63"; /* status = 99 */
	struct rpc_buf *buf = rpc_buf_from_bytes(bytes, 2);
	enum rpc_health health;

	(void)state;
	assert_int_equal(rpc_health_decode_response(buf, &arena, &health, NULL), 0);
	assert_int_equal(health, RPC_HEALTH_UNKNOWN);
	rpc_buf_unref(buf);
}

static void host_tool_request_decodes_as_an_execute_request(void **state)
{
	struct rpc_execute_request out;
	struct rpc_buf *buf = NULL;

	(void)state;
	/* Fields 1 to 4 of both requests agree; 5 and 6 are unknown to this one. */
	assert_int_equal(rpc_bridge_encode_execute_request(&sample_request, &buf), 0);
	assert_int_equal(rpc_bridge_decode_host_tool(buf, &arena, &out, NULL), 0);
	rpc_buf_unref(buf);
	assert_string_equal(out.tool, "word_stats");
	assert_int_equal(out.arguments.n, 2);
	assert_int_equal(out.binary.n, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    MESSAGE_TEST(pool_request_round_trips),
	    MESSAGE_TEST(bridge_request_round_trips),
	    MESSAGE_TEST(bridge_request_wraps_json_as_any),
	    MESSAGE_TEST(empty_request_round_trips_to_empty_strings),
	    MESSAGE_TEST(duplicate_keys_the_last_wins),
	    MESSAGE_TEST(pool_response_round_trips),
	    MESSAGE_TEST(pool_response_with_error_round_trips),
	    MESSAGE_TEST(pool_response_without_outcome_is_malformed),
	    MESSAGE_TEST(bridge_response_round_trips),
	    MESSAGE_TEST(bridge_failure_is_split_into_type_and_message),
	    MESSAGE_TEST(bridge_failure_that_is_not_a_json_object_is_the_message),
	    MESSAGE_TEST(bridge_failure_round_trips_with_and_without_detail),
	    MESSAGE_TEST(chunks_round_trip),
	    MESSAGE_TEST(liveness_messages_round_trip),
	    MESSAGE_TEST(impossible_times_are_absent),
	    MESSAGE_TEST(health_messages_round_trip),
	    MESSAGE_TEST(health_status_of_the_future_is_unknown),
	    MESSAGE_TEST(host_tool_request_decodes_as_an_execute_request),
	};
	int failed;

	rpc_init(NULL);
	failed = cmocka_run_group_tests_name("rpc/messages", tests, NULL, NULL);
	rpc_shutdown();
	return failed;
}
