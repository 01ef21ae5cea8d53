/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Attach: open without following links, look at the file before mapping it, copy header
 * and directory, check every number of them, and only then believe any.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "crc32c.h"
#include "reader_private.h"

/* ---- file ---------------------------------------------------------------- */

static int open_checked(const char *path, struct stat *ret_st, struct snp_err *err)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	int rc = 0;

	if (fd < 0 && errno == ENOENT)
		return snp_err_set(
		    err, -ENOENT,
		    "no segment at %s; is the runtime started, and under this "
		    "name and directory?",
		    path);
	if (fd < 0 && errno == ELOOP)
		return snp_err_set(err, -EPERM, "%s is a symlink; give the file itself",
				   path);
	if (fd < 0 && errno == EACCES)
		return snp_err_set(
		    err, -EACCES,
		    "cannot read %s: permission denied; run as the runtime's "
		    "user or join its group",
		    path);
	if (fd < 0)
		return snp_err_errno(err, "cannot open %s", path);
	if (fstat(fd, ret_st) < 0)
		rc = snp_err_errno(err, "cannot examine %s", path);
	else if (!S_ISREG(ret_st->st_mode))
		rc = snp_err_set(err, -EPERM, "%s is not a regular file", path);
	else if (ret_st->st_mode & 0002)
		rc = snp_err_set(
		    err, -EPERM,
		    "%s is writable by everybody, so its contents cannot be "
		    "trusted",
		    path);
	else if (ret_st->st_size < SNP_FMT_HEADER_BYTES)
		rc = snp_err_set(
		    err, -EBADMSG,
		    "%s is not a segment: %lld bytes are too few for a header", path,
		    (long long)ret_st->st_size);
	else if ((uint64_t)ret_st->st_size > SNP_FMT_MAX_BYTES)
		rc =
		    snp_err_set(err, -EBADMSG,
				"%s is not a segment: %lld bytes are more than any has",
				path, (long long)ret_st->st_size);
	if (rc < 0) {
		close(fd);
		return rc;
	}
	return fd;
}

/* ---- header -------------------------------------------------------------- */

static int check_header(const char *path, const struct snp_fmt_header *h, uint64_t size,
			struct snp_err *err)
{
	if (memcmp(h->magic, SNP_FMT_MAGIC, sizeof(h->magic)) != 0)
		return snp_err_set(err, -EBADMSG,
				   "%s is not a Snakepit segment (magic)", path);
	if (h->endian != SNP_FMT_ENDIAN)
		return snp_err_set(err, -EBADMSG,
				   "%s has endian tag 0x%08x, expected 0x%08x", path,
				   h->endian, SNP_FMT_ENDIAN);
	if (h->ver_major != SNP_FMT_MAJOR)
		return snp_err_set(
		    err, -EPROTO,
		    "%s has format %u.%u, this program reads %u.x; use the "
		    "programs of the release that wrote it",
		    path, h->ver_major, h->ver_minor, SNP_FMT_MAJOR);
	if (h->feat_incompat)
		return snp_err_set(
		    err, -EPROTO,
		    "%s needs features 0x%llx that this program (format %u.%u) "
		    "does not know; upgrade it",
		    path, (unsigned long long)h->feat_incompat, SNP_FMT_MAJOR,
		    SNP_FMT_MINOR);
	if (h->hdr_crc != snp__crc32c(h, offsetof(struct snp_fmt_header, hdr_crc)))
		return snp_err_set(err, -EBADMSG, "%s is damaged (hdr_crc)", path);
	if (h->map_size != size)
		return snp_err_set(
		    err, -EBADMSG,
		    "%s is damaged: map_size is %llu but the file has %llu bytes", path,
		    (unsigned long long)h->map_size, (unsigned long long)size);
	if (h->dir_count == 0 || h->dir_count > SNP_FMT_DIR_MAX || h->dir_off % 8 ||
	    h->dir_off > size ||
	    h->dir_count * sizeof(struct snp_fmt_region) > size - h->dir_off)
		return snp_err_set(err, -EBADMSG, "%s is damaged (dir_off, dir_count)",
				   path);
	if (h->heartbeat_interval_ms == 0 || h->stale_after_ms == 0)
		return snp_err_set(
		    err, -EBADMSG,
		    "%s is damaged (heartbeat_interval_ms, stale_after_ms)", path);
	return 0;
}

static void fill_info(struct snp_segment *seg, const char *path,
		      const struct snp_fmt_header *h)
{
	struct snp_segment_info *info = &seg->info;
	const uint8_t *u = h->instance_uuid;

	(void)snprintf(info->path, sizeof(info->path), "%s", path);
	memcpy(info->instance, h->name, SNP_FMT_NAME_BYTES);
	if (!snp__utf8_ok(info->instance, strlen(info->instance)))
		(void)strcpy(info->instance, "?");
	(void)snprintf(
	    info->uuid, sizeof(info->uuid),
	    "%02x%02x%02x%02x-%02x%02x-%02x%02x-%02x%02x-%02x%02x%02x%02x%02x%02x",
	    u[0], u[1], u[2], u[3], u[4], u[5], u[6], u[7], u[8], u[9], u[10], u[11],
	    u[12], u[13], u[14], u[15]);
	info->ver_major = h->ver_major;
	info->ver_minor = h->ver_minor;
	info->incarnation = h->incarnation;
	info->pid = (pid_t)h->pid;
	info->size_bytes = seg->size_bytes;
	info->start_mono.ns = h->start_monotonic_ns;
	info->start_wall.ns = h->start_realtime_ns;
	info->heartbeat_interval_ms = h->heartbeat_interval_ms;
	info->stale_after_ms = h->stale_after_ms;
	info->scrape_hint_ms = h->scrape_hint_ms;
	memcpy(seg->boot_id, h->boot_id, sizeof(seg->boot_id));
}

/* ---- directory ----------------------------------------------------------- */

static bool mul_fits(uint64_t a, uint64_t b, uint64_t limit)
{
	return b == 0 || a <= limit / b;
}

/* Every byte a region can lead to lies inside the file. */
static bool region_ok(const struct snp_fmt_region *r, uint64_t size)
{
	uint64_t room;

	if (r->off % 8 || r->off > size || r->stride == 0 || r->outer_count == 0)
		return false;
	room = size - r->off;
	if (r->len > room || !mul_fits(r->count, r->stride, SNP_FMT_MAX_BYTES))
		return false;
	if (r->type != SNP_REGION_EVNT && r->count * r->stride > r->len)
		return false;
	if (r->outer_count == 1)
		return true;
	return r->outer_stride >= r->len && r->outer_stride % 8 == 0 &&
	       mul_fits(r->outer_count - 1, r->outer_stride, room - r->len);
}

/* The smallest entry this library can use, and that entries of words are aligned. */
static bool stride_ok(const struct snp_fmt_region *r)
{
	switch (r->type) {
	case SNP_REGION_DESC:
		return r->stride >= sizeof(struct snp_fmt_desc) && r->stride % 8 == 0;
	case SNP_REGION_KEYS:
		return r->stride >= sizeof(struct snp_fmt_key) && r->stride % 4 == 0;
	case SNP_REGION_ENUM:
		return r->stride == sizeof(uint32_t);
	case SNP_REGION_BNDS:
		return r->stride == sizeof(uint64_t);
	case SNP_REGION_STRT:
		return r->stride == 1;
	case SNP_REGION_ROWD:
		return r->stride >= sizeof(struct snp_fmt_row) && r->stride % 8 == 0;
	case SNP_REGION_ROWC:
		return r->stride >= sizeof(struct snp_fmt_latch) && r->stride % 8 == 0;
	case SNP_REGION_BANK:
		return r->stride % 8 == 0;
	case SNP_REGION_TEXT:
		return r->stride >= sizeof(struct snp_fmt_text) && r->stride % 8 == 0;
	case SNP_REGION_EVNT:
		return r->stride >= sizeof(struct snp_fmt_event) &&
		       r->stride % 8 == 0 && r->count != 0 &&
		       (r->count & (r->count - 1)) == 0 &&
		       r->len >= sizeof(struct snp_fmt_ring) &&
		       r->count * r->stride <= r->len - sizeof(struct snp_fmt_ring);
	default:
		return true;
	}
}

/* Where a region of this type and kind is remembered; NULL for types we do not use. */
static struct snp_fmt_region *region_place(struct snp__regions *all,
					   const struct snp_fmt_region *r)
{
	if (r->kind >= SNP_ROW_KINDS)
		return NULL;
	switch (r->type) {
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
	case SNP_REGION_EVNT:
		return &all->evnt;
	case SNP_REGION_TEXT:
		return r->kind == SNP_ROW_WORKER ? &all->text : NULL;
	case SNP_REGION_ROWD:
		return &all->rowd[r->kind];
	case SNP_REGION_ROWC:
		return &all->rowc[r->kind];
	case SNP_REGION_BANK:
		return &all->bank[r->kind];
	default:
		return NULL;
	}
}

static int check_directory(struct snp_segment *seg, const struct snp_fmt_header *h,
			   struct snp_err *err)
{
	struct snp_fmt_region dir[SNP_FMT_DIR_MAX];
	size_t bytes = (size_t)h->dir_count * sizeof(dir[0]);

	memcpy(dir, seg->map + h->dir_off, bytes);
	if (h->dir_crc != snp__crc32c(dir, bytes))
		return snp_err_set(err, -EBADMSG, "%s is damaged (dir_crc)",
				   seg->info.path);
	for (uint64_t i = 0; i < h->dir_count; i++) {
		struct snp_fmt_region *place = region_place(&seg->regions, &dir[i]);

		if (!region_ok(&dir[i], seg->size_bytes) || !stride_ok(&dir[i]))
			return snp_err_set(
			    err, -EBADMSG,
			    "%s is damaged: region %llu (type %u) does not fit "
			    "the file",
			    seg->info.path, (unsigned long long)i, dir[i].type);
		if (place && place->type)
			return snp_err_set(
			    err, -EBADMSG,
			    "%s is damaged: region %llu repeats type %u kind %u",
			    seg->info.path, (unsigned long long)i, dir[i].type,
			    dir[i].kind);
		if (place)
			*place = dir[i];
	}
	if (!seg->regions.desc.type || !seg->regions.strt.type)
		return snp_err_set(err, -EBADMSG,
				   "%s is damaged: it has no descriptors or no strings",
				   seg->info.path);
	return 0;
}

/* Cells there are for every row that the directory has room for: what a snapshot
 * allocates then never exceeds the file, whatever the watermarks say. */
static int check_rows(const struct snp_segment *seg, struct snp_err *err)
{
	const struct snp__regions *all = &seg->regions;

	for (unsigned kind = 0; kind < SNP_ROW_KINDS; kind++) {
		uint64_t rows = kind == SNP_ROW_PROC ? 1 : all->rowd[kind].count;

		if ((all->rowc[kind].type && all->rowc[kind].count < rows) ||
		    (all->bank[kind].type && all->bank[kind].count < rows))
			return snp_err_set(
			    err, -EBADMSG,
			    "%s is damaged: it has no cells for all rows of "
			    "kind %u",
			    seg->info.path, kind);
	}
	return 0;
}

/* ---- public -------------------------------------------------------------- */

static int attach_mapped(struct snp_segment *seg, const char *path, struct snp_err *err)
{
	struct snp_fmt_header h = {.endian = 0};
	uint64_t state;
	int rc;

	seg->header = (const struct snp_fmt_header *)(const void *)seg->map;
	/* Acquire: with any state but INIT the immutable parts are complete. Partner:
	 * the release store in snp_writer_publish(). */
	state = snp__word_acquire(seg, offsetof(struct snp_fmt_header, state));
	memcpy(&h, seg->map,
	       offsetof(struct snp_fmt_header, state)); /* what is immutable */
	rc = check_header(path, &h, seg->size_bytes, err);
	if (rc < 0)
		return rc;
	if (state == SNP_STATE_INIT)
		return snp_err_set(err, -EAGAIN, "%s is still being built; try again",
				   path);
	fill_info(seg, path, &h);
	rc = check_directory(seg, &h, err);
	if (rc == 0)
		rc = check_rows(seg, err);
	return rc < 0 ? rc : snp__schema_read(seg, err);
}

int snp_segment_attach(const char *path, struct snp_segment **ret_seg,
		       struct snp_err *err)
{
	struct snp_segment *seg = calloc(1, sizeof(*seg));
	struct stat st = {.st_size = 0};
	void *map;
	int rc;

	if (!seg)
		return snp_err_set(err, -ENOMEM, "out of memory attaching %s", path);
	rc = seg->fd = open_checked(path, &st, err);
	if (rc < 0)
		goto fail;
	seg->size_bytes = (uint64_t)st.st_size;
	seg->dev = st.st_dev;
	seg->ino = st.st_ino;
	map = mmap(NULL, seg->size_bytes, PROT_READ, MAP_SHARED, seg->fd, 0);
	if (map == MAP_FAILED) {
		rc = snp_err_errno(err, "cannot map %s", path);
		goto fail;
	}
	seg->map = map;
	rc = attach_mapped(seg, path, err);
	if (rc < 0)
		goto fail;
	*ret_seg = seg;
	return 0;
fail:
	snp_segment_detach(&seg);
	return rc;
}

void snp_segment_detach(struct snp_segment **seg)
{
	struct snp_segment *s = *seg;

	*seg = NULL;
	if (!s)
		return;
	snp__schema_fini(&s->schema);
	if (s->map)
		munmap((void *)(uintptr_t)s->map, s->size_bytes);
	if (s->fd >= 0)
		close(s->fd);
	free(s);
}

const struct snp_segment_info *snp_segment_info(const struct snp_segment *seg)
{
	return &seg->info;
}

bool snp_segment_replaced(const struct snp_segment *seg)
{
	struct stat st;

	if (fstat(seg->fd, &st) < 0 || st.st_nlink == 0)
		return true;
	return stat(seg->info.path, &st) < 0 || st.st_dev != seg->dev ||
	       st.st_ino != seg->ino;
}
