/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sane.h - is what a segment says whole and consistent? For segments that
 * scripted_writer.h writes: it gives every record an inner redundancy, so that a record
 * put together from two others is found out.
 *
 * Looks at everything the reader library offers: both tiers, rings, slots, texts.
 * One thread at a time.
 */
#ifndef SNP_TESTS_SANE_H
#define SNP_TESTS_SANE_H

#include <stdbool.h>

#include "snakepit/read.h"

struct sane {
	struct snp_segment *seg; /* the caller's */
	bool settled;		 /* nobody writes meanwhile: nothing may be retried */
	struct snp_snapshot *now, *before, *snap;
	uint64_t looks;
	struct snp_event *events; /* scratch */
	struct snp_span *spans;
	char fault[256]; /* what did not hold */
};

void sane_init(struct sane *sane, struct snp_segment *seg, bool settled);
void sane_fini(struct sane *sane);

/* Look once: true when all of it holds and no counter fell since the last look. The
 * same in two steps: take a snapshot of the live cells, then judge it and the rest. */
bool sane_look(struct sane *sane);
bool sane_take(struct sane *sane);
bool sane_judge(struct sane *sane);

#endif
