/* SPDX-License-Identifier: Apache-2.0 */
#include "ring_read.h"

#include <string.h>

#include "crc32c.h"

enum { R_SEQ, R_CRC };

bool snp__ring_open(const struct snp_segment *seg, const struct snp_fmt_region *region,
		    uint64_t index, struct snp__ring *ret_ring)
{
	uint64_t base;

	if (!region->type || index >= region->outer_count ||
	    region->stride > SNP__RING_RECORD_WORDS * sizeof(uint64_t))
		return false;
	base = region->off + index * region->outer_stride;
	*ret_ring = (struct snp__ring){
	    .off = base + sizeof(struct snp_fmt_ring),
	    .stride = region->stride,
	    .count = region->count,
	    /* Acquire: the records below it. Partner: the release store of head. */
	    .head = snp__word_acquire(seg, base + offsetof(struct snp_fmt_ring, head)),
	};
	return true;
}

bool snp__ring_copy(const struct snp_segment *seg, const struct snp__ring *ring,
		    uint64_t n, uint64_t ret_words[SNP__RING_RECORD_WORDS])
{
	uint64_t off = ring->off + n % ring->count * ring->stride;
	size_t words = ring->stride / sizeof(uint64_t);
	uint64_t crc;

	/* Acquire: the payload. Partner: the release store of seq. */
	if (snp__word_acquire(seg, off) != n + 1)
		return false;
	for (size_t i = 1; i < words; i++)
		ret_words[i] = snp__word(seg, off + sizeof(uint64_t) * i);
	atomic_thread_fence(memory_order_acquire);
	if (snp__word(seg, off) != n + 1)
		return false;
	/* The checksum is over n + 1 and what follows itself: make them neighbours. */
	crc = ret_words[R_CRC];
	ret_words[R_CRC] = n + 1;
	if (crc != snp__crc32c(&ret_words[R_CRC], (words - 1) * sizeof(uint64_t)))
		return false;
	ret_words[R_SEQ] = n + 1;
	return true;
}

void snp__words_text(const uint64_t *words, size_t bytes, char *ret_text)
{
	size_t len;

	memcpy(ret_text, words, bytes);
	ret_text[bytes] = '\0';
	len = strlen(ret_text);
	if (!snp__utf8_ok(ret_text, len))
		ret_text[0] = '\0';
}
