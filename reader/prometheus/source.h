/* SPDX-License-Identifier: Apache-2.0 */
/*
 * source.h - what a page is made from: one instance of the runtime, as a scrape saw it.
 */
#ifndef SNP_PROMETHEUS_SOURCE_H
#define SNP_PROMETHEUS_SOURCE_H

#include <stdbool.h>

#include "families.h"
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

/* When the counts of a series began: with the row they are of, or the segment. The same
 * at every scrape. */
static inline snp_wall_t source_created(const struct page_source *source,
					const struct snp_series *series)
{
	const struct snp_segment_info *info = snp_segment_info(source->seg);
	const struct snp_row *row =
	    snp_snapshot_row(source->snap, series->metric->row_kind, series->row);
	snp_wall_t created = info->start_wall;

	if (row && row->born_mono.ns > info->start_mono.ns)
		created.ns += row->born_mono.ns - info->start_mono.ns;
	return created;
}

#endif
