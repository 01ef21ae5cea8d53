/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ring_read.h - one record of a ring of the segment, whole or not at all.
 *
 * What is common to events, spans, evidence and history. Bounds come from the checked
 * directory alone, never from what the ring says of itself.
 */
#ifndef SNP_SHM_RING_READ_H
#define SNP_SHM_RING_READ_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "reader_private.h"

/* Room for a record; entries of a later minor version may be longer than ours. */
#define SNP__RING_RECORD_WORDS 1024

/* Word of a field in a record of this type. */
#define SNP__WORD_OF(type, field) (offsetof(type, field) / sizeof(uint64_t))

struct snp__ring {
	uint64_t off; /* of the first record in the file */
	uint64_t stride, count;
	uint64_t head; /* records ever written, as of snp__ring_open() */
};

/* Ring `index` of a region as it is now. false where there is none, and where its
 * records are longer than SNP__RING_RECORD_WORDS. */
bool snp__ring_open(const struct snp_segment *seg, const struct snp_fmt_region *region,
		    uint64_t index, struct snp__ring *ret_ring);

/* The oldest record that may still be there. */
static inline uint64_t snp__ring_oldest(const struct snp__ring *ring)
{
	return ring->head > ring->count ? ring->head - ring->count : 0;
}

/* Copy record `n`. false when it was overwritten, is being written, or its checksum is
 * wrong. */
bool snp__ring_copy(const struct snp_segment *seg, const struct snp__ring *ring,
		    uint64_t n, uint64_t ret_words[SNP__RING_RECORD_WORDS]);

/* Copy the slot of a request in flight at file offset `off` (slots_read.c). false where
 * it is free or would not settle. Its checksum has not been looked at. */
bool snp__inflight_copy(const struct snp_segment *seg, uint64_t off,
			uint64_t ret_words[SNP_INFL_WORDS + 1]);

/* NUL-padded text of at most `bytes` bytes into `ret_text`, which has room for one
 * more; "" when it is not UTF-8. */
void snp__words_text(const uint64_t *words, size_t bytes, char *ret_text);

#endif
