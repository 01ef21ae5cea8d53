/* SPDX-License-Identifier: Apache-2.0 */
#include "rpc/buf.h"

#include <errno.h>
#include <limits.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include <grpc/byte_buffer.h>

#include "buf_internal.h"
#include "snakepit/check.h"

struct rpc_buf {
	atomic_uint refs;
	size_t len;
	grpc_byte_buffer *bytes;
};

/* Up to here gRPC allocates the slice in one piece with its count, and aborts the
 * process if it cannot; beyond, running out of memory is likely enough to be handled.
 */
#define GRPC_ALLOCATED_MAX ((size_t)4096)

struct rpc_buf *rpc__buf_wrap(grpc_byte_buffer *bytes)
{
	struct rpc_buf *buf = malloc(sizeof(*buf));

	if (!buf) {
		grpc_byte_buffer_destroy(bytes);
		return NULL;
	}
	atomic_init(&buf->refs, 1);
	buf->len = grpc_byte_buffer_length(bytes);
	buf->bytes = bytes;
	return buf;
}

grpc_byte_buffer *rpc__buf_for_send(const struct rpc_buf *buf)
{
	return grpc_byte_buffer_copy(buf->bytes);
}

bool rpc__byte_buffer_is_compressed(const grpc_byte_buffer *bytes)
{
	return bytes->data.raw.compression != GRPC_COMPRESS_NONE;
}

static int slice_alloc(size_t len, grpc_slice *ret_slice)
{
	void *p;

	if (len <= GRPC_ALLOCATED_MAX) {
		*ret_slice = grpc_slice_malloc(len);
		return 0;
	}
	p = malloc(len);
	if (!p)
		return -ENOMEM;
	*ret_slice = grpc_slice_new(p, len, free);
	return 0;
}

static struct rpc_buf *buf_of_slice(grpc_slice slice)
{
	grpc_byte_buffer *bytes = grpc_raw_byte_buffer_create(&slice, 1);

	grpc_slice_unref(slice);
	return rpc__buf_wrap(bytes);
}

struct rpc_buf *rpc_buf_from_bytes(const void *data, size_t len)
{
	grpc_slice slice;

	if (slice_alloc(len, &slice) < 0)
		return NULL;
	if (len)
		memcpy(GRPC_SLICE_START_PTR(slice), data, len);
	return buf_of_slice(slice);
}

int rpc__buf_pack(const ProtobufCMessage *message, struct rpc_buf **ret_buf)
{
	size_t len = protobuf_c_message_get_packed_size(message);
	struct rpc_buf *buf;
	grpc_slice slice;

	if (len > INT_MAX)
		return -EMSGSIZE;
	if (slice_alloc(len, &slice) < 0)
		return -ENOMEM;
	SNP_CHECK(protobuf_c_message_pack(message, GRPC_SLICE_START_PTR(slice)) == len);
	buf = buf_of_slice(slice);
	if (!buf)
		return -ENOMEM;
	*ret_buf = buf;
	return 0;
}

struct rpc_buf *rpc_buf_ref(struct rpc_buf *buf)
{
	atomic_fetch_add_explicit(&buf->refs, 1, memory_order_relaxed);
	return buf;
}

void rpc_buf_unref(struct rpc_buf *buf)
{
	if (!buf)
		return;
	/* acq_rel: all uses before any drop come before the free */
	if (atomic_fetch_sub_explicit(&buf->refs, 1, memory_order_acq_rel) > 1)
		return;
	grpc_byte_buffer_destroy(buf->bytes);
	free(buf);
}

size_t rpc_buf_len(const struct rpc_buf *buf)
{
	return buf->len;
}

size_t rpc_buf_copy_out(const struct rpc_buf *buf, size_t offset, void *dst, size_t cap)
{
	const grpc_slice_buffer *slices = &buf->bytes->data.raw.slice_buffer;
	char *out = dst;
	size_t done = 0;

	for (size_t i = 0; i < slices->count && done < cap; i++) {
		const grpc_slice *slice = &slices->slices[i];
		size_t len = GRPC_SLICE_LENGTH(*slice), n;

		if (offset >= len) {
			offset -= len;
			continue;
		}
		n = len - offset < cap - done ? len - offset : cap - done;
		memcpy(out + done, GRPC_SLICE_START_PTR(*slice) + offset, n);
		done += n;
		offset = 0;
	}
	return done;
}

int rpc__buf_flatten(const struct rpc_buf *buf, struct rpc__flat *ret_flat)
{
	const grpc_slice_buffer *slices = &buf->bytes->data.raw.slice_buffer;
	uint8_t *copy;

	if (slices->count <= 1) {
		*ret_flat = (struct rpc__flat){.len = buf->len};
		if (slices->count == 1)
			ret_flat->data = GRPC_SLICE_START_PTR(slices->slices[0]);
		return 0;
	}
	copy = malloc(buf->len ? buf->len : 1);
	if (!copy)
		return -ENOMEM;
	(void)rpc_buf_copy_out(buf, 0, copy, buf->len);
	*ret_flat = (struct rpc__flat){.data = copy, .len = buf->len, .copy = copy};
	return 0;
}

void rpc__flat_release(struct rpc__flat *flat)
{
	free(flat->copy);
	*flat = (struct rpc__flat){0};
}
