/* SPDX-License-Identifier: Apache-2.0 */
#include "history.h"

#include <math.h>
#include <stddef.h>

void top_history_add(struct top_history *history, const struct top_sample *sample)
{
	history->ring[history->nr++ % TOP_HISTORY_MAX] = *sample;
}

const struct top_sample *top_history_at(const struct top_history *history,
					unsigned back)
{
	if (back >= history->nr || back >= TOP_HISTORY_MAX)
		return NULL;
	return &history->ring[(history->nr - 1 - back) % TOP_HISTORY_MAX];
}

double top_history_value(const struct top_history *history, enum top_series series,
			 unsigned back)
{
	const struct top_sample *sample = top_history_at(history, back);

	if (!sample)
		return NAN;
	return series == TOP_SERIES_REQ ? sample->req_s : sample->queue;
}

double top_history_max(const struct top_history *history, enum top_series series,
		       unsigned nr)
{
	double max = 0;

	for (unsigned back = 0; back < nr && top_history_at(history, back); back++)
		max = fmax(max, top_history_value(history, series, back));
	return max;
}

uint64_t top_history_restarts_1min(const struct top_history *history)
{
	const struct top_sample *newest = top_history_at(history, 0), *oldest = newest;

	for (unsigned back = 0;; back++) {
		const struct top_sample *sample = top_history_at(history, back);

		if (!sample ||
		    snp_mono_since_ns(newest->at, sample->at) > 60 * SNP_NS_PER_S)
			break;
		oldest = sample;
		if (sample->gap)
			break;
	}
	if (!newest || newest->restarts < oldest->restarts)
		return 0;
	return newest->restarts - oldest->restarts;
}
