/* SPDX-License-Identifier: Apache-2.0 */
/*
 * buf.h - one message as it travels: immutable bytes with a reference count.
 *
 * Contents never change after creation, so a buffer may be shared between threads and
 * sent on several calls at once; only the count is touched, atomically. A buffer that
 * came from a call can be sent on another without decoding or copying it.
 */
#ifndef RPC_BUF_H
#define RPC_BUF_H

#include <stddef.h>

struct rpc_buf;

/* A buffer with a copy of `len` bytes at `data` (may be NULL if len is 0).
 * NULL when out of memory. The caller owns one reference. */
struct rpc_buf *rpc_buf_from_bytes(const void *data, size_t len);

/* Another reference to the same buffer; returns `buf`. */
struct rpc_buf *rpc_buf_ref(struct rpc_buf *buf);

/* Drop one reference; the last frees. NULL is allowed. */
void rpc_buf_unref(struct rpc_buf *buf);

size_t rpc_buf_len(const struct rpc_buf *buf);

/* Copy up to `cap` bytes, starting at `offset`, to `dst`. Returns how many were copied:
 * less than `cap` only at the end of the buffer, 0 at or beyond it. */
size_t rpc_buf_copy_out(const struct rpc_buf *buf, size_t offset, void *dst,
			size_t cap);

#endif
