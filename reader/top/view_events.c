/* SPDX-License-Identifier: Apache-2.0 */
#include <inttypes.h>
#include <stdio.h>

#include "view_parts.h"

static enum top_style severity_style(enum snp_severity severity)
{
	return severity == SNP_SEVERITY_ERROR	  ? TOP_BAD
	       : severity == SNP_SEVERITY_WARNING ? TOP_WARN
						  : TOP_DIM;
}

static void draw_event(const struct view *v, const struct snp_told_event *event,
		       int row)
{
	enum snp_severity severity = snp_event_severity(&event->event);
	struct top_pen pen = view_pen(v, row);
	char text[SNP_EVENT_BYTES], clock[32];
	int subject;

	view_clock(clock, event->wall,
		   v->grid->cols >= VIEW_WIDE_COLS ? "%Y-%m-%d %H:%M:%S" : "%H:%M:%S");
	top_pen_put(&pen, TOP_DIM, clock);
	pen.col++;
	top_pen_printf(&pen, severity_style(severity), "%-5s",
		       snp_severity_name(severity));
	pen.col++;
	subject = pen.col;
	snp_event_subject(text, event);
	top_pen_put(&pen, TOP_NORMAL, text);
	pen.col = pen.col < subject + 14 ? subject + 14 : pen.col + 1;
	snp_event_text(text, event);
	top_pen_put(&pen, TOP_NORMAL, text);
}

static int kept(const struct top_eventlog *log)
{
	uint64_t nr = log->nr - log->first;

	return nr < TOP_EVENTS_MAX ? (int)nr : TOP_EVENTS_MAX;
}

int view_events_panel(const struct view *v, int row, int rows)
{
	const struct top_eventlog *log = &v->scene->frame->events;

	rows = view_max(view_min(rows, kept(log)), 0);
	for (int i = 0; i < rows; i++)
		draw_event(v, top_eventlog_at(log, (unsigned)(rows - 1 - i)), row + i);
	return rows;
}

/* The newest at the end, and in sight as long as nobody scrolled up. */
void view_events(const struct view *v, struct view_area area)
{
	const struct top_eventlog *log = &v->scene->frame->events;
	int page = view_max(area.rows - 1, 0), nr = kept(log);
	size_t back = v->scene->ui->view_first[TOP_VIEW_EVENTS], last;
	char title[96];

	(void)snprintf(title, sizeof(title), "EVENTS  %d kept, %" PRIu64 " lost%s", nr,
		       log->lost, back > 0 ? ", scrolled back" : "");
	view_title(v, area.row, title);
	last = view_scroll(v, (size_t)nr, page, back);
	v->viewport->view_first = last;
	page = view_min(page, nr);
	for (int i = 0; i < page; i++)
		draw_event(
		    v, top_eventlog_at(log, (unsigned)last + (unsigned)(page - 1 - i)),
		    area.row + 1 + i);
}
