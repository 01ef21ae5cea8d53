/* SPDX-License-Identifier: Apache-2.0 */
/*
 * source.h - what a page is made from: one instance of the runtime, as a scrape saw it.
 */
#ifndef SNP_PROMETHEUS_SOURCE_H
#define SNP_PROMETHEUS_SOURCE_H

#include <stdbool.h>

#include "families.h"
#include "model/created.h"
#include "snakepit/read.h"

/* Over the exporter's life. */
struct own_totals {
	uint64_t torn_reads, rows_skipped;
};

struct page_source {
	/* Value of the label that tells instances apart; NULL: there is only one. */
	const char *label;
	bool up;
	/* snp_segment_snapshot() did take it now: what it says of itself counts. */
	bool fresh;
	bool complete; /* page.c says: all of the segment is on the page */
	struct own_totals *totals;
	enum families_part part;
	struct snp_segment *seg; /* NULL with snap */
	const struct snp_snapshot *snap;
	struct families *families; /* NULL: nothing can be shown of the snapshot */
};

/* When the counts of a series began. */
static inline snp_wall_t source_created(const struct page_source *source,
					const struct snp_series *series)
{
	return snp_series_created(snp_segment_info(source->seg), source->snap, series);
}

#endif
