/* SPDX-License-Identifier: Apache-2.0 */
#include "model/gzip.h"

#include <errno.h>
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
