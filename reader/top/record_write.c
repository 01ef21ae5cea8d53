/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "crc32c.h"
#include "record_codec.h"
#include "record_delta.h"
#include "record_file.h"

struct top_recorder {
	int fd;
	char path[SNP_PATH_BYTES];
	bool failed;
	struct snp_buf image, before; /* numbers of this frame, and of the one before */
	struct snp_buf delta, chunk;
	uint64_t events;       /* of the log, that have been written */
	uint64_t second, step; /* up to which points have been written */
};

static int cannot(struct snp_err *err, int error, const char *path)
{
	return snp_err_set(err, error, "cannot write recording %s: %s", path,
			   strerror(-error));
}

/* ---- a frame ------------------------------------------------------------- */

static struct top_codec writer_to(struct snp_buf *out, bool compact)
{
	return (struct top_codec){
	    .mode = TOP_CODEC_WRITE, .compact = compact, .out = out};
}

static void put_number(struct top_codec *c, uint64_t v)
{
	top_codec_number(c, "", &v);
}

static void put_events(struct top_codec *c, struct top_recorder *r,
		       const struct top_eventlog *log)
{
	uint64_t from = r->events > log->first ? r->events : log->first;

	put_number(c, log->nr - from);
	for (uint64_t back = log->nr - from; back > 0; back--) {
		struct snp_told_event event =
		    *top_eventlog_at(log, (unsigned)(back - 1));

		top_codec_event(c, &event);
	}
	r->events = log->nr;
}

static int put_pool_point(void *user, const struct top_history_who *who,
			  uint64_t second, const struct top_pool_point *point)
{
	struct top_codec_pool_point p = {*who, second, *point};

	put_number(user, POINT_POOL);
	top_codec_pool_point(user, &p);
	return 0;
}

static int put_worker_point(void *user, const struct top_history_who *who,
			    uint64_t step, const struct top_worker_point *point)
{
	struct top_codec_worker_point p = {*who, step, *point};

	put_number(user, POINT_WORKER);
	top_codec_worker_point(user, &p);
	return 0;
}

/* A row may be a little behind the others. */
#define LAG 2

static void put_points(struct top_codec *c, struct top_recorder *r,
		       const struct top_frame *frame)
{
	const struct top_history_visitor visitor = {put_pool_point, put_worker_point,
						    c};

	if (frame->history)
		(void)top_history_visit(frame->history, r->second, r->step, &visitor);
	put_number(c, POINT_NONE);
	r->second = frame->second > LAG ? frame->second - LAG : 0;
	r->step = frame->step > LAG ? frame->step - LAG : 0;
}

static void make_chunk(struct top_recorder *r, const struct top_frame *frame)
{
	struct top_codec image = writer_to(&r->image, false);
	struct top_codec payload = writer_to(&r->chunk, true);
	unsigned char head[CHUNK_HEAD_BYTES] = {0};

	snp_buf_reset(&r->image);
	snp_buf_reset(&r->delta);
	snp_buf_reset(&r->chunk);
	/* A codec that writes does not change what it is given. */
	top_codec_frame(&image, (struct top_frame *)(uintptr_t)frame);
	top_delta_make(&r->before, &r->image, &r->delta);
	snp_buf_put(&r->chunk, head, sizeof(head));
	put_number(&payload, frame->wall.ns);
	put_number(&payload, r->image.len);
	put_number(&payload, r->delta.len);
	snp_buf_put(&r->chunk, r->delta.data, r->delta.len);
	put_events(&payload, r, &frame->events);
	put_points(&payload, r, frame);
}

static void seal_chunk(struct snp_buf *chunk)
{
	unsigned char *bytes = (unsigned char *)chunk->data;
	size_t len = chunk->len - CHUNK_HEAD_BYTES;

	record_put(bytes + CHUNK_LEN, len, 4);
	record_put(bytes + CHUNK_CRC, snp__crc32c(bytes + CHUNK_HEAD_BYTES, len), 4);
}

/* ---- public -------------------------------------------------------------- */

static int write_all(struct top_recorder *r, const struct snp_buf *bytes,
		     struct snp_err *err)
{
	off_t begin = lseek(r->fd, 0, SEEK_CUR);
	int rc = snp_buf_write_fd(bytes, r->fd);

	if (rc == 0)
		return 0;
	r->failed = true;
	/* Part of a frame is worth nothing; where it has to stay, it does no harm. */
	if (begin >= 0 && ftruncate(r->fd, begin) < 0)
		return cannot(err, rc, r->path);
	return cannot(err, rc, r->path);
}

static int write_head(struct top_recorder *r, struct snp_err *err)
{
	unsigned char head[TOP_RECORD_HEAD_BYTES] = {0};
	struct snp_buf bytes = {.data = (char *)head, .len = sizeof(head)};

	memcpy(head + HEAD_MAGIC, RECORD_MAGIC, strlen(RECORD_MAGIC));
	record_put(head + HEAD_VERSION, TOP_RECORD_VERSION, 4);
	record_put(head + HEAD_LAYOUT, top_codec_layout(), 8);
	(void)snprintf((char *)head + HEAD_PROGRAM, HEAD_PROGRAM_BYTES, "%s",
		       SNP_VERSION);
	record_put(head + HEAD_CRC, snp__crc32c(head, HEAD_CRC), 4);
	return write_all(r, &bytes, err);
}

int top_recorder_open(const char *path, struct top_recorder **ret_recorder,
		      struct snp_err *err)
{
	struct top_recorder *r = calloc(1, sizeof(*r));
	int rc;

	if (!r)
		return cannot(err, -ENOMEM, path);
	(void)snprintf(r->path, sizeof(r->path), "%s", path);
	r->fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0640);
	if (r->fd < 0 && errno == EEXIST)
		rc = snp_err_set(err, -EEXIST,
				 "there is a file %s already; record to another", path);
	else
		rc = r->fd < 0 ? cannot(err, -errno, path) : write_head(r, err);
	if (rc < 0)
		top_recorder_close(&r);
	else
		*ret_recorder = r;
	return rc;
}

int top_recorder_add(struct top_recorder *r, const struct top_frame *frame,
		     struct snp_err *err)
{
	struct snp_buf before;

	if (r->failed)
		return cannot(err, -EIO, r->path);
	make_chunk(r, frame);
	if (r->image.failed || r->delta.failed || r->chunk.failed ||
	    r->chunk.len > CHUNK_BYTES_MAX) {
		r->failed = true;
		return cannot(err, -ENOMEM, r->path);
	}
	seal_chunk(&r->chunk);
	before = r->before;
	r->before = r->image;
	r->image = before;
	return write_all(r, &r->chunk, err);
}

void top_recorder_close(struct top_recorder **recorder)
{
	struct top_recorder *r = *recorder;

	if (!r)
		return;
	if (r->fd >= 0)
		(void)close(r->fd);
	snp_buf_fini(&r->image);
	snp_buf_fini(&r->before);
	snp_buf_fini(&r->delta);
	snp_buf_fini(&r->chunk);
	free(r);
	*recorder = NULL;
}
