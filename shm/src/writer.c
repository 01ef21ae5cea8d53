/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Create, publish and close a segment.
 *
 * The file is built without a name (O_TMPFILE), fully allocated, then linked and
 * renamed into place: readers never see a half-built one, and a full tmpfs is an error
 * here rather than a SIGBUS later. Two locks: <instance>.lock keeps a second writer of
 * the instance out; the lock on the segment itself tells readers that its writer lives.
 * Both are open file description locks: the kernel drops them with the process, however
 * it ends.
 */
#include "writer_private.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "boot_id.h"
#include "crc32c.h"

#define DEFAULT_HEARTBEAT_MS	100
#define DEFAULT_STALE_MS	1000
#define DEFAULT_EVENTS_PER_RING 1024
#define SCRAPE_HINT_MS		1000
#define REUSE_QUARANTINE_MS	60000
#define ROWS_LIMIT		(1u << 20)

/* ---- options ------------------------------------------------------------- */

static bool instance_name_ok(const char *name)
{
	static const char allowed[] =
	    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
	    "0123456789_.-";
	size_t len = name ? strlen(name) : 0;

	return len > 0 && len < SNP_FMT_NAME_BYTES && name[0] != '.' &&
	       strspn(name, allowed) == len;
}

/* The name of a predecessor's file is not an instance's: a restart would overwrite it.
 */
static bool is_predecessor_name(const char *name)
{
	static const char suffix[] = ".prev";
	size_t len = strlen(name), tail = sizeof(suffix) - 1;

	return len > tail && strcmp(name + len - tail, suffix) == 0;
}

static struct snp_writer_options with_defaults(const struct snp_writer_options *options)
{
	struct snp_writer_options o = *options;

	if (!o.events_per_ring)
		o.events_per_ring = DEFAULT_EVENTS_PER_RING;
	if (!o.heartbeat_interval_ms)
		o.heartbeat_interval_ms = DEFAULT_HEARTBEAT_MS;
	if (!o.stale_after_ms)
		o.stale_after_ms = DEFAULT_STALE_MS;
	return o;
}

static int check_options(const struct snp_writer_options *o, struct snp_err *err)
{
	if (!instance_name_ok(o->instance))
		return snp_err_set(
		    err, -EINVAL,
		    "instance name '%.80s' must be 1 to %d characters of "
		    "A-Z a-z 0-9 _ . - and not start with a dot",
		    o->instance ? o->instance : "", SNP_FMT_NAME_BYTES - 1);
	if (is_predecessor_name(o->instance))
		return snp_err_set(
		    err, -EINVAL,
		    "instance name '%s' ends in .prev, which is where the "
		    "predecessor of another instance is kept",
		    o->instance);
	if (!o->pools_max || !o->workers_max || !o->tools_max || !o->banks_max ||
	    o->pools_max > ROWS_LIMIT || o->workers_max > ROWS_LIMIT ||
	    o->tools_max > ROWS_LIMIT || o->banks_max > SNP_RINGS_MAX)
		return snp_err_set(
		    err, -EINVAL,
		    "segment limits must be at least 1 (pools %u, workers %u, "
		    "tools %u, at most %u each; banks %u, at most %d)",
		    o->pools_max, o->workers_max, o->tools_max, ROWS_LIMIT,
		    o->banks_max, SNP_RINGS_MAX);
	if (o->events_per_ring & (o->events_per_ring - 1))
		return snp_err_set(err, -EINVAL,
				   "events per ring %u is not a power of two",
				   o->events_per_ring);
	if (snp_writer_size(o) > SNP_FMT_MAX_BYTES)
		return snp_err_set(
		    err, -EINVAL,
		    "segment of %llu MiB would be larger than the %llu MiB that "
		    "readers accept; lower its limits",
		    (unsigned long long)(snp_writer_size(o) >> 20),
		    (unsigned long long)(SNP_FMT_MAX_BYTES >> 20));
	return 0;
}

uint64_t snp_writer_size(const struct snp_writer_options *options)
{
	struct snp_writer_options o = with_defaults(options);
	struct snp__layout layout;

	snp__layout_compute(&o, &layout);
	return layout.total_bytes;
}

/* ---- directory, locks, file ---------------------------------------------- */

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
	else if (fs.f_type != TMPFS_MAGIC && fs.f_type != RAMFS_MAGIC &&
		 !(o->flags & SNP_WRITER_ALLOW_DISK))
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

/* Whether the path still leads to the file we have open: the last owner removes it. */
static bool is_current(const struct snp_writer *w, const char *name)
{
	struct stat ours, named;

	return fstat(w->lock_fd, &ours) == 0 &&
	       fstatat(w->dir_fd, name, &named, AT_SYMLINK_NOFOLLOW) == 0 &&
	       ours.st_dev == named.st_dev && ours.st_ino == named.st_ino;
}

static int take_instance_lock(struct snp_writer *w, const char *dir,
			      struct snp_err *err)
{
	char name[SNP_FMT_NAME_BYTES + 8];
	int rc;

	(void)snprintf(name, sizeof(name), "%s.lock", w->instance);
	for (;;) {
		w->lock_fd = openat(w->dir_fd, name,
				    O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
		if (w->lock_fd < 0)
			return snp_err_errno(err, "cannot open %s/%s", dir, name);
		rc = lock_whole(w->lock_fd);
		if (rc < 0 || is_current(w, name))
			break;
		close(w->lock_fd); /* removed by its owner between our open and lock */
	}
	if (rc == -EAGAIN || rc == -EACCES)
		return snp_err_set(
		    err, -EEXIST,
		    "instance '%s' is already running in %s; stop it, or give "
		    "this one another 'instance' name",
		    w->instance, dir);
	return rc < 0 ? snp_err_set(err, rc, "cannot lock %s/%s: %s", dir, name,
				    strerror(-rc))
		      : 0;
}

static int open_file(struct snp_writer *w, const char *dir, struct snp_err *err)
{
	uint64_t size = w->layout.total_bytes;
	int rc;

	w->file_fd = openat(w->dir_fd, ".", O_TMPFILE | O_RDWR | O_CLOEXEC, 0640);
	if (w->file_fd < 0)
		return snp_err_errno(err, "cannot create a segment in %s", dir);
	rc = posix_fallocate(w->file_fd, 0, (off_t)size);
	if (rc)
		return snp_err_set(err, -rc,
				   "cannot allocate %llu KiB for the segment in %s: %s",
				   (unsigned long long)size / 1024, dir, strerror(rc));
	rc = lock_whole(w->file_fd);
	if (rc < 0)
		return snp_err_set(err, rc, "cannot lock the segment in %s: %s", dir,
				   strerror(-rc));
	/* Populated: the first store to a page must not fault on the hot path. */
	w->map = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_POPULATE,
		      w->file_fd, 0);
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

/* ---- header -------------------------------------------------------------- */

static uint64_t namespace_inode(const char *path)
{
	struct stat st;

	return stat(path, &st) == 0 ? (uint64_t)st.st_ino : 0;
}

/* Field 22 of /proc/self/stat, in clock ticks since boot; 0 when it cannot be read. */
static uint64_t own_start_ticks(void)
{
	char line[1024];
	unsigned long long ticks = 0;
	FILE *f = fopen("/proc/self/stat", "re");
	char *p;

	if (!f)
		return 0;
	if (fgets(line, sizeof(line), f) && (p = strrchr(line, ')')))
		if (sscanf(
			p + 1,
			" %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %*u %*u %*d %*d "
			"%*d %*d %*d %*d %llu",
			&ticks) != 1)
			ticks = 0;
	(void)fclose(f);
	return ticks;
}

/* Incarnation of the file a start replaces, 0 when there is none worth reading. */
static uint64_t predecessor_incarnation(const struct snp_writer *w)
{
	char name[SNP_FMT_NAME_BYTES + 8];
	struct snp_fmt_header h;
	uint64_t incarnation = 0;
	int fd;

	(void)snprintf(name, sizeof(name), "%s.seg", w->instance);
	/* O_NONBLOCK: a FIFO of that name must not keep us waiting. */
	fd = openat(w->dir_fd, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	if (fd < 0)
		return 0;
	if (pread(fd, &h, sizeof(h), 0) == (ssize_t)sizeof(h) &&
	    memcmp(h.magic, SNP_FMT_MAGIC, sizeof(h.magic)) == 0 &&
	    h.hdr_crc == snp__crc32c(&h, offsetof(struct snp_fmt_header, hdr_crc)))
		incarnation = h.incarnation;
	close(fd);
	return incarnation;
}

static void uuid_make(uint8_t ret_uuid[16], char ret_text[37])
{
	static const char hex[] = "0123456789abcdef";
	size_t at = 0;

	if (getrandom(ret_uuid, 16, 0) !=
	    16) /* never happens for 16 bytes after boot */
		memset(ret_uuid, 0, 16);
	ret_uuid[6] = (uint8_t)((ret_uuid[6] & 0x0f) | 0x40); /* version 4, RFC 9562 */
	ret_uuid[8] = (uint8_t)((ret_uuid[8] & 0x3f) | 0x80);
	for (int i = 0; i < 16; i++) {
		if (i == 4 || i == 6 || i == 8 || i == 10)
			ret_text[at++] = '-';
		ret_text[at++] = hex[ret_uuid[i] >> 4];
		ret_text[at++] = hex[ret_uuid[i] & 15];
	}
	ret_text[at] = '\0';
}

static void fill_header(struct snp_writer *w)
{
	struct snp_fmt_header *h = w->header;

	memcpy(h->magic, SNP_FMT_MAGIC, sizeof(h->magic));
	h->endian = SNP_FMT_ENDIAN;
	h->ver_major = SNP_FMT_MAJOR;
	h->ver_minor = SNP_FMT_MINOR;
	h->compat_major_min = SNP_FMT_MAJOR;
	h->header_size = offsetof(struct snp_fmt_header, reserved2);
	h->map_size = w->layout.total_bytes;
	uuid_make(h->instance_uuid, w->uuid);
	(void)snp__boot_id(
	    h->boot_id); /* zeros where unknown: readers skip the check */
	h->incarnation = predecessor_incarnation(w) + 1;
	h->pid = (uint32_t)getpid();
	h->uid = (uint32_t)geteuid();
	h->pid_start_ticks = own_start_ticks();
	h->pidns_inode = namespace_inode("/proc/self/ns/pid");
	h->timens_inode = namespace_inode("/proc/self/ns/time");
	h->start_monotonic_ns = snp_mono_now().ns;
	h->start_realtime_ns = snp_wall_now().ns;
	h->dir_off = SNP_FMT_DIR_OFF;
	h->dir_count = PLACE_NR;
	h->heartbeat_interval_ms = w->options.heartbeat_interval_ms;
	h->stale_after_ms = w->options.stale_after_ms;
	h->scrape_hint_ms = SCRAPE_HINT_MS;
	h->reuse_quarantine_ms = REUSE_QUARANTINE_MS;
	memcpy(h->name, w->instance, strlen(w->instance));
	memcpy(w->map + SNP_FMT_DIR_OFF, w->layout.region, sizeof(w->layout.region));
	h->dir_crc = snp__crc32c(w->layout.region, sizeof(w->layout.region));
}

static void fill_rings(struct snp_writer *w)
{
	const struct snp_fmt_region *r = &w->layout.region[PLACE_EVNT];

	for (uint64_t i = 0; i < r->outer_count; i++) {
		struct snp_fmt_ring *ring =
		    (void *)(w->map + r->off + i * r->outer_stride);

		ring->capacity = r->count;
	}
}

/* ---- public -------------------------------------------------------------- */

static void writer_free(struct snp_writer *w)
{
	if (w->map)
		munmap(w->map, w->layout.total_bytes);
	if (w->file_fd >= 0)
		close(w->file_fd);
	if (w->lock_fd >= 0)
		close(w->lock_fd);
	if (w->dir_fd >= 0)
		close(w->dir_fd);
	free(w->bank_used);
	pthread_mutex_destroy(&w->mutex);
	free(w);
}

static struct snp_writer *writer_alloc(const struct snp_writer_options *o)
{
	struct snp_writer *w = calloc(1, sizeof(*w));

	if (!w)
		return NULL;
	w->dir_fd = w->file_fd = w->lock_fd = -1;
	w->options = *o;
	pthread_mutex_init(&w->mutex, NULL);
	memcpy(w->instance, o->instance, strlen(o->instance));
	snp__layout_compute(o, &w->layout);
	w->bank_used = calloc(o->banks_max, sizeof(*w->bank_used));
	if (!w->bank_used) {
		writer_free(w);
		return NULL;
	}
	return w;
}

int snp_writer_create(const struct snp_writer_options *options,
		      struct snp_writer **ret_writer, struct snp_err *err)
{
	struct snp_writer_options o = with_defaults(options);
	struct snp_writer *w;
	int n, rc = check_options(&o, err);

	if (rc < 0)
		return rc;
	w = writer_alloc(&o);
	if (!w)
		return snp_err_set(err, -ENOMEM,
				   "out of memory for the segment's writer");
	n = snprintf(w->path, sizeof(w->path), "%s/%s.seg", o.dir, o.instance);
	if (n < 0 || (size_t)n >= sizeof(w->path))
		rc = snp_err_set(err, -ENAMETOOLONG, "path too long: %.64s...", o.dir);
	if (rc == 0) {
		w->dir_fd = open_dir(&o, err);
		rc = w->dir_fd < 0 ? w->dir_fd : 0;
	}
	if (rc == 0)
		rc = take_instance_lock(w, o.dir, err);
	if (rc == 0)
		rc = open_file(w, o.dir, err);
	if (rc == 0) {
		fill_header(w);
		fill_rings(w);
		rc = snp__schema_build(w, err);
	}
	if (rc < 0) {
		writer_free(w);
		return rc;
	}
	w->header->hdr_crc =
	    snp__crc32c(w->header, offsetof(struct snp_fmt_header, hdr_crc));
	atomic_store_explicit(&w->header->row_high[SNP_ROW_PROC], 1,
			      memory_order_relaxed);
	*ret_writer = w;
	return 0;
}

/* Give the nameless file its name. A predecessor gets a second name first, so that the
 * last state of a crashed runtime stays readable, and the path is never without a file:
 * a start that dies in here must not lose the incarnation. */
static int link_into_place(struct snp_writer *w, struct snp_err *err)
{
	char self[64], seg[SNP_FMT_NAME_BYTES + 16], prev[SNP_FMT_NAME_BYTES + 16],
	    tmp[SNP_FMT_NAME_BYTES + 16];

	(void)snprintf(self, sizeof(self), "/proc/self/fd/%d", w->file_fd);
	(void)snprintf(seg, sizeof(seg), "%s.seg", w->instance);
	(void)snprintf(prev, sizeof(prev), "%s.prev.seg", w->instance);
	(void)snprintf(tmp, sizeof(tmp), ".%s.new", w->instance);
	if (unlinkat(w->dir_fd, tmp, 0) < 0 && errno != ENOENT)
		return snp_err_errno(err, "cannot remove left-over %s", tmp);
	if (linkat(AT_FDCWD, self, w->dir_fd, tmp, AT_SYMLINK_FOLLOW) < 0)
		return snp_err_errno(err, "cannot name the segment %s", tmp);
	if ((unlinkat(w->dir_fd, prev, 0) < 0 && errno != ENOENT) ||
	    (linkat(w->dir_fd, seg, w->dir_fd, prev, 0) < 0 && errno != ENOENT))
		return snp_err_errno(err, "cannot keep the previous segment as %s",
				     prev);
	if (renameat(w->dir_fd, tmp, w->dir_fd, seg) < 0)
		return snp_err_errno(err, "cannot publish %s", w->path);
	return 0;
}

int snp_writer_publish(struct snp_writer *w, struct snp_err *err)
{
	int rc;

	snp_writer_heartbeat(w, 0, 0);
	/* Release: header, directory and schema before LIVE. Partner: attach.c. */
	atomic_store_explicit(&w->header->state, SNP_STATE_LIVE, memory_order_release);
	rc = link_into_place(w, err);
	w->published = rc == 0;
	return rc;
}

void snp_writer_set_draining(struct snp_writer *w)
{
	atomic_store_explicit(&w->header->state, SNP_STATE_DRAINING,
			      memory_order_release);
}

void snp_writer_close(struct snp_writer **writer)
{
	struct snp_writer *w = *writer;

	*writer = NULL;
	if (!w)
		return;
	snp_writer_heartbeat(w, 0, 0);
	atomic_store_explicit(&w->header->state, SNP_STATE_CLOSED,
			      memory_order_release);
	writer_free(w);
}

void snp_writer_remove(struct snp_writer **writer)
{
	struct snp_writer *w = *writer;
	char name[SNP_FMT_NAME_BYTES + 8];

	if (!w)
		return;
	/* CLOSED before the name goes: who is attached learns that it ended cleanly. */
	atomic_store_explicit(&w->header->state, SNP_STATE_CLOSED,
			      memory_order_release);
	(void)snprintf(name, sizeof(name), "%s.seg", w->instance);
	if (w->published)
		(void)unlinkat(w->dir_fd, name, 0);
	(void)snprintf(name, sizeof(name), "%s.lock", w->instance);
	(void)unlinkat(w->dir_fd, name, 0);
	snp_writer_close(writer);
}

void snp_writer_abandon(struct snp_writer **writer)
{
	struct snp_writer *w = *writer;

	*writer = NULL;
	if (w)
		writer_free(w);
}

const char *snp_writer_path(const struct snp_writer *w)
{
	return w->path;
}

const char *snp_writer_uuid(const struct snp_writer *w)
{
	return w->uuid;
}

/* ---- heartbeat ----------------------------------------------------------- */

void snp_writer_heartbeat(struct snp_writer *w, uint64_t loop_lag_max_ns,
			  unsigned live_threads)
{
	uint64_t seq = snp_get(&w->header->hb_seq) + 1;
	struct snp_fmt_heartbeat *hb = &w->header->hb[seq & 1];
	uint64_t before = snp__clock_ns(CLOCK_MONOTONIC);
	uint64_t real = snp__clock_ns(CLOCK_REALTIME);
	uint64_t after = snp__clock_ns(CLOCK_MONOTONIC);
	const uint64_t words[] = {seq,
				  before + (after - before) / 2,
				  real,
				  snp__clock_ns(CLOCK_BOOTTIME),
				  (after - before + 1) / 2,
				  loop_lag_max_ns,
				  live_threads};

	/* A two-copy latch with a CRC for readers without memory ordering; see
	 * snp_latch_publish() for the protocol. */
	atomic_thread_fence(memory_order_release);
	snp_set(&hb->seq, words[0]);
	snp_set(&hb->mono_ns, words[1]);
	snp_set(&hb->real_ns, words[2]);
	snp_set(&hb->boottime_ns, words[3]);
	snp_set(&hb->pair_error_ns, words[4]);
	snp_set(&hb->loop_lag_max_ns, words[5]);
	snp_set(&hb->live_threads, words[6]);
	snp_set(&hb->crc, snp__crc32c(words, sizeof(words)));
	atomic_store_explicit(&w->header->hb_seq, seq, memory_order_release);
}
