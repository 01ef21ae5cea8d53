/* SPDX-License-Identifier: Apache-2.0 */
/*
 * history.h - what this viewer saw of throughput and queue, one sample a look.
 *
 * The memory is a fixed ring; a zeroed struct is an empty history. Pure, one thread at
 * a time.
 */
#ifndef SNP_TOP_HISTORY_H
#define SNP_TOP_HISTORY_H

#include <stdbool.h>
#include <stdint.h>

#include "snakepit/time.h"

#define TOP_HISTORY_MAX 1024

struct top_sample {
	snp_mono_t at;
	double req_s; /* NaN = unknown */
	double queue; /* requests waiting */
	uint64_t restarts;
	bool gap; /* another run of the runtime begins here */
};

struct top_history {
	struct top_sample ring[TOP_HISTORY_MAX];
	uint64_t nr; /* samples ever added */
};

enum top_series {
	TOP_SERIES_REQ,
	TOP_SERIES_QUEUE,
};

void top_history_add(struct top_history *history, const struct top_sample *sample);

/* The sample `back` steps before the newest (0); NULL when it is not kept. */
const struct top_sample *top_history_at(const struct top_history *history,
					unsigned back);

/* NaN where unknown or not kept. */
double top_history_value(const struct top_history *history, enum top_series series,
			 unsigned back);

/* Largest known of the newest `nr` samples; 0 when there is none. */
double top_history_max(const struct top_history *history, enum top_series series,
		       unsigned nr);

/* Restarts counted in the last minute, as far as it was seen since the last gap. */
uint64_t top_history_restarts_1min(const struct top_history *history);

#endif
