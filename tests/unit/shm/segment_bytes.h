/* SPDX-License-Identifier: Apache-2.0 */
/*
 * segment_bytes.h - a published segment as any reader sees it: a file of bytes, found
 * through its own directory. For tests of what the writer's side leaves there, without
 * help from our own reader. Fails the running test through cmocka.
 */
#ifndef SNP_SEGMENT_BYTES_H
#define SNP_SEGMENT_BYTES_H

#include "snp_test.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include "snakepit/format.h"

struct segment_bytes {
	const unsigned char *map; /* PROT_READ, shared: what is stored shows at once */
	size_t size;
};

static inline struct segment_bytes segment_bytes_open(const char *path)
{
	struct segment_bytes b;
	struct stat st;
	void *map;
	int fd = open(path, O_RDONLY | O_CLOEXEC);

	assert_true(fd >= 0);
	assert_int_equal(fstat(fd, &st), 0);
	map = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_SHARED, fd, 0);
	assert_true(map != MAP_FAILED);
	close(fd);
	b.map = map;
	b.size = (size_t)st.st_size;
	return b;
}

static inline void segment_bytes_close(struct segment_bytes *b)
{
	munmap((void *)(uintptr_t)b->map, b->size);
	b->map = NULL;
}

static inline const struct snp_fmt_header *
segment_bytes_header(const struct segment_bytes *b)
{
	return (const void *)b->map;
}

static inline const struct snp_fmt_region *
segment_bytes_region(const struct segment_bytes *b, uint32_t type, uint32_t kind)
{
	const struct snp_fmt_header *h = segment_bytes_header(b);
	const struct snp_fmt_region *r = (const void *)(b->map + h->dir_off);

	for (uint64_t i = 0; i < h->dir_count; i++)
		if (r[i].type == type && r[i].kind == kind)
			return &r[i];
	fail_msg("no region of type %u and kind %u", type, kind);
	return NULL;
}

/* Start of block `outer`: for rings, of the ring's header. */
static inline const void *segment_bytes_block(const struct segment_bytes *b,
					      uint32_t type, uint32_t kind,
					      uint64_t outer)
{
	const struct snp_fmt_region *r = segment_bytes_region(b, type, kind);

	assert_true(outer < r->outer_count);
	return b->map + r->off + outer * r->outer_stride;
}

/* Entry `index` of block `outer`; of rings, behind the ring's header. */
static inline const void *segment_bytes_entry(const struct segment_bytes *b,
					      uint32_t type, uint32_t kind,
					      uint64_t outer, uint64_t index)
{
	const struct snp_fmt_region *r = segment_bytes_region(b, type, kind);
	const unsigned char *block = segment_bytes_block(b, type, kind, outer);
	bool ring = type == SNP_REGION_EVNT || type == SNP_REGION_SPAN ||
		    type == SNP_REGION_EVID || type == SNP_REGION_HIST;

	assert_true(index < r->count);
	return block + (ring ? sizeof(struct snp_fmt_ring) : 0) + index * r->stride;
}

static inline const struct snp_fmt_row *segment_bytes_row(const struct segment_bytes *b,
							  uint32_t kind, uint64_t index)
{
	return segment_bytes_entry(b, SNP_REGION_ROWD, kind, 0, index);
}

/* Word of an entry, by its member. */
#define segment_bytes_word(entry, member)                                              \
	atomic_load_explicit(&(entry)->member, memory_order_relaxed)

#endif
