/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sampler.h - turn what a target says into frames, one a tick.
 *
 * Follows the runtime through death and restart: the last frame of one that ended
 * stays, the first frame of its successor has no rates. One thread at a time.
 */
#ifndef SNP_TOP_SAMPLER_H
#define SNP_TOP_SAMPLER_H

#include "frame.h"

struct top_sampler;

/* `name` as snp_segment_find() takes it. -ENOMEM. */
int top_sampler_create(const char *name, struct top_sampler **ret_sampler);
void top_sampler_destroy(struct top_sampler **sampler);

/* Look, and bring `frame` up to date; its history is the sampler's. A look that fails
 * leaves the numbers of the frame as they were and says so in frame->problem; the
 * result is then its negative errno. */
int top_sampler_tick(struct top_sampler *sampler, struct top_frame *frame);

#endif
