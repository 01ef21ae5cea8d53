/* SPDX-License-Identifier: Apache-2.0 */
/*
 * segment_look.h - a live segment inside a test, and a reader's first look at it.
 *
 * Whoever records something before the look begins with segment_fixture_open(), then
 * calls segment_look_take(); the test ends with segment_look_close(). One thread.
 */
#ifndef SNP_SEGMENT_LOOK_H
#define SNP_SEGMENT_LOOK_H

#include "segment_fixture.h"
#include "snakepit/read.h"

struct segment_look {
	struct segment_fixture writer;
	struct snp_segment *seg;
	struct snp_snapshot *snap;
};

static inline void segment_look_take(struct segment_look *look)
{
	struct snp_err err = {0};

	if (snp_segment_attach(look->writer.path, &look->seg, &err) < 0 ||
	    snp_segment_snapshot(look->seg, &look->snap, &err) < 0)
		fail_msg("%s", err.msg);
}

/* With one request of the tool "word_stats", which took a millisecond. */
static inline void segment_look_open(struct segment_look *look)
{
	segment_fixture_open(&look->writer, "default", "word_stats");
	snp_add(look->writer.bank.tools[0].requests, 1);
	snp_hist_record(&look->writer.bank.tools[0].duration[0], 1000000);
	segment_look_take(look);
}

static inline void segment_look_close(struct segment_look *look)
{
	snp_snapshot_destroy(&look->snap);
	snp_segment_detach(&look->seg);
	segment_fixture_close(&look->writer);
}

#endif
