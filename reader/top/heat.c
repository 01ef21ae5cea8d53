/* SPDX-License-Identifier: Apache-2.0 */
#include "heat.h"

#include <math.h>
#include <string.h>

void top_heat_init(struct top_heat *heat, int cols)
{
	memset(heat, 0, sizeof(*heat));
	heat->cols = cols < 0 ? 0 : cols > TOP_HEAT_COLS_MAX ? TOP_HEAT_COLS_MAX : cols;
	memset(heat->unknown, true, sizeof(heat->unknown));
}

void top_heat_add(struct top_heat *heat, int col,
		  const uint32_t octave[SNP_HIST_OCTAVES])
{
	if (col < 0 || col >= heat->cols)
		return;
	heat->unknown[col] = false;
	for (int o = 0; o < SNP_HIST_OCTAVES; o++)
		heat->count[col][o] += octave[o];
}

uint64_t top_heat_count(const struct top_heat *heat, int col, int o)
{
	uint64_t sum = 0;

	if (col >= 0)
		return heat->count[col][o];
	for (int c = 0; c < heat->cols; c++)
		sum += heat->count[c][o];
	return sum;
}

void top_heat_range(const struct top_heat *heat, int *ret_first, int *ret_end)
{
	*ret_first = *ret_end = 0;
	for (int o = 0; o < SNP_HIST_OCTAVES; o++) {
		if (top_heat_count(heat, -1, o) == 0)
			continue;
		if (*ret_end == 0)
			*ret_first = o;
		*ret_end = o + 1;
	}
}

/* -1: nothing was counted. */
static int quantile_of(const uint64_t count[SNP_HIST_OCTAVES], double q)
{
	uint64_t all = 0, below = 0;
	double rank;

	for (int o = 0; o < SNP_HIST_OCTAVES; o++)
		all += count[o];
	rank = fmax(1.0, ceil(q * (double)all));
	for (int o = 0; o < SNP_HIST_OCTAVES; o++) {
		below += count[o];
		if ((double)below >= rank)
			return o;
	}
	return -1;
}

int top_heat_quantile(const struct top_heat *heat, int col, double q)
{
	uint64_t count[SNP_HIST_OCTAVES];

	for (int o = 0; o < SNP_HIST_OCTAVES; o++)
		count[o] = top_heat_count(heat, col, o);
	return quantile_of(count, q);
}

int top_heat_level(uint64_t count, uint64_t max)
{
	if (count == 0)
		return 0;
	if (count >= max)
		return TOP_HEAT_LEVELS - 1;
	/* By its logarithm, so that one request shows beside a million. */
	return 1 +
	       (int)(log1p((double)count) / log1p((double)max) * (TOP_HEAT_LEVELS - 2));
}

uint64_t top_heat_upper_ns(int octave)
{
	/* 2^octave * 2^-20 s; 2^31 times 10^9 fits 64 bits. */
	if (octave >= SNP_HIST_OCTAVES - 1)
		return UINT64_MAX;
	return (SNP_NS_PER_S << octave) >> 20;
}

void top_heat_of(struct top_heat *heat, const struct top_frame *frame, size_t pool,
		 int cols, unsigned seconds)
{
	unsigned step, phase;

	top_heat_init(heat, cols);
	if (heat->cols == 0)
		return;
	/* Columns begin at whole multiples of the step: the map moves by columns. */
	step = (seconds + (unsigned)heat->cols - 1) / (unsigned)heat->cols;
	step = step > 0 ? step : 1;
	heat->step = step;
	phase = step - 1 - (unsigned)(frame->second % step);
	for (unsigned back = 0; back < seconds; back++) {
		const struct top_pool_point *point =
		    top_frame_pool_at(frame, pool, back);
		int col = heat->cols - 1 - (int)((back + phase) / step);

		if (!point || col < 0)
			continue;
		top_heat_add(heat, col, point->octave);
		heat->gap[col] |= point->gap;
	}
}

uint64_t top_heat_p99_ns(const struct top_frame *frame, size_t pool)
{
	uint64_t recent =
	    pool < frame->look.pools_nr ? frame->look.pools[pool].p99_ns : SNP_UNKNOWN;
	uint64_t sum[SNP_HIST_OCTAVES] = {0}, longer;
	int octave;

	for (unsigned back = 0; back < TOP_HISTORY_S; back++) {
		const struct top_pool_point *point =
		    top_frame_pool_at(frame, pool, back);

		for (int o = 0; point && o < SNP_HIST_OCTAVES; o++)
			sum[o] += point->octave[o];
	}
	octave = quantile_of(sum, 0.99);
	if (octave < 0)
		return recent;
	longer = top_heat_upper_ns(octave);
	return recent != SNP_UNKNOWN && recent > longer ? recent : longer;
}
