/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ring_write.h - append a record to a ring: events, spans, evidence and history alike.
 *
 * Each ring has one writing thread. Wait-free; no allocation and no system call.
 */
#ifndef SNP_SHM_RING_WRITE_H
#define SNP_SHM_RING_WRITE_H

#include "crc32c.h"
#include "snakepit/format.h"

/* A record is prepared in memory of one's own, as words in the order of its struct; the
 * first two are the ring's. */
#define SNP__WORD(type, field)	 (offsetof(struct type, field) / sizeof(uint64_t))
#define SNP__RECORD_WORDS(type)	 (sizeof(struct type) / sizeof(uint64_t))
#define SNP__RECORD(type, words) uint64_t words[SNP__RECORD_WORDS(type)] = {0}

/* Write `words` (`nr` of them, a whole entry) as the next of the ring's `count`
 * records, over the oldest. words[0] and words[1] are scratch. */
static inline void snp__ring_append(struct snp_fmt_ring *ring, uint64_t count,
				    uint64_t *words, unsigned nr)
{
	uint64_t n = atomic_load_explicit(&ring->head, memory_order_relaxed);
	/* Hot rings have a power of two: no division there. */
	uint64_t at = count & (count - 1) ? n % count : n & (count - 1);
	_Atomic uint64_t *entry = (_Atomic uint64_t *)(ring + 1) + at * nr;

	/* The checksum runs over n + 1 and the payload, which are side by side here. */
	words[1] = n + 1;
	words[1] = snp__crc32c(&words[1], (nr - 1) * sizeof(*words));
	atomic_store_explicit(&entry[0], 0, memory_order_relaxed);
	/* Orders "being written" before the payload. Partner: the acquire fence of
	 * snp__ring_copy() in ring_read.c. */
	atomic_thread_fence(memory_order_release);
#pragma GCC unroll 8
	for (unsigned i = 1; i < nr; i++)
		atomic_store_explicit(&entry[i], words[i], memory_order_relaxed);
	atomic_store_explicit(&entry[0], n + 1, memory_order_release);
	atomic_store_explicit(&ring->head, n + 1, memory_order_release);
}

#endif
