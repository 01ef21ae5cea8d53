/* SPDX-License-Identifier: Apache-2.0 */
/*
 * source.h - where frames come from: a running instance, a recording, or the file of a
 * runtime that ended.
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

/* What a runtime left behind: `name` as above, and where a runtime of that name runs
 * the segment of the one before it. Looks once, and the time of its frame is that of
 * its end. Errors of finding and attaching; -EBUSY: it has not ended. */
int top_source_post_mortem(const char *name, struct top_source **ret_source,
			   struct snp_err *err);

/* A recording, and results as top_recording_open() has them. */
int top_source_replay(const char *path, struct top_source **ret_source,
		      struct snp_err *err);

void top_source_destroy(struct top_source **source);

/* Look again, or go one frame on in a recording; where there is none, nothing happens.
 * A look that fails leaves the numbers as they were, the frame says why (`problem`),
 * and the result is its negative errno. Ends a rewind. */
int top_source_tick(struct top_source *source);

/* Do not look: time goes on, the numbers stay. */
void top_source_hold(struct top_source *source);

/* Whether another tick can show something else. */
bool top_source_goes_on(const struct top_source *source);

/* Show what there was `back_ns` before the frame of the last tick, 0: that itself. Of a
 * recording it is the frame that was recorded then; of anything else it has what the
 * samples of pools and workers hold, and the rest is unknown. Goes over what there is
 * nothing of, as far as there is something, and says how far in frame->rewound_ns.
 * -ENOMEM, -EBADMSG: the frame of the last tick is shown. */
int top_source_seek(struct top_source *source, uint64_t back_ns);

/* What to show: of the last tick or seek. Never NULL. */
const struct top_frame *top_source_frame(const struct top_source *source);

/* Until the next frame of a recording was taken; 0 where there is none, and where it is
 * not a recording. */
uint64_t top_source_pace_ns(const struct top_source *source);

/* ---- recording ----------------------------------------------------------- */

/* Write the frame of the last tick, and those that come, to a file (record.h). */
int top_source_record(struct top_source *source, const char *path, struct snp_err *err);
/* End it. 0, or why it had ended before. */
int top_source_record_end(struct top_source *source, struct snp_err *err);
/* The file being written; NULL: none is, or it could not be written on. */
const char *top_source_recording(const struct top_source *source);

#endif
