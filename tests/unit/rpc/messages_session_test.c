/* SPDX-License-Identifier: Apache-2.0 */
/* Codecs of sessions and of tools: messages_session.c, messages_tools.c, tool_spec.c.
 */
#include "messages_fixture.h"

#include <bridge.pb-c.h>

#define TEXT(s) ((char *)(uintptr_t)(s))

/* ---- Samples ------------------------------------------------------------- */

static struct rpc_pair sample_metadata[] = {{"owner", {"ml", 2}}};

static struct rpc_parameter sample_parameters[] = {
    {.name = "text",
     .type = "string",
     .description = "what to search",
     .required = true},
    {.name = "limit",
     .type = "integer",
     .validation_json = "{\"min\":1}",
     .default_json = {"10", 2}},
};

static struct rpc_tool sample_tools[] = {
    {.name = "search",
     .description = "finds",
     .parameters = sample_parameters,
     .n_parameters = 2,
     .metadata = {sample_metadata, 1}},
    {.name = "tail", .supports_streaming = true},
};

static void assert_sample_tools(const struct rpc_tools *tools)
{
	const struct rpc_tool *search = &tools->v[0], *tail = &tools->v[1];

	assert_int_equal(tools->n, 2);
	assert_string_equal(search->name, "search");
	assert_string_equal(search->description, "finds");
	assert_false(search->supports_streaming);
	assert_str(rpc_pairs_get(&search->metadata, "owner"), "ml");
	assert_int_equal(search->n_parameters, 2);
	assert_string_equal(search->parameters[0].name, "text");
	assert_string_equal(search->parameters[0].type, "string");
	assert_string_equal(search->parameters[0].description, "what to search");
	assert_string_equal(search->parameters[0].validation_json, "");
	assert_true(search->parameters[0].required);
	assert_null(search->parameters[0].default_json.data);
	assert_string_equal(search->parameters[1].validation_json, "{\"min\":1}");
	assert_str(search->parameters[1].default_json, "10");
	assert_false(search->parameters[1].required);
	assert_string_equal(tail->name, "tail");
	assert_string_equal(tail->description, "");
	assert_true(tail->supports_streaming);
	assert_int_equal(tail->n_parameters, 0);
	assert_int_equal(tail->metadata.n, 0);
}

/* ---- Sessions ------------------------------------------------------------ */

static const struct rpc_session_request sample_session = {
    .session_id = "s1",
    .metadata = {sample_metadata, 1},
    .config = {true, -5, true},
    .force = true,
};

static void session_requests_round_trip(void **state)
{
	struct rpc_session_request out;

	(void)state;
	ROUND_TRIP(rpc_bridge_encode_init_session, rpc_bridge_decode_init_session,
		   &sample_session, &out);
	assert_string_equal(out.session_id, "s1");
	assert_str(rpc_pairs_get(&out.metadata, "owner"), "ml");
	assert_true(out.config.enable_caching);
	assert_int_equal(out.config.cache_ttl_seconds, -5);
	assert_true(out.config.enable_telemetry);
	ROUND_TRIP(rpc_bridge_encode_cleanup_session, rpc_bridge_decode_cleanup_session,
		   &sample_session, &out);
	assert_string_equal(out.session_id, "s1");
	assert_true(out.force);
	ROUND_TRIP(rpc_bridge_encode_get_session, rpc_bridge_decode_get_session,
		   &sample_session, &out);
	assert_string_equal(out.session_id, "s1");
}

static void session_request_without_config_has_a_zero_one(void **state)
{
	Snakepit__Bridge__InitializeSessionRequest m;
	struct rpc_session_request out;
	struct rpc_buf *buf;

	(void)state;
	snakepit__bridge__initialize_session_request__init(&m);
	buf = packed(&m.base);
	assert_int_equal(rpc_bridge_decode_init_session(buf, &arena, &out, NULL), 0);
	rpc_buf_unref(buf);
	assert_false(out.config.enable_caching);
	assert_int_equal(out.config.cache_ttl_seconds, 0);
}

static void init_session_response_round_trips(void **state)
{
	const struct rpc_session_started good = {.success = true,
						 .tools = {sample_tools, 2}},
					 bad = {.error = "full"};
	struct rpc_session_started out;

	(void)state;
	ROUND_TRIP(rpc_bridge_encode_init_session_response,
		   rpc_bridge_decode_init_session_response, &good, &out);
	assert_true(out.success);
	assert_string_equal(out.error, "");
	assert_sample_tools(&out.tools);
	ROUND_TRIP(rpc_bridge_encode_init_session_response,
		   rpc_bridge_decode_init_session_response, &bad, &out);
	assert_false(out.success);
	assert_string_equal(out.error, "full");
	assert_int_equal(out.tools.n, 0);
}

/* A map's entry may lack its value, and its key need not be the spec's name. */
static void available_tool_goes_by_its_key(void **state)
{
	Snakepit__Bridge__InitializeSessionResponse m;
	Snakepit__Bridge__InitializeSessionResponse__AvailableToolsEntry entries[2],
	    *v[2] = {&entries[0], &entries[1]};
	Snakepit__Bridge__ToolSpec spec;
	struct rpc_session_started out;
	struct rpc_buf *buf;

	(void)state;
	snakepit__bridge__initialize_session_response__init(&m);
	snakepit__bridge__tool_spec__init(&spec);
	for (int i = 0; i < 2; i++)
		snakepit__bridge__initialize_session_response__available_tools_entry__init(
		    &entries[i]);
	spec.name = TEXT("inner");
	spec.description = TEXT("d");
	entries[0].key = TEXT("outer");
	entries[0].value = &spec;
	entries[1].key = TEXT("bare");
	m.available_tools = v;
	m.n_available_tools = 2;
	buf = packed(&m.base);
	assert_int_equal(
	    rpc_bridge_decode_init_session_response(buf, &arena, &out, NULL), 0);
	rpc_buf_unref(buf);
	assert_string_equal(out.tools.v[0].name, "outer");
	assert_string_equal(out.tools.v[0].description, "d");
	assert_string_equal(out.tools.v[1].name, "bare");
	assert_string_equal(out.tools.v[1].description, "");
}

static void other_session_responses_round_trip(void **state)
{
	const struct rpc_session_ended ended = {true, 2};
	const struct rpc_session_info info = {
	    "s1", {sample_metadata, 1}, {5 * SNP_NS_PER_S}, 3};
	struct rpc_session_ended ended_out;
	struct rpc_session_info info_out;

	(void)state;
	ROUND_TRIP(rpc_bridge_encode_cleanup_session_response,
		   rpc_bridge_decode_cleanup_session_response, &ended, &ended_out);
	assert_true(ended_out.success);
	assert_int_equal(ended_out.resources_cleaned, 2);
	ROUND_TRIP(rpc_bridge_encode_get_session_response,
		   rpc_bridge_decode_get_session_response, &info, &info_out);
	assert_string_equal(info_out.session_id, "s1");
	assert_int_equal(info_out.created_at.ns, 5 * SNP_NS_PER_S);
	assert_int_equal(info_out.tool_count, 3);
	assert_str(rpc_pairs_get(&info_out.metadata, "owner"), "ml");
}

/* ---- Registration -------------------------------------------------------- */

/* What a worker sends, made from the bytes of the specs we would send ourselves: the
 * two layouts are one. */
static struct rpc_buf *sample_registration(void)
{
	const struct rpc_tools tools = {sample_tools, 2};
	Snakepit__Bridge__GetExposedElixirToolsResponse *specs;
	Snakepit__Bridge__RegisterToolsRequest m;
	Snakepit__Bridge__ToolRegistration *registrations[2];
	struct rpc_buf *buf = NULL;

	assert_int_equal(rpc_bridge_encode_exposed_tools(&tools, &buf), 0);
	UNPACK(snakepit__bridge__get_exposed_elixir_tools_response, buf, &specs);
	assert_int_equal(specs->n_tools, 2);
	snakepit__bridge__register_tools_request__init(&m);
	for (int i = 0; i < 2; i++) {
		uint8_t bytes[512];
		size_t len =
		    snakepit__bridge__tool_spec__get_packed_size(specs->tools[i]);

		assert_true(len <= sizeof(bytes));
		(void)snakepit__bridge__tool_spec__pack(specs->tools[i], bytes);
		registrations[i] =
		    snakepit__bridge__tool_registration__unpack(NULL, len, bytes);
		assert_non_null(registrations[i]);
	}
	m.session_id = TEXT("s1");
	m.worker_id = TEXT("w");
	m.tools = registrations;
	m.n_tools = 2;
	buf = packed(&m.base);
	for (int i = 0; i < 2; i++)
		snakepit__bridge__tool_registration__free_unpacked(registrations[i],
								   NULL);
	snakepit__bridge__get_exposed_elixir_tools_response__free_unpacked(specs, NULL);
	return buf;
}

static void registration_keeps_the_whole_tool(void **state)
{
	struct rpc_buf *buf = sample_registration();
	struct rpc_register_tools out;

	(void)state;
	assert_int_equal(rpc_bridge_decode_register_tools(buf, &arena, &out, NULL), 0);
	rpc_buf_unref(buf);
	assert_string_equal(out.session_id, "s1");
	assert_string_equal(out.worker_id, "w");
	assert_sample_tools(&out.tools);
}

static void registration_answer_has_ids_or_an_error(void **state)
{
	const struct rpc_pairs ids = {sample_metadata, 1}, none = {0};
	Snakepit__Bridge__RegisterToolsResponse *m;
	struct rpc_buf *buf = NULL;

	(void)state;
	assert_int_equal(rpc_bridge_encode_register_tools_response(&ids, NULL, &buf),
			 0);
	UNPACK(snakepit__bridge__register_tools_response, buf, &m);
	assert_true(m->success);
	assert_int_equal(m->n_tool_ids, 1);
	assert_string_equal(m->tool_ids[0]->key, "owner");
	assert_string_equal(m->tool_ids[0]->value, "ml");
	snakepit__bridge__register_tools_response__free_unpacked(m, NULL);
	assert_int_equal(rpc_bridge_encode_register_tools_response(&none, "no", &buf),
			 0);
	UNPACK(snakepit__bridge__register_tools_response, buf, &m);
	assert_false(m->success);
	assert_string_equal(m->error_message, "no");
	snakepit__bridge__register_tools_response__free_unpacked(m, NULL);
}

/* ---- Exposed tools ------------------------------------------------------- */

static void exposed_tools_carry_defaults_as_json_in_any(void **state)
{
	const struct rpc_tools tools = {sample_tools, 2}, none = {0};
	Snakepit__Bridge__GetExposedElixirToolsResponse *m;
	const Google__Protobuf__Any *any;
	struct rpc_buf *buf = NULL;

	(void)state;
	assert_int_equal(rpc_bridge_encode_exposed_tools(&tools, &buf), 0);
	UNPACK(snakepit__bridge__get_exposed_elixir_tools_response, buf, &m);
	assert_int_equal(m->n_tools, 2);
	assert_string_equal(m->tools[0]->name, "search");
	assert_null(m->tools[0]->parameters[0]->default_value);
	any = m->tools[0]->parameters[1]->default_value;
	assert_string_equal(any->type_url,
			    "type.googleapis.com/google.protobuf.StringValue");
	assert_int_equal(any->value.len, 2);
	assert_memory_equal(any->value.data, "10", 2);
	assert_true(m->tools[1]->supports_streaming);
	snakepit__bridge__get_exposed_elixir_tools_response__free_unpacked(m, NULL);
	assert_int_equal(rpc_bridge_encode_exposed_tools(&none, &buf), 0);
	assert_int_equal(rpc_buf_len(buf), 0);
	rpc_buf_unref(buf);
}

static void exposed_tools_request_names_the_session(void **state)
{
	Snakepit__Bridge__GetExposedElixirToolsRequest m;
	const char *session = NULL;
	struct rpc_buf *buf;

	(void)state;
	snakepit__bridge__get_exposed_elixir_tools_request__init(&m);
	m.session_id = TEXT("s1");
	buf = packed(&m.base);
	assert_int_equal(
	    rpc_bridge_decode_exposed_tools_request(buf, &arena, &session, NULL), 0);
	rpc_buf_unref(buf);
	assert_string_equal(session, "s1");
}

/* ---- Hostile bytes ------------------------------------------------------- */

static void look_at_tools(const struct rpc_tools *tools)
{
	for (size_t i = 0; i < tools->n; i++) {
		const struct rpc_tool *tool = &tools->v[i];

		look_at_text(tool->name);
		look_at_text(tool->description);
		look_at_pairs(&tool->metadata);
		for (size_t j = 0; j < tool->n_parameters; j++) {
			look_at_text(tool->parameters[j].name);
			look_at_text(tool->parameters[j].type);
			look_at_text(tool->parameters[j].description);
			look_at_text(tool->parameters[j].validation_json);
			assert_true(tool->parameters[j].default_json.len < 1u << 20);
		}
	}
}

static int decode_init(const struct rpc_buf *buf, struct rpc_arena *a,
		       struct snp_err *err)
{
	struct rpc_session_request out;
	int rc = rpc_bridge_decode_init_session(buf, a, &out, err);

	if (rc == 0) {
		look_at_text(out.session_id);
		look_at_pairs(&out.metadata);
	}
	return rc;
}

static int decode_started(const struct rpc_buf *buf, struct rpc_arena *a,
			  struct snp_err *err)
{
	struct rpc_session_started out;
	int rc = rpc_bridge_decode_init_session_response(buf, a, &out, err);

	if (rc == 0) {
		look_at_text(out.error);
		look_at_tools(&out.tools);
	}
	return rc;
}

static int decode_info(const struct rpc_buf *buf, struct rpc_arena *a,
		       struct snp_err *err)
{
	struct rpc_session_info out;
	int rc = rpc_bridge_decode_get_session_response(buf, a, &out, err);

	if (rc == 0) {
		look_at_text(out.session_id);
		look_at_pairs(&out.metadata);
	}
	return rc;
}

static int decode_registration(const struct rpc_buf *buf, struct rpc_arena *a,
			       struct snp_err *err)
{
	struct rpc_register_tools out;
	int rc = rpc_bridge_decode_register_tools(buf, a, &out, err);

	if (rc == 0) {
		look_at_text(out.worker_id);
		look_at_tools(&out.tools);
	}
	return rc;
}

static void damaged_messages_decode_or_are_refused(void **state)
{
	const struct rpc_session_started started = {.success = true,
						    .tools = {sample_tools, 2}};
	const struct rpc_session_info info = {
	    "s1", {sample_metadata, 1}, {5 * SNP_NS_PER_S}, 3};
	struct rpc_buf *buf = NULL;

	(void)state;
	assert_int_equal(rpc_bridge_encode_init_session(&sample_session, &buf), 0);
	assert_survives(buf, decode_init);
	assert_int_equal(rpc_bridge_encode_init_session_response(&started, &buf), 0);
	assert_survives(buf, decode_started);
	assert_int_equal(rpc_bridge_encode_get_session_response(&info, &buf), 0);
	assert_survives(buf, decode_info);
	assert_survives(sample_registration(), decode_registration);
}

/* Two bytes on the wire make a registration of a hundred in memory. */
static void registration_of_a_million_empty_tools_is_refused(void **state)
{
	enum { N = 1 << 20 };
	unsigned char *bytes = malloc(2 * N);
	struct rpc_register_tools out;
	struct snp_err err = {0};
	struct rpc_buf *buf;

	(void)state;
	for (size_t i = 0; i < 2 * N; i += 2) {
		bytes[i] = 0x12;
		bytes[i + 1] = 0;
	}
	buf = rpc_buf_from_bytes(bytes, 2 * N);
	assert_int_equal(rpc_bridge_decode_register_tools(buf, &arena, &out, &err),
			 -ENOBUFS);
	rpc_buf_unref(buf);
	free(bytes);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    MESSAGE_TEST(session_requests_round_trip),
	    MESSAGE_TEST(session_request_without_config_has_a_zero_one),
	    MESSAGE_TEST(init_session_response_round_trips),
	    MESSAGE_TEST(available_tool_goes_by_its_key),
	    MESSAGE_TEST(other_session_responses_round_trip),
	    MESSAGE_TEST(registration_keeps_the_whole_tool),
	    MESSAGE_TEST(registration_answer_has_ids_or_an_error),
	    MESSAGE_TEST(exposed_tools_carry_defaults_as_json_in_any),
	    MESSAGE_TEST(exposed_tools_request_names_the_session),
	    MESSAGE_TEST(damaged_messages_decode_or_are_refused),
	    MESSAGE_TEST(registration_of_a_million_empty_tools_is_refused),
	};
	int failed;

	rpc_init(NULL);
	failed = cmocka_run_group_tests_name("rpc/messages_session", tests, NULL, NULL);
	rpc_shutdown();
	return failed;
}
