/* SPDX-License-Identifier: Apache-2.0 */
#include "plain.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "format.h"
#include "model/terminal.h"

void top_plain_fini(struct top_plain *plain)
{
	free(plain->workers);
	*plain = (struct top_plain){0};
}

/* "17:03:21 subject: " */
static void begin_line(struct snp_buf *out, snp_wall_t wall, const char *subject)
{
	time_t s = (time_t)(wall.ns / SNP_NS_PER_S);
	char clock[16] = "";
	struct tm tm;

	if (localtime_r(&s, &tm))
		(void)strftime(clock, sizeof(clock), "%H:%M:%S ", &tm);
	snp_buf_puts(out, clock);
	snp_terminal_put(out, subject);
	snp_buf_puts(out, ": ");
}

/* ---- the runtime --------------------------------------------------------- */

static void put_summary(struct snp_buf *out, const struct snp_pool_stat *total)
{
	char rate[TOP_FORMAT_BYTES];

	snp_buf_printf(out, ", %" PRIu64 " workers, %" PRIu64 " busy", total->workers,
		       total->by_status[SNP_WORKER_STATUS_BUSY]);
	if (total->by_status[SNP_WORKER_STATUS_DOWN] > 0)
		snp_buf_printf(out, ", %" PRIu64 " down",
			       total->by_status[SNP_WORKER_STATUS_DOWN]);
	if (total->queue_depth > 0 && total->queue_depth != SNP_UNKNOWN)
		snp_buf_printf(out, ", %" PRIu64 " waiting", total->queue_depth);
	if (total->req_s >= 0) { /* not NaN */
		top_format_rate(rate, total->req_s, 6);
		snp_buf_printf(out, ", %s requests/s", rate);
	}
}

static void tell_runtime(const struct top_plain *plain, const struct top_frame *frame,
			 struct snp_buf *out)
{
	bool is_new_run = plain->begun && plain->generation != frame->generation;

	if (plain->begun && !is_new_run && plain->verdict == frame->verdict &&
	    plain->draining == frame->draining)
		return;
	begin_line(out, frame->wall, frame->instance[0] ? frame->instance : "runtime");
	if (is_new_run)
		snp_buf_puts(out, "new run, ");
	snp_buf_puts(out, frame->draining && frame->verdict == TOP_LIVE
			      ? "draining"
			      : top_verdict_name(frame->verdict));
	if (frame->problem[0]) {
		snp_buf_puts(out, ", ");
		snp_terminal_put(out, frame->problem);
	}
	put_summary(out, &frame->look.total);
	snp_buf_putc(out, '\n');
}

/* ---- events -------------------------------------------------------------- */

static void tell_events(const struct top_plain *plain, const struct top_frame *frame,
			struct snp_buf *out)
{
	const struct top_eventlog *log = &frame->events;
	uint64_t fresh = log->nr > plain->events ? log->nr - plain->events : 0;
	char text[SNP_EVENT_BYTES];

	/* What was there before we came is history. */
	if (!plain->begun)
		return;
	if (fresh > TOP_EVENTS_MAX)
		fresh = TOP_EVENTS_MAX;
	for (; fresh > 0; fresh--) {
		const struct snp_told_event *event =
		    top_eventlog_at(log, (unsigned)fresh - 1);
		enum snp_severity severity;

		if (!event)
			continue;
		severity = snp_event_severity(&event->event);
		snp_event_subject(text, event);
		begin_line(out, event->wall, text);
		if (severity != SNP_SEVERITY_INFO)
			snp_buf_printf(out, "%s ", snp_severity_name(severity));
		snp_event_text(text, event);
		snp_terminal_put(out, text);
		snp_buf_putc(out, '\n');
	}
}

/* ---- heartbeats ---------------------------------------------------------- */

static uint64_t missed_before(const struct top_plain *plain, size_t i, uint64_t uid)
{
	/* Nearly always it stands where it stood. */
	if (i < plain->workers_nr && plain->workers[i].uid == uid)
		return plain->workers[i].missed;
	for (i = 0; i < plain->workers_nr; i++)
		if (plain->workers[i].uid == uid)
			return plain->workers[i].missed;
	return 0;
}

static void tell_heartbeats(const struct top_plain *plain,
			    const struct top_frame *frame, struct snp_buf *out)
{
	const struct snp_look *look = &frame->look;
	char name[SNP_POOL_NAME_BYTES + 16];

	for (size_t i = 0; i < look->workers_nr; i++) {
		const struct snp_worker_stat *w = &look->workers[i];
		uint64_t before = missed_before(plain, i, w->uid);

		if (w->heartbeat_missed == before || w->heartbeat_missed == SNP_UNKNOWN)
			continue;
		(void)snprintf(name, sizeof(name), "%s/%u", look->pools[w->pool].name,
			       (unsigned)w->slot);
		begin_line(out, frame->wall, name);
		if (w->heartbeat_missed == 0)
			snp_buf_puts(out, "answers heartbeats again\n");
		else
			snp_buf_printf(out, "missed %" PRIu64 " heartbeat%s\n",
				       w->heartbeat_missed,
				       w->heartbeat_missed > 1 ? "s" : "");
	}
}

static int remember_workers(struct top_plain *plain, const struct snp_look *look)
{
	struct top_plain_worker *workers;

	if (look->workers_nr == 0) {
		plain->workers_nr = 0;
		return 0;
	}
	workers = reallocarray(plain->workers, look->workers_nr, sizeof(*workers));
	if (!workers)
		return -ENOMEM;
	plain->workers = workers;
	plain->workers_nr = look->workers_nr;
	for (size_t i = 0; i < look->workers_nr; i++)
		workers[i] = (struct top_plain_worker){
		    look->workers[i].uid, look->workers[i].heartbeat_missed};
	return 0;
}

/* ---- lints --------------------------------------------------------------- */

static bool has_lint(const struct top_lints *lints, const struct top_lint *lint)
{
	for (size_t i = 0; i < top_lints_kept(lints); i++) {
		const struct top_lint *other = &lints->lint[i];

		if (other->id == lint->id && other->is_worker == lint->is_worker &&
		    other->slot == lint->slot && strcmp(other->pool, lint->pool) == 0)
			return true;
	}
	return false;
}

static void tell_lint(const struct top_lint *lint, snp_wall_t wall, const char *what,
		      struct snp_buf *out)
{
	char subject[TOP_LINT_SUBJECT_BYTES];

	top_lint_subject(subject, lint);
	begin_line(out, wall, subject);
	snp_buf_printf(out, "lint %s: ", top_lint_infos[lint->id].name);
	snp_terminal_put(out, what);
	snp_buf_putc(out, '\n');
}

static void tell_lints(const struct top_plain *plain, const struct top_lints *lints,
		       snp_wall_t wall, struct snp_buf *out)
{
	for (size_t i = 0; i < top_lints_kept(lints); i++)
		if (!has_lint(&plain->lints, &lints->lint[i]))
			tell_lint(&lints->lint[i], wall, lints->lint[i].what, out);
	for (size_t i = 0; i < top_lints_kept(&plain->lints); i++)
		if (!has_lint(lints, &plain->lints.lint[i]))
			tell_lint(&plain->lints.lint[i], wall, "over", out);
}

int top_plain_changes(struct top_plain *plain, const struct top_frame *frame,
		      const struct top_lints *lints, struct snp_buf *out)
{
	tell_events(plain, frame, out);
	tell_runtime(plain, frame, out);
	tell_heartbeats(plain, frame, out);
	tell_lints(plain, lints, frame->wall, out);
	if (out->failed || remember_workers(plain, &frame->look) < 0)
		return -ENOMEM;
	plain->begun = true;
	plain->verdict = frame->verdict;
	plain->draining = frame->draining;
	plain->generation = frame->generation;
	plain->events = frame->events.nr;
	plain->lints = *lints;
	return 0;
}
