/* SPDX-License-Identifier: Apache-2.0 */
/*
 * buf_internal.h - buffers as gRPC and protobuf see them.
 */
#ifndef RPC_BUF_INTERNAL_H
#define RPC_BUF_INTERNAL_H

#include <grpc/grpc.h>
#include <protobuf-c/protobuf-c.h>
#include <stdbool.h>
#include <stdint.h>

#include "rpc/buf.h"

/* Wrap what gRPC delivered; takes `bytes` over, whatever the result. NULL: no memory.
 */
struct rpc_buf *rpc__buf_wrap(grpc_byte_buffer *bytes);

/* A byte buffer over the same slices for one send, which empties it. */
grpc_byte_buffer *rpc__buf_for_send(const struct rpc_buf *buf);

bool rpc__byte_buffer_is_compressed(const grpc_byte_buffer *bytes);

/* Serialise. -ENOMEM, -EMSGSIZE. */
int rpc__buf_pack(const ProtobufCMessage *message, struct rpc_buf **ret_buf);

/* All bytes in one run: in place where there is one slice, else a copy. */
struct rpc__flat {
	const uint8_t *data;
	size_t len;
	void *copy; /* NULL: in place */
};

/* -ENOMEM. The view dies with the buffer and must be released. */
int rpc__buf_flatten(const struct rpc_buf *buf, struct rpc__flat *ret_flat);
void rpc__flat_release(struct rpc__flat *flat);

#endif
