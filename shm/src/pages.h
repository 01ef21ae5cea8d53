/* SPDX-License-Identifier: Apache-2.0 */
/*
 * pages.h - zeroed memory that will be filled at once.
 *
 * To take the pages of a large image one fault at a time costs more than to fill it:
 * here they come in large pages or in one go, as far as the kernel can.
 */
#ifndef SNP_SHM_PAGES_H
#define SNP_SHM_PAGES_H

#include <stddef.h>
#include <stdint.h>
#include <sys/mman.h>

#define SNP__LARGE_PAGE ((size_t)2 << 20)

/* The kernel aligns a mapping to large pages only where it is a multiple of them. */
static inline size_t snp__pages_round(size_t bytes)
{
	return bytes < SNP__LARGE_PAGE / 2 || bytes > SIZE_MAX - SNP__LARGE_PAGE
		   ? bytes
		   : (bytes + SNP__LARGE_PAGE - 1) & ~(SNP__LARGE_PAGE - 1);
}

/* `bytes` that will be filled and `more` that perhaps will be. NULL when out of memory.
 * Given back as one. */
static inline void *snp__pages_take(size_t bytes, size_t more)
{
	size_t len = snp__pages_round(bytes + more);
	void *p =
	    mmap(NULL, len, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (p == MAP_FAILED)
		return NULL;
	/* Both are advice; a kernel that knows neither hands out pages on demand. */
	(void)madvise(p, snp__pages_round(bytes), MADV_HUGEPAGE);
#ifdef MADV_POPULATE_WRITE
	(void)madvise(p, bytes, MADV_POPULATE_WRITE);
#endif
	return p;
}

/* NULL is fine. */
static inline void snp__pages_give(void *pages, size_t bytes)
{
	if (pages)
		(void)munmap(pages, snp__pages_round(bytes));
}

#endif
