/* SPDX-License-Identifier: Apache-2.0 */
#include "model/gzip.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>

#include <zlib.h>

/* Metrics and spans repeat themselves so much that the cheapest level gets most of what
 * there is. */
#define LEVEL	     1
#define WINDOW_BITS  15
#define GZIP_WRAPPER 16
#define MEMORY_LEVEL 8
#define PIECE_BYTES  ((size_t)64 << 10)

struct snp_gzip {
	z_stream stream;
};

int snp_gzip_create(struct snp_gzip **ret_gzip)
{
	struct snp_gzip *gzip = calloc(1, sizeof(*gzip));

	if (!gzip)
		return -ENOMEM;
	if (deflateInit2(&gzip->stream, LEVEL, Z_DEFLATED, WINDOW_BITS + GZIP_WRAPPER,
			 MEMORY_LEVEL, Z_DEFAULT_STRATEGY) != Z_OK) {
		free(gzip);
		return -ENOMEM;
	}
	*ret_gzip = gzip;
	return 0;
}

void snp_gzip_destroy(struct snp_gzip **gzip)
{
	if (!*gzip)
		return;
	(void)deflateEnd(&(*gzip)->stream);
	free(*gzip);
	*gzip = NULL;
}

/* Write what comes out until the piece is taken; false when memory ran out. */
static bool drain(z_stream *stream, int flush, struct snp_buf *out)
{
	char *to;

	do {
		to = snp_buf_reserve(out, PIECE_BYTES);
		if (!to)
			return false;
		stream->next_out = (Bytef *)to;
		stream->avail_out = PIECE_BYTES;
		(void)deflate(stream, flush);
		snp_buf_commit(out, PIECE_BYTES - stream->avail_out);
	} while (stream->avail_out == 0);
	return true;
}

void snp_gzip_append(struct snp_gzip *gzip, const char *data, size_t len,
		     struct snp_buf *out)
{
	z_stream *stream = &gzip->stream;
	size_t piece;
	bool last;

	(void)deflateReset(stream);
	do {
		piece = len < PIECE_BYTES ? len : PIECE_BYTES;
		last = piece == len;
		stream->next_in = (z_const Bytef *)(size_t)data;
		stream->avail_in = (uInt)piece;
		data += piece;
		len -= piece;
	} while (drain(stream, last ? Z_FINISH : Z_NO_FLUSH, out) && !last);
}

/* Until the end of the file, or what stands in its way. */
static int inflate_all(z_stream *stream, size_t max, struct snp_buf *out)
{
	const size_t start = out->len;
	int rc = Z_OK;

	while (rc == Z_OK) {
		char *to = snp_buf_reserve(out, PIECE_BYTES);

		if (!to)
			return -ENOMEM;
		stream->next_out = (Bytef *)to;
		stream->avail_out = PIECE_BYTES;
		rc = inflate(stream, Z_NO_FLUSH);
		snp_buf_commit(out, PIECE_BYTES - stream->avail_out);
		if (out->len - start > max)
			return -EMSGSIZE;
	}
	return rc == Z_STREAM_END ? 0 : rc == Z_MEM_ERROR ? -ENOMEM : -EBADMSG;
}

int snp_gunzip(const char *data, size_t len, size_t max, struct snp_buf *out)
{
	z_stream stream = {.next_in = (z_const Bytef *)(size_t)data};
	int rc;

	if (len > UINT_MAX)
		return -EMSGSIZE;
	stream.avail_in = (uInt)len;
	if (inflateInit2(&stream, WINDOW_BITS + GZIP_WRAPPER) != Z_OK)
		return -ENOMEM;
	rc = inflate_all(&stream, max, out);
	(void)inflateEnd(&stream);
	return rc;
}
