/* SPDX-License-Identifier: Apache-2.0 */
/*
 * segment_damage.h - what the fuzz targets of the segment have in common: an input is a
 * list of damages to a good segment.
 *
 * A whole file as input would drown the fuzzer in checksums and zeros. Each damage is
 * ten bytes: where (region and offset within it) and what. The first byte of an input
 * says which segment it is done to, and whether checksums are made fresh afterwards.
 * The files stay mapped; after each input the good bytes come back.
 */
#ifndef SNP_FUZZ_SEGMENT_DAMAGE_H
#define SNP_FUZZ_SEGMENT_DAMAGE_H

#include "segment_lab.h"

struct damage {
	uint8_t place; /* see damage_range() */
	uint8_t how;   /* what becomes of the word: see damage_word() */
	uint32_t at;   /* 8-byte word within the place */
	uint32_t value;
} __attribute__((packed));

/* First byte of an input. */
#define DAMAGE_UNSEALED 1
#define DAMAGE_EMPTY	2 /* the segment without a row, else the full one */

enum damage_scope {
	DAMAGE_ALL,	/* header, directory, regions */
	DAMAGE_CONTENT, /* what a snapshot reads: nothing that attach refuses */
};

static struct lab *damage_labs[2]; /* full, empty */

static inline void damage_labs_clear(void)
{
	for (unsigned i = 0; i < 2; i++)
		lab_destroy(&damage_labs[i]);
}

static inline void damage_labs_make(void)
{
	damage_labs[0] = lab_make();
	damage_labs[1] = lab_make_of(lab_fill_nothing);
	SNP_CHECK(atexit(damage_labs_clear) == 0);
}

/* Mutable words of the header, from `state` on. */
static inline void content_of_header(uint64_t *ret_off, uint64_t *ret_len)
{
	*ret_off = offsetof(struct snp_fmt_header, state);
	*ret_len = SNP_FMT_HEADER_BYTES - *ret_off;
}

static inline void whole_region(const struct lab *lab, const struct snp_fmt_region *r,
				uint64_t *ret_off, uint64_t *ret_len)
{
	*ret_off = r->off;
	*ret_len = r->outer_count * (r->outer_stride ? r->outer_stride : r->len);
	if (*ret_len > lab->size - r->off)
		*ret_len = lab->size - r->off;
}

/* The bytes a place stands for: 0 the header, 1 the directory, then the regions in
 * their order; of the content, 0 and 1 the header's mutable words, then the regions
 * that are not the schema. Always inside the file. */
static inline void damage_range(const struct lab *lab, enum damage_scope scope,
				uint8_t place, uint64_t *ret_off, uint64_t *ret_len)
{
	const struct snp_fmt_region *dir = (const void *)(lab->good + SNP_FMT_DIR_OFF);
	const struct snp_fmt_header *h = (const void *)lab->good;
	uint64_t schema = 0, at;

	while (dir[schema].type <= SNP_REGION_JSON)
		schema++;
	if (scope == DAMAGE_CONTENT && place < 2) {
		content_of_header(ret_off, ret_len);
	} else if (place < 2) {
		*ret_off = place ? SNP_FMT_DIR_OFF : 0;
		*ret_len =
		    place ? (h->dir_count + 2) * sizeof(*dir) : SNP_FMT_HEADER_BYTES;
	} else {
		at = place - 2u;
		at = scope == DAMAGE_CONTENT ? schema + at % (h->dir_count - schema)
					     : at % h->dir_count;
		whole_region(lab, &dir[at], ret_off, ret_len);
	}
}

static inline void damage_word(uint64_t *word, const struct damage *d)
{
	unsigned shift = (d->how >> 3) * 2;

	switch (d->how & 7) {
	case 0:
		*word = d->value;
		break;
	case 1:
		*word = (uint64_t)d->value << 32;
		break;
	case 2:
		*word += (uint64_t)(int64_t)(int32_t)d->value;
		break;
	case 3:
		*word ^= (uint64_t)d->value << shift;
		break;
	case 4:
		*word = UINT64_MAX - d->value;
		break;
	case 5:
		*word = UINT64_C(1) << (d->value % 64);
		break;
	case 6:
		((uint32_t *)(void *)word)[d->how >> 7] = d->value;
		break;
	default:
		((uint8_t *)word)[(d->how >> 3) & 7] = (uint8_t)d->value;
		break;
	}
}

/* Do what the input says; the segment it was done to, for lab_restore(). */
static inline struct lab *damage_apply(const uint8_t *data, size_t size,
				       enum damage_scope scope)
{
	uint8_t first = size ? data[0] : 0;
	struct lab *lab = damage_labs[first & DAMAGE_EMPTY ? 1 : 0];
	uint64_t off, len;
	struct damage d;

	for (size_t from = 1; from + sizeof(d) <= size; from += sizeof(d)) {
		memcpy(&d, data + from, sizeof(d));
		damage_range(lab, scope, d.place, &off, &len);
		damage_word((void *)(lab->map + off + d.at % (len / 8) * 8), &d);
	}
	if (!(first & DAMAGE_UNSEALED))
		lab_seal(lab);
	return lab;
}

#endif
