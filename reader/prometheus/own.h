/* SPDX-License-Identifier: Apache-2.0 */
/*
 * own.h - what the exporter says about itself, the segment and its own process.
 *
 * Each function appends whole families of own.def. One thread at a time.
 */
#ifndef SNP_PROMETHEUS_OWN_H
#define SNP_PROMETHEUS_OWN_H

#include <stdbool.h>
#include <stdint.h>

#include "model/buf.h"
#include "snakepit/read.h"

/* Totals over the exporter's life; own_segment() adds to them. */
struct own_totals {
	uint64_t torn_reads, rows_skipped;
};

/* Whether a sample of this name belongs to the exporter: one of own.def, or the
 * reserved prefixes process_ and scrape_. */
bool own_is_reserved(const char *name);

void own_up(struct snp_buf *buf, bool up);

/* Families about the segment and how well it could be read. `snap` may be NULL: then
 * only the totals. `fresh`: the snapshot was taken by this scrape, so it counts. */
void own_segment(struct snp_buf *buf, struct own_totals *totals,
		 const struct snp_segment *seg, const struct snp_snapshot *snap,
		 bool fresh);

/* process_* families; false when /proc could not be read and some are missing. */
bool own_process(struct snp_buf *buf, snp_wall_t started);

struct own_scrape {
	uint64_t duration_ns;
	bool segment_ok, process_ok;
};
void own_scrape(struct snp_buf *buf, const struct own_scrape *scrape);

#endif
