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

/* Who may have written it, and who still may: nothing that others could change is
 * believed. */
static int check_file(const char *path, const struct stat *st, struct snp_err *err)
{
	if (!S_ISREG(st->st_mode))
		return snp_err_set_field(err, -EPERM, "path",
					 "%s is not a regular file", path);
	if (st->st_mode & 0002)
		return snp_err_set_field(
		    err, -EPERM, "mode",
		    "%s is writable by everybody, so its contents cannot be trusted",
		    path);
	if (geteuid() != 0 && st->st_uid != 0 && st->st_uid != geteuid())
		return snp_err_set_field(
		    err, -EPERM, "owner",
		    "%s belongs to user %u, who is neither you nor root; run as the "
		    "runtime's user",
		    path, st->st_uid);
	if (st->st_size < SNP_FMT_HEADER_BYTES)
		return snp_err_set_field(
		    err, -EBADMSG, "file",
		    "%s is not a segment: %lld bytes are too few for a header", path,
		    (long long)st->st_size);
	if ((uint64_t)st->st_size > SNP_FMT_MAX_BYTES)
		return snp_err_set_field(
		    err, -EBADMSG, "file",
		    "%s is not a segment: %lld bytes are more than any has", path,
		    (long long)st->st_size);
	return 0;
}

/* The instances in the directory of a path. */
struct beside {
	const char *path;
	char names[256];
};

static int note_beside(const char *instance, const char *path, void *user)
{
	struct beside *beside = user;
	size_t dir = (size_t)(strrchr(path, '/') - path), len = strlen(beside->names);

	if (strncmp(beside->path, path, dir + 1) == 0 &&
	    !strchr(beside->path + dir + 1, '/'))
		(void)snprintf(beside->names + len, sizeof(beside->names) - len, "%s%s",
			       len ? ", " : "", instance);
	return 0;
}

static int nothing_there(const char *path, struct snp_err *err)
{
	struct beside beside = {.path = path};

	(void)snp_segment_list(note_beside, &beside, NULL);
	if (*beside.names) /* perhaps a slip of the finger */
		return snp_err_set_field(
		    err, -ENOENT, "path",
		    "no segment at %s; the instances there are: %s", path,
		    beside.names);
	return snp_err_set_field(
	    err, -ENOENT, "path",
	    "no segment at %s; is the runtime started, and under this name and "
	    "directory?",
	    path);
}

static int open_failed(const char *path, struct snp_err *err)
{
	switch (errno) {
	case ENOENT:
	case ENOTDIR:
		return nothing_there(path, err);
	case ELOOP:
		return snp_err_set_field(err, -EPERM, "path",
					 "%s is a symlink; give the file itself", path);
	case EACCES:
	case EPERM:
		return snp_err_set_field(
		    err, -EACCES, "path",
		    "cannot read %s: permission denied; run as the runtime's user",
		    path);
	case ENXIO: /* a socket */
	case ENODEV:
		return snp_err_set_field(err, -EPERM, "path",
					 "%s is not a regular file", path);
	default:
		return snp_err_errno(err, "cannot open %s", path);
	}
}

static int open_checked(const char *path, struct stat *ret_st, struct snp_err *err)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	int rc;

	if (fd < 0)
		return open_failed(path, err);
	rc = fstat(fd, ret_st) < 0 ? snp_err_errno(err, "cannot examine %s", path)
				   : check_file(path, ret_st, err);
	if (rc < 0) {
		close(fd);
		return rc;
	}
	return fd;
}

/* ---- header -------------------------------------------------------------- */

static int check_version(const char *path, const struct snp_fmt_header *h,
			 struct snp_err *err)
{
	if (memcmp(h->magic, SNP_FMT_MAGIC, sizeof(h->magic)) != 0)
		return snp_err_set_field(err, -EBADMSG, "magic",
					 "%s is not a Snakepit segment (magic)", path);
	if (h->endian != SNP_FMT_ENDIAN)
		return snp_err_set_field(err, -EBADMSG, "endian",
					 "%s has endian tag 0x%08x, expected 0x%08x",
					 path, h->endian, SNP_FMT_ENDIAN);
	if (h->ver_major != SNP_FMT_MAJOR)
		return snp_err_set_field(
		    err, -EPROTO, "ver_major",
		    "%s has format %u.%u, this program reads %u.x; use the programs of "
		    "the release that wrote it",
		    path, h->ver_major, h->ver_minor, SNP_FMT_MAJOR);
	if (h->feat_incompat)
		return snp_err_set_field(err, -EPROTO, "feat_incompat",
					 "%s needs features 0x%llx that this program "
					 "(format %u.%u) does not "
					 "know; upgrade it",
					 path, (unsigned long long)h->feat_incompat,
					 SNP_FMT_MAJOR, SNP_FMT_MINOR);
	return 0;
}

static int check_header(const char *path, const struct snp_fmt_header *h, uint64_t size,
			struct snp_err *err)
{
	const char *field = NULL;
	int rc = check_version(path, h, err);

	if (rc < 0)
		return rc;
	if (h->hdr_crc != snp__crc32c(h, offsetof(struct snp_fmt_header, hdr_crc)))
		return snp_err_set_field(err, -EBADMSG, "hdr_crc",
					 "%s is damaged (hdr_crc)", path);
	if (h->map_size != size)
		return snp_err_set_field(
		    err, -EBADMSG, "map_size",
		    "%s is damaged: map_size is %llu but the file has %llu bytes", path,
		    (unsigned long long)h->map_size, (unsigned long long)size);
	if (h->dir_count == 0 || h->dir_count > SNP_FMT_DIR_MAX)
		field = "dir_count";
	else if (h->dir_off % 8 || h->dir_off > size ||
		 h->dir_count * sizeof(struct snp_fmt_region) > size - h->dir_off)
		field = "dir_off";
	else if (h->heartbeat_interval_ms == 0)
		field = "heartbeat_interval_ms";
	else if (h->stale_after_ms == 0)
		field = "stale_after_ms";
	if (field)
		return snp_err_set_field(err, -EBADMSG, field, "%s is damaged (%s)",
					 path, field);
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

/* ---- public -------------------------------------------------------------- */

static int attach_mapped(struct snp_segment *seg, const char *path, struct snp_err *err)
{
	struct snp_fmt_header h = {.endian = 0};
	uint64_t state;
	int rc;

	/* Acquire: with any state but INIT the immutable parts are complete. Partner:
	 * the release store in snp_writer_publish(). */
	state = snp__word_acquire(seg, offsetof(struct snp_fmt_header, state));
	memcpy(seg->header, seg->map, sizeof(seg->header)); /* what is immutable */
	memcpy(&h, seg->header, sizeof(seg->header));
	rc = check_header(path, &h, seg->size_bytes, err);
	if (rc < 0)
		return rc;
	if (state == SNP_STATE_INIT)
		return snp_err_set_field(err, -EAGAIN, "state",
					 "%s is still being built; try again", path);
	fill_info(seg, path, &h);
	rc = snp__directory_read(seg, &h, err);
	return rc < 0 ? rc : snp__schema_read(seg, err);
}

static int attach_guarded(struct snp_segment *seg, const char *path,
			  struct snp_err *err)
{
	int rc, whole;

	seg->guard = snp__guard_add(seg->map, seg->size_bytes);
	if (!seg->guard)
		return snp_err_set(err, -ENOMEM, "out of memory attaching %s", path);
	rc = attach_mapped(seg, path, err);
	/* Whatever was found wrong with the zeros of a file that is cut: say this. */
	whole = snp__segment_check_whole(seg, path, err);
	return whole < 0 ? whole : rc;
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
	rc = attach_guarded(seg, path, err);
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
	snp__guard_remove(s->guard);
	if (s->map)
		munmap((void *)(uintptr_t)s->map, s->size_bytes);
	if (s->fd >= 0)
		close(s->fd);
	free(s);
}

/* The size as well as the guard: the rest of a page that the file still has reads as
 * zeros without a fault. */
int snp__segment_check_whole(const struct snp_segment *seg, const char *path,
			     struct snp_err *err)
{
	bool cut = snp__guard_hit(seg->guard);
	struct stat st = {.st_size = 0};

	if (!cut && fstat(seg->fd, &st) < 0)
		return snp_err_errno(err, "cannot examine %s", path);
	if (cut || (uint64_t)st.st_size < seg->size_bytes)
		return snp_err_set_field(err, -EBADMSG, "file",
					 "%s was cut short while it was read", path);
	return 0;
}

enum snp_attach_outcome snp_attach_outcome(int error)
{
	switch (error) {
	case -ENOENT:
		return SNP_ATTACH_MISSING;
	case -EAGAIN:
		return SNP_ATTACH_NOT_READY;
	case -EPROTO:
		return SNP_ATTACH_VERSION;
	case -EBADMSG:
		return SNP_ATTACH_DAMAGED;
	case -EACCES:
	case -EPERM:
		return SNP_ATTACH_DENIED;
	default:
		return SNP_ATTACH_NR;
	}
}

const char *snp_attach_outcome_name(enum snp_attach_outcome outcome)
{
	static const char *const names[SNP_ATTACH_NR] = {
#define OUTCOME_NAME(id, name, help) [SNP_ATTACH_##id] = (name),
	    SNP_ATTACH_OUTCOMES(OUTCOME_NAME)
#undef OUTCOME_NAME
	};

	return (unsigned)outcome < SNP_ATTACH_NR ? names[outcome] : "?";
}

const struct snp_segment_info *snp_segment_info(const struct snp_segment *seg)
{
	return &seg->info;
}

bool snp_segment_replaced(const struct snp_segment *seg)
{
	struct stat st;

	if (fstat(seg->fd, &st) < 0 || st.st_nlink == 0 ||
	    snp__word(seg, offsetof(struct snp_fmt_header, desc_used)) !=
		seg->schema.descs)
		return true;
	return stat(seg->info.path, &st) < 0 || st.st_dev != seg->dev ||
	       st.st_ino != seg->ino;
}
