/* SPDX-License-Identifier: Apache-2.0 */
/* Requests of OTLP, and what settings say of them, with each allocation and system call
 * failing in turn. */
#include "fault.h"

#include "metrics.h"
#include "payload.h"
#include "resource.h"
#include "segment_look.h"
#include "settings.h"
#include "spans.h"

static struct segment_look f;

/* ---- metrics ------------------------------------------------------------- */

/* Collected twice, as state is kept from one to the next. The times in it are those of
 * the segment and of one moment, so that its length is always the same. */
static int collect(struct otlp_metrics *metrics, const struct otlp_endpoint *endpoint,
		   uint64_t *ret_result)
{
	const struct otlp_metrics_look look = {.snap = f.snap,
					       .now = {1800000000000000000}};
	struct otlp_payload payload = {0};
	struct otlp_batch batch;
	struct snp_buf *bytes;
	int rc = 0;

	for (int i = 0; i < 2 && rc >= 0; i++) {
		rc = otlp_metrics_collect(metrics, &look, &batch);
		if (rc > 0)
			rc = otlp_payload_make(&payload, &batch, endpoint, 5, &bytes);
		if (rc == 0) {
			*ret_result = batch.items;
			otlp_metrics_acknowledge(metrics);
		}
	}
	otlp_payload_fini(&payload);
	return rc;
}

static int send_metrics(void *user, uint64_t *ret_result, struct snp_err *err)
{
	const struct otlp_metrics_options options = {.from_start = true};
	struct otlp_identity *identity = NULL;
	struct otlp_resource *resource = NULL;
	struct otlp_metrics *metrics = NULL;
	int rc = otlp_identity_create("svc", "a=1,b=2", &identity);

	if (rc == 0) {
		resource = otlp_resource_of_runtime(identity, snp_segment_info(f.seg));
		rc = resource ? 0 : -ENOMEM;
	}
	if (rc == 0) {
		const struct otlp_origin origin = {otlp_resource_message_of(resource),
						   "schema"};

		rc = otlp_metrics_create(f.seg, f.snap, &origin, &options, &metrics);
		if (rc == 0)
			rc = collect(metrics, user, ret_result);
		otlp_metrics_destroy(&metrics);
	}
	otlp_resource_drop(&resource);
	otlp_identity_destroy(&identity);
	return fault_say(rc, err);
}

static void metrics_are_whole_or_fail(void **state)
{
	struct otlp_endpoint endpoints[] = {
	    {.protocol = OTLP_HTTP_PROTOBUF, .compression = OTLP_GZIP},
	    {.protocol = OTLP_HTTP_JSON},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(endpoints) / sizeof(endpoints[0]); i++)
		fault_drive(send_metrics, &endpoints[i], NULL);
}

/* ---- records ------------------------------------------------------------- */

static int encode_records(void *user, uint64_t *ret_result, struct snp_err *err)
{
	struct otlp_identity *identity = NULL;
	struct otlp_resource *resource = NULL;
	struct otlp_maker maker = {0};
	const ProtobufCMessage *message = NULL;
	int rc = otlp_identity_create(NULL, NULL, &identity);

	(void)user;
	if (rc == 0) {
		resource = otlp_resource_of_self(identity);
		rc = resource ? 0 : -ENOMEM;
	}
	if (rc == 0) {
		const struct otlp_record span = {
		    .signal = OTLP_TRACES,
		    .resource = resource,
		    .span = {.span = {.kind = SNP_SPAN_KIND_REQUEST,
				      .trace_id = {1, 2},
				      .span_id = 3,
				      .correlation = "c-1"},
			     .start = {1},
			     .end = {2},
			     .pool = "default",
			     .tool = "echo"},
		};

		message = otlp_spans_encode(&maker, &span, 1);
		rc = message ? 0 : -ENOMEM;
		if (message)
			*ret_result = protobuf_c_message_get_packed_size(message);
	}
	otlp_maker_fini(&maker);
	otlp_resource_drop(&resource);
	otlp_identity_destroy(&identity);
	return fault_say(rc, err);
}

static void records_are_whole_or_fail(void **state)
{
	(void)state;
	fault_drive(encode_records, NULL, NULL);
}

/* ---- settings ------------------------------------------------------------ */

static const char *variable(void *user, const char *name)
{
	(void)user;
	if (strcmp(name, "OTEL_EXPORTER_OTLP_ENDPOINT") == 0)
		return "https://host:4318/base";
	if (strcmp(name, "OTEL_EXPORTER_OTLP_HEADERS") == 0)
		return "a=1,b=%20x";
	if (strcmp(name, "OTEL_SERVICE_NAME") == 0)
		return "svc";
	return NULL;
}

static int read_settings(void *user, uint64_t *ret_result, struct snp_err *err)
{
	const struct otlp_source source = {.env = variable};
	struct otlp_settings settings;
	int rc = otlp_settings_read(&source, &settings, err);

	(void)user;
	if (rc == 0) {
		for (int i = 0; i < OTLP_SIGNAL_NR; i++)
			*ret_result += settings.endpoint[i].headers_nr +
				       strlen(settings.endpoint[i].url);
		*ret_result += strlen(settings.service_name);
		otlp_settings_fini(&settings);
	}
	return rc;
}

static void settings_are_whole_or_fail(void **state)
{
	(void)state;
	fault_drive(read_settings, NULL, NULL);
}

static int set_up(void **state)
{
	(void)state;
	segment_look_open(&f);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	segment_look_close(&f);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(metrics_are_whole_or_fail),
	    cmocka_unit_test(records_are_whole_or_fail),
	    cmocka_unit_test(settings_are_whole_or_fail),
	};

	return cmocka_run_group_tests_name("fault", tests, set_up, tear_down);
}
