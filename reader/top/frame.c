/* SPDX-License-Identifier: Apache-2.0 */
#include "frame.h"

const char *top_verdict_name(enum top_verdict verdict)
{
	static const char *const names[TOP_VERDICT_NR] = {
	    [TOP_WAITING] = "WAITING", [TOP_BROKEN] = "UNREADABLE",
	    [TOP_LIVE] = "LIVE",       [TOP_STALE] = "STALE",
	    [TOP_DEAD] = "DEAD",       [TOP_CLOSED] = "CLOSED",
	};

	return names[verdict];
}

void top_frame_fini(struct top_frame *frame)
{
	snp_look_fini(&frame->look);
}
