/* SPDX-License-Identifier: Apache-2.0 */
/*
 * snap_layout.h - where everything is in an image of all rows: a half of SNAP, or a
 * reader's private copy of the live cells. One function for both, so that they agree by
 * construction. Pure.
 */
#ifndef SNP_SHM_SNAP_LAYOUT_H
#define SNP_SHM_SNAP_LAYOUT_H

#include <stddef.h>
#include <stdint.h>

#include "snakepit/format.h"

#define SNP__SNAP_RECORD_BYTES (sizeof(uint64_t) * SNP_LATCH_WORDS)
#define SNP__SNAP_TEXT_BYTES   512 /* the copy of TEXT takes SNP_TEXT_BYTES of it */

/* Fill the tables of an image with `rows[kind]` rows. An entry is made of the ROWD
 * entry and then, as far as the kind has them: the latched record of ROWC, TEXT, the
 * cells of ROWC behind the latch, the sums of BANK. `regions` are the directory's
 * entries in any order, with strides of at most SNP_FMT_MAX_BYTES; the first of a type
 * and kind counts. Nothing overflows while rows[kind] <= SNP_FMT_MAX_BYTES /
 * sizeof(struct snp_fmt_row). Returns the bytes of the image, its header included. */
uint64_t snp__snap_tables(const struct snp_fmt_region *regions, size_t regions_nr,
			  const uint64_t rows[SNP_ROW_KINDS],
			  struct snp_fmt_snap_table ret_tables[SNP_ROW_KINDS]);

#endif
