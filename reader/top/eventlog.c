/* SPDX-License-Identifier: Apache-2.0 */
#include "eventlog.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

void top_eventlog_add(struct top_eventlog *log, const struct top_event *event)
{
	log->ring[log->nr++ % TOP_EVENTS_MAX] = *event;
}

const struct top_event *top_eventlog_at(const struct top_eventlog *log, unsigned back)
{
	if (back >= log->nr || back >= TOP_EVENTS_MAX)
		return NULL;
	return &log->ring[(log->nr - 1 - back) % TOP_EVENTS_MAX];
}

static void copy_word(char out[TOP_WORD_BYTES], const struct snp_segment *seg,
		      enum snp_enum_table table, uint64_t value)
{
	(void)snprintf(out, TOP_WORD_BYTES, "%s",
		       snp_segment_enum_text(seg, table, value));
}

void top_event_read(struct top_event *ret_event, const struct snp_event *event,
		    const struct snp_segment *seg, const struct snp_look *look)
{
	const struct snp_pool_stat *pool = snp_look_pool_by_row(look, event->pool);

	*ret_event = (struct top_event){.event = *event};
	if (pool && pool->uid == event->pool_uid)
		memcpy(ret_event->pool, pool->name, sizeof(ret_event->pool));
	copy_word(ret_event->kind, seg, SNP_ENUM_TABLE_EVENT_KIND, event->kind);
	copy_word(ret_event->from, seg, SNP_ENUM_TABLE_WORKER_STATE, event->from);
	copy_word(ret_event->to, seg, SNP_ENUM_TABLE_WORKER_STATE, event->to);
	copy_word(ret_event->reason, seg, SNP_ENUM_TABLE_MOVE_REASON, event->reason);
}

/* ---- meaning ------------------------------------------------------------- */

static enum top_severity move_severity(const struct snp_event *event)
{
	switch (event->reason) {
	case SNP_MOVE_REASON_HEARTBEAT:
	case SNP_MOVE_REASON_SPAWN_FAILED:
	case SNP_MOVE_REASON_BOOT_TIMEOUT:
	case SNP_MOVE_REASON_HANDSHAKE_FAILED:
	case SNP_MOVE_REASON_STOP_TIMEOUT:
	case SNP_MOVE_REASON_EXIT_CODE:
	case SNP_MOVE_REASON_SIGNAL:
	case SNP_MOVE_REASON_UNKILLABLE:
		return TOP_ERROR;
	default:
		break;
	}
	switch (event->to) {
	case SNP_WORKER_STATE_QUARANTINED:
	case SNP_WORKER_STATE_LOST:
		return TOP_ERROR;
	case SNP_WORKER_STATE_KILLING:
	case SNP_WORKER_STATE_BACKOFF:
		return TOP_WARNING;
	default:
		return TOP_INFO;
	}
}

enum top_severity top_event_severity(const struct snp_event *event)
{
	switch (event->kind) {
	case SNP_EVENT_KIND_WORKER_MOVED:
		return move_severity(event);
	case SNP_EVENT_KIND_HEARTBEAT_MISSED:
		return TOP_WARNING;
	default:
		return TOP_INFO;
	}
}

const char *top_severity_name(enum top_severity severity)
{
	static const char *const names[] = {"INFO", "WARN", "ERROR"};

	return names[severity];
}

static bool is_about_worker(const struct snp_event *event)
{
	return event->kind == SNP_EVENT_KIND_WORKER_MOVED ||
	       event->kind == SNP_EVENT_KIND_HEARTBEAT_MISSED;
}

/* ---- text ---------------------------------------------------------------- */

void top_event_subject(char out[TOP_EVENT_BYTES], const struct top_event *event)
{
	if (!is_about_worker(&event->event))
		(void)snprintf(out, TOP_EVENT_BYTES, "runtime");
	else
		(void)snprintf(out, TOP_EVENT_BYTES, "%s/%" PRIu32,
			       event->pool[0] ? event->pool : "?", event->event.slot);
}

void top_event_text(char out[TOP_EVENT_BYTES], const struct top_event *event)
{
	const struct snp_event *e = &event->event;
	/* "-> backoff (backoff)" says nothing twice. */
	bool why =
	    e->reason != SNP_MOVE_REASON_NONE && strcmp(event->reason, event->to) != 0;
	char pid[32] = "";

	if (e->pid > 0)
		(void)snprintf(pid, sizeof(pid), " pid %jd", (intmax_t)e->pid);
	switch (e->kind) {
	case SNP_EVENT_KIND_WORKER_MOVED:
		(void)snprintf(out, TOP_EVENT_BYTES, "%s -> %s%s%s%s%s", event->from,
			       event->to, why ? " (" : "", why ? event->reason : "",
			       why ? ")" : "", pid);
		break;
	case SNP_EVENT_KIND_HEARTBEAT_MISSED:
		(void)snprintf(out, TOP_EVENT_BYTES, "heartbeat missed%s", pid);
		break;
	default: {
		const char *kind = event->kind;
		size_t i = 0;

		/* "runtime_stopping" under the subject "runtime" reads "stopping". */
		if (strncmp(kind, "runtime_", 8) == 0)
			kind += 8;
		for (; kind[i] && i + 1 < TOP_EVENT_BYTES; i++)
			out[i] = kind[i] == '_' ? ' ' : kind[i];
		out[i] = '\0';
		break;
	}
	}
}

/* ---- JSON ---------------------------------------------------------------- */

static void event_json(struct snp_json *json, const struct top_event *event)
{
	const struct snp_event *e = &event->event;

	snp_json_object_begin(json);
	snp_json_kv_u64(json, "time_ns", event->wall.ns);
	snp_json_kv_string(json, "severity", top_severity_name(top_event_severity(e)));
	snp_json_kv_string(json, "event", event->kind);
	if (is_about_worker(e)) {
		snp_json_kv_string(json, "pool", event->pool);
		snp_json_kv_u64(json, "slot", e->slot);
		snp_json_kv_u64(json, "incarnation", e->incarnation);
		snp_json_kv_i64(json, "pid", e->pid);
	}
	if (e->kind == SNP_EVENT_KIND_WORKER_MOVED) {
		snp_json_kv_string(json, "from", event->from);
		snp_json_kv_string(json, "to", event->to);
		snp_json_kv_string(json, "reason", event->reason);
	}
	snp_json_object_end(json);
}

void top_eventlog_json(struct snp_json *json, const struct top_eventlog *log)
{
	snp_json_array_begin(json);
	for (unsigned back = TOP_EVENTS_MAX; back > 0; back--) {
		const struct top_event *event = top_eventlog_at(log, back - 1);

		if (event)
			event_json(json, event);
	}
	snp_json_array_end(json);
}
