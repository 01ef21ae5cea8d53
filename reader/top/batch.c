/* SPDX-License-Identifier: Apache-2.0 */
#include "batch.h"

#include <ctype.h>
#include <errno.h>

#include "columns.h"
#include "model/csv.h"
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

#define JSON_EVENTS_MAX 64

static void json_duration(struct snp_json *json, const char *key, uint64_t ns)
{
	snp_json_key(json, key);
	if (ns == 0)
		snp_json_null(json);
	else
		snp_json_u64(json, ns);
}

void top_batch_verdict(struct snp_json *json, enum top_verdict verdict)
{
	char word[16] = "";
	const char *name = top_verdict_name(verdict);

	for (size_t i = 0; name[i] && i + 1 < sizeof(word); i++)
		word[i] = (char)tolower((unsigned char)name[i]);
	snp_json_kv_string(json, "verdict", word);
}

static void json_runtime(struct snp_json *json, const struct top_frame *frame)
{
	snp_json_kv_u64(json, "schema", 1);
	snp_json_kv_string(json, "instance", frame->instance);
	snp_json_kv_string(json, "path", frame->path);
	snp_json_kv_string(json, "uuid", frame->uuid);
	snp_json_kv_i64(json, "pid", frame->pid);
	snp_json_kv_u64(json, "run", frame->incarnation);
	top_batch_verdict(json, frame->verdict);
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

static void json_workers(struct snp_json *json, const struct top_scene *scene)
{
	const struct snp_look *look = &scene->frame->look;

	snp_json_key(json, "workers");
	snp_json_array_begin(json);
	for (size_t i = 0; i < scene->rows->nr; i++) {
		const struct top_row *row = &scene->rows->row[i];

		if (row->worker == TOP_ROW_HEADING)
			continue;
		snp_json_object_begin(json);
		top_columns_json(json, TOP_TABLE_WORKER, &look->pools[row->pool],
				 &look->workers[row->worker]);
		snp_json_object_end(json);
	}
	snp_json_array_end(json);
}

int top_batch_json(const struct top_scene *scene, struct snp_buf *out)
{
	const struct top_frame *frame = scene->frame;
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
	json_workers(&json, scene);
	if (scene->lints) {
		snp_json_key(&json, "lints");
		top_lints_json(&json, scene->lints);
	}
	snp_json_kv_u64(&json, "events_lost", frame->events.lost);
	snp_json_key(&json, "events");
	top_eventlog_json(&json, &frame->events, JSON_EVENTS_MAX);
	snp_json_object_end(&json);
	snp_buf_putc(out, '\n');
	return out->failed ? -ENOMEM : 0;
}

/* ---- CSV ----------------------------------------------------------------- */

/* The columns of -o, or all of workers. */
static struct top_shown csv_columns(const struct top_ui *ui)
{
	struct top_shown all = {0};

	if (ui->shown[TOP_TABLE_POOL].nr > 0)
		return ui->shown[TOP_TABLE_POOL];
	if (ui->shown[TOP_TABLE_WORKER].nr > 0)
		return ui->shown[TOP_TABLE_WORKER];
	for (int id = 0; id < TOP_COLUMN_NR; id++)
		if (top_columns[id].table == TOP_TABLE_WORKER)
			all.id[all.nr++] = (enum top_column_id)id;
	return all;
}

static void csv_line(const struct top_scene *scene, const struct top_shown *columns,
		     const struct snp_pool_stat *pool,
		     const struct snp_worker_stat *worker, struct snp_buf *out)
{
	snp_buf_u64(out, scene->frame->wall.ns);
	for (size_t i = 0; i < columns->nr; i++) {
		snp_buf_putc(out, ',');
		top_column_csv(out, columns->id[i], pool, worker);
	}
	snp_buf_putc(out, '\n');
}

int top_batch_csv(const struct top_scene *scene, bool header, struct snp_buf *out)
{
	const struct top_shown columns = csv_columns(scene->ui);
	const struct snp_look *look = &scene->frame->look;

	if (header) {
		snp_buf_puts(out, "time_ns");
		for (size_t i = 0; i < columns.nr; i++) {
			snp_buf_putc(out, ',');
			snp_csv_put(out, top_columns[columns.id[i]].field);
		}
		snp_buf_putc(out, '\n');
	}
	if (top_columns[columns.id[0]].table == TOP_TABLE_POOL)
		for (size_t i = 0; i < look->pools_nr; i++)
			csv_line(scene, &columns, &look->pools[i], NULL, out);
	else
		for (size_t i = 0; i < scene->rows->nr; i++)
			if (scene->rows->row[i].worker != TOP_ROW_HEADING)
				csv_line(scene, &columns,
					 &look->pools[scene->rows->row[i].pool],
					 &look->workers[scene->rows->row[i].worker],
					 out);
	return out->failed ? -ENOMEM : 0;
}
