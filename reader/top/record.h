/* SPDX-License-Identifier: Apache-2.0 */
/*
 * record.h - frames in a file, to be drawn again just as they were.
 *
 * The file: a head of TOP_RECORD_HEAD_BYTES (magic, version, layout of the frames, the
 * program's version, checksum), then a chunk a frame (length and CRC32C of what
 * follows; the difference to the numbers of the frame before; the events and points of
 * history that are new). All numbers little-endian. A file that was cut off is whole up
 * to there.
 *
 * One thread at a time.
 */
#ifndef SNP_TOP_RECORD_H
#define SNP_TOP_RECORD_H

#include "frame.h"
#include "snakepit/err.h"

#define TOP_RECORD_VERSION    1
#define TOP_RECORD_HEAD_BYTES 40

/* ---- writing ------------------------------------------------------------- */

struct top_recorder;

/* The file is made, and must not be there: -EEXIST. Other errors of open(2), -ENOMEM.
 */
int top_recorder_open(const char *path, struct top_recorder **ret_recorder,
		      struct snp_err *err);

/* On an error the file is left with the frames before this one, and no more can be
 * added. */
int top_recorder_add(struct top_recorder *recorder, const struct top_frame *frame,
		     struct snp_err *err);

void top_recorder_close(struct top_recorder **recorder);

/* ---- reading ------------------------------------------------------------- */

struct top_recording;

/* Open and check all of it. -EBADMSG: no recording, or not a frame of it is whole;
 * -EPROTO: of another version or layout; errors of open(2), -ENOMEM. Where only its
 * end is not whole the result is 0 and err (code -EBADMSG) says where that begins and
 * what is whole. */
int top_recording_open(const char *path, struct top_recording **ret_recording,
		       struct snp_err *err);
void top_recording_close(struct top_recording **recording);

/* At least 1. */
uint64_t top_recording_frames(const struct top_recording *recording);
snp_wall_t top_recording_wall(const struct top_recording *recording, uint64_t index);

/* Go to a frame, with the history up to it; it says how far before frame `from` it is.
 * To go back costs as much as to go there from the beginning. -EBADMSG: what is in it
 * is none, or has changed since it was opened; -ENOMEM: frame->problem says so, and its
 * numbers are nobody's. */
int top_recording_read(struct top_recording *recording, uint64_t index, uint64_t from);
/* Valid until the next read. */
const struct top_frame *top_recording_frame(const struct top_recording *recording);

#endif
