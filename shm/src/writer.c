/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Create a segment: directory, lock, file.
 *
 * The file is built without a name (O_TMPFILE) and fully allocated: a full tmpfs is an
 * error here rather than a SIGBUS later. Two locks: <instance>.lock keeps a second
 * writer of the instance out; the lock on the segment itself tells readers that its
 * writer lives. Both are open file description locks: the kernel drops them with the
 * process, however it ends. A creation that fails leaves nothing in the directory.
 */
#include "writer_private.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

/* ---- directory and locks ------------------------------------------------- */

static bool medium_ok(const struct snp_writer_options *o, const struct statfs *fs)
{
	return fs->f_type == TMPFS_MAGIC || fs->f_type == RAMFS_MAGIC ||
	       o->flags & (SNP_WRITER_ALLOW_DISK | SNP_WRITER_ANONYMOUS);
}

static int open_dir(const struct snp_writer_options *o, struct snp_err *err)
{
	struct statfs fs;
	struct stat st;
	int fd, rc = 0;

	if (mkdir(o->dir, 0750) < 0 && errno != EEXIST)
		return snp_err_errno(err, "cannot create directory %s", o->dir);
	fd = open(o->dir, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0)
		return snp_err_errno(err, "cannot open directory %s", o->dir);
	if (fstat(fd, &st) < 0 || fstatfs(fd, &fs) < 0)
		rc = snp_err_errno(err, "cannot examine directory %s", o->dir);
	else if (st.st_uid != geteuid())
		rc = snp_err_set(
		    err, -EPERM,
		    "directory %s belongs to uid %u, not to us (uid %u); choose "
		    "another with SNAKEPIT_DIR or data_dir",
		    o->dir, st.st_uid, geteuid());
	else if (st.st_mode & 0002)
		rc = snp_err_set(err, -EPERM,
				 "directory %s is writable by everybody; chmod o-w it",
				 o->dir);
	else if (!medium_ok(o, &fs))
		rc = snp_err_set(
		    err, -EMEDIUMTYPE,
		    "directory %s is not on tmpfs; choose one that is, or set "
		    "segment.allow_disk",
		    o->dir);
	if (rc < 0) {
		close(fd);
		return rc;
	}
	return fd;
}

static int lock_whole(int fd)
{
	struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET};

	return fcntl(fd, F_OFD_SETLK, &lock) < 0 ? -errno : 0;
}

/* 1: the name still leads to the file we have open. 0: the last owner has removed it.
 * Else a negative errno. */
static int is_current(const struct snp_writer *w, int fd, const char *name)
{
	struct stat ours, named;

	if (fstat(fd, &ours) < 0)
		return -errno;
	if (fstatat(w->dir_fd, name, &named, AT_SYMLINK_NOFOLLOW) < 0)
		return errno == ENOENT ? 0 : -errno;
	return ours.st_dev == named.st_dev && ours.st_ino == named.st_ino;
}

static void lock_name(const struct snp_writer *w, char ret_name[SNP_FMT_NAME_BYTES + 8])
{
	(void)snprintf(ret_name, SNP_FMT_NAME_BYTES + 8, "%s.lock", w->instance);
}

static int take_instance_lock(struct snp_writer *w, const char *dir,
			      struct snp_err *err)
{
	char name[SNP_FMT_NAME_BYTES + 8];
	int fd, rc;

	lock_name(w, name);
	for (;;) {
		fd = openat(w->dir_fd, name, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW,
			    0600);
		if (fd < 0)
			return snp_err_errno(err, "cannot open %s/%s", dir, name);
		rc = lock_whole(fd);
		if (rc == 0)
			rc = is_current(w, fd, name);
		if (rc != 0)
			break;
		close(fd); /* removed by its owner between our open and lock */
	}
	if (rc > 0) {
		w->lock_fd = fd;
		return 0;
	}
	/* The file stays, ours or not: without the lock it may be another's by now. */
	close(fd);
	if (rc == -EAGAIN || rc == -EACCES)
		return snp_err_set(
		    err, -EEXIST,
		    "instance '%s' is already running in %s; stop it, or give "
		    "this one another 'instance' name",
		    w->instance, dir);
	return snp_err_set(err, rc, "cannot lock %s/%s: %s", dir, name, strerror(-rc));
}

void snp__writer_unlink_lock(const struct snp_writer *w)
{
	char name[SNP_FMT_NAME_BYTES + 8];

	lock_name(w, name);
	(void)unlinkat(w->dir_fd, name, 0);
}

/* ---- the bytes ----------------------------------------------------------- */

static int allocate(const struct snp_writer *w, const char *dir, struct snp_err *err)
{
	struct statfs fs;
	int rc;

	do
		rc = posix_fallocate(w->file_fd, 0, (off_t)w->layout.total_bytes);
	while (rc == EINTR);
	if (rc == ENOSPC && fstatfs(w->dir_fd, &fs) == 0)
		return snp_err_set(
		    err, -rc,
		    "cannot allocate the segment in %s: it needs %llu KiB, %llu KiB "
		    "are free; make the file system larger or the limits lower",
		    dir, (unsigned long long)w->layout.total_bytes / 1024,
		    (unsigned long long)fs.f_bavail * (unsigned long long)fs.f_bsize /
			1024);
	if (rc)
		return snp_err_set(err, -rc,
				   "cannot allocate %llu KiB for the segment in %s: %s",
				   (unsigned long long)w->layout.total_bytes / 1024,
				   dir, strerror(rc));
	return 0;
}

static int open_file(struct snp_writer *w, const char *dir, struct snp_err *err)
{
	int rc;

	w->file_fd = openat(w->dir_fd, ".", O_TMPFILE | O_RDWR | O_CLOEXEC, 0640);
	if (w->file_fd < 0)
		return snp_err_errno(err, "cannot create a segment in %s", dir);
	rc = allocate(w, dir, err);
	if (rc < 0)
		return rc;
	rc = lock_whole(w->file_fd);
	return rc < 0 ? snp_err_set(err, rc, "cannot lock the segment in %s: %s", dir,
				    strerror(-rc))
		      : 0;
}

static int map_bytes(struct snp_writer *w, const char *dir, struct snp_err *err)
{
	int how = w->file_fd < 0 ? MAP_PRIVATE | MAP_ANONYMOUS : MAP_SHARED;
	uint64_t size = w->layout.total_bytes;

	/* Populated: the first store to a page must not fault on the hot path. The
	 * whole file is, here and once, so that no row and no bank needs it later. */
	w->map =
	    mmap(NULL, size, PROT_READ | PROT_WRITE, how | MAP_POPULATE, w->file_fd, 0);
	if (w->map == MAP_FAILED) {
		w->map = NULL;
		return snp_err_errno(err, "cannot map the segment in %s", dir);
	}
	/* A forked child must not share the cells: each has one writer. */
	if (madvise(w->map, size, MADV_DONTFORK) < 0)
		return snp_err_errno(err, "cannot exclude the segment from fork");
	w->header = (struct snp_fmt_header *)w->map;
	return 0;
}

/* ---- the object ---------------------------------------------------------- */

void snp__writer_free(struct snp_writer *w)
{
	if (w->map)
		munmap(w->map, w->layout.total_bytes);
	if (w->file_fd >= 0)
		close(w->file_fd);
	if (w->lock_fd >= 0)
		close(w->lock_fd);
	if (w->dir_fd >= 0)
		close(w->dir_fd);
	for (unsigned kind = 0; kind < SNP_ROW_KINDS; kind++)
		free(w->tombstones[kind].index);
	snp__history_free(&w->history);
	free(w->bank_used);
	pthread_mutex_destroy(&w->mutex);
	free(w);
}

static struct snp_writer *writer_alloc(const struct snp_writer_options *o)
{
	struct snp_writer *w = calloc(1, sizeof(*w));
	bool whole;

	if (!w)
		return NULL;
	w->dir_fd = w->file_fd = w->lock_fd = -1;
	w->options = *o;
	w->options.dir = w->options.instance = NULL;
	pthread_mutex_init(&w->mutex, NULL);
	memcpy(w->instance, o->instance, strlen(o->instance));
	snp__layout_compute(o, &w->layout);
	w->bank_used = calloc(o->banks_max, sizeof(*w->bank_used));
	whole = w->bank_used != NULL;
	for (unsigned kind = SNP_ROW_POOL; kind < SNP_ROW_KINDS; kind++) {
		struct snp__tombstones *t = &w->tombstones[kind];

		t->index = calloc(w->layout.region[snp__rowd_place(kind)].count,
				  sizeof(*t->index));
		whole = whole && t->index;
	}
	if (!whole) {
		snp__writer_free(w);
		return NULL;
	}
	return w;
}

static int writer_open(struct snp_writer *w, const struct snp_writer_options *o,
		       struct snp_err *err)
{
	bool anonymous = o->flags & SNP_WRITER_ANONYMOUS;
	int n, rc;

	n = anonymous
		? 0
		: snprintf(w->path, sizeof(w->path), "%s/%s.seg", o->dir, o->instance);
	if (n < 0 || (size_t)n >= sizeof(w->path))
		return snp_err_set(err, -ENAMETOOLONG, "path too long: %.64s...",
				   o->dir);
	w->dir_fd = open_dir(o, err);
	if (w->dir_fd < 0)
		return w->dir_fd;
	rc = take_instance_lock(w, o->dir, err);
	if (rc == 0 && !anonymous)
		rc = open_file(w, o->dir, err);
	if (rc == 0)
		rc = map_bytes(w, o->dir, err);
	if (rc < 0)
		return rc;
	snp__header_fill(w);
	rc = snp__schema_build(w, err);
	if (rc < 0)
		return rc;
	snp__header_seal(w);
	snp__adapter_init(w);
	return 0;
}

int snp_writer_create(const struct snp_writer_options *options,
		      struct snp_writer **ret_writer, struct snp_err *err)
{
	struct snp_writer_options o = snp__writer_defaults(options);
	struct snp_writer *w;
	int rc = snp__writer_check(&o, err);

	if (rc < 0)
		return rc;
	w = writer_alloc(&o);
	if (!w)
		return snp_err_set(err, -ENOMEM,
				   "out of memory for the segment's writer");
	rc = writer_open(w, &o, err);
	if (rc < 0) {
		if (w->lock_fd >= 0)
			snp__writer_unlink_lock(w);
		snp__writer_free(w);
		return rc;
	}
	*ret_writer = w;
	return 0;
}

void snp_writer_forget(const struct snp_writer *w)
{
	if (w->lock_fd >= 0)
		(void)close(w->lock_fd);
}

const char *snp_writer_path(const struct snp_writer *w)
{
	return w->path;
}

const char *snp_writer_uuid(const struct snp_writer *w)
{
	return w->uuid;
}
