/* SPDX-License-Identifier: Apache-2.0 */
#include "model/rebin.h"

uint64_t snp_rebin(const struct snp_metric *metric, const uint64_t *words,
		   struct snp_hist_span used, uint64_t *ret_counts)
{
	uint32_t i = used.first;
	uint64_t sum = 0;

	for (uint32_t b = 0; b < metric->bounds_nr; b++) {
		ret_counts[b] = 0;
		while (i < used.end &&
		       snp_hist_upper_ns(metric, i) <= metric->bounds_ns[b])
			ret_counts[b] += words[i++];
		sum += ret_counts[b];
	}
	ret_counts[metric->bounds_nr] = 0;
	while (i < used.end)
		ret_counts[metric->bounds_nr] += words[i++];
	return sum + ret_counts[metric->bounds_nr];
}
