/* SPDX-License-Identifier: Apache-2.0 */
#include <inttypes.h>
#include <stdio.h>

#include "render_json.h"

static void kv_wall(const struct report *report, struct snp_json *json, const char *key,
		    snp_mono_t mono)
{
	snp_json_kv_seconds(json, key, snp_snapshot_wall(report->snap, mono).ns);
}

/* 32 hexadecimal digits as in a traceparent; "" for none. */
static void kv_trace_id(struct snp_json *json, const uint64_t id[2])
{
	char text[2 * 16 + 1] = "";

	if (id[0] || id[1])
		(void)snprintf(text, sizeof(text), "%016" PRIx64 "%016" PRIx64, id[0],
			       id[1]);
	snp_json_kv_string(json, "trace_id", text);
}

static void kv_span_id(struct snp_json *json, const char *key, uint64_t id)
{
	char text[16 + 1] = "";

	if (id)
		(void)snprintf(text, sizeof(text), "%016" PRIx64, id);
	snp_json_kv_string(json, key, text);
}

/* ---- events -------------------------------------------------------------- */

/* Text is null where the event has none, or it has been overwritten. */
static void put_evidence(const struct report *report,
			 const struct snp_evidence *evidence, struct snp_json *json)
{
	snp_json_key(json, "evidence_kind");
	if (evidence->text)
		snp_json_string(json, report_enum(report, SNP_ENUM_TABLE_EVIDENCE_KIND,
						  evidence->kind));
	else
		snp_json_null(json);
	snp_json_key(json, "evidence_text");
	if (evidence->text)
		snp_json_string_n(json, evidence->text, evidence->len);
	else
		snp_json_null(json);
}

static void put_event(const struct report *report, size_t index, struct snp_json *json)
{
	const struct snp_event *event = &report->events[index];

	snp_json_object_begin(json);
	kv_wall(report, json, "time", event->mono);
	snp_json_kv_u64(json, "mono_ns", event->mono.ns);
	snp_json_kv_u64(json, "ring", event->ring);
	snp_json_kv_u64(json, "seq", event->seq);
	snp_json_kv_string(json, "kind",
			   report_enum(report, SNP_ENUM_TABLE_EVENT_KIND, event->kind));
	snp_json_kv_string(
	    json, "initiator",
	    report_enum(report, SNP_ENUM_TABLE_INITIATOR, event->initiator));
	snp_json_kv_string(
	    json, "from",
	    report_enum(report, SNP_ENUM_TABLE_WORKER_STATE, event->from));
	snp_json_kv_string(json, "to",
			   report_enum(report, SNP_ENUM_TABLE_WORKER_STATE, event->to));
	snp_json_kv_string(
	    json, "reason",
	    report_enum(report, SNP_ENUM_TABLE_MOVE_REASON, event->reason));
	snp_json_kv_string(
	    json, "pool",
	    report_uid_name(report, SNP_ROW_POOL, event->pool, event->pool_uid));
	snp_json_kv_u64(json, "slot", event->slot);
	snp_json_kv_u64(json, "incarnation", event->incarnation);
	snp_json_kv_u64(json, "pid", (uint32_t)event->pid);
	snp_json_key(json, "values");
	snp_json_array_begin(json);
	snp_json_u64(json, event->value[0]);
	snp_json_u64(json, event->value[1]);
	snp_json_array_end(json);
	snp_json_kv_u64(json, "pool_uid", event->pool_uid);
	kv_trace_id(json, event->trace_id);
	snp_json_kv_u64(json, "evidence", event->evidence);
	if (report->parts & REPORT_EVIDENCE)
		put_evidence(report, &report->evidence[index], json);
	snp_json_object_end(json);
}

static void put_events(const struct report *report, struct snp_json *json)
{
	snp_json_kv_u64(json, "events_lost", report->events_lost);
	snp_json_key(json, "events");
	snp_json_array_begin(json);
	for (size_t i = 0; i < report->events_nr; i++)
		put_event(report, i, json);
	snp_json_array_end(json);
}

/* ---- requests ------------------------------------------------------------ */

static void put_inflight(const struct report *report,
			 const struct snp_inflight *request, struct snp_json *json)
{
	const struct snp_row *worker =
	    snp_snapshot_row(report->snap, SNP_ROW_WORKER, request->worker);

	snp_json_object_begin(json);
	snp_json_kv_u64(json, "worker", request->worker);
	snp_json_kv_u64(json, "at", request->at);
	snp_json_kv_string(json, "pool", worker ? worker->pool_name : "");
	snp_json_kv_u64(json, "slot", worker ? worker->slot : 0);
	snp_json_kv_u64(json, "incarnation", request->incarnation);
	snp_json_kv_string(json, "tool",
			   report_row_name(report, SNP_ROW_TOOL, request->tool));
	snp_json_kv_string(json, "correlation_id", request->correlation);
	kv_trace_id(json, request->trace_id);
	kv_wall(report, json, "received_time", request->received);
	kv_wall(report, json, "start_time", request->start);
	kv_wall(report, json, "deadline_time", request->deadline);
	snp_json_kv_u64(json, "running_ns", report_age_ns(report, request->start));
	snp_json_object_end(json);
}

static void put_all_inflight(const struct report *report, struct snp_json *json)
{
	snp_json_key(json, "in_flight");
	snp_json_array_begin(json);
	for (size_t i = 0; i < report->inflight_nr; i++)
		put_inflight(report, &report->inflight[i], json);
	snp_json_array_end(json);
}

static void put_span(const struct report *report, const struct snp_span *span,
		     struct snp_json *json)
{
	snp_json_object_begin(json);
	kv_wall(report, json, "time", span->start);
	snp_json_kv_u64(json, "mono_ns", span->start.ns);
	snp_json_kv_u64(json, "duration_ns", snp_mono_since_ns(span->end, span->start));
	snp_json_kv_u64(json, "queue_ns", span->queue_ns);
	snp_json_kv_u64(json, "ring", span->ring);
	snp_json_kv_u64(json, "seq", span->seq);
	snp_json_kv_string(json, "kind",
			   report_enum(report, SNP_ENUM_TABLE_SPAN_KIND, span->kind));
	snp_json_kv_string(
	    json, "method",
	    report_enum(report, SNP_ENUM_TABLE_SPAN_METHOD, span->method));
	snp_json_kv_string(
	    json, "status",
	    report_enum(report, SNP_ENUM_TABLE_SPAN_STATUS, span->status));
	snp_json_kv_bool(json, "error", snp_span_is_error(span));
	snp_json_kv_string(
	    json, "pool",
	    report_uid_name(report, SNP_ROW_POOL, span->pool, span->pool_uid));
	snp_json_kv_string(
	    json, "tool",
	    report_uid_name(report, SNP_ROW_TOOL, span->tool, span->tool_uid));
	snp_json_key(json, "slot");
	if (span->slot)
		snp_json_u64(json, span->slot - 1);
	else
		snp_json_null(json);
	snp_json_kv_u64(json, "incarnation", span->incarnation);
	snp_json_kv_u64(json, "attempt", span->attempt);
	snp_json_kv_string(json, "correlation_id", span->correlation);
	snp_json_kv_string(json, "session_id", span->session);
	kv_trace_id(json, span->trace_id);
	kv_span_id(json, "span_id", span->span_id);
	kv_span_id(json, "parent_span_id", span->parent_span_id);
	snp_json_kv_u64(json, "flags", span->flags);
	snp_json_object_end(json);
}

static void put_spans(const struct report *report, struct snp_json *json)
{
	snp_json_kv_u64(json, "spans_lost", report->spans_lost);
	snp_json_key(json, "spans");
	snp_json_array_begin(json);
	for (size_t i = 0; i < report->spans_nr; i++)
		put_span(report, &report->spans[i], json);
	snp_json_array_end(json);
}

/* ---- history ------------------------------------------------------------- */

static void put_pool_sample(const struct report *report,
			    const struct snp_pool_sample *sample, struct snp_json *json)
{
	snp_json_object_begin(json);
	kv_wall(report, json, "time", sample->mono);
	snp_json_kv_u64(json, "mono_ns", sample->mono.ns);
	snp_json_kv_u64(json, "queue_depth", sample->queue_depth);
	snp_json_kv_u64(json, "active", sample->active);
	snp_json_kv_u64(json, "requests", sample->requests);
	snp_json_kv_u64(json, "failures", sample->failures);
	snp_json_key(json, "octaves");
	snp_json_array_begin(json);
	for (unsigned i = 0; i < SNP_HIST_OCTAVES; i++)
		snp_json_u64(json, sample->octave[i]);
	snp_json_array_end(json);
	snp_json_object_end(json);
}

static void put_worker_sample(const struct report *report,
			      const struct snp_worker_sample *sample,
			      struct snp_json *json)
{
	snp_json_object_begin(json);
	kv_wall(report, json, "time", sample->mono);
	snp_json_kv_u64(json, "mono_ns", sample->mono.ns);
	snp_json_kv_string(
	    json, "state",
	    report_enum(report, SNP_ENUM_TABLE_WORKER_STATE, sample->state));
	snp_json_kv_u64(json, "requests", sample->requests);
	snp_json_kv_u64(json, "busy_ns", sample->busy_ns);
	snp_json_kv_u64(json, "memory_bytes", sample->rss_bytes);
	snp_json_object_end(json);
}

static void put_pool_history(const struct report *report, const struct snp_row *row,
			     struct report_history *history, struct snp_json *json)
{
	if (report_pool_history(report, row, history) < 0)
		json->out->failed = true;
	snp_json_kv_string(json, "name", row->name);
	snp_json_key(json, "samples");
	snp_json_array_begin(json);
	for (size_t i = 0; i < history->nr; i++)
		put_pool_sample(report, &history->pool[i], json);
	snp_json_array_end(json);
}

static void put_worker_history(const struct report *report, const struct snp_row *row,
			       struct report_history *history, struct snp_json *json)
{
	if (report_worker_history(report, row, history) < 0)
		json->out->failed = true;
	snp_json_kv_string(json, "pool", row->pool_name);
	snp_json_kv_u64(json, "slot", row->slot);
	snp_json_key(json, "samples");
	snp_json_array_begin(json);
	for (size_t i = 0; i < history->nr; i++)
		put_worker_sample(report, &history->worker[i], json);
	snp_json_array_end(json);
}

static void
put_histories(const struct report *report, struct snp_json *json, const char *key,
	      unsigned kind,
	      void (*put)(const struct report *report, const struct snp_row *row,
			  struct report_history *history, struct snp_json *json))
{
	struct report_history history = {0};
	uint32_t nr = snp_snapshot_rows_nr(report->snap, kind);

	snp_json_key(json, key);
	snp_json_array_begin(json);
	for (uint32_t i = 0; i < nr; i++) {
		const struct snp_row *row = snp_snapshot_row(report->snap, kind, i);

		if (!row)
			continue;
		snp_json_object_begin(json);
		snp_json_kv_u64(json, "row", row->index);
		snp_json_kv_u64(json, "uid", row->uid);
		put(report, row, &history, json);
		snp_json_object_end(json);
	}
	snp_json_array_end(json);
	report_history_fini(&history);
}

/* ---- threads ------------------------------------------------------------- */

static void put_threads(const struct report *report, struct snp_json *json)
{
	snp_json_key(json, "threads");
	snp_json_array_begin(json);
	for (size_t i = 0; i < report->threads_nr; i++) {
		const struct snp_thread *thread = &report->threads[i];

		snp_json_object_begin(json);
		snp_json_kv_u64(json, "bank", thread->bank);
		snp_json_kv_u64(json, "tid", (uint32_t)thread->tid);
		snp_json_kv_string(json, "name", thread->name);
		kv_wall(report, json, "busy_since_time", thread->busy_since);
		snp_json_kv_u64(json, "busy_ns",
				thread->busy_since.ns
				    ? report_age_ns(report, thread->busy_since)
				    : 0);
		snp_json_object_end(json);
	}
	snp_json_array_end(json);
}

void render_json_records(const struct report *report, struct snp_json *json)
{
	if (report->parts & REPORT_EVENTS)
		put_events(report, json);
	if (report->parts & REPORT_IN_FLIGHT)
		put_all_inflight(report, json);
	if (report->parts & REPORT_SPANS)
		put_spans(report, json);
	if (report->parts & REPORT_HISTORY) {
		snp_json_key(json, "history");
		snp_json_object_begin(json);
		put_histories(report, json, "pools", SNP_ROW_POOL, put_pool_history);
		put_histories(report, json, "workers", SNP_ROW_WORKER,
			      put_worker_history);
		snp_json_object_end(json);
	}
	if (report->parts & REPORT_THREADS)
		put_threads(report, json);
}
