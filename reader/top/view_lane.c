/* SPDX-License-Identifier: Apache-2.0 */
#include "lane.h"
#include "view_parts.h"

static enum top_style style_of(char letter)
{
	switch (letter) {
	case TOP_LANE_BUSY:
		return TOP_GOOD;
	case TOP_LANE_START:
		return TOP_ACCENT;
	case TOP_LANE_SLOW:
	case TOP_LANE_HEART:
	case TOP_LANE_DRAIN:
		return TOP_WARN;
	case TOP_LANE_DEAD:
		return TOP_BAD;
	case TOP_LANE_IDLE:
		return TOP_NORMAL;
	default:
		return TOP_DIM;
	}
}

void view_lane(const struct view *v, int row, int col, int cols, size_t worker)
{
	char lane[TOP_LANE_MAX + 1];

	if (cols > TOP_LANE_MAX) {
		col += cols - TOP_LANE_MAX;
		cols = TOP_LANE_MAX;
	}
	top_lane(lane, cols, v->scene->frame, worker);
	for (int x = 0; x < cols; x++)
		top_grid_fill(v->grid, row, col + x, 1, style_of(lane[x]),
			      (unsigned char)lane[x]);
}
