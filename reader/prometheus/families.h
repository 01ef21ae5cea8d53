/* SPDX-License-Identifier: Apache-2.0 */
/*
 * families.h - render the metrics of a segment as families of the text format.
 *
 * What can be known once per segment is prepared once: which metrics are exported,
 * their header lines, the text of `le` and where each classic bound cuts the
 * exponential buckets. A scrape then only copies prefixes and prints integers. No
 * metric's name is known here; all come from the segment, which is not trusted: a
 * family the format could not carry, or that would appear twice, is left out and
 * counted.
 *
 * One thread at a time.
 */
#ifndef SNP_PROMETHEUS_FAMILIES_H
#define SNP_PROMETHEUS_FAMILIES_H

#include <stdbool.h>
#include <stddef.h>

#include "model/buf.h"
#include "snakepit/read.h"

struct families;

enum families_levels {
	FAMILIES_DEFAULT, /* SNP_LEVEL_INFO alone */
	FAMILIES_DIAG,	  /* and SNP_LEVEL_DIAG */
};

/* Prepare for the segment `snap` was taken from; good for every snapshot of it, and not
 * beyond it. -ENOMEM. */
int families_create(const struct snp_snapshot *snap, enum families_levels levels,
		    struct families **ret_families);
void families_destroy(struct families **families);

/* Metrics left out because of what they are called. */
size_t families_rejected_nr(const struct families *families);

enum families_part {
	FAMILIES_ALL,
	/* The runtime is gone: what described its present (gauges of pools and workers)
	 * describes nothing any more; what it counted stays true. */
	FAMILIES_LASTING,
};

/* Append all families. The buffer says whether memory ran out. */
void families_render(struct families *families, const struct snp_snapshot *snap,
		     enum families_part part, struct snp_buf *buf);

#endif
