/* SPDX-License-Identifier: Apache-2.0 */
/*
 * rewind.h - what the history says of a moment, as the numbers of a look.
 *
 * Pure. One thread at a time.
 */
#ifndef SNP_TOP_REWIND_H
#define SNP_TOP_REWIND_H

#include "frame.h"

/* Put what the samples say into a look that had no other to compare with: rates of the
 * last second (workers: five), quantiles of the last TOP_WINDOW_S. What no sample says
 * stays unknown. */
void top_rewind_rates(struct top_frame *frame);

/* Quantiles alone, of the same window. */
void top_rewind_quantiles(struct top_frame *frame);

/* Make `past` what was seen `back` seconds before `newest`: the same pools and workers
 * with what their samples hold of that second, everything else unknown. Where there is
 * no sample it goes on, away from `was` seconds back, and ends where the samples do.
 * -ENOMEM: `past` is as good as zeroed. */
int top_rewind(struct top_frame *past, const struct top_frame *newest, uint64_t back,
	       uint64_t was);

/* Seconds that quantiles are of, as long as there is something that old to compare
 * with. */
#define TOP_WINDOW_S 10

#endif
