/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "crc32c.h"
#include "record_codec.h"
#include "record_delta.h"
#include "record_file.h"

struct place {
	uint64_t at; /* of the chunk in the file */
	uint32_t len;
	snp_wall_t wall;
};

struct top_recording {
	int fd;
	char path[SNP_PATH_BYTES];
	uint64_t size;
	struct place *places;
	size_t nr, cap;
	uint64_t next; /* the frame that `image` and `frame` are one before */
	bool torn;     /* a read failed on its way: they are of no frame */
	struct snp_buf image, payload;
	struct top_frame frame;
	struct top_history *history;
};

/* ---- bytes --------------------------------------------------------------- */

/* Exactly so many; -ENODATA when the file ends before. */
static int read_at(const struct top_recording *r, void *to, size_t len, uint64_t at)
{
	unsigned char *bytes = to;

	while (len > 0) {
		ssize_t n = pread(r->fd, bytes, len, (off_t)at);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return n < 0 ? -errno : -ENODATA;
		bytes += n;
		at += (uint64_t)n;
		len -= (size_t)n;
	}
	return 0;
}

/* The payload of the chunk at `at`, checked. -ENODATA: cut off; -EBADMSG: damaged. */
static int read_chunk(struct top_recording *r, uint64_t at)
{
	unsigned char head[CHUNK_HEAD_BYTES];
	int rc = read_at(r, head, sizeof(head), at);
	uint64_t len;
	char *room;

	if (rc < 0)
		return rc;
	len = record_get(head + CHUNK_LEN, 4);
	if (len == 0 || len > CHUNK_BYTES_MAX)
		return -EBADMSG;
	if (len > r->size - at - sizeof(head))
		return -ENODATA;
	snp_buf_reset(&r->payload);
	room = snp_buf_reserve(&r->payload, (size_t)len);
	if (!room)
		return -ENOMEM;
	rc = read_at(r, room, (size_t)len, at + sizeof(head));
	if (rc < 0)
		return rc;
	snp_buf_commit(&r->payload, (size_t)len);
	return snp__crc32c(room, (size_t)len) == record_get(head + CHUNK_CRC, 4)
		   ? 0
		   : -EBADMSG;
}

static struct top_codec reader_of(const void *bytes, size_t len, bool compact)
{
	return (struct top_codec){
	    .mode = TOP_CODEC_READ, .compact = compact, .in = bytes, .left = len};
}

static uint64_t get_number(struct top_codec *c)
{
	uint64_t v = 0;

	top_codec_number(c, "", &v);
	return v;
}

/* ---- opening ------------------------------------------------------------- */

static int check_head(struct top_recording *r, struct snp_err *err)
{
	unsigned char head[TOP_RECORD_HEAD_BYTES];
	char program[HEAD_PROGRAM_BYTES + 1] = "";
	uint64_t version;
	int rc = read_at(r, head, sizeof(head), 0);

	if (rc < 0 && rc != -ENODATA)
		return snp_err_set(err, rc, "cannot read %s: %s", r->path,
				   strerror(-rc));
	if (rc < 0 ||
	    memcmp(head + HEAD_MAGIC, RECORD_MAGIC, strlen(RECORD_MAGIC)) != 0)
		return snp_err_set(err, -EBADMSG, "%s is no recording of snakepit-top",
				   r->path);
	if (snp__crc32c(head, HEAD_CRC) != record_get(head + HEAD_CRC, 4))
		return snp_err_set(err, -EBADMSG,
				   "recording %s: its head is damaged (checksum); "
				   "nothing of it can be shown",
				   r->path);
	version = record_get(head + HEAD_VERSION, 4);
	memcpy(program, head + HEAD_PROGRAM, HEAD_PROGRAM_BYTES);
	if (version != TOP_RECORD_VERSION)
		return snp_err_set(err, -EPROTO,
				   "recording %s is of format %" PRIu64
				   " (snakepit-top %s), this snakepit-top %s reads %d; "
				   "replay it with that version",
				   r->path, version, program, SNP_VERSION,
				   TOP_RECORD_VERSION);
	if (record_get(head + HEAD_LAYOUT, 8) != top_codec_layout())
		return snp_err_set(err, -EPROTO,
				   "recording %s was made by snakepit-top %s, whose "
				   "frames have other fields than those of this one "
				   "(%s); replay it with that version",
				   r->path, program, SNP_VERSION);
	return 0;
}

static int add_place(struct top_recording *r, uint64_t at)
{
	struct top_codec c = reader_of(r->payload.data, r->payload.len, true);
	struct place place = {.at = at, .len = (uint32_t)r->payload.len};

	if (r->nr == r->cap) {
		size_t cap = r->cap ? 2 * r->cap : 256;
		void *bigger = reallocarray(r->places, cap, sizeof(*r->places));

		if (!bigger)
			return -ENOMEM;
		r->places = bigger;
		r->cap = cap;
	}
	place.wall.ns = get_number(&c);
	r->places[r->nr++] = place;
	return 0;
}

static int tell_end(const struct top_recording *r, int error, uint64_t at,
		    struct snp_err *err)
{
	const char *what = error == -ENODATA   ? "is cut off"
			   : error == -EBADMSG ? "is damaged (checksum)"
					       : strerror(-error);
	int code = error == -ENODATA ? -EBADMSG : error;

	if (r->nr == 0)
		return snp_err_set(err, code,
				   "recording %s: frame 1 at byte %" PRIu64
				   " %s; nothing of it can be shown",
				   r->path, at, what);
	(void)snp_err_set(err, code,
			  "recording %s: frame %zu at byte %" PRIu64
			  " %s; the %zu before it are whole",
			  r->path, r->nr + 1, at, what, r->nr);
	return code == -EBADMSG ? 0 : code;
}

static int find_frames(struct top_recording *r, struct snp_err *err)
{
	uint64_t at = TOP_RECORD_HEAD_BYTES;
	int rc = 0;

	while (at < r->size) {
		rc = read_chunk(r, at);
		if (rc == 0)
			rc = add_place(r, at);
		if (rc < 0)
			return tell_end(r, rc, at, err);
		at += CHUNK_HEAD_BYTES + r->payload.len;
	}
	return r->nr > 0
		   ? 0
		   : snp_err_set(err, -EBADMSG, "recording %s has no frame", r->path);
}

static int open_file(struct top_recording *r, const char *path, struct snp_err *err)
{
	struct stat st;

	(void)strncpy(r->path, path, sizeof(r->path) - 1);
	/* Not to wait for whoever might write a pipe. */
	r->fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	if (r->fd < 0 || fstat(r->fd, &st) < 0)
		return snp_err_set(err, -errno, "cannot open recording %s: %s", path,
				   strerror(errno));
	if (!S_ISREG(st.st_mode))
		return snp_err_set(err, -EBADMSG,
				   "%s is no regular file, and so no recording", path);
	r->size = (uint64_t)st.st_size;
	return 0;
}

int top_recording_open(const char *path, struct top_recording **ret_recording,
		       struct snp_err *err)
{
	struct top_recording *r = calloc(1, sizeof(*r));
	int rc;

	if (!r)
		return snp_err_set(err, -ENOMEM, "out of memory");
	rc = open_file(r, path, err);
	if (rc == 0)
		rc = check_head(r, err);
	if (rc == 0)
		rc = find_frames(r, err);
	if (rc < 0)
		top_recording_close(&r);
	else
		*ret_recording = r;
	return rc;
}

void top_recording_close(struct top_recording **recording)
{
	struct top_recording *r = *recording;

	if (!r)
		return;
	if (r->fd >= 0)
		(void)close(r->fd);
	free(r->places);
	snp_buf_fini(&r->image);
	snp_buf_fini(&r->payload);
	top_frame_fini(&r->frame);
	top_history_destroy(&r->history);
	free(r);
	*recording = NULL;
}

uint64_t top_recording_frames(const struct top_recording *r)
{
	return r->nr;
}

snp_wall_t top_recording_wall(const struct top_recording *r, uint64_t index)
{
	return r->places[index].wall;
}

/* ---- frames -------------------------------------------------------------- */

static void take_numbers(struct top_recording *r, struct top_codec *c)
{
	uint64_t image_len = get_number(c), delta_len = get_number(c);
	struct top_codec image;

	if (c->failed || image_len > CHUNK_BYTES_MAX || delta_len > c->left ||
	    !top_delta_apply(&r->image, (size_t)image_len, c->in, (size_t)delta_len)) {
		c->failed = true;
		c->starved = r->image.failed;
		return;
	}
	c->in += delta_len;
	c->left -= (size_t)delta_len;
	image = reader_of(r->image.data, r->image.len, false);
	top_codec_frame(&image, &r->frame);
	c->failed |= image.failed || image.left > 0;
	c->starved = image.starved;
}

static void take_events(struct top_recording *r, struct top_codec *c)
{
	uint64_t nr = 0;

	top_codec_count(c, "events", &nr, TOP_EVENTS_MAX);
	for (uint64_t i = 0; i < nr && !c->failed; i++) {
		struct snp_told_event event = {0};

		top_codec_event(c, &event);
		if (!c->failed)
			top_eventlog_add(&r->frame.events, &event);
	}
}

static void take_points(struct top_recording *r, struct top_codec *c)
{
	for (;;) {
		uint64_t kind = get_number(c);
		struct top_codec_pool_point pool = {0};
		struct top_codec_worker_point worker = {0};
		int rc;

		if (c->failed || kind == POINT_NONE)
			return;
		if (kind == POINT_POOL) {
			top_codec_pool_point(c, &pool);
			rc = c->failed ? 0
				       : top_history_put_pool(r->history, &pool.who,
							      pool.second, &pool.point);
		} else if (kind == POINT_WORKER) {
			top_codec_worker_point(c, &worker);
			rc = c->failed
				 ? 0
				 : top_history_put_worker(r->history, &worker.who,
							  worker.step, &worker.point);
		} else {
			rc = -EBADMSG;
		}
		c->failed |= rc < 0;
		c->starved |= rc == -ENOMEM;
	}
}

static int begin_anew(struct top_recording *r)
{
	r->next = 0;
	snp_buf_reset(&r->image);
	memset(&r->frame.events, 0, sizeof(r->frame.events));
	top_history_destroy(&r->history);
	r->history = top_history_create();
	return r->history ? 0 : -ENOMEM;
}

static int read_next(struct top_recording *r)
{
	int rc = read_chunk(r, r->places[r->next].at);
	struct top_codec c = reader_of(r->payload.data, r->payload.len, true);

	if (rc < 0)
		return rc;
	(void)get_number(&c); /* the time, known since it was opened */
	take_numbers(r, &c);
	take_events(r, &c);
	take_points(r, &c);
	if (c.starved)
		return -ENOMEM;
	if (c.failed || c.left > 0)
		return -EBADMSG;
	r->next++;
	return 0;
}

int top_recording_read(struct top_recording *r, uint64_t index, uint64_t from)
{
	bool anew = !r->history || r->torn || index + 1 < r->next;
	int rc = anew ? begin_anew(r) : 0;
	uint64_t until = r->places[from].wall.ns, at = r->places[index].wall.ns;

	while (rc == 0 && r->next <= index)
		rc = read_next(r);
	r->torn = rc < 0;
	r->frame.origin = TOP_ORIGIN_RECORDING;
	r->frame.record_at = index;
	r->frame.record_nr = r->nr;
	r->frame.history = r->history;
	r->frame.rewound_ns = until > at ? until - at : 0;
	if (rc == -ENODATA)
		rc = -EBADMSG;
	if (rc == -ENOMEM)
		(void)snprintf(r->frame.problem, sizeof(r->frame.problem),
			       "recording: out of memory");
	else if (rc < 0)
		(void)snprintf(r->frame.problem, sizeof(r->frame.problem),
			       "recording: frame %" PRIu64 " at byte %" PRIu64 " %s",
			       r->next + 1, r->places[r->next].at,
			       rc == -EBADMSG ? "is damaged" : strerror(-rc));
	return rc;
}

const struct top_frame *top_recording_frame(const struct top_recording *r)
{
	return &r->frame;
}
