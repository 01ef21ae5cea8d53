/* SPDX-License-Identifier: Apache-2.0 */
/* octave.h - quantiles of what the history keeps of durations. Pure. */
#ifndef SNP_MODEL_OCTAVE_H
#define SNP_MODEL_OCTAVE_H

#include <stdint.h>

#include "snakepit/read.h"

/* The q-quantile (0 <= q <= 1) in ns of durations counted by octave (format.h), 0 when
 * there are none. An octave says a duration to a factor of 2; where `life`, the
 * SNP_HIST_WORDS words of a histogram that has these observations among others, is
 * given, the place within the octave is the one that its observations have there. */
uint64_t snp_octave_quantile_ns(const uint64_t octave[SNP_HIST_OCTAVES],
				const uint64_t *life, double q);

#endif
