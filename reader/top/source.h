/* SPDX-License-Identifier: Apache-2.0 */
/*
 * source.h - where frames come from.
 *
 * A source owns its frames and their history. What top_source_frame() returns is valid
 * and unchanged until the next call that is not const. One thread at a time.
 */
#ifndef SNP_TOP_SOURCE_H
#define SNP_TOP_SOURCE_H

#include "frame.h"

struct top_source;

/* `name` as snp_segment_find() takes it; does not look yet. -ENOMEM. */
int top_source_live(const char *name, struct top_source **ret_source);

void top_source_destroy(struct top_source **source);

/* Look again. A look that fails leaves the numbers as they were, the frame says why
 * (`problem`), and the result is its negative errno. Ends a rewind. */
int top_source_tick(struct top_source *source);

/* Do not look: time goes on, the numbers stay. */
void top_source_hold(struct top_source *source);

/* Show what there was `back_ns` before the newest frame, 0: that itself. It has what
 * the samples of pools and workers hold, the rest is unknown. Goes as far as there is
 * something and says how far in frame->rewound_ns. -ENOMEM: the newest is shown. */
int top_source_seek(struct top_source *source, uint64_t back_ns);

/* What to show: of the last tick or seek. Never NULL. */
const struct top_frame *top_source_frame(const struct top_source *source);

#endif
