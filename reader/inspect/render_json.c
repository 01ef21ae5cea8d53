/* SPDX-License-Identifier: Apache-2.0 */
/* One JSON object; docs/inspect.md describes it. Keys are only ever added. */
#include <errno.h>
#include <string.h>

#include "filter.h"
#include "model/number.h"
#include "model/value.h"
#include "render_json.h"

#define SCHEMA 1

static void put_facts(const struct report *report, struct snp_json *json)
{
	const char *group = NULL;

	for (size_t i = 0; i < report->facts_nr; i++) {
		const struct report_fact *fact = &report->facts[i];

		if (!group || strcmp(group, fact->group) != 0) {
			if (group)
				snp_json_object_end(json);
			group = fact->group;
			snp_json_key(json, group);
			snp_json_object_begin(json);
		}
		if (fact->type == REPORT_TEXT)
			snp_json_kv_string(json, fact->name, fact->text);
		else if (fact->type == REPORT_NUMBER)
			snp_json_kv_u64(json, fact->name, fact->number);
		else
			snp_json_kv_seconds(json, fact->name, fact->number);
	}
	if (group)
		snp_json_object_end(json);
}

/* ---- rows ---------------------------------------------------------------- */

static void put_pool(const struct report *report, const struct snp_row *row,
		     struct snp_json *json)
{
	(void)report;
	snp_json_kv_string(json, "name", row->name);
	snp_json_kv_string(json, "adapter", row->adapter);
}

static void put_worker(const struct report *report, const struct snp_row *row,
		       struct snp_json *json)
{
	unsigned status = snp_snapshot_worker_status(report->snap, row->index);

	snp_json_kv_string(json, "pool", row->pool_name);
	snp_json_kv_u64(json, "slot", row->slot);
	snp_json_kv_string(json, "status",
			   report_enum(report, SNP_ENUM_TABLE_WORKER_STATUS, status));
	snp_json_kv_string(json, "worker_id", row->worker_id);
	snp_json_kv_u64(json, "incarnation", row->incarnation);
	snp_json_kv_u64(json, "pid", (uint32_t)row->pid);
	snp_json_kv_string(json, "python", row->python);
	snp_json_kv_seconds(json, "start_time", row->start_wall.ns);
	snp_json_kv_seconds(json, "ready_time",
			    snp_snapshot_wall(report->snap, row->ready_mono).ns);
	snp_json_kv_string(json, "last_exit_reason", row->last_exit_reason);
	snp_json_kv_u64(json, "last_exit_status", row->last_exit_status);
	snp_json_kv_string(json, "last_error", row->last_error);
}

static void put_tool(const struct report *report, const struct snp_row *row,
		     struct snp_json *json)
{
	(void)report;
	snp_json_kv_string(json, "pool", row->pool_name);
	snp_json_kv_string(json, "name", row->name);
}

static void put_rows(const struct report *report, struct snp_json *json,
		     const char *key, unsigned kind,
		     void (*put)(const struct report *report, const struct snp_row *row,
				 struct snp_json *json))
{
	uint32_t nr = snp_snapshot_rows_nr(report->snap, kind);

	snp_json_key(json, key);
	snp_json_array_begin(json);
	for (uint32_t i = 0; i < nr; i++) {
		const struct snp_row *row = snp_snapshot_row(report->snap, kind, i);

		if (!row || !filter_shows_row(report, kind, row))
			continue;
		snp_json_object_begin(json);
		snp_json_kv_u64(json, "row", row->index);
		snp_json_kv_u64(json, "uid", row->uid);
		snp_json_kv_bool(json, "retired", row->tombstone);
		snp_json_kv_string(json, "retire_reason", row->retire_reason);
		snp_json_kv_seconds(json, "born_time",
				    snp_snapshot_wall(report->snap, row->born_mono).ns);
		snp_json_kv_seconds(
		    json, "retired_time",
		    snp_snapshot_wall(report->snap, row->retired_mono).ns);
		put(report, row, json);
		snp_json_object_end(json);
	}
	snp_json_array_end(json);
}

/* ---- metrics ------------------------------------------------------------- */

/* The words that are not 0: [{"le_ns":..,"count":..}], le_ns null beyond the last
 * bound. */
static void put_buckets(const struct snp_series *series, struct snp_json *json)
{
	const struct snp_metric *metric = series->metric;

	snp_json_key(json, "buckets");
	snp_json_array_begin(json);
	for (uint32_t i = 0; i < metric->nbuckets + 2; i++) {
		if (series->hist[i] == 0)
			continue;
		snp_json_object_begin(json);
		snp_json_key(json, "le_ns");
		if (i == metric->nbuckets + 1)
			snp_json_null(json);
		else
			snp_json_u64(json, snp_hist_upper_ns(metric, i));
		snp_json_kv_u64(json, "count", series->hist[i]);
		snp_json_object_end(json);
	}
	snp_json_array_end(json);
}

static void put_histogram(const struct snp_series *series, struct snp_json *json)
{
	snp_json_kv_u64(json, "count", snp_hist_count(series->metric, series->hist));
	snp_json_kv_u64(json, "sum_ns", report_hist_sum(series));
	put_buckets(series, json);
	snp_json_key(json, "quantiles");
	snp_json_object_begin(json);
	for (size_t i = 0; i < REPORT_QUANTILES_NR; i++)
		snp_json_kv_u64(json, report_quantiles[i].name,
				snp_hist_quantile_ns(series->metric, series->hist,
						     report_quantiles[i].q));
	snp_json_object_end(json);
}

static void put_scalar(const struct report *report, const struct snp_series *series,
		       struct snp_json *json)
{
	const struct snp_metric *metric = series->metric;
	char text[SNP_NUMBER_BYTES];

	if (metric->vtype == SNP_VT_F64) { /* may be what JSON has no number for */
		snp_json_kv_double(json, "value",
				   snp_series_number(report->snap, series));
		return;
	}
	snp_json_key(json, "value");
	snp_json_number(json, text, snp_value_text(text, report->snap, series));
	if (metric->kind == SNP_KIND_STATE && series->value < metric->enum_values_nr)
		snp_json_kv_string(json, "state", metric->enum_values[series->value]);
}

static void put_series(const struct report *report, const struct snp_series *series,
		       struct snp_json *json)
{
	snp_json_object_begin(json);
	snp_json_key(json, "labels");
	snp_json_object_begin(json);
	for (unsigned i = 0; i < series->labels_nr; i++)
		snp_json_kv_string(json, series->labels[i].prom_name,
				   series->labels[i].value);
	snp_json_object_end(json);
	if (report_has_words(series))
		put_histogram(series, json);
	else if (series->metric->kind != SNP_KIND_HISTOGRAM)
		put_scalar(report, series, json);
	snp_json_object_end(json);
}

static const char *level_name(const struct snp_metric *metric)
{
	switch (metric->level) {
	case SNP_LEVEL_INFO:
		return "info";
	case SNP_LEVEL_DIAG:
		return "diag";
	default:
		return "debug";
	}
}

static void put_metric(const struct report *report, const struct snp_metric *metric,
		       struct snp_json *json)
{
	struct snp_series_iter it;
	struct snp_series series;

	if (!filter_shows_metric(report, metric))
		return;
	snp_json_object_begin(json);
	snp_json_kv_string(json, "name", metric->name);
	snp_json_kv_string(json, "prometheus_name", metric->prom_name);
	snp_json_kv_string(json, "kind", snp_metric_kind_name(metric));
	snp_json_kv_string(json, "unit", metric->unit);
	snp_json_kv_string(json, "level", level_name(metric));
	snp_json_kv_string(json, "help", metric->help);
	snp_json_key(json, "series");
	snp_json_array_begin(json);
	snp_series_iter_init(&it, report->snap, metric);
	while (snp_series_next(&it, &series))
		if (filter_shows_series(report, &series))
			put_series(report, &series, json);
	snp_json_array_end(json);
	snp_json_object_end(json);
}

/* ---- all ----------------------------------------------------------------- */

static void put_rows_and_metrics(const struct report *report, struct snp_json *json)
{
	size_t metrics_nr = snp_snapshot_metrics_nr(report->snap);

	put_rows(report, json, "pools", SNP_ROW_POOL, put_pool);
	put_rows(report, json, "workers", SNP_ROW_WORKER, put_worker);
	put_rows(report, json, "tools", SNP_ROW_TOOL, put_tool);
	snp_json_key(json, "metrics");
	snp_json_array_begin(json);
	for (size_t i = 0; i < metrics_nr; i++)
		put_metric(report, snp_snapshot_metric(report->snap, i), json);
	snp_json_array_end(json);
}

void render_json(const struct report *report, struct snp_buf *out)
{
	struct snp_json json;

	snp_json_init(&json, out);
	snp_json_object_begin(&json);
	snp_json_kv_u64(&json, "schema", SCHEMA);
	if (!(report->parts & REPORT_ALONE)) {
		put_facts(report, &json);
		put_rows_and_metrics(report, &json);
	}
	render_json_records(report, &json);
	snp_json_object_end(&json);
	snp_buf_putc(out, '\n');
}

/* The outcomes of attaching have names of their own; the rest is what the exit code
 * says. */
static const char *error_kind(int code)
{
	enum snp_attach_outcome outcome = snp_attach_outcome(code);

	if (outcome != SNP_ATTACH_NR)
		return snp_attach_outcome_name(outcome);
	return code == -EINVAL || code == -EEXIST ? "usage" : "failed";
}

void render_json_error(const struct snp_err *err, struct snp_buf *out)
{
	struct snp_json json;

	snp_json_init(&json, out);
	snp_json_object_begin(&json);
	snp_json_kv_u64(&json, "schema", SCHEMA);
	snp_json_key(&json, "error");
	snp_json_object_begin(&json);
	snp_json_kv_string(&json, "kind", error_kind(err->code));
	snp_json_key(&json, "field");
	if (err->field)
		snp_json_string(&json, err->field);
	else
		snp_json_null(&json);
	snp_json_kv_string(&json, "message", err->msg);
	snp_json_object_end(&json);
	snp_json_object_end(&json);
	snp_buf_putc(out, '\n');
}
