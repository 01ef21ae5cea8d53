/* SPDX-License-Identifier: Apache-2.0 */
#include "batch.h"

#include <ctype.h>
#include <errno.h>

#include "columns.h"
#include "model/json_out.h"

int top_batch_text(const struct top_scene *scene, int cols, bool ascii,
		   struct snp_buf *out)
{
	struct top_grid grid = {.ascii = ascii};
	int rc;

	rc = top_view_once(scene, cols, &grid);
	if (rc == 0)
		top_grid_text(&grid, out);
	top_grid_fini(&grid);
	return rc < 0 || out->failed ? -ENOMEM : 0;
}

static void json_duration(struct snp_json *json, const char *key, uint64_t ns)
{
	snp_json_key(json, key);
	if (ns == 0)
		snp_json_null(json);
	else
		snp_json_u64(json, ns);
}

static void json_runtime(struct snp_json *json, const struct top_frame *frame)
{
	char verdict[16] = "";
	const char *name = top_verdict_name(frame->verdict);

	for (size_t i = 0; name[i] && i + 1 < sizeof(verdict); i++)
		verdict[i] = (char)tolower((unsigned char)name[i]);
	snp_json_kv_u64(json, "schema", 1);
	snp_json_kv_string(json, "instance", frame->instance);
	snp_json_kv_string(json, "path", frame->path);
	snp_json_kv_string(json, "uuid", frame->uuid);
	snp_json_kv_i64(json, "pid", frame->pid);
	snp_json_kv_u64(json, "run", frame->incarnation);
	snp_json_kv_string(json, "verdict", verdict);
	snp_json_kv_bool(json, "draining", frame->draining);
	snp_json_kv_u64(json, "time_ns", frame->wall.ns);
	snp_json_kv_u64(json, "start_time_ns", frame->started.ns);
	snp_json_kv_u64(json, "uptime_ns", frame->uptime_ns);
	snp_json_kv_u64(json, "heartbeat_age_ns", frame->heartbeat_age_ns);
	snp_json_kv_u64(json, "heartbeat_seq", frame->heartbeat_seq);
	snp_json_kv_u64(json, "torn_reads", frame->torn);
	snp_json_kv_u64(json, "rows_skipped", frame->skipped);
	json_duration(json, "interval_ns", frame->look.interval_ns);
	json_duration(json, "window_ns", frame->look.window_ns);
}

int top_batch_json(const struct top_frame *frame, struct snp_buf *out)
{
	const struct snp_look *look = &frame->look;
	struct snp_json json;

	snp_json_init(&json, out);
	snp_json_object_begin(&json);
	json_runtime(&json, frame);
	snp_json_key(&json, "total");
	snp_json_object_begin(&json);
	top_columns_json(&json, TOP_TABLE_POOL, &look->total, NULL);
	snp_json_object_end(&json);
	snp_json_key(&json, "pools");
	snp_json_array_begin(&json);
	for (size_t i = 0; i < look->pools_nr; i++) {
		snp_json_object_begin(&json);
		top_columns_json(&json, TOP_TABLE_POOL, &look->pools[i], NULL);
		snp_json_object_end(&json);
	}
	snp_json_array_end(&json);
	snp_json_key(&json, "workers");
	snp_json_array_begin(&json);
	for (size_t i = 0; i < look->workers_nr; i++) {
		const struct snp_worker_stat *w = &look->workers[i];

		snp_json_object_begin(&json);
		top_columns_json(&json, TOP_TABLE_WORKER, &look->pools[w->pool], w);
		snp_json_object_end(&json);
	}
	snp_json_array_end(&json);
	snp_json_kv_u64(&json, "events_lost", frame->events.lost);
	snp_json_key(&json, "events");
	top_eventlog_json(&json, &frame->events);
	snp_json_object_end(&json);
	snp_buf_putc(out, '\n');
	return out->failed ? -ENOMEM : 0;
}
