/* SPDX-License-Identifier: Apache-2.0 */
/*
 * gather.h - collect all rows and values of a segment into an image: a half of SNAP, or
 * one like it (snap_layout.h).
 *
 * Both tiers come from here: the writer's ticker fills the half that nobody reads, a
 * reader of the live cells its private copy; one decoder then works on either. Nothing
 * here allocates, waits or knows who calls. A row that would not settle is left out
 * (gen 0) and counted.
 */
#ifndef SNP_SHM_GATHER_H
#define SNP_SHM_GATHER_H

#include <stddef.h>
#include <stdint.h>

#include "snakepit/format.h"

#include "snap_layout.h"

/* A mapped segment and its directory. Every region lies inside the map, and those of a
 * row kind's cells (ROWC, BANK) have an entry for each entry of its ROWD. */
struct snp__source {
	const unsigned char *map;
	const struct snp_fmt_region *regions;
	size_t regions_nr;
	enum snp__image image; /* what to make of it */
};

/* How large the image has to be for the rows there are now: fills tables, length,
 * struct_gen and begin_mono_ns; the rest is zero. -EBADMSG when a watermark lies beyond
 * its region; *ret_head is untouched then. */
int snp__gather_plan(const struct snp__source *source, struct snp_fmt_snap *ret_head);

/* Fill the rows that snp__gather_plan() found into `image` (head->length bytes, aligned
 * to 8; its first sizeof(*head) bytes are left alone), and the rest of *head but for
 * `crc` and `seq`. An SNP__IMAGE_OWN is zero before, or as this function left it with
 * the same tables. Behind SNP__IMAGE_OWN is room for long texts: SNP__SNAP_TEXT_BYTES
 * for each worker row. *retries grows by the torn reads that were repeated. */
void snp__gather(const struct snp__source *source, struct snp_fmt_snap *head,
		 unsigned char *image, unsigned *retries);

#endif
