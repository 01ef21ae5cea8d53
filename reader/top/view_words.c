/* SPDX-License-Identifier: Apache-2.0 */
#include <math.h>
#include <stdio.h>
#include <time.h>

#include "format.h"
#include "view_parts.h"

void view_clock(char out[32], snp_wall_t wall, const char *format)
{
	time_t s = (time_t)(wall.ns / SNP_NS_PER_S);
	struct tm tm;

	if (wall.ns == 0 || !localtime_r(&s, &tm) ||
	    strftime(out, 32, format, &tm) == 0)
		out[0] = '\0';
}

void view_pair(struct top_pen *pen, const char *label, enum top_style style,
	       const char *value)
{
	int width = top_text_width(label, pen->grid->ascii) + 1 +
		    top_text_width(value, pen->grid->ascii);
	int gap = pen->col > 1 ? 2 : 0;

	if (pen->col + gap + width > pen->end)
		return;
	pen->col += gap;
	top_pen_put(pen, TOP_DIM, label);
	pen->col++;
	top_pen_put(pen, style, value);
}

void view_pair_count(struct top_pen *pen, const char *label, enum top_style style,
		     uint64_t value)
{
	char text[TOP_FORMAT_BYTES];

	top_format_count(text, value, 6);
	view_pair(pen, label, value > 0 && value != SNP_UNKNOWN ? style : TOP_DIM,
		  text);
}

void view_pair_rate(struct top_pen *pen, const char *label, enum top_style style,
		    double rate)
{
	char text[TOP_FORMAT_BYTES];

	top_format_rate(text, rate, 6);
	view_pair(pen, label, rate > 0 ? style : TOP_DIM, text);
}

void view_pair_latency(struct top_pen *pen, const char *label, uint64_t ns)
{
	char text[TOP_FORMAT_BYTES];

	top_format_latency(text, ns, 6);
	view_pair(pen, label, ns == SNP_UNKNOWN ? TOP_DIM : TOP_STRONG, text);
}

enum top_style view_delta(char out[VIEW_DELTA_BYTES], double then, double now)
{
	double percent = 100.0 * (now - then) / then;

	out[0] = '\0';
	if (isnan(then) || isnan(now))
		return TOP_DIM;
	if (then == now)
		(void)snprintf(out, VIEW_DELTA_BYTES, "=");
	else if (then == 0)
		(void)snprintf(out, VIEW_DELTA_BYTES, "new");
	else if (fabs(percent) < 999.5)
		(void)snprintf(out, VIEW_DELTA_BYTES, "%+.0f%%", percent);
	else
		(void)snprintf(out, VIEW_DELTA_BYTES, "%s",
			       percent > 0 ? ">10x" : "<-10x");
	return then == now ? TOP_DIM : TOP_ACCENT;
}

void view_times(const struct view *v, struct view_area area, unsigned seconds)
{
	uint64_t now = v->scene->frame->wall.ns;
	char text[32];

	for (int part = 0; part <= 2; part++) {
		uint64_t ago =
		    (uint64_t)seconds * SNP_NS_PER_S * (uint64_t)(2 - part) / 2;
		int col = area.col + (area.cols - 5) * part / 2;

		view_clock(text, (snp_wall_t){now > ago ? now - ago : 0}, "%H:%M");
		if (area.cols >= 20)
			(void)top_grid_put(v->grid, area.row, col, 5, TOP_DIM, text);
	}
}
