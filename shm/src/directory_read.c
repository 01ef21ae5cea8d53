/* SPDX-License-Identifier: Apache-2.0 */
/* The region directory of a segment: copied once, every number of it checked, and only
 * then believed. */
#include <errno.h>
#include <string.h>

#include "crc32c.h"
#include "reader_private.h"

static bool mul_fits(uint64_t a, uint64_t b, uint64_t limit)
{
	return b == 0 || a <= limit / b;
}

/* Bytes a block has before its first entry. */
static uint64_t block_head(uint32_t type)
{
	switch (type) {
	case SNP_REGION_EVNT:
	case SNP_REGION_EVID:
	case SNP_REGION_SPAN:
	case SNP_REGION_HIST:
		return sizeof(struct snp_fmt_ring);
	default:
		return 0;
	}
}

/* Every byte a region can lead to lies inside the file. */
static bool region_ok(const struct snp_fmt_region *r, uint64_t size)
{
	uint64_t room, head = block_head(r->type);

	if (r->off % 8 || r->off > size || r->stride == 0 ||
	    r->stride > SNP_FMT_MAX_BYTES || r->outer_count == 0)
		return false;
	room = size - r->off;
	if (r->len > room || r->len < head ||
	    !mul_fits(r->count, r->stride, r->len - head))
		return false;
	if (r->outer_count == 1)
		return true;
	return r->outer_stride >= r->len && r->outer_stride % 8 == 0 &&
	       mul_fits(r->outer_count - 1, r->outer_stride, room - r->len);
}

/* The smallest entry this library can use; 0 = any. */
static uint64_t entry_bytes(const struct snp_fmt_region *r)
{
	switch (r->type) {
	case SNP_REGION_DESC:
		return sizeof(struct snp_fmt_desc);
	case SNP_REGION_ROWD:
		return sizeof(struct snp_fmt_row);
	case SNP_REGION_ROWC:
	case SNP_REGION_LEDG:
		return sizeof(struct snp_fmt_latch);
	case SNP_REGION_TEXT:
		return sizeof(struct snp_fmt_text);
	case SNP_REGION_SNAP:
		return sizeof(struct snp_fmt_snap);
	case SNP_REGION_INFL:
		return sizeof(struct snp_fmt_inflight);
	case SNP_REGION_EVNT:
		return sizeof(struct snp_fmt_event);
	case SNP_REGION_EVID:
		return sizeof(struct snp_fmt_evidence);
	case SNP_REGION_SPAN:
		return sizeof(struct snp_fmt_span);
	case SNP_REGION_HIST:
		return r->kind == SNP_ROW_POOL ? sizeof(struct snp_fmt_pool_sample)
					       : sizeof(struct snp_fmt_worker_sample);
	case SNP_REGION_THRD:
		return sizeof(struct snp_fmt_thread);
	default:
		return 0;
	}
}

/* Entries are as large as we need them and aligned for their words. */
static bool stride_ok(const struct snp_fmt_region *r)
{
	switch (r->type) {
	case SNP_REGION_STRT:
		return r->stride == 1;
	case SNP_REGION_ENUM:
		return r->stride == sizeof(uint32_t);
	case SNP_REGION_BNDS:
		return r->stride == sizeof(uint64_t);
	case SNP_REGION_KEYS:
		return r->stride >= sizeof(struct snp_fmt_key) && r->stride % 4 == 0;
	case SNP_REGION_JSON:
		return true;
	case SNP_REGION_BANK:
		return r->stride % 8 == 0;
	default:
		return entry_bytes(r) == 0 ||
		       (r->stride >= entry_bytes(r) && r->stride % 8 == 0);
	}
}

/* Regions that mean nothing without an entry: a ring of no records, a half that is not
 * there. */
static bool counts_ok(const struct snp_fmt_region *r)
{
	if (r->type == SNP_REGION_SNAP)
		return r->count >= 1 && r->outer_count >= 2;
	if (r->type == SNP_REGION_INFL || block_head(r->type))
		return r->count >= 1;
	return true;
}

/* Where regions that are there once are remembered; NULL for other types. */
static struct snp_fmt_region *place_of_one(struct snp__regions *all, uint32_t type)
{
	switch (type) {
	case SNP_REGION_DESC:
		return &all->desc;
	case SNP_REGION_STRT:
		return &all->strt;
	case SNP_REGION_KEYS:
		return &all->keys;
	case SNP_REGION_ENUM:
		return &all->enums;
	case SNP_REGION_BNDS:
		return &all->bnds;
	case SNP_REGION_SNAP:
		return &all->snap;
	case SNP_REGION_EVNT:
		return &all->evnt;
	case SNP_REGION_EVID:
		return &all->evid;
	case SNP_REGION_SPAN:
		return &all->span;
	case SNP_REGION_THRD:
		return &all->thrd;
	default:
		return NULL;
	}
}

/* The same of regions of a row kind. */
static struct snp_fmt_region *place_of_kind(struct snp__regions *all, uint32_t type,
					    uint32_t kind)
{
	switch (type) {
	case SNP_REGION_ROWD:
		return &all->rowd[kind];
	case SNP_REGION_ROWC:
		return &all->rowc[kind];
	case SNP_REGION_BANK:
		return &all->bank[kind];
	case SNP_REGION_TEXT:
		return &all->text[kind];
	case SNP_REGION_LEDG:
		return &all->ledg[kind];
	case SNP_REGION_HIST:
		return &all->hist[kind];
	case SNP_REGION_INFL:
		return kind == SNP_ROW_WORKER ? &all->infl : NULL;
	default:
		return NULL;
	}
}

/* Take one entry of the directory; what is wrong with it, or NULL. */
static const char *take_region(struct snp_segment *seg, const struct snp_fmt_region *r)
{
	struct snp_fmt_region *place = NULL;

	if (!region_ok(r, seg->size_bytes) || !stride_ok(r) || !counts_ok(r))
		return "does not fit the file";
	for (size_t i = 0; i < seg->dir_nr; i++)
		if (seg->dir[i].type == r->type && seg->dir[i].kind == r->kind)
			return "is there twice";
	seg->dir[seg->dir_nr++] = *r;
	if (r->kind == 0)
		place = place_of_one(&seg->regions, r->type);
	if (!place && r->kind < SNP_ROW_KINDS)
		place = place_of_kind(&seg->regions, r->type, r->kind);
	if (place)
		*place = *r;
	return NULL;
}

/* Cells there are for every row that the directory has room for: what a snapshot
 * allocates then never exceeds the file, whatever the watermarks say. */
static int check_rows(const struct snp_segment *seg, struct snp_err *err)
{
	const struct snp__regions *all = &seg->regions;

	for (unsigned kind = 0; kind < SNP_ROW_KINDS; kind++) {
		uint64_t rows = kind == SNP_ROW_PROC ? 1 : all->rowd[kind].count;

		if ((all->rowc[kind].type && all->rowc[kind].count < rows) ||
		    (all->ledg[kind].type && all->ledg[kind].count < rows) ||
		    (all->bank[kind].type && all->bank[kind].count < rows))
			return snp_err_set_field(
			    err, -EBADMSG, "directory",
			    "%s is damaged: it has no cells for all rows of kind %u",
			    seg->info.path, kind);
	}
	return 0;
}

int snp__directory_read(struct snp_segment *seg, const struct snp_fmt_header *h,
			struct snp_err *err)
{
	struct snp_fmt_region dir[SNP_FMT_DIR_MAX];
	size_t bytes = (size_t)h->dir_count * sizeof(dir[0]);

	memcpy(dir, seg->map + h->dir_off, bytes);
	if (h->dir_crc != snp__crc32c(dir, bytes))
		return snp_err_set_field(err, -EBADMSG, "dir_crc",
					 "%s is damaged (dir_crc)", seg->info.path);
	for (uint64_t i = 0; i < h->dir_count; i++) {
		const char *wrong = take_region(seg, &dir[i]);

		if (wrong)
			return snp_err_set_field(
			    err, -EBADMSG, "directory",
			    "%s is damaged: region %llu (type %u, kind %u) %s",
			    seg->info.path, (unsigned long long)i, dir[i].type,
			    dir[i].kind, wrong);
	}
	if (!seg->regions.desc.type || !seg->regions.strt.type)
		return snp_err_set_field(
		    err, -EBADMSG, "directory",
		    "%s is damaged: it has no descriptors or no strings",
		    seg->info.path);
	return check_rows(seg, err);
}
