/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Histograms as readers see them. Word 0 is the zero bucket, word i (1..nbuckets)
 * covers (2^((idx_min+i-1)/2^scale), 2^((idx_min+i)/2^scale)] seconds, the last word is
 * overflow. Source of the layout: OpenTelemetry metrics data model,
 * "ExponentialHistogram". The bounds themselves come from the segment.
 */
#include <math.h>

#include "reader_private.h"

uint64_t snp_hist_count(const struct snp_metric *metric, const uint64_t *words)
{
	uint64_t n = 0;

	for (uint32_t i = 0; i < metric->nbuckets + 2; i++)
		n += words[i];
	return n;
}

uint64_t snp_hist_upper_ns(const struct snp_metric *metric, uint32_t i)
{
	return i > metric->nbuckets ? UINT64_MAX : metric->upper_ns[i];
}

uint64_t snp_hist_quantile_ns(const struct snp_metric *metric, const uint64_t *words,
			      double q)
{
	uint64_t count = snp_hist_count(metric, words), below = 0;
	double rank = q * (double)count, middle;
	uint32_t i;

	if (count == 0)
		return 0;
	for (i = 0; i <= metric->nbuckets; i++) {
		if (words[i] && (double)(below + words[i]) >= rank)
			break;
		below += words[i];
	}
	if (i == 0)
		return metric->zero_threshold_ns;
	if (i > metric->nbuckets) /* beyond the range: all that is known is its edge */
		return snp_hist_upper_ns(metric, metric->nbuckets);
	/* Interpolating by rank would assume an even spread; where all observations are
	 * equal that is wrong by a whole bucket. */
	middle =
	    sqrt((double)metric->upper_ns[i - 1]) * sqrt((double)metric->upper_ns[i]);
	return middle < 0x1p64 ? (uint64_t)middle : UINT64_MAX;
}

uint64_t snp_hist_count_le(const struct snp_metric *metric, const uint64_t *words,
			   uint64_t bound_ns)
{
	uint64_t n = 0;

	for (uint32_t i = 0; i <= metric->nbuckets; i++) {
		if (snp_hist_upper_ns(metric, i) > bound_ns)
			break;
		n += words[i];
	}
	return n;
}
