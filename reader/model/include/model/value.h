/* SPDX-License-Identifier: Apache-2.0 */
/*
 * value.h - the value of a series as text, exactly as stored.
 *
 * One rule for every text format, so that two readers of one segment print the same
 * digits.
 */
#ifndef SNP_MODEL_VALUE_H
#define SNP_MODEL_VALUE_H

#include <stddef.h>

#include "snakepit/read.h"

/* The scalar in the metric's unit: counts as they are, nanoseconds as decimal seconds,
 * times as Unix seconds (0 stays 0), doubles as the shortest text (these alone may be
 * NaN or infinite). At most SNP_NUMBER_BYTES at `dst`, no NUL; returns how many. Not
 * for histograms. */
size_t snp_value_text(char *dst, const struct snp_snapshot *snap,
		      const struct snp_series *series);

/* "counter", "gauge", "histogram", ...; "?" for a kind unknown here. */
const char *snp_metric_kind_name(const struct snp_metric *metric);

#endif
