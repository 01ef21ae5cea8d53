/* SPDX-License-Identifier: Apache-2.0 */
/*
 * lane.h - what a worker did over the last minutes, a letter for each step of time.
 *
 * Readable without colour and by grep. Pure.
 */
#ifndef SNP_TOP_LANE_H
#define SNP_TOP_LANE_H

#include "frame.h"

/* Letters, the later one wins where a step has several. */
#define TOP_LANE_NONE  '.' /* nothing is known */
#define TOP_LANE_IDLE  'i'
#define TOP_LANE_BUSY  'b'
#define TOP_LANE_SLOW  'S' /* all of it in requests that began before it */
#define TOP_LANE_START 's'
#define TOP_LANE_DRAIN 'd'
#define TOP_LANE_HEART 'h' /* missed heartbeats */
#define TOP_LANE_DEAD  'X'

/* `cols` letters, the newest last, and a NUL. `worker` is an index in frame->look. */
#define TOP_LANE_MAX (TOP_HISTORY_S / TOP_WORKER_STEP_S)
void top_lane(char out[TOP_LANE_MAX + 1], int cols, const struct top_frame *frame,
	      size_t worker);

#endif
