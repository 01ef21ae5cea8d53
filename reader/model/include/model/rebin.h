/* SPDX-License-Identifier: Apache-2.0 */
/*
 * rebin.h - the fine buckets of a histogram as the coarse ones of its bounds. Pure.
 */
#ifndef SNP_MODEL_REBIN_H
#define SNP_MODEL_REBIN_H

#include "snakepit/read.h"

/* Count for each of the metric's bounds those above the one before it, and last those
 * beyond all: bounds_nr + 1 counts. A fine bucket that straddles a bound counts above
 * it. `words`: nbuckets + 2, of which those outside `used` are 0. Returns their sum. */
uint64_t snp_rebin(const struct snp_metric *metric, const uint64_t *words,
		   struct snp_hist_span used, uint64_t *ret_counts);

#endif
