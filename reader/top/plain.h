/* SPDX-License-Identifier: Apache-2.0 */
/*
 * plain.h - what has changed since the last frame, one line each: for screen readers,
 * braille displays, dumb terminals, tee and the logs of CI.
 *
 *   17:03:21 demo: live, 64 workers, 41 busy, 2 down, 7 waiting, 41.2k requests/s
 *   17:03:25 default/17: missed 3 heartbeats
 *   17:03:26 default/17: ERROR exited (signal 9) pid 11917
 *   17:03:30 ml_infer: lint queue-eta: queue 7/1000 growing 25/s, full in ~40s
 *
 * No colour, no cursor movement, nothing is written twice. Numbers that go up and down
 * all the time are no change. Pure: fills a buffer.
 */
#ifndef SNP_TOP_PLAIN_H
#define SNP_TOP_PLAIN_H

#include "frame.h"
#include "lints.h"
#include "model/buf.h"

struct top_plain_worker {
	uint64_t uid, missed;
};

/* What the last frame was; zeroed: there was none. */
struct top_plain {
	bool begun;
	enum top_verdict verdict;
	bool draining;
	uint64_t generation, events;
	struct top_plain_worker *workers; /* in the order of the look */
	size_t workers_nr;
	struct top_lints lints;
};
void top_plain_fini(struct top_plain *plain);

/* Append the lines of this frame. -ENOMEM: those before it may be there. */
int top_plain_changes(struct top_plain *plain, const struct top_frame *frame,
		      const struct top_lints *lints, struct snp_buf *out);

#endif
