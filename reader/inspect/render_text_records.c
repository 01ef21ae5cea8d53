/* SPDX-License-Identifier: Apache-2.0 */
#include "render_text.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "model/event.h"
#include "model/terminal.h"

/* ---- shared -------------------------------------------------------------- */

void render_text_date(struct snp_buf *out, uint64_t wall_ns)
{
	time_t seconds = (time_t)(wall_ns / SNP_NS_PER_S);
	char text[40];
	struct tm tm;

	if (wall_ns == 0) {
		snp_buf_puts(out, "never");
		return;
	}
	if (!gmtime_r(&seconds, &tm) ||
	    strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%S", &tm) == 0) {
		snp_buf_seconds(out, wall_ns);
		return;
	}
	snp_buf_printf(out, "%s.%03uZ", text,
		       (unsigned)(wall_ns % SNP_NS_PER_S / SNP_NS_PER_MS));
}

void render_text_duration(struct snp_buf *out, uint64_t ns)
{
	if (ns < SNP_NS_PER_US)
		snp_buf_printf(out, "%uns", (unsigned)ns);
	else if (ns < SNP_NS_PER_MS)
		snp_buf_printf(out, "%.3gus", (double)ns / 1e3);
	else if (ns < SNP_NS_PER_S)
		snp_buf_printf(out, "%.3gms", (double)ns / 1e6);
	else
		snp_buf_printf(out, "%.1fs", (double)ns / 1e9);
}

/* The segment's own text, so as little to be trusted as any. */
void render_text_enum(const struct report *report, struct snp_buf *out,
		      enum snp_enum_table table, uint64_t value)
{
	snp_terminal_put(out, report_enum(report, table, value));
}

static void put_when(const struct report *report, struct snp_buf *out, snp_mono_t mono)
{
	snp_buf_puts(out, "  ");
	render_text_date(out, snp_snapshot_wall(report->snap, mono).ns);
}

static void put_name(struct snp_buf *out, const char *name)
{
	snp_terminal_put(out, *name ? name : "?");
}

/* What to look for in logs and in tracing. */
static void put_ids(struct snp_buf *out, const char *correlation,
		    const uint64_t trace[2])
{
	if (*correlation) {
		snp_buf_puts(out, "  id ");
		snp_terminal_put(out, correlation);
	}
	if (trace[0] || trace[1])
		snp_buf_printf(out, "  trace %016" PRIx64 "%016" PRIx64, trace[0],
			       trace[1]);
}

/* ---- events -------------------------------------------------------------- */

/* Line by line, so that the text stands out from the events. */
static void put_evidence(const struct report *report,
			 const struct snp_evidence *evidence, struct snp_buf *out)
{
	const char *at = evidence->text;
	size_t len;

	if (!at)
		return;
	snp_buf_puts(out, "    ");
	render_text_enum(report, out, SNP_ENUM_TABLE_EVIDENCE_KIND, evidence->kind);
	snp_buf_putc(out, '\n');
	while (*at) {
		len = strcspn(at, "\n");
		snp_buf_puts(out, "    | ");
		snp_terminal_put_n(out, at, len);
		snp_buf_putc(out, '\n');
		at += len + (at[len] == '\n');
	}
}

static void put_move(const struct report *report, const struct snp_event *event,
		     struct snp_buf *out)
{
	snp_buf_puts(out, "  ");
	render_text_enum(report, out, SNP_ENUM_TABLE_WORKER_STATE, event->from);
	snp_buf_puts(out, " -> ");
	render_text_enum(report, out, SNP_ENUM_TABLE_WORKER_STATE, event->to);
}

static void put_subject(const struct report *report, const struct snp_event *event,
			struct snp_buf *out)
{
	enum snp_event_about about = snp_event_about(event->kind);

	if (about == SNP_EVENT_ABOUT_RUNTIME)
		return;
	snp_buf_puts(out, "  ");
	put_name(out,
		 report_uid_name(report, SNP_ROW_POOL, event->pool, event->pool_uid));
	if (about == SNP_EVENT_ABOUT_WORKER)
		snp_buf_printf(out, "/%u#%" PRIu64, event->slot, event->incarnation);
}

static void put_event(const struct report *report, size_t index, struct snp_buf *out)
{
	const struct snp_event *event = &report->events[index];

	put_when(report, out, event->mono);
	snp_buf_puts(out, "  ");
	render_text_enum(report, out, SNP_ENUM_TABLE_EVENT_KIND, event->kind);
	snp_buf_puts(out, " by ");
	render_text_enum(report, out, SNP_ENUM_TABLE_INITIATOR, event->initiator);
	put_subject(report, event, out);
	if (event->kind == SNP_EVENT_KIND_WORKER_MOVED)
		put_move(report, event, out);
	if (event->kind == SNP_EVENT_KIND_WORKER_MOVED ||
	    event->reason != SNP_MOVE_REASON_NONE) {
		snp_buf_puts(out, "  ");
		render_text_enum(report, out, SNP_ENUM_TABLE_MOVE_REASON,
				 event->reason);
	}
	if (event->pid)
		snp_buf_printf(out, "  pid %d", (int)event->pid);
	put_ids(out, "", event->trace_id);
	snp_buf_putc(out, '\n');
	if (report->parts & REPORT_EVIDENCE)
		put_evidence(report, &report->evidence[index], out);
}

static void put_lost(struct snp_buf *out, uint64_t lost)
{
	if (lost)
		snp_buf_printf(out, "  %" PRIu64 " older ones were overwritten\n",
			       lost);
}

static void put_events(const struct report *report, struct snp_buf *out)
{
	for (size_t i = 0; i < report->events_nr; i++)
		put_event(report, i, out);
	put_lost(out, report->events_lost);
}

/* ---- requests ------------------------------------------------------------ */

static void put_inflight(const struct report *report,
			 const struct snp_inflight *request, struct snp_buf *out)
{
	const struct snp_row *worker =
	    snp_snapshot_row(report->snap, SNP_ROW_WORKER, request->worker);

	snp_buf_puts(out, "  ");
	put_name(out, worker ? worker->pool_name : "");
	if (worker)
		snp_buf_printf(out, "/%u#%" PRIu64, worker->slot, request->incarnation);
	snp_buf_puts(out, "  ");
	put_name(out, report_row_name(report, SNP_ROW_TOOL, request->tool));
	snp_buf_puts(out, "  for ");
	render_text_duration(out, report_age_ns(report, request->start));
	if (request->deadline.ns) {
		snp_buf_puts(out, "  until");
		put_when(report, out, request->deadline);
	}
	put_ids(out, request->correlation, request->trace_id);
	snp_buf_putc(out, '\n');
}

static void put_all_inflight(const struct report *report, struct snp_buf *out)
{
	for (size_t i = 0; i < report->inflight_nr; i++)
		put_inflight(report, &report->inflight[i], out);
}

static void put_span(const struct report *report, const struct snp_span *span,
		     struct snp_buf *out)
{
	put_when(report, out, span->start);
	snp_buf_puts(out, "  ");
	render_text_enum(report, out, SNP_ENUM_TABLE_SPAN_KIND, span->kind);
	snp_buf_printf(out, " %u  ", span->attempt);
	put_name(out,
		 report_uid_name(report, SNP_ROW_POOL, span->pool, span->pool_uid));
	if (span->slot)
		snp_buf_printf(out, "/%u#%" PRIu64, span->slot - 1, span->incarnation);
	snp_buf_puts(out, "  ");
	put_name(out,
		 report_uid_name(report, SNP_ROW_TOOL, span->tool, span->tool_uid));
	snp_buf_puts(out, "  ");
	render_text_enum(report, out, SNP_ENUM_TABLE_SPAN_STATUS, span->status);
	snp_buf_puts(out, " in ");
	render_text_duration(out, snp_mono_since_ns(span->end, span->start));
	if (span->queue_ns) {
		snp_buf_puts(out, "  queued ");
		render_text_duration(out, span->queue_ns);
	}
	put_ids(out, span->correlation, span->trace_id);
	snp_buf_putc(out, '\n');
}

static void put_spans(const struct report *report, struct snp_buf *out)
{
	for (size_t i = 0; i < report->spans_nr; i++)
		put_span(report, &report->spans[i], out);
	put_lost(out, report->spans_lost);
}

/* ---- history and threads ------------------------------------------------- */

static void put_pool_history(const struct report *report, const struct snp_row *row,
			     struct report_history *history, struct snp_buf *out)
{
	if (report_pool_history(report, row, history) < 0)
		out->failed = true;
	snp_buf_puts(out, "  ");
	put_name(out, row->name);
	snp_buf_putc(out, '\n');
	for (size_t i = 0; i < history->nr; i++) {
		const struct snp_pool_sample *s = &history->pool[i];

		snp_buf_puts(out, "  ");
		put_when(report, out, s->mono);
		snp_buf_printf(out,
			       "  queue %" PRIu64 "  active %" PRIu64
			       "  requests %" PRIu64 "  failures %" PRIu64 "\n",
			       s->queue_depth, s->active, s->requests, s->failures);
	}
}

static void put_history(const struct report *report, struct snp_buf *out)
{
	struct report_history history = {0};
	uint32_t nr = snp_snapshot_rows_nr(report->snap, SNP_ROW_POOL);

	for (uint32_t i = 0; i < nr; i++) {
		const struct snp_row *row =
		    snp_snapshot_row(report->snap, SNP_ROW_POOL, i);

		if (row)
			put_pool_history(report, row, &history, out);
	}
	report_history_fini(&history);
}

static void put_threads(const struct report *report, struct snp_buf *out)
{
	for (size_t i = 0; i < report->threads_nr; i++) {
		const struct snp_thread *thread = &report->threads[i];

		snp_buf_printf(out, "  bank %u  tid %d  ", thread->bank,
			       (int)thread->tid);
		put_name(out, thread->name);
		if (thread->busy_since.ns) {
			snp_buf_puts(out, "  busy for ");
			render_text_duration(out,
					     report_age_ns(report, thread->busy_since));
			snp_buf_putc(out, '\n');
		} else {
			snp_buf_puts(out, "  waits\n");
		}
	}
}

/* ---- all ----------------------------------------------------------------- */

void render_text_records(const struct report *report, struct snp_buf *out)
{
	static const struct {
		unsigned part;
		const char *heading;
		void (*put)(const struct report *report, struct snp_buf *out);
	} parts[] = {
	    {REPORT_EVENTS, "events", put_events},
	    {REPORT_IN_FLIGHT, "in flight", put_all_inflight},
	    {REPORT_SPANS, "spans", put_spans},
	    {REPORT_HISTORY, "history", put_history},
	    {REPORT_THREADS, "threads", put_threads},
	};

	for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++) {
		if (!(report->parts & parts[i].part))
			continue;
		if (!(report->parts & REPORT_ALONE))
			snp_buf_printf(out, "\n%s\n", parts[i].heading);
		parts[i].put(report, out);
	}
}
