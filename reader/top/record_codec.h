/* SPDX-License-Identifier: Apache-2.0 */
/*
 * record_codec.h - frames as bytes and back.
 *
 * One list of fields (record_codec.c) is what is written, what is read, and what the
 * hash of the layout is of: a recording of another layout is known by it. Numbers are
 * little-endian. Bytes that are read may be anybody's: counts and indexes are checked,
 * text is made UTF-8, and what does not hold fails the codec. Pure. One thread at a
 * time.
 */
#ifndef SNP_TOP_RECORD_CODEC_H
#define SNP_TOP_RECORD_CODEC_H

#include "frame.h"
#include "model/buf.h"

enum top_codec_mode { TOP_CODEC_WRITE, TOP_CODEC_READ, TOP_CODEC_HASH };

struct top_codec {
	enum top_codec_mode mode;
	/* Numbers in as few bytes as they need, instead of eight: for what is not
	 * compared with the same of the frame before. */
	bool compact;
	bool failed;
	bool starved;		 /* READ: it failed for want of memory */
	struct snp_buf *out;	 /* WRITE: is appended to */
	const unsigned char *in; /* READ: what is left of the bytes */
	size_t left;
	uint64_t hash; /* HASH */
};

/* The numbers of a frame: everything but its events and history. Reading keeps those,
 * and the memory of the look. */
void top_codec_frame(struct top_codec *codec, struct top_frame *frame);

void top_codec_event(struct top_codec *codec, struct snp_told_event *event);

/* A point of the history, with whom it is of and its place. */
struct top_codec_pool_point {
	struct top_history_who who;
	uint64_t second;
	struct top_pool_point point;
};
struct top_codec_worker_point {
	struct top_history_who who;
	uint64_t step;
	struct top_worker_point point;
};
void top_codec_pool_point(struct top_codec *codec, struct top_codec_pool_point *p);
void top_codec_worker_point(struct top_codec *codec, struct top_codec_worker_point *p);

void top_codec_number(struct top_codec *codec, const char *name, uint64_t *v);

/* How many of something follow, at most `max`. */
void top_codec_count(struct top_codec *codec, const char *name, uint64_t *nr,
		     uint64_t max);

/* Of all the fields, their names, kinds and order. */
uint64_t top_codec_layout(void);

#endif
