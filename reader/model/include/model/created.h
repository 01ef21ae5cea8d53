/* SPDX-License-Identifier: Apache-2.0 */
/*
 * created.h - when a series began. Pure.
 */
#ifndef SNP_MODEL_CREATED_H
#define SNP_MODEL_CREATED_H

#include "snakepit/read.h"

/* When the counts of a series began: with the row they are of, or the segment. The same
 * at every look, whatever the wall clock did since. */
static inline snp_wall_t snp_series_created(const struct snp_segment_info *info,
					    const struct snp_snapshot *snap,
					    const struct snp_series *series)
{
	const struct snp_row *row =
	    snp_snapshot_row(snap, series->metric->row_kind, series->row);
	snp_wall_t created = info->start_wall;

	if (row && row->born_mono.ns > info->start_mono.ns)
		created.ns += row->born_mono.ns - info->start_mono.ns;
	return created;
}

#endif
