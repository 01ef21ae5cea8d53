/* SPDX-License-Identifier: Apache-2.0 */
/*
 * heat.h - how long requests took, over time: powers of two by columns of time.
 *
 * Built from the octaves of the history's samples (snakepit/format.h). A zeroed struct
 * is an empty map. Pure, one thread at a time.
 */
#ifndef SNP_TOP_HEAT_H
#define SNP_TOP_HEAT_H

#include <stdbool.h>
#include <stdint.h>

#include "frame.h"
#include "snakepit/read.h"

#define TOP_HEAT_COLS_MAX 400
#define TOP_HEAT_LEVELS	  9 /* 0 = none */

struct top_heat {
	int cols;
	unsigned step; /* seconds in a column */
	uint64_t count[TOP_HEAT_COLS_MAX][SNP_HIST_OCTAVES];
	bool gap[TOP_HEAT_COLS_MAX];	 /* another run begins in this column */
	bool unknown[TOP_HEAT_COLS_MAX]; /* no sample fell into it */
};

void top_heat_init(struct top_heat *heat, int cols);
void top_heat_add(struct top_heat *heat, int col,
		  const uint32_t octave[SNP_HIST_OCTAVES]);

/* Requests of column `col` (< 0: of all) in octave `o`. */
uint64_t top_heat_count(const struct top_heat *heat, int col, int o);

/* The octaves that hold anything: [*ret_first, *ret_end), equal when there is none. */
void top_heat_range(const struct top_heat *heat, int *ret_first, int *ret_end);

/* The octave in which the q-quantile of a column (< 0: of all) lies; -1: nothing ended
 * in it. */
int top_heat_quantile(const struct top_heat *heat, int col, double q);

/* 0 for none, else 1 to TOP_HEAT_LEVELS - 1, logarithmic up to `max`. */
int top_heat_level(uint64_t count, uint64_t max);

/* The longest duration an octave counts; UINT64_MAX for the last. */
uint64_t top_heat_upper_ns(int octave);

/* Of the `seconds` up to the frame; `pool` as top_frame_pool_at() takes it. */
void top_heat_of(struct top_heat *heat, const struct top_frame *frame, size_t pool,
		 int cols, unsigned seconds);

/* What "slow" is measured by: the p99 of a pool of the last seconds or, where that is
 * more, of the last minutes, so that a pool that just had quick requests does not call
 * all others slow. SNP_UNKNOWN where nothing ended. */
uint64_t top_heat_p99_ns(const struct top_frame *frame, size_t pool);

#endif
