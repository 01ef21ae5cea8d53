/* SPDX-License-Identifier: Apache-2.0 */
#include "model/event.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

enum snp_event_about snp_event_about(unsigned kind)
{
	switch (kind) {
	case SNP_EVENT_KIND_WORKER_MOVED:
	case SNP_EVENT_KIND_HEARTBEAT_MISSED:
	case SNP_EVENT_KIND_WORKER_SUSPECTED:
	case SNP_EVENT_KIND_WORKER_CLEARED:
	case SNP_EVENT_KIND_WORKER_FENCED:
	case SNP_EVENT_KIND_KILL_SUPPRESSED:
	case SNP_EVENT_KIND_BREAKER_PROBING:
	case SNP_EVENT_KIND_RECYCLE_DEFERRED:
	case SNP_EVENT_KIND_PYTHON_EVENT:
		return SNP_EVENT_ABOUT_WORKER;
	case SNP_EVENT_KIND_BREAKER_OPENED:
	case SNP_EVENT_KIND_BREAKER_CLOSED:
	case SNP_EVENT_KIND_POOL_SCALED:
	case SNP_EVENT_KIND_POOL_DRAINED:
	case SNP_EVENT_KIND_POOL_RESUMED:
	case SNP_EVENT_KIND_ROLL_STARTED:
	case SNP_EVENT_KIND_ROLL_FINISHED:
	case SNP_EVENT_KIND_ROLL_HALTED:
		return SNP_EVENT_ABOUT_POOL;
	default:
		return SNP_EVENT_ABOUT_RUNTIME;
	}
}

/* ---- told ---------------------------------------------------------------- */

static void copy_word(char out[SNP_EVENT_WORD_BYTES], const struct snp_segment *seg,
		      enum snp_enum_table table, uint64_t value)
{
	(void)snprintf(out, SNP_EVENT_WORD_BYTES, "%s",
		       snp_segment_enum_text(seg, table, value));
}

void snp_event_tell(struct snp_told_event *ret_told, const struct snp_event *event,
		    const struct snp_segment *seg, const char *pool)
{
	*ret_told = (struct snp_told_event){.event = *event};
	(void)snprintf(ret_told->pool, sizeof(ret_told->pool), "%s", pool);
	copy_word(ret_told->kind, seg, SNP_ENUM_TABLE_EVENT_KIND, event->kind);
	copy_word(ret_told->from, seg, SNP_ENUM_TABLE_WORKER_STATE, event->from);
	copy_word(ret_told->to, seg, SNP_ENUM_TABLE_WORKER_STATE, event->to);
	copy_word(ret_told->reason, seg, SNP_ENUM_TABLE_MOVE_REASON, event->reason);
}

/* ---- meaning ------------------------------------------------------------- */

/* What nobody asked for is an error where a worker was lost by it. */
static enum snp_severity move_severity(const struct snp_event *event)
{
	switch (event->reason) {
	case SNP_MOVE_REASON_HEARTBEAT:
	case SNP_MOVE_REASON_SPAWN_FAILED:
	case SNP_MOVE_REASON_BOOT_TIMEOUT:
	case SNP_MOVE_REASON_HANDSHAKE_FAILED:
	case SNP_MOVE_REASON_WARMUP_FAILED:
	case SNP_MOVE_REASON_PROTOCOL_MISMATCH:
	case SNP_MOVE_REASON_STOP_TIMEOUT:
	case SNP_MOVE_REASON_EXIT_CODE:
	case SNP_MOVE_REASON_SIGNAL:
	case SNP_MOVE_REASON_KILLED_EXTERNAL:
	case SNP_MOVE_REASON_OOM_CGROUP:
	case SNP_MOVE_REASON_UNKILLABLE:
	case SNP_MOVE_REASON_WEDGED:
	case SNP_MOVE_REASON_UNRESPONSIVE:
	case SNP_MOVE_REASON_CRASH_LOOP:
		return SNP_SEVERITY_ERROR;
	case SNP_MOVE_REASON_RSS_SOFT:
	case SNP_MOVE_REASON_RSS_HARD:
	case SNP_MOVE_REASON_RSS_BASELINE:
	case SNP_MOVE_REASON_DRAIN_TIMEOUT:
	case SNP_MOVE_REASON_BUSY_GIL:
	case SNP_MOVE_REASON_STOPPED:
	case SNP_MOVE_REASON_STARVED:
		return SNP_SEVERITY_WARNING;
	default:
		break;
	}
	switch (event->to) {
	case SNP_WORKER_STATE_QUARANTINED:
	case SNP_WORKER_STATE_LOST:
		return SNP_SEVERITY_ERROR;
	case SNP_WORKER_STATE_KILLING:
	case SNP_WORKER_STATE_BACKOFF:
		return SNP_SEVERITY_WARNING;
	default:
		return SNP_SEVERITY_INFO;
	}
}

enum snp_severity snp_event_severity(const struct snp_event *event)
{
	switch (event->kind) {
	case SNP_EVENT_KIND_WORKER_MOVED:
		return move_severity(event);
	case SNP_EVENT_KIND_BREAKER_OPENED:
	case SNP_EVENT_KIND_ROLL_HALTED:
		return SNP_SEVERITY_ERROR;
	case SNP_EVENT_KIND_HEARTBEAT_MISSED:
	case SNP_EVENT_KIND_WORKER_SUSPECTED:
	case SNP_EVENT_KIND_WORKER_FENCED:
	case SNP_EVENT_KIND_KILL_SUPPRESSED:
	case SNP_EVENT_KIND_CONFIG_REFUSED:
	case SNP_EVENT_KIND_RUNTIME_STALLED:
	case SNP_EVENT_KIND_ORPHAN_KILLED:
	case SNP_EVENT_KIND_READER_ENDED:
		return SNP_SEVERITY_WARNING;
	default:
		return SNP_SEVERITY_INFO;
	}
}

const char *snp_severity_name(enum snp_severity severity)
{
	static const char *const names[] = {"INFO", "WARN", "ERROR"};

	return names[severity];
}

/* ---- text ---------------------------------------------------------------- */

void snp_event_subject(char out[SNP_EVENT_BYTES], const struct snp_told_event *event)
{
	const char *pool = event->pool[0] ? event->pool : "?";

	switch (snp_event_about(event->event.kind)) {
	case SNP_EVENT_ABOUT_RUNTIME:
		(void)snprintf(out, SNP_EVENT_BYTES, "runtime");
		break;
	case SNP_EVENT_ABOUT_POOL:
		(void)snprintf(out, SNP_EVENT_BYTES, "%s", pool);
		break;
	case SNP_EVENT_ABOUT_WORKER:
		(void)snprintf(out, SNP_EVENT_BYTES, "%s/%" PRIu32, pool,
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

void snp_event_text(char out[SNP_EVENT_BYTES], const struct snp_told_event *event)
{
	const struct snp_event *e = &event->event;
	char what[2 * SNP_EVENT_WORD_BYTES + 8], pid[32] = "";
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
	(void)snprintf(out, SNP_EVENT_BYTES, "%s%s%s%s%s", what, why ? " (" : "",
		       why ? event->reason : "", why ? ")" : "", pid);
}
