/* SPDX-License-Identifier: Apache-2.0 */
/*
 * words.h - aligned 64-bit words of a mapped segment, and of copies that others may
 * look at while they are made. Offsets have been checked by the caller and are
 * multiples of 8.
 */
#ifndef SNP_SHM_WORDS_H
#define SNP_SHM_WORDS_H

#include <stdbool.h>
#include <stdint.h>

static inline const uint64_t *snp__words_at(const unsigned char *base, uint64_t off)
{
	return (const uint64_t *)(const void *)(base + off);
}

static inline uint64_t snp__load(const unsigned char *base, uint64_t off)
{
	return __atomic_load_n(snp__words_at(base, off), __ATOMIC_RELAXED);
}

static inline uint64_t snp__load_acquire(const unsigned char *base, uint64_t off)
{
	return __atomic_load_n(snp__words_at(base, off), __ATOMIC_ACQUIRE);
}

/* Relaxed on both sides: the source may be written meanwhile, and a half of SNAP may be
 * read meanwhile. A checksum or a sequence says afterwards whether the copy is whole.
 */
static inline void snp__copy_words(const unsigned char *base, uint64_t off,
				   uint64_t *ret_words, uint64_t nr)
{
	const uint64_t *from = snp__words_at(base, off);

#pragma GCC unroll 4
	for (uint64_t i = 0; i < nr; i++)
		__atomic_store_n(&ret_words[i],
				 __atomic_load_n(&from[i], __ATOMIC_RELAXED),
				 __ATOMIC_RELAXED);
}

/* A latched record (struct snp_fmt_latch and its like): seq at file offset `off`, two
 * copies of `words` words each from word `first` on. */
struct snp__latch_shape {
	uint64_t off;
	unsigned first, words;
	bool text; /* copy up to the word with the first NUL; the rest means nothing */
};

/* Copy the current record. 0, or -EAGAIN when it would not settle; *retries grows by
 * the torn reads. Bounded: waits for nobody. */
int snp__latch_load(const unsigned char *base, struct snp__latch_shape shape,
		    uint64_t *ret_words, unsigned *retries);

#endif
