/* SPDX-License-Identifier: Apache-2.0 */
/* Codecs of telemetry and control: messages_telemetry.c, messages_control.c. */
#include "messages_fixture.h"

#include <bridge.pb-c.h>
#include <control.pb-c.h>
#include <math.h>

#define TEXT(s) ((char *)(uintptr_t)(s))

/* ---- Telemetry controls -------------------------------------------------- */

static Snakepit__Bridge__TelemetryControl *
sent_control(const struct rpc_telemetry_control *in)
{
	Snakepit__Bridge__TelemetryControl *m;
	struct rpc_buf *buf = NULL;

	assert_int_equal(rpc_bridge_encode_telemetry_control(in, &buf), 0);
	UNPACK(snakepit__bridge__telemetry_control, buf, &m);
	return m;
}

static void each_telemetry_control_says_its_one_thing(void **state)
{
	static const char *const patterns[] = {"tool.*", "gc"};
	const struct rpc_telemetry_control toggle = {.kind = RPC_TELEMETRY_TOGGLE,
						     .enabled = true},
					   sampling = {.kind = RPC_TELEMETRY_SAMPLING,
						       .sampling_rate = 0.25,
						       .patterns = {patterns, 2}},
					   filter = {.kind = RPC_TELEMETRY_FILTER,
						     .allow = {patterns, 1},
						     .deny = {patterns + 1, 1}};
	Snakepit__Bridge__TelemetryControl *m = sent_control(&toggle);

	(void)state;
	assert_int_equal(m->control_case,
			 SNAKEPIT__BRIDGE__TELEMETRY_CONTROL__CONTROL_TOGGLE);
	assert_true(m->toggle->enabled);
	snakepit__bridge__telemetry_control__free_unpacked(m, NULL);
	m = sent_control(&sampling);
	assert_int_equal(m->control_case,
			 SNAKEPIT__BRIDGE__TELEMETRY_CONTROL__CONTROL_SAMPLING);
	assert_true(m->sampling->sampling_rate == 0.25);
	assert_int_equal(m->sampling->n_event_patterns, 2);
	assert_string_equal(m->sampling->event_patterns[1], "gc");
	snakepit__bridge__telemetry_control__free_unpacked(m, NULL);
	m = sent_control(&filter);
	assert_int_equal(m->control_case,
			 SNAKEPIT__BRIDGE__TELEMETRY_CONTROL__CONTROL_FILTER);
	assert_int_equal(m->filter->n_allow, 1);
	assert_string_equal(m->filter->allow[0], "tool.*");
	assert_string_equal(m->filter->deny[0], "gc");
	snakepit__bridge__telemetry_control__free_unpacked(m, NULL);
}

/* ---- Telemetry events ---------------------------------------------------- */

static struct rpc_buf *sample_event(void)
{
	typedef Snakepit__Bridge__TelemetryEvent__MeasurementsEntry entry;
	static const char *const keys[] = {"n", "ratio", "what", "unset", "bare"};
	char *parts[] = {TEXT("tool"), TEXT("execution"), TEXT("stop")};
	Snakepit__Bridge__TelemetryEvent m;
	Snakepit__Bridge__TelemetryEvent__MetadataEntry pair, *pairs[] = {&pair};
	Snakepit__Bridge__TelemetryValue values[4];
	entry entries[5], *v[5];

	snakepit__bridge__telemetry_event__init(&m);
	snakepit__bridge__telemetry_event__metadata_entry__init(&pair);
	for (int i = 0; i < 4; i++)
		snakepit__bridge__telemetry_value__init(&values[i]);
	values[0].value_case = SNAKEPIT__BRIDGE__TELEMETRY_VALUE__VALUE_INT_VALUE;
	values[0].int_value = INT64_MIN;
	values[1].value_case = SNAKEPIT__BRIDGE__TELEMETRY_VALUE__VALUE_FLOAT_VALUE;
	values[1].float_value = HUGE_VAL;
	values[2].value_case = SNAKEPIT__BRIDGE__TELEMETRY_VALUE__VALUE_STRING_VALUE;
	values[2].string_value = TEXT("words");
	for (int i = 0; i < 5; i++) {
		snakepit__bridge__telemetry_event__measurements_entry__init(
		    &entries[i]);
		entries[i].key = TEXT(keys[i]);
		entries[i].value = i < 4 ? &values[i] : NULL;
		v[i] = &entries[i];
	}
	pair.key = TEXT("tool");
	pair.value = TEXT("search");
	m.event_parts = parts;
	m.n_event_parts = 3;
	m.measurements = v;
	m.n_measurements = 5;
	m.metadata = pairs;
	m.n_metadata = 1;
	m.timestamp_ns = -1;
	m.correlation_id = TEXT("sp-1");
	return packed(&m.base);
}

static void telemetry_event_keeps_name_kinds_and_order(void **state)
{
	struct rpc_buf *buf = sample_event();
	struct rpc_telemetry_event out;

	(void)state;
	assert_int_equal(rpc_bridge_decode_telemetry_event(buf, &arena, &out, NULL), 0);
	rpc_buf_unref(buf);
	assert_int_equal(out.parts.n, 3);
	assert_string_equal(out.parts.v[2], "stop");
	assert_int_equal(out.n_measurements, 5);
	assert_string_equal(out.measurements[0].key, "n");
	assert_int_equal(out.measurements[0].kind, RPC_MEASUREMENT_INT);
	assert_true(out.measurements[0].integer == INT64_MIN);
	assert_int_equal(out.measurements[1].kind, RPC_MEASUREMENT_FLOAT);
	assert_true(isinf(out.measurements[1].number));
	assert_int_equal(out.measurements[2].kind, RPC_MEASUREMENT_TEXT);
	assert_string_equal(out.measurements[2].text, "words");
	assert_int_equal(out.measurements[3].kind, RPC_MEASUREMENT_NONE);
	assert_string_equal(out.measurements[3].text, "");
	assert_int_equal(out.measurements[4].kind, RPC_MEASUREMENT_NONE);
	assert_string_equal(out.measurements[4].key, "bare");
	assert_str(rpc_pairs_get(&out.metadata, "tool"), "search");
	assert_int_equal(out.timestamp_ns, -1);
	assert_string_equal(out.correlation_id, "sp-1");
}

static void empty_telemetry_event_is_an_event_without_a_name(void **state)
{
	struct rpc_buf *buf = rpc_buf_from_bytes("", 0);
	struct rpc_telemetry_event out;

	(void)state;
	assert_int_equal(rpc_bridge_decode_telemetry_event(buf, &arena, &out, NULL), 0);
	rpc_buf_unref(buf);
	assert_int_equal(out.parts.n, 0);
	assert_int_equal(out.n_measurements, 0);
	assert_string_equal(out.correlation_id, "");
}

/* ---- Control ------------------------------------------------------------- */

static void control_requests_round_trip(void **state)
{
	const struct rpc_drain_request drain = {"p", true};
	const struct rpc_scale_request scale = {"p", UINT32_MAX};
	struct rpc_drain_request drain_out;
	struct rpc_scale_request scale_out;
	struct rpc_buf *buf = NULL;

	(void)state;
	ROUND_TRIP(rpc_control_encode_drain, rpc_control_decode_drain, &drain,
		   &drain_out);
	assert_string_equal(drain_out.pool, "p");
	assert_true(drain_out.resume);
	ROUND_TRIP(rpc_control_encode_scale, rpc_control_decode_scale, &scale,
		   &scale_out);
	assert_string_equal(scale_out.pool, "p");
	assert_int_equal(scale_out.workers, UINT32_MAX);
	assert_int_equal(rpc_control_encode_reload(&buf), 0);
	assert_int_equal(rpc_control_decode_reload(buf, NULL), 0);
	rpc_buf_unref(buf);
}

/* Slot 0 is a slot; none is all of them. */
static void recycle_tells_slot_zero_from_all(void **state)
{
	static const int64_t slots[] = {RPC_SLOT_ALL, 0, 7, UINT32_MAX};
	struct rpc_recycle_request out;

	(void)state;
	for (size_t i = 0; i < sizeof(slots) / sizeof(slots[0]); i++) {
		const struct rpc_recycle_request in = {"p", slots[i], i % 2 == 0};

		ROUND_TRIP(rpc_control_encode_recycle, rpc_control_decode_recycle, &in,
			   &out);
		assert_string_equal(out.pool, "p");
		assert_true(out.slot == slots[i]);
		assert_int_equal(out.force, i % 2 == 0);
	}
}

static const char *const sample_changes[] = {"pools.default.workers: 4 -> 8", "b"};
static const struct rpc_control_reply sample_reply = {
    "reloaded", 8, {sample_changes, 2}};

static void control_reply_round_trips(void **state)
{
	const struct rpc_control_reply empty = {0};
	struct rpc_control_reply out;

	(void)state;
	ROUND_TRIP(rpc_control_encode_reply, rpc_control_decode_reply, &sample_reply,
		   &out);
	assert_string_equal(out.message, "reloaded");
	assert_int_equal(out.workers, 8);
	assert_int_equal(out.changes.n, 2);
	assert_string_equal(out.changes.v[0], sample_changes[0]);
	ROUND_TRIP(rpc_control_encode_reply, rpc_control_decode_reply, &empty, &out);
	assert_string_equal(out.message, "");
	assert_int_equal(out.changes.n, 0);
}

/* ---- Hostile bytes ------------------------------------------------------- */

static int decode_event(const struct rpc_buf *buf, struct rpc_arena *a,
			struct snp_err *err)
{
	struct rpc_telemetry_event out;
	int rc = rpc_bridge_decode_telemetry_event(buf, a, &out, err);

	if (rc < 0)
		return rc;
	look_at_texts(&out.parts);
	look_at_pairs(&out.metadata);
	look_at_text(out.correlation_id);
	for (size_t i = 0; i < out.n_measurements; i++) {
		look_at_text(out.measurements[i].key);
		look_at_text(out.measurements[i].text);
	}
	return 0;
}

static int decode_recycle(const struct rpc_buf *buf, struct rpc_arena *a,
			  struct snp_err *err)
{
	struct rpc_recycle_request out;
	int rc = rpc_control_decode_recycle(buf, a, &out, err);

	if (rc == 0) {
		look_at_text(out.pool);
		assert_true(out.slot >= RPC_SLOT_ALL && out.slot <= UINT32_MAX);
	}
	return rc;
}

static int decode_reply(const struct rpc_buf *buf, struct rpc_arena *a,
			struct snp_err *err)
{
	struct rpc_control_reply out;
	int rc = rpc_control_decode_reply(buf, a, &out, err);

	if (rc == 0) {
		look_at_text(out.message);
		look_at_texts(&out.changes);
	}
	return rc;
}

static void damaged_messages_decode_or_are_refused(void **state)
{
	const struct rpc_recycle_request recycle = {"pool", 3, true};
	struct rpc_buf *buf = NULL;

	(void)state;
	assert_survives(sample_event(), decode_event);
	assert_int_equal(rpc_control_encode_recycle(&recycle, &buf), 0);
	assert_survives(buf, decode_recycle);
	assert_int_equal(rpc_control_encode_reply(&sample_reply, &buf), 0);
	assert_survives(buf, decode_reply);
}

/* A oneof on the wire twice: the last wins, and the text before it is not kept. */
static void measurement_with_two_values_has_the_last(void **state)
{
	static const char bytes[] = "\x12\x0b\x0a\x01k\x12\x06\x1a\x02hi\x08\x07";
	struct rpc_buf *buf = rpc_buf_from_bytes(bytes, sizeof(bytes) - 1);
	struct rpc_telemetry_event out;
	struct snp_err err = {0};

	(void)state;
	if (rpc_bridge_decode_telemetry_event(buf, &arena, &out, &err) < 0)
		fail_msg("%s", err.msg);
	rpc_buf_unref(buf);
	assert_int_equal(out.n_measurements, 1);
	assert_int_equal(out.measurements[0].kind, RPC_MEASUREMENT_INT);
	assert_int_equal(out.measurements[0].integer, 7);
	assert_string_equal(out.measurements[0].text, "");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    MESSAGE_TEST(each_telemetry_control_says_its_one_thing),
	    MESSAGE_TEST(telemetry_event_keeps_name_kinds_and_order),
	    MESSAGE_TEST(empty_telemetry_event_is_an_event_without_a_name),
	    MESSAGE_TEST(control_requests_round_trip),
	    MESSAGE_TEST(recycle_tells_slot_zero_from_all),
	    MESSAGE_TEST(control_reply_round_trips),
	    MESSAGE_TEST(damaged_messages_decode_or_are_refused),
	    MESSAGE_TEST(measurement_with_two_values_has_the_last),
	};
	int failed;

	rpc_init(NULL);
	failed = cmocka_run_group_tests_name("rpc/messages_control", tests, NULL, NULL);
	rpc_shutdown();
	return failed;
}
