/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <time.h>

#include "view_parts.h"

static void event_time(char out[16], snp_wall_t wall)
{
	time_t s = (time_t)(wall.ns / SNP_NS_PER_S);
	struct tm tm;

	if (!localtime_r(&s, &tm) || strftime(out, 16, "%H:%M:%S", &tm) == 0)
		out[0] = '\0';
}

static enum top_style severity_style(enum snp_severity severity)
{
	return severity == SNP_SEVERITY_ERROR	  ? TOP_BAD
	       : severity == SNP_SEVERITY_WARNING ? TOP_WARN
						  : TOP_DIM;
}

static void draw_event(const struct snp_told_event *event, struct top_grid *grid,
		       int row)
{
	enum snp_severity severity = snp_event_severity(&event->event);
	struct top_pen pen = {
	    .grid = grid, .row = row, .col = 1, .end = grid->cols - 1};
	char text[SNP_EVENT_BYTES];
	int subject;

	event_time(text, event->wall);
	top_pen_put(&pen, TOP_DIM, text);
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

int view_events(const struct top_scene *scene, struct top_grid *grid, int row, int rows)
{
	const struct top_eventlog *log = &scene->frame->events;
	int kept = log->nr < TOP_EVENTS_MAX ? (int)log->nr : TOP_EVENTS_MAX;

	rows = rows < kept ? rows : kept;
	for (int i = 0; i < rows; i++)
		draw_event(top_eventlog_at(log, (unsigned)(rows - 1 - i)), grid,
			   row + i);
	return rows > 0 ? rows : 0;
}
