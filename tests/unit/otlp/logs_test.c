/* SPDX-License-Identifier: Apache-2.0 */
#include "logs.h"

#include "json.h"
#include "otlp/logs_service.pb-c.h"
#include "snp_test.h"

typedef Opentelemetry__Proto__Collector__Logs__V1__ExportLogsServiceRequest
    export_request;

static const struct row {
	struct snp_told_event told;
	const char *expected; /* from the severity on */
} rows[] = {
    {{.event = {.kind = SNP_EVENT_KIND_WORKER_MOVED,
		.initiator = SNP_INITIATOR_SUPERVISOR,
		.from = SNP_WORKER_STATE_READY,
		.to = SNP_WORKER_STATE_KILLING,
		.reason = SNP_MOVE_REASON_HEARTBEAT,
		.slot = 3,
		.incarnation = 7,
		.pid = 4711,
		.trace_id = {1, 2}},
      .wall = {1000},
      .pool = "default",
      .kind = "worker_moved",
      .from = "ready",
      .to = "killing",
      .reason = "heartbeat"},
     "\"severityNumber\":17,\"severityText\":\"ERROR\","
     "\"body\":{\"stringValue\":\"default/3 ready -> killing (heartbeat) pid 4711\"},"
     "\"attributes\":["
     "{\"key\":\"snakepit.pool.name\",\"value\":{\"stringValue\":\"default\"}},"
     "{\"key\":\"snakepit.worker.slot\",\"value\":{\"intValue\":\"3\"}},"
     "{\"key\":\"snakepit.worker.id\",\"value\":{\"stringValue\":\"default/3#7\"}},"
     "{\"key\":\"process.pid\",\"value\":{\"intValue\":\"4711\"}},"
     "{\"key\":\"snakepit.worker.previous_state\",\"value\":{\"stringValue\":"
     "\"ready\"}},"
     "{\"key\":\"snakepit.worker.state\",\"value\":{\"stringValue\":\"killing\"}},"
     "{\"key\":\"snakepit.reason\",\"value\":{\"stringValue\":\"heartbeat\"}},"
     "{\"key\":\"snakepit.initiator\",\"value\":{\"stringValue\":\"supervisor\"}}],"
     "\"traceId\":\"00000000000000010000000000000002\","},
    {{.event = {.kind = SNP_EVENT_KIND_CONFIG_REFUSED,
		.initiator = SNP_INITIATOR_OPERATOR},
      .wall = {1000},
      .kind = "config_refused"},
     "\"severityNumber\":13,\"severityText\":\"WARN\","
     "\"body\":{\"stringValue\":\"runtime config refused\"},"
     "\"attributes\":["
     "{\"key\":\"snakepit.initiator\",\"value\":{\"stringValue\":\"operator\"}}],"},
    /* Of a runtime that is newer than this program. */
    {{.event = {.kind = 999, .initiator = 999}, .wall = {1000}, .kind = "brand_new"},
     "\"severityNumber\":9,\"severityText\":\"INFO\","
     "\"body\":{\"stringValue\":\"runtime brand new\"},"
     "\"attributes\":["
     "{\"key\":\"snakepit.initiator\",\"value\":{\"stringValue\":\"?\"}}],"},
};

static void events_are_log_records(void **state)
{
	struct otlp_identity *identity = NULL;
	struct otlp_maker maker = {0};
	struct snp_buf json = {0};
	char expected[2048];

	(void)state;
	assert_int_equal(otlp_identity_create(NULL, NULL, &identity), 0);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct otlp_record record = {
		    .signal = OTLP_LOGS,
		    .resource = otlp_resource_of_self(identity),
		    .event = {.told = rows[i].told, .observed = {2000}},
		};
		const export_request *request;

		otlp_maker_reset(&maker);
		request = (const export_request *)otlp_logs_encode(&maker, &record, 1);
		assert_non_null(request);
		snp_buf_reset(&json);
		assert_int_equal(
		    otlp_json_write(
			&request->resource_logs[0]->scope_logs[0]->log_records[0]->base,
			&json),
		    0);
		snp_buf_putc(&json, '\0');
		(void)snprintf(expected, sizeof(expected),
			       "{\"timeUnixNano\":\"1000\",%s"
			       "\"observedTimeUnixNano\":\"2000\","
			       "\"eventName\":\"snakepit.%s\"}",
			       rows[i].expected, rows[i].told.kind);
		assert_string_equal(json.data, expected);
		otlp_record_fini(&record);
	}
	snp_buf_fini(&json);
	otlp_maker_fini(&maker);
	otlp_identity_destroy(&identity);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(events_are_log_records)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
