/* SPDX-License-Identifier: Apache-2.0 */
#include "eventlog.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "model/event.h"

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
	case SNP_EVENT_KIND_BREAKER_OPENED:
	case SNP_EVENT_KIND_ROLL_HALTED:
		return TOP_ERROR;
	case SNP_EVENT_KIND_HEARTBEAT_MISSED:
	case SNP_EVENT_KIND_WORKER_SUSPECTED:
	case SNP_EVENT_KIND_WORKER_FENCED:
	case SNP_EVENT_KIND_KILL_SUPPRESSED:
	case SNP_EVENT_KIND_CONFIG_REFUSED:
	case SNP_EVENT_KIND_RUNTIME_STALLED:
	case SNP_EVENT_KIND_ORPHAN_KILLED:
	case SNP_EVENT_KIND_READER_ENDED:
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

/* ---- text ---------------------------------------------------------------- */

void top_event_subject(char out[TOP_EVENT_BYTES], const struct top_event *event)
{
	const char *pool = event->pool[0] ? event->pool : "?";

	switch (snp_event_about(event->event.kind)) {
	case SNP_EVENT_ABOUT_RUNTIME:
		(void)snprintf(out, TOP_EVENT_BYTES, "runtime");
		break;
	case SNP_EVENT_ABOUT_POOL:
		(void)snprintf(out, TOP_EVENT_BYTES, "%s", pool);
		break;
	case SNP_EVENT_ABOUT_WORKER:
		(void)snprintf(out, TOP_EVENT_BYTES, "%s/%" PRIu32, pool,
			       event->event.slot);
		break;
	}
}

/* "runtime_stopping" as "stopping": the subject stands before it. */
static void put_kind(char *out, size_t size, const char *kind)
{
	static const char *const subjects[] = {"runtime_", "pool_", "worker_"};
	size_t i = 0;

	for (size_t s = 0; s < sizeof(subjects) / sizeof(*subjects); s++) {
		if (strncmp(kind, subjects[s], strlen(subjects[s])) != 0)
			continue;
		kind += strlen(subjects[s]);
		break;
	}
	for (; kind[i] && i + 1 < size; i++)
		out[i] = kind[i] == '_' ? ' ' : kind[i];
	out[i] = '\0';
}

void top_event_text(char out[TOP_EVENT_BYTES], const struct top_event *event)
{
	const struct snp_event *e = &event->event;
	char what[2 * TOP_WORD_BYTES + 8], pid[32] = "";
	/* "-> backoff (backoff)" says nothing twice. */
	bool why = e->reason != SNP_MOVE_REASON_NONE;

	if (e->kind == SNP_EVENT_KIND_WORKER_MOVED) {
		(void)snprintf(what, sizeof(what), "%s -> %s", event->from, event->to);
		why = why && strcmp(event->reason, event->to) != 0;
	} else {
		put_kind(what, sizeof(what), event->kind);
	}
	if (e->pid > 0 && snp_event_about(e->kind) == SNP_EVENT_ABOUT_WORKER)
		(void)snprintf(pid, sizeof(pid), " pid %jd", (intmax_t)e->pid);
	(void)snprintf(out, TOP_EVENT_BYTES, "%s%s%s%s%s", what, why ? " (" : "",
		       why ? event->reason : "", why ? ")" : "", pid);
}

/* ---- JSON ---------------------------------------------------------------- */

static void event_json(struct snp_json *json, const struct top_event *event)
{
	const struct snp_event *e = &event->event;
	enum snp_event_about about = snp_event_about(e->kind);

	snp_json_object_begin(json);
	snp_json_kv_u64(json, "time_ns", event->wall.ns);
	snp_json_kv_string(json, "severity", top_severity_name(top_event_severity(e)));
	snp_json_kv_string(json, "event", event->kind);
	if (about != SNP_EVENT_ABOUT_RUNTIME)
		snp_json_kv_string(json, "pool", event->pool);
	if (about == SNP_EVENT_ABOUT_WORKER) {
		snp_json_kv_u64(json, "slot", e->slot);
		snp_json_kv_u64(json, "incarnation", e->incarnation);
		snp_json_kv_i64(json, "pid", e->pid);
	}
	if (e->kind == SNP_EVENT_KIND_WORKER_MOVED) {
		snp_json_kv_string(json, "from", event->from);
		snp_json_kv_string(json, "to", event->to);
	}
	if (e->kind == SNP_EVENT_KIND_WORKER_MOVED || e->reason != SNP_MOVE_REASON_NONE)
		snp_json_kv_string(json, "reason", event->reason);
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
