/* SPDX-License-Identifier: Apache-2.0 */
#include "record_delta.h"

#include <string.h>

/* Two runs closer than this are one: their numbers would take as much. */
#define JOIN_BYTES 3

static void put_number(struct snp_buf *out, size_t n)
{
	for (; n >= 0x80; n >>= 7)
		snp_buf_putc(out, (char)(n | 0x80));
	snp_buf_putc(out, (char)n);
}

static bool get_number(const unsigned char **at, const unsigned char *end, size_t *ret)
{
	size_t n = 0;

	for (unsigned shift = 0; *at < end && shift < 63; shift += 7) {
		unsigned char byte = *(*at)++;

		n |= (size_t)(byte & 0x7f) << shift;
		if (!(byte & 0x80)) {
			*ret = n;
			return true;
		}
	}
	return false;
}

static bool differs(const struct snp_buf *before, const struct snp_buf *after, size_t i)
{
	return i >= before->len || before->data[i] != after->data[i];
}

/* Where the run of other bytes that begins at `i` ends. */
static size_t run_end(const struct snp_buf *before, const struct snp_buf *after,
		      size_t i)
{
	size_t end = i;

	for (; i < after->len && i - end <= JOIN_BYTES; i++)
		if (differs(before, after, i))
			end = i + 1;
	return end;
}

void top_delta_make(const struct snp_buf *before, const struct snp_buf *after,
		    struct snp_buf *out)
{
	for (size_t i = 0; i < after->len;) {
		size_t same = i, end;

		while (same < after->len && !differs(before, after, same))
			same++;
		end = same < after->len ? run_end(before, after, same) : same;
		put_number(out, same - i);
		put_number(out, end - same);
		snp_buf_put(out, after->data + same, end - same);
		i = end;
	}
}

/* To `len` bytes, those that are new being 0. */
static bool resize(struct snp_buf *image, size_t len)
{
	char *room;

	if (len > image->len) {
		room = snp_buf_reserve(image, len - image->len);
		if (!room)
			return false;
		memset(room, 0, len - image->len);
	}
	image->len = len;
	return true;
}

bool top_delta_apply(struct snp_buf *image, size_t len, const unsigned char *delta,
		     size_t delta_len)
{
	const unsigned char *end = delta + delta_len;
	size_t at = 0, same, other;

	if (!resize(image, len))
		return false;
	while (delta < end) {
		if (!get_number(&delta, end, &same) || !get_number(&delta, end, &other))
			return false;
		if (same > len - at || other > len - at - same ||
		    other > (size_t)(end - delta))
			return false;
		if (other > 0)
			memcpy(image->data + at + same, delta, other);
		delta += other;
		at += same + other;
	}
	return at == len;
}
