/* SPDX-License-Identifier: Apache-2.0 */
/*
 * snap_layout.h - where everything is in an image of all rows: a half of SNAP, or a
 * reader's private copy of the live cells. One function for both, so that they agree by
 * construction. Pure.
 *
 * The copy that a reader makes for itself is a third of the other, and who walks over
 * ten thousand workers feels it: of their ROWD entries it has what stands before the
 * name, which they have not, and of their texts, nearly all of which are empty, the
 * first word. A text that is longer than that is behind the image, in row i's
 * SNP__SNAP_TEXT_BYTES there. Before the sums of BANK it has a bit for each line of
 * them, set where one is not zero: of a histogram's lines few are in use, and the
 * others need neither be written for the next copy nor looked at by who reads it.
 */
#ifndef SNP_SHM_SNAP_LAYOUT_H
#define SNP_SHM_SNAP_LAYOUT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "snakepit/format.h"

#define SNP__SNAP_RECORD_BYTES (sizeof(uint64_t) * SNP_LATCH_WORDS)
#define SNP__SNAP_TEXT_BYTES   512 /* the copy of TEXT takes SNP_TEXT_BYTES of it */

enum snp__image {
	SNP__IMAGE_SNAP, /* as the format has it */
	SNP__IMAGE_OWN,
};

/* Bytes of the ROWD entry that an entry of the image begins with. */
static inline uint64_t snp__image_row_bytes(enum snp__image image, uint32_t kind)
{
	return image == SNP__IMAGE_OWN && kind == SNP_ROW_WORKER
		   ? offsetof(struct snp_fmt_row, retire_reason) + sizeof(uint64_t)
		   : sizeof(struct snp_fmt_row);
}

#define SNP__LINE_WORDS 8
#define SNP__LINE_BYTES (sizeof(uint64_t) * SNP__LINE_WORDS)

/* Words of the bits of so many bytes of sums. */
static inline uint64_t snp__used_words(uint64_t sums_bytes)
{
	const uint64_t word_bytes = 64 * SNP__LINE_BYTES;

	return (sums_bytes + word_bytes - 1) / word_bytes;
}

/* Whether a byte of the word, the first of a text, is zero: the text is no longer. */
static inline bool snp__word_ends(uint64_t word)
{
	return ((word - UINT64_C(0x0101010101010101)) & ~word &
		UINT64_C(0x8080808080808080)) != 0;
}

/* Fill the tables of an image with `rows[kind]` rows. An entry is made of the ROWD
 * entry and then, as far as the kind has them: the latched record of ROWC, TEXT, the
 * cells of ROWC behind the latch, the sums of BANK (SNP__IMAGE_OWN: behind their bits),
 * the record of LEDG. `regions` are
 * the directory's entries in any order, with strides of at most SNP_FMT_MAX_BYTES; the
 * first of a type and kind counts. Nothing overflows while rows[kind] <=
 * SNP_FMT_MAX_BYTES / sizeof(struct snp_fmt_row). Returns the bytes of the image, its
 * header included. */
uint64_t snp__snap_tables(enum snp__image image, const struct snp_fmt_region *regions,
			  size_t regions_nr, const uint64_t rows[SNP_ROW_KINDS],
			  struct snp_fmt_snap_table ret_tables[SNP_ROW_KINDS]);

#endif
