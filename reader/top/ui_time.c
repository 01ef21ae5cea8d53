/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "ui_parts.h"

#define STEP_NS	  SNP_NS_PER_S
#define MINUTE_NS (60 * SNP_NS_PER_S)
#define DAY_NS	  (86400 * SNP_NS_PER_S)

static void hold(struct top_ui *ui, const struct top_context *context)
{
	if (ui->paused)
		return;
	ui->paused = true;
	ui->paused_at = context->frame->wall.ns ? context->frame->wall : context->wall;
	ui->rewind_ns = 0;
}

static void go_back_to(struct top_ui *ui, uint64_t back_ns,
		       const struct top_context *context)
{
	hold(ui, context);
	ui->rewind_ns = back_ns;
	ui->wants |= TOP_WANT_SEEK;
}

static void step(struct top_ui *ui, bool back, uint64_t ns,
		 const struct top_context *context)
{
	uint64_t at = ui->paused ? ui->rewind_ns : 0;

	if (back)
		at += ns;
	else
		at -= at < ns ? at : ns;
	go_back_to(ui, at, context);
}

static void go_live(struct top_ui *ui)
{
	ui->paused = false;
	ui->rewind_ns = 0;
	ui->wants |= TOP_WANT_SEEK;
}

bool ui_time_key(struct top_ui *ui, enum top_action action,
		 const struct top_context *context)
{
	switch (action) {
	case TOP_ACTION_PAUSE:
		if (ui->paused)
			go_live(ui);
		else
			hold(ui, context);
		return true;
	case TOP_ACTION_STEP_BACK:
		step(ui, true, STEP_NS, context);
		return true;
	case TOP_ACTION_STEP_FORWARD:
		step(ui, false, STEP_NS, context);
		return true;
	case TOP_ACTION_MINUTE_BACK:
		step(ui, true, MINUTE_NS, context);
		return true;
	case TOP_ACTION_MINUTE_FORWARD:
		step(ui, false, MINUTE_NS, context);
		return true;
	case TOP_ACTION_LIVE:
		go_live(ui);
		return true;
	default:
		return false;
	}
}

/* ---- times in words ------------------------------------------------------ */

/* "5m", "90s", "1.5h", "30": seconds without a unit. */
static int parse_span(const char *text, uint64_t *ret_ns)
{
	static const struct {
		const char *unit;
		double s;
	} units[] = {{"", 1}, {"s", 1}, {"m", 60}, {"h", 3600}};
	char *end;
	double number = strtod(text, &end);

	/* The negated form refuses NaN too. */
	if (end == text || !(number >= 0 && number <= 1e6))
		return -EINVAL;
	for (size_t i = 0; i < sizeof(units) / sizeof(*units); i++) {
		if (strcmp(end, units[i].unit) == 0) {
			*ret_ns = (uint64_t)(number * units[i].s * 1e9);
			return 0;
		}
	}
	return -EINVAL;
}

/* The last time it was `text` o'clock before `now`. */
static int parse_clock(const char *text, snp_wall_t now, snp_wall_t *ret_at)
{
	unsigned hour, minute, second = 0;
	time_t s = (time_t)(now.ns / SNP_NS_PER_S);
	int used = 0;
	struct tm tm;

	if (sscanf(text, "%2u:%2u%n:%2u%n", &hour, &minute, &used, &second, &used) <
		2 ||
	    text[used] != '\0' || hour > 23 || minute > 59 || second > 59 ||
	    !localtime_r(&s, &tm))
		return -EINVAL;
	tm.tm_hour = (int)hour;
	tm.tm_min = (int)minute;
	tm.tm_sec = (int)second;
	tm.tm_isdst = -1;
	s = mktime(&tm);
	if (s < 0)
		return -EINVAL;
	ret_at->ns = (uint64_t)s * SNP_NS_PER_S;
	if (ret_at->ns > now.ns)
		ret_at->ns -= DAY_NS;
	return 0;
}

static int find_event(const char *number, const struct top_eventlog *log,
		      snp_wall_t *ret_at)
{
	char *end;
	uint64_t seq = strtoull(number, &end, 10);
	const struct snp_told_event *told;

	if (end == number || *end != '\0')
		return -EINVAL;
	for (unsigned back = 0; (told = top_eventlog_at(log, back)) != NULL; back++) {
		if (told->event.seq == seq) {
			*ret_at = told->wall;
			return 0;
		}
	}
	return -ENOENT;
}

int ui_time_go(struct top_ui *ui, const char *text, const struct top_context *context,
	       struct snp_err *err)
{
	snp_wall_t now = ui->paused ? ui->paused_at : context->frame->wall, at = now;
	uint64_t back;

	if (*text == '-') {
		if (parse_span(text + 1, &back) < 0)
			return snp_err_set(err, -EINVAL,
					   "\"%s\" is no time like -30s, -5m or -1h",
					   text);
	} else if (*text == '#') {
		if (find_event(text + 1, &context->frame->events, &at) < 0)
			return snp_err_set(err, -EINVAL, "there is no event \"%s\"",
					   text);
		back = now.ns > at.ns ? now.ns - at.ns : 0;
	} else {
		if (parse_clock(text, now, &at) < 0)
			return snp_err_set(
			    err, -EINVAL,
			    "\"%s\" is no time like -5m, 17:02, 17:02:30 or #event",
			    text);
		back = now.ns - at.ns;
	}
	go_back_to(ui, back, context);
	return 0;
}
