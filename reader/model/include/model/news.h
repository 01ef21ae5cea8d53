/* SPDX-License-Identifier: Apache-2.0 */
/*
 * news.h - what a long-running reader says of the runtime it watches: a line on stderr
 * (log.h) for each change, not one for each look. One thread at a time.
 */
#ifndef SNP_MODEL_NEWS_H
#define SNP_MODEL_NEWS_H

#include "model/target.h"

/* What was said last; zeroed: nothing yet. */
struct snp_news {
	bool said;
	enum snp_target_state state;
	enum snp_writer_verdict verdict;
	uint64_t generation;
};

/* After a poll: say how the target is, unless that is what was said last. */
void snp_news_tell(struct snp_news *news, const struct snp_target *target);

#endif
