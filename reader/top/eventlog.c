/* SPDX-License-Identifier: Apache-2.0 */
#include "eventlog.h"

void top_eventlog_add(struct top_eventlog *log, const struct snp_told_event *event)
{
	log->ring[log->nr++ % TOP_EVENTS_MAX] = *event;
	if (log->nr - log->first > TOP_EVENTS_MAX)
		log->first = log->nr - TOP_EVENTS_MAX;
}

const struct snp_told_event *top_eventlog_at(const struct top_eventlog *log,
					     unsigned back)
{
	if (back >= log->nr - log->first)
		return NULL;
	return &log->ring[(log->nr - 1 - back) % TOP_EVENTS_MAX];
}

void top_eventlog_forget(struct top_eventlog *log, snp_mono_t at)
{
	const struct snp_told_event *newest;

	while ((newest = top_eventlog_at(log, 0)) && newest->event.mono.ns > at.ns)
		log->nr--;
}

bool top_event_is_restart(const struct snp_event *event)
{
	return event->kind == SNP_EVENT_KIND_WORKER_MOVED &&
	       (event->to == SNP_WORKER_STATE_BACKOFF ||
		event->to == SNP_WORKER_STATE_QUARANTINED);
}

uint64_t top_eventlog_restarts(const struct top_eventlog *log, snp_mono_t now,
			       unsigned seconds)
{
	const struct snp_told_event *event;
	uint64_t found = 0;

	for (unsigned back = 0; (event = top_eventlog_at(log, back)); back++) {
		if (snp_mono_since_ns(now, event->event.mono) > seconds * SNP_NS_PER_S)
			break;
		found += top_event_is_restart(&event->event);
	}
	return found;
}

void top_event_read(struct snp_told_event *ret_event, const struct snp_event *event,
		    const struct snp_segment *seg, const struct snp_look *look)
{
	const struct snp_pool_stat *pool = snp_look_pool_by_row(look, event->pool);

	snp_event_tell(ret_event, event, seg,
		       pool && pool->uid == event->pool_uid ? pool->name : "");
}

/* ---- JSON ---------------------------------------------------------------- */

static void event_json(struct snp_json *json, const struct snp_told_event *event)
{
	const struct snp_event *e = &event->event;
	enum snp_event_about about = snp_event_about(e->kind);

	snp_json_object_begin(json);
	snp_json_kv_u64(json, "time_ns", event->wall.ns);
	snp_json_kv_string(json, "severity", snp_severity_name(snp_event_severity(e)));
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

void top_eventlog_json(struct snp_json *json, const struct top_eventlog *log,
		       unsigned max)
{
	snp_json_array_begin(json);
	for (unsigned back = max; back > 0; back--) {
		const struct snp_told_event *event = top_eventlog_at(log, back - 1);

		if (event)
			event_json(json, event);
	}
	snp_json_array_end(json);
}
